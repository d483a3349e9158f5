"""Retention keeps up with a steady load, and takes nothing that somebody may still need."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select

from gateway.domain.echo import EchoEntry
from gateway.domain.event import Event, EventKind
from gateway.domain.ids import digest
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Category, Status, Ticket
from gateway.domain.update import Intent, Operation, Reason, UpdateState
from gateway.ports import AttemptEnd, AttemptStart, NewDelivery, NewUpdate
from gateway.store import SqlStore
from gateway.store.retention import Lifetimes, Pruner
from gateway.store.tables import metadata
from gateway.store.unit import SqlTx
from gateway.system import SystemClock

#: a month in three days
SHORT = Lifetimes(deliveries=3, keys=9, echoes=1)
PRUNED = ("deliveries", "delivery_keys", "events", "updates", "attempts", "effect_keys", "echoes")


class Calendar(SystemClock):
    """A clock whose days are turned by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the moment that was turned to."""
        return super().now() + self.ahead


@pytest.fixture
def calendar(store: SqlStore) -> Calendar:
    """Let the store go by a clock whose days are turned."""
    store.clock = Calendar()
    return store.clock


class Traffic:
    """Lets whole journeys pass: a delivery, its event, an update, its attempt, its expected echo."""

    def __init__(self, store: SqlStore) -> None:
        self.store = store
        now = store.clock.now()
        self.ticket = Ticket(store.ids.new(), "desk", now, now, title="One", status=Status(Category.CLOSED))
        self.link = Link(store.ids.new(), self.ticket.id, "desk", LinkState.LIVE, Role.SOURCE, "7")
        self._number = 0

        def begin(tx: SqlTx) -> None:
            tx.tickets.save(self.ticket)
            tx.links.add(self.link, now)

        store.write(begin)

    def journeys(self, number: int) -> None:
        """Let that many pass to their end."""
        for _ in range(number):
            self.store.write(lambda tx: self.pass_by(tx, UpdateState.DONE))

    def pass_by(self, tx: SqlTx, state: UpdateState, *, park: bool = False) -> tuple[str, str]:
        """Let one pass; return the ids of the delivery and the update."""
        self._number += 1
        now, ids, name = self.store.clock.now(), self.store.ids, f"d{self._number}"
        came = NewDelivery(ids.new(), "desk", name, "7", now, {}, b"{}", "t" * 32)
        wanted = NewUpdate(
            ids.new(), self.link.id, self.ticket.id, "desk", Operation.INTERNAL_NOTE, digest(name),
            Intent(Operation.INTERNAL_NOTE), "note", came.id, name, "", "", "t" * 32, now,
        )  # fmt: skip
        tx.inbox.add([came])
        tx.tickets.add_event(
            Event(EventKind.COMMENTED, "7", name, now),
            delivery_id=came.id, connection="desk", ticket_id=self.ticket.id, outcome="noted",
        )  # fmt: skip
        tx.outbox.add(wanted)
        if park:
            tx.inbox.park(came.id, Reason.UNREADABLE, "", now)
        else:
            tx.inbox.applied(came.id, now)
        (lane,) = tx.outbox.claim(holder="me", limit=1, lease=30, now=now, budgets={"desk": 1})
        start = AttemptStart(
            ids.new(), wanted.id, lane.link_id, "desk", lane.epoch, 1, 1, now, 10.0, b"{}", "t" * 32,
            (EchoEntry(ids.new(), wanted.id, "title", "h", now),),
        )  # fmt: skip
        assert tx.outbox.intend([start], lease=30, now=now) == {start.id}
        end = AttemptEnd(
            wanted.id, lane.link_id, "desk", lane.epoch, state, now, attempt_id=start.id, landed_at=now, blocks=False
        )
        assert tx.outbox.record([end], lease=30, now=now)
        tx.outbox.release([lane], now)
        return came.id, wanted.id


def sizes(store: SqlStore) -> dict[str, int]:
    """Count the rows of every table that grows with the traffic."""
    with store.read() as tx:
        return {
            name: int(tx.connection.execute(select(func.count()).select_from(metadata.tables[name])).scalar_one())
            for name in PRUNED
        }


def clear(pruner: Pruner, **how: Any) -> int:
    """Visit until nothing is left to do; return how many rows went."""
    gone, more = pruner.visit(**how)
    while more:
        went, more = pruner.visit(**how)
        gone += went
    return gone


def test_tables_do_not_grow_without_bound(store: SqlStore, calendar: Calendar) -> None:
    """Under the same load every day each table levels off at what its lifetime holds, and stays there."""
    traffic, pruner = Traffic(store), Pruner(store, lambda: SHORT, calendar)
    seen = []
    for _ in range(30):
        traffic.journeys(10)
        clear(pruner, batch=7)
        seen.append(sizes(store))
        calendar.ahead += timedelta(days=1)
    for name in PRUNED:
        days = 1 if name == "echoes" else 9 if name.endswith("keys") or name == "events" else 3
        assert max(each[name] for each in seen) <= 10 * (days + 2), name
    assert seen[-1] == seen[-10]


def test_a_pile_goes_in_bounded_visits(store: SqlStore, calendar: Calendar) -> None:
    """What has piled up while nothing was cleared goes without a pause of a minute after each batch."""
    Traffic(store).journeys(60)
    calendar.ahead += timedelta(days=100)
    pruner = Pruner(store, lambda: SHORT, calendar)
    assert pruner.visit(seconds=0) == (0, True)
    assert clear(pruner, batch=7) >= 60 * 6
    assert set(sizes(store).values()) == {0}
    assert pruner.visit() == (0, False)


def test_a_letter_goes_only_after_somebody_has_resolved_it(store: SqlStore, calendar: Calendar) -> None:
    """Unresolved letters and the names that belong to them stay for ever, resolved ones for their time."""
    traffic, pruner = Traffic(store), Pruner(store, lambda: SHORT, calendar)
    parked, dead = store.write(lambda tx: traffic.pass_by(tx, UpdateState.DEAD, park=True))
    store.write(lambda tx: traffic.pass_by(tx, UpdateState.AMBIGUOUS))
    calendar.ahead += timedelta(days=400)
    clear(pruner)
    kept = {"deliveries": 1, "delivery_keys": 1, "updates": 2, "attempts": 2, "effect_keys": 2}
    assert sizes(store) == {"events": 0, "echoes": 0, **kept}
    again = NewDelivery(store.ids.new(), "desk", "d1", "7", calendar.now(), {}, b"{}", "t" * 32)
    assert store.write(lambda tx: tx.inbox.add([again])) == frozenset(), "it waits for a person, so it is known"
    store.write(lambda tx: tx.dead_letters.close(dead, "discarded", calendar.now()))
    assert store.write(lambda tx: tx.inbox.discard(parked, calendar.now()))
    calendar.ahead += timedelta(days=2)
    clear(pruner)
    assert (sizes(store)["updates"], sizes(store)["deliveries"]) == (2, 1), "resolved two days ago"
    calendar.ahead += timedelta(days=2)
    clear(pruner)
    assert sizes(store) == {
        "deliveries": 0, "delivery_keys": 0, "events": 0, "updates": 1, "attempts": 1, "effect_keys": 1, "echoes": 0
    }  # fmt: skip


def test_the_events_of_an_open_ticket_stay(store: SqlStore, calendar: Calendar) -> None:
    """Its history goes when it is closed; those behind it in age are found all the same."""
    traffic, pruner = Traffic(store), Pruner(store, lambda: SHORT, calendar)
    reopened = msgspec.structs.replace(traffic.ticket, status=Status(Category.OPEN))
    store.write(lambda tx: tx.tickets.save(reopened))
    traffic.journeys(5)
    store.write(lambda tx: _event_of_nobody(store, tx))
    calendar.ahead += timedelta(days=100)
    clear(pruner, batch=2)
    assert sizes(store)["events"] == 5
    store.write(lambda tx: tx.tickets.save(traffic.ticket))
    clear(pruner, batch=2)
    assert sizes(store)["events"] == 0


def _event_of_nobody(store: SqlStore, tx: SqlTx) -> None:
    event = Event(EventKind.COMMENTED, "9", "e9", store.clock.now())
    tx.tickets.add_event(event, delivery_id="", connection="desk", ticket_id="", outcome="of no ticket")
