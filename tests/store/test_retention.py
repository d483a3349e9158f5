"""Retention keeps up with a steady load, and takes nothing that somebody may still need."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from sqlalchemy import func, select, update

from gateway.domain.echo import EchoEntry
from gateway.domain.event import Event, EventKind
from gateway.domain.ids import digest
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Category, Status, Ticket
from gateway.domain.update import Intent, Operation, Reason, UpdateState
from gateway.ports import AttemptEnd, AttemptStart, AuditEntry, NewDelivery, NewUpdate
from gateway.store import SqlStore
from gateway.store.retention import FREE_PAGES, KEPT, PRUNED, Lifetimes, Pruner
from gateway.store.tables import audit, metadata
from gateway.store.unit import SqlTx
from gateway.system import SystemClock

#: a month in three days
SHORT = Lifetimes(deliveries=3, keys=9, echoes=1, audit=5)
#: bulks have a test of their own, in tests/dead_letters/test_bulk.py
GROWING = tuple(name for name in PRUNED if not name.startswith("bulk"))
OPERATIONS = Path(__file__).resolve().parents[2] / "docs" / "operations.md"


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
        tx.audit.add([AuditEntry(now, "rules", "decided", self.ticket.id)])
        tx.audit.seal(10)
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
            for name in GROWING
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
    for name in GROWING:
        assert max(each[name] for each in seen) <= 10 * (getattr(SHORT, PRUNED[name]) + 2), name
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
    assert sizes(store) == {
        "events": 0,
        "echoes": 0,
        "audit": 0,
        "looks": 0,
        "duplicate_keys": 0,
        "answers": 0,
        "blobs": 0,
        "blob_chunks": 0,
        **kept,
    }
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
        "deliveries": 0, "delivery_keys": 0, "events": 0, "updates": 1, "attempts": 1, "effect_keys": 1, "echoes": 0,
        "audit": 0, "looks": 0, "duplicate_keys": 0, "answers": 0, "blobs": 0, "blob_chunks": 0,
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


def test_every_table_is_pruned_or_says_why_not() -> None:
    """A table that is new is named here once, or it grows for ever; operations.md lists them all."""
    assert {*PRUNED, *KEPT} == {*metadata.tables}
    assert not {*PRUNED} & {*KEPT}
    text = OPERATIONS.read_text(encoding="utf-8")
    assert [name for name in metadata.tables if f"`{name}`" not in text] == []


def test_the_trail_goes_on_behind_what_was_cleared(store: SqlStore, calendar: Calendar) -> None:
    """Its oldest part goes; what stays is a chain, also when nothing was left, and still shows what was changed."""
    traffic, pruner = Traffic(store), Pruner(store, lambda: SHORT, calendar)
    traffic.journeys(5)
    calendar.ahead += timedelta(days=3)
    traffic.journeys(4)
    calendar.ahead += timedelta(days=3)
    clear(pruner, batch=2)
    assert sizes(store)["audit"] == 4
    assert verified(store) is None
    calendar.ahead += timedelta(days=30)
    clear(pruner)
    assert sizes(store)["audit"] == 0
    traffic.journeys(3)
    assert verified(store) is None
    store.write(lambda tx: tx.connection.execute(update(audit).where(audit.c.place == 10).values(digest="forged")))
    assert verified(store) == 10


def verified(store: SqlStore) -> int | None:
    """Return the first place at which the audit trail does not hold."""
    with store.read() as tx:
        return tx.audit.verify()


def test_a_file_gives_back_what_a_pile_took(store: SqlStore, calendar: Calendar) -> None:
    """When a pile has gone SQLite's file gets smaller by itself; what a steady load uses again stays."""
    if store.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL does so by its own vacuum")
    rows = [
        NewDelivery(store.ids.new(), "desk", f"pile{number}", "7", calendar.now(), {}, b"x" * 20_000, "t" * 32)
        for number in range(FREE_PAGES)
    ]
    store.write(lambda tx: tx.inbox.add(rows))

    def apply(tx: SqlTx) -> None:
        for row in rows:
            tx.inbox.applied(row.id, calendar.now())

    store.write(apply)
    before = pages(store)
    calendar.ahead += timedelta(days=100)
    clear(Pruner(store, lambda: SHORT, calendar))
    assert pages(store) < before / 2


def pages(store: SqlStore) -> int:
    """Return how many pages the file has."""
    with store.read() as tx:
        return int(tx.connection.exec_driver_sql("PRAGMA page_count").scalar_one())
