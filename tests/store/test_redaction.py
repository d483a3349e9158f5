"""What tickets say about people goes after its time, on each database, and nothing that somebody still needs."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest
from sqlalchemy import select, text

from gateway.domain.event import Event, EventKind
from gateway.domain.people import Terms
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Category, Org, Ticket, Visibility
from gateway.domain.update import Reason, UpdateState
from gateway.flow.people.stitching import stitch
from gateway.ports import AuditEntry
from gateway.store import SqlStore
from gateway.store.people_tables import identities
from gateway.store.retention import Lifetimes, Pruner
from gateway.store.tables import audit, events, metadata
from gateway.store.unit import SqlTx
from tests.records import ZENDESK, Recorder
from tests.store.test_retention import Calendar, calendar, clear, verified

__all__ = ["calendar"]

#: words that must be nowhere when the time of their ticket is over
PRIVATE = (
    "Printer of Ida",
    "my key is under the mat",
    "Ida Berg",
    "ida@customer.example",
    "+46 70 174 06 05",
    "Nora Falk",
)
LIVES = Lifetimes(personal=180, audit=3650, keys=3650, deliveries=30)


@pytest.fixture
def pruner(store: SqlStore, calendar: Calendar) -> Pruner:
    """Clear by a clock whose days are turned."""
    return Pruner(store, lambda: LIVES, calendar)


class Desk:
    """Tickets with all that they say about people."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        self._recorder = Recorder(store, store.ids, store.clock.now())

    def ticket(self, number: int, category: Category = Category.CLOSED, who: str = "ida@customer.example") -> str:
        """Store one with comments, an event, a decision and a requester whom desks know by address and telephone."""
        ticket_id, lane = self._recorder.ticket(
            "Printer of Ida", body="my key is under the mat", number=number, category=category,
            comments=(("my key is under the mat", Visibility.PUBLIC),),
        )  # fmt: skip
        self.lane = lane
        ida = RemotePerson("u7", who, "+46 70 174 06 05", "Ida Berg", "customer")

        def work(tx: SqlTx) -> None:
            now, ticket = self.store.clock.now(), tx.tickets.get(ticket_id)
            assert ticket is not None
            asked = stitch(tx, ZENDESK, ida, terms=Terms(), now=now, ids=self.store.ids)
            tx.tickets.save(
                msgspec.structs.replace(
                    ticket, requester=ida, requester_id=asked.person, asked_as=asked.asked_as,
                    participants=("Nora Falk",),
                    assignee=RemotePerson("a3", name="Nora Falk", role="agent"),
                    org=Org("o1", "Customer AB", "gold", "Nora Falk"), custom={"room": "my key is under the mat"},
                    updated_at=now,
                )
            )  # fmt: skip
            said = Event(EventKind.COMMENTED, str(number), f"k{number}", now, actor=ida)
            tx.tickets.add_event(said, delivery_id="", connection=ZENDESK, ticket_id=ticket_id, outcome="noted")
            inputs = b"decided on Printer of Ida"
            tx.audit.add(
                [AuditEntry(now, "rules", "decided", ticket_id, {"sets": {"queue": "General"}}, inputs=inputs)]
            )
            tx.audit.seal(1000)

        self.store.write(work)
        return ticket_id

    def get(self, ticket_id: str) -> Ticket:
        """Return one ticket."""
        with self.store.read() as tx:
            found = tx.tickets.get(ticket_id)
        assert found is not None
        return found

    def update(self, ticket_id: str, state: UpdateState, reason: Reason | None = None) -> str:
        """Append an update for the ticket that was stored last."""
        return self._recorder.update(ticket_id, self.lane, state, reason=reason)

    def told(self) -> str:
        """Return everything that stands in the database, what is encrypted opened."""
        found = []
        with self.store.read() as tx:
            for table in metadata.sorted_tables:
                found += [repr(tuple(row)) for row in tx.connection.execute(select(table))]
            for ticket_id in tx.connection.execute(text("SELECT id FROM tickets")).scalars().all():
                found += [repr(tx.tickets.get(ticket_id)), repr(tx.tickets.comments(ticket_id))]
                found += [repr(link) for link in tx.links.of_ticket(ticket_id)]
                found += [repr(each) for each in tx.view.decisions(ticket_id)]
            for kind, column in (("event", events.c.content_sealed), ("inputs", audit.c.inputs_sealed)):
                rows = tx.connection.execute(select(column).where(column.is_not(None))).scalars()
                found += [repr(tx.sealer.open(kind, each)) for each in rows]
        return "\n".join(found)


def test_a_closed_ticket_says_nothing_of_people_after_its_time(
    store: SqlStore, calendar: Calendar, pruner: Pruner
) -> None:
    """Words, names, addresses and what decisions saw are gone; what reports count by, and the trail's chain, stay."""
    desk = Desk(store)
    closed = desk.ticket(1)
    before = desk.get(closed)
    assert [each for each in PRIVATE if each not in desk.told()] == []
    calendar.ahead += timedelta(days=179)
    clear(pruner)
    assert desk.get(closed) == before
    calendar.ahead += timedelta(days=2)
    clear(pruner)
    assert [each for each in PRIVATE if each in desk.told()] == []
    after = desk.get(closed)
    for field in ("status", "priority", "queue", "tags", "created_at", "updated_at", "stamps", "requester_id"):
        assert getattr(after, field) == getattr(before, field), field
    assert (after.org.name, after.org.plan) == ("Customer AB", "gold")
    assert after.assignee is not None
    assert (after.assignee.external_id, after.heading) == ("a3", "(redacted)")
    with store.read() as tx:
        (comment,) = tx.tickets.comments(closed)
        assert tx.view.tickets()[0].title == "(redacted)"
        assert {"queue": "General"} in [each["detail"]["sets"] for each in tx.view.decisions(closed)]
    assert (comment.body, comment.visibility) == ("", Visibility.PUBLIC)
    assert verified(store) is None
    assert pruner.visit() == (0, False), "what is done is not done again"


def test_what_somebody_still_needs_stays_whole(store: SqlStore, calendar: Calendar, pruner: Pruner) -> None:
    """An open ticket, one with an update under way, one with a dead letter until a person has decided on it."""
    desk = Desk(store)
    opened = desk.ticket(1, Category.OPEN)
    waiting = desk.ticket(2)
    desk.update(waiting, UpdateState.READY)
    given_up = desk.ticket(3)
    dead = desk.update(given_up, UpdateState.DEAD, Reason.REJECTED)
    calendar.ahead += timedelta(days=400)
    clear(pruner)
    assert [desk.get(each).redacted_at for each in (opened, waiting, given_up)] == [None] * 3
    store.write(lambda tx: tx.dead_letters.close(dead, "discarded", calendar.now()))
    clear(pruner)
    assert desk.get(given_up).title == ""
    assert desk.get(opened).title == "Printer of Ida"


def test_a_person_is_known_as_long_as_a_ticket_tells_of_them(
    store: SqlStore, calendar: Calendar, pruner: Pruner
) -> None:
    """Then by the account at a desk alone: who asks again from there is the same person."""
    desk = Desk(store)
    old = desk.ticket(1)
    calendar.ahead += timedelta(days=100)
    young = desk.ticket(2)
    person = desk.get(old).requester_id
    assert desk.get(young).requester_id == person
    calendar.ahead += timedelta(days=100)
    clear(pruner)
    assert (desk.get(old).title, desk.get(young).title) == ("", "Printer of Ida")
    assert addresses(store) == {
        ("email", "ida@customer.example"),
        ("phone", "+46701740605"),
        (f"external:{ZENDESK}", "u7"),
    }
    calendar.ahead += timedelta(days=100)
    clear(pruner)
    assert addresses(store) == {(f"external:{ZENDESK}", "u7")}
    with store.read() as tx:
        assert set(tx.connection.execute(select(identities.c.name)).scalars()) == {""}
    again = desk.ticket(3, who="ida@new.example")
    assert desk.get(again).requester_id == person


def addresses(store: SqlStore) -> set[tuple[str, str]]:
    """Return by what persons are known."""
    with store.read() as tx:
        return {(row.kind, row.value) for row in tx.connection.execute(select(identities)) if row.value}


def test_many_go_in_short_transactions(store: SqlStore, calendar: Calendar, pruner: Pruner) -> None:
    """A pile is cleared a few at a time, and a visit ends when its time is up."""
    desk = Desk(store)
    for number in range(25):
        desk.ticket(number)
    calendar.ahead += timedelta(days=200)
    assert pruner.visit(seconds=0) == (0, True)
    clear(pruner, batch=7)
    with store.read() as tx:
        assert {line.title for line in tx.view.tickets(limit=50)} == {"(redacted)"}


def test_what_was_touched_again_is_redacted_again(store: SqlStore, calendar: Calendar, pruner: Pruner) -> None:
    """What comes after the words were taken away has its own time."""
    desk = Desk(store)
    ticket_id = desk.ticket(1)
    calendar.ahead += timedelta(days=200)
    clear(pruner)
    touched = msgspec.structs.replace(desk.get(ticket_id), title="Printer of Ida", updated_at=calendar.now())
    store.write(lambda tx: tx.tickets.save(touched))
    calendar.ahead += timedelta(days=179)
    clear(pruner)
    assert desk.get(ticket_id).title == "Printer of Ida"
    calendar.ahead += timedelta(days=2)
    clear(pruner)
    assert desk.get(ticket_id).title == ""
