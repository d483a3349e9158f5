"""Desks do not promise to tell things in their order: clocks are the same in the end, whatever is heard of first."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.clock_chain import chains
from gateway.domain.clock_instance import Instance
from gateway.domain.clock_log import LogEntry
from gateway.domain.event import Event, EventKind, FieldChange
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.public_holidays import dates
from gateway.domain.terms import Terms
from gateway.domain.ticket import Category, Level, Priority, Setter, Stamp, Status, Ticket
from gateway.flow.fold import fold
from gateway.flow.sla.entries import Happened, entries_of
from gateway.flow.sla.late import late_entries
from gateway.system import SystemClock, SystemIds
from rules.clocks import Clockwork, digest
from rules.conditions import Condition
from rules.policies import Policy

OPENED = datetime(2026, 3, 2, 9, tzinfo=UTC)
IDS = SystemIds(SystemClock())
WAITS = Condition(
    lambda facts: facts.ticket.status.category is Category.PENDING_CUSTOMER, lambda _: "", frozenset({"status"})
)
TARGETS = {"resolution": {"P1": "1h", "P2": "3h", "default": "8h"}}
WORK = Clockwork([Policy(name="p", when=WAITS, spec={"targets": TARGETS}, pause_when=WAITS)], {}, dates)
LINK = Link("s", "t", "desk", LinkState.LIVE, Role.SOURCE, "1")
STATUSES = {
    "open": Category.OPEN,
    "pending": Category.PENDING_CUSTOMER,
    "hold": Category.ON_HOLD,
    "solved": Category.RESOLVED,
}
EDIT = st.one_of(
    st.sampled_from([("status", Status(category, word)) for word, category in STATUSES.items()]),
    st.sampled_from([("priority", Priority(level)) for level in (Level.P1, Level.P2, Level.P3)]),
)


def heard(edits: list[tuple[int, int, str, Status | Priority]]) -> Instance:
    """Return the resolution clock after edits (minute, version, field, value), told in the order of the list."""
    ticket = Ticket("t", "desk", OPENED, OPENED, status=Status(Category.NEW, "new"), priority=Priority(Level.P2))
    filled = Stamp(Setter.DESK, "desk", OPENED)
    ticket = msgspec.structs.replace(ticket, stamps={"status": filled, "priority": filled})
    link, log = LINK, list[LogEntry]()
    terms: dict[str, Terms] = {}

    def enter(before: Ticket | None, ticket: Ticket, at: datetime, now: datetime, **more: object) -> None:
        happened = Happened(
            before=before,
            ticket=ticket,
            policy="p",
            links=frozenset(),
            at=at,
            now=now,
            **more,  # type: ignore[arg-type]
        )
        late, passed = late_entries(happened, log, WORK, IDS)
        log.extend(late)
        added, holds = entries_of(happened, log, WORK, IDS)
        log.extend(added)
        terms.update({digest(each): each for each in (holds, *passed)})

    enter(None, ticket, OPENED, OPENED)
    for turn, (minute, version, field, value) in enumerate(edits):
        at, now = OPENED + timedelta(minutes=minute), OPENED + timedelta(hours=20, seconds=turn)
        event = Event(EventKind.CHANGED, "1", f"e{version}", at, version, changes=(FieldChange(field, value),))
        folded = fold(ticket, link, event, rules=(), ledger=(), by_us=None, known_comments=frozenset(), pending={})
        enter(ticket, folded.ticket, at, now, lost=folded.lost)
        ticket, link = folded.ticket, folded.link
    end = OPENED + timedelta(hours=21)
    told = chains(log, terms, calendars=WORK.calendars(), known_at=end, query_at=end)
    return told["resolution"].instances[-1]


@given(data=st.data(), edits=st.lists(st.tuples(st.integers(1, 600), EDIT), min_size=1, max_size=6))
def test_edits_count_by_when_they_were_made(
    data: st.DataObject, edits: list[tuple[int, tuple[str, Status | Priority]]]
) -> None:
    """Whatever order the desk tells them in, the clock is what it is in their own."""
    minutes = sorted({minute for minute, _ in edits})
    ordered = [
        (minute, number, *edit) for number, (minute, (_, edit)) in enumerate(zip(minutes, edits, strict=False), 1)
    ]
    shuffled = data.draw(st.permutations(ordered))
    right, told = heard(ordered), heard(shuffled)
    names = ("status", "outcome", "phase", "due", "breached_at", "elapsed_s", "target_s", "level")
    assert {name: getattr(told, name) for name in names} == {name: getattr(right, name) for name in names}
