"""What an event means for the log of a ticket: when each thing happened, whatever the clocks of desks say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.public_holidays import dates
from gateway.domain.ticket import Category, Kind, Setter, Stamp, Status, Ticket, with_field
from gateway.flow.sla.entries import Happened, entries_of, standing
from gateway.system import SystemClock, SystemIds
from rules.clocks import Clockwork
from rules.conditions import Condition
from rules.policies import Policy

OPENED = datetime(2026, 3, 2, 9, tzinfo=UTC)
IDS = SystemIds(SystemClock())
PAUSES = Condition(lambda facts: facts.ticket.stage == "testing", lambda _: "", frozenset({"stage"}))
WORK = Clockwork([Policy(name="p", when=PAUSES, spec={"targets": {"resolution": "8h"}}, pause_when=PAUSES)], {}, dates)


def after(minutes: float) -> datetime:
    """Return an instant."""
    return OPENED + timedelta(minutes=minutes)


def ticket(**fields: Any) -> Ticket:
    """Return the ticket as it was opened."""
    return Ticket("t", "desk", OPENED, OPENED, kind=Kind.IMPLEMENTATION, **fields)


def told(found: Ticket, log: list[LogEntry], minutes: float) -> list[LogEntry]:
    """Return what is added to a log by an event of that minute."""
    at = after(minutes)
    happened = Happened(before=found, ticket=found, policy="p", links=frozenset(), at=at, now=at)
    return entries_of(happened, log, WORK, IDS)[0]


def test_a_pause_counts_from_what_caused_it() -> None:
    """A stage that pauses does so when it is entered, not since the status was set long before."""
    stamp = Stamp(Setter.PERSON, "desk", OPENED, 1)
    first = with_field(ticket(), "status", Status(Category.OPEN), stamp)
    log = told(first, [], 0)
    staged = msgspec.structs.replace(
        first, stage="testing", stamps={**first.stamps, "stage": Stamp(Setter.PERSON, "desk", after(60), 2)}
    )
    (entry,) = [each for each in told(staged, log, 61) if each.kind is EntryKind.PAUSES]
    assert (entry.at, entry.metrics) == (after(60), ("resolution",))


def test_a_ticket_is_open_again_whatever_the_clock_of_the_desk_says() -> None:
    """It was solved at one desk, and opened at another whose clock is behind: what is heard last stands."""
    log = told(ticket(), [], 0)
    solved = with_field(ticket(), "status", Status(Category.RESOLVED), Stamp(Setter.PERSON, "one", after(10), 1))
    log += told(solved, log, 10)
    opened = with_field(solved, "status", Status(Category.OPEN), Stamp(Setter.PERSON, "two", after(9), 1))
    log += told(opened, log, 11)
    assert standing(log, known_at=after(12), at=after(12)).is_open
    assert standing(log, known_at=after(12), at=after(12)).status == "open"
    assert told(opened, log, 12) == []
