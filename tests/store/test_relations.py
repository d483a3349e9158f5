"""Duplicates and stages in the record: found by a key and an index, said once of two tickets, cleared in time."""

from __future__ import annotations

import threading
import time
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from gateway.domain.duplicate import Candidate, Key, Pair, PairState
from gateway.domain.person import RemotePerson
from gateway.domain.stage import StageMove
from gateway.domain.ticket import Category, Kind, Setter, Status, Ticket
from gateway.ports import Clock
from gateway.store import SqlStore
from gateway.store.retention import Lifetimes, Pruner
from gateway.store.unit import SqlTx
from tests.people import known

DAY = timedelta(days=1)


@pytest.fixture
def now(store: SqlStore) -> datetime:
    """Give one instant for all."""
    return store.clock.now()


def begin(store: SqlStore, name: str, at: datetime, key: str = "k", **changes: Any) -> None:
    """Store a ticket that is found by a key for a day."""
    plain = Ticket(id=name, source="desk", created_at=at, updated_at=at, requester_id="p")
    ticket = msgspec.structs.replace(plain, **changes)

    def work(tx: SqlTx) -> None:
        tx.tickets.save(ticket)
        tx.duplicates.keep(name, at, [Key("again", key, at + DAY)])

    store.write(work)


def others(store: SqlStore, name: str, since: datetime, until: datetime, key: str = "k") -> list[Candidate]:
    """Look up the others of a ticket."""
    with store.read() as tx:
        return list(tx.duplicates.others(name, key, since, until))


def test_others_are_found_by_key_and_time(store: SqlStore, now: datetime) -> None:
    """The oldest first, oneself never; with how they, or their originals, stand."""
    done = Status(Category.RESOLVED)
    begin(store, "me", now)
    begin(store, "first", now - timedelta(hours=3), status=done)
    begin(store, "second", now - timedelta(hours=1), duplicate_of="first")
    begin(store, "third", now, requester_id="q")
    begin(store, "long ago", now - 2 * DAY)
    begin(store, "another", now, key="other")
    found = others(store, "me", now - DAY, now + DAY)
    assert found == [
        Candidate("first", now - timedelta(hours=3), "p", open=False),
        Candidate("second", now - timedelta(hours=1), "p", original="first", open=False),
        Candidate("third", now, "q"),
    ]


def test_a_ticket_is_found_by_its_newest_key_only(store: SqlStore, now: datetime) -> None:
    """And by none at all when no rule holds any more."""
    begin(store, "one", now)
    begin(store, "one", now, key="new")
    assert others(store, "me", now - DAY, now) == []
    assert [each.id for each in others(store, "me", now - DAY, now, "new")] == ["one"]
    store.write(lambda tx: tx.duplicates.keep("one", now, []))
    assert others(store, "me", now - DAY, now, "new") == []


def test_one_thing_is_said_of_two_tickets(store: SqlStore, now: datetime) -> None:
    """Whichever repeats the other; whoever looks the two up is told."""
    begin(store, "one", now)
    begin(store, "two", now)
    pair = Pair("two", "one", PairState.PROPOSED, "again", "r", now)
    assert store.write(lambda tx: tx.duplicates.add(pair))
    assert not store.write(lambda tx: tx.duplicates.add(pair))
    turned = Pair("one", "two", PairState.PROPOSED, "again", "r", now)
    assert not store.write(lambda tx: tx.duplicates.add(turned))
    assert [each.judged for each in others(store, "one", now, now)] == ["proposed"]
    judged = msgspec.structs.replace(pair, state=PairState.MERGED, by="person:eva", decided_at=now, why="same", round=2)
    store.write(lambda tx: tx.duplicates.save(judged))
    with store.read() as tx:
        assert tx.duplicates.get("one", "two") == judged
        assert list(tx.duplicates.merged_into("one")) == [judged]
        assert list(tx.duplicates.merged_into("two")) == []
        assert list(tx.duplicates.of_ticket("one")) == list(tx.duplicates.list(state="")) == [judged]
        assert list(tx.duplicates.list()) == []


def test_keys_go_when_nothing_can_repeat_the_ticket_any_more(store: SqlStore, now: datetime) -> None:
    """What was said of two tickets stays."""
    begin(store, "one", now)
    pair = Pair("two", "one", PairState.REJECTED, "again", "r", now)
    store.write(lambda tx: tx.duplicates.add(pair))
    ahead = _Ahead(store.clock, timedelta(days=3))
    pruner = Pruner(store, lambda: Lifetimes(deliveries=3), ahead)
    pruner.visit()
    assert len(others(store, "me", now, now)) == 1
    ahead.ahead = timedelta(days=5)
    pruner.visit()
    assert others(store, "me", now, now) == []
    with store.read() as tx:
        assert tx.duplicates.get("one", "two") == pair


class _Ahead:
    """A clock that runs ahead."""

    def __init__(self, real: Clock, ahead: timedelta) -> None:
        self._real = real
        self.ahead = ahead

    def now(self) -> datetime:
        """Return the instant."""
        return self._real.now() + self.ahead

    def monotonic(self) -> float:
        """Return the real one."""
        return self._real.monotonic()


def test_the_moves_of_a_ticket_come_in_order(store: SqlStore, now: datetime) -> None:
    """By when it entered, not by when we heard of it."""
    moves = [
        StageMove("one", "late", Kind.TASK, now, now, Setter.PERSON, "rt"),
        StageMove("one", "early", Kind.TASK, now - DAY, now, Setter.RULE, "first"),
        StageMove("other", "early", Kind.TASK, now, now),
    ]
    for move in moves:
        store.write(lambda tx, each=move: tx.stages.add(each))  # type: ignore[misc]
    with store.read() as tx:
        assert list(tx.stages.of_ticket("one")) == [moves[1], moves[0]]


def test_a_ticket_that_is_busy_makes_the_transaction_begin_anew(store: SqlStore, now: datetime) -> None:
    """Whoever holds others already does not wait for it: both get what they want, one after the other."""
    begin(store, "one", now)
    held, runs = threading.Event(), []

    def slow(tx: SqlTx) -> None:
        tx.tickets.hold(["one"])
        held.set()
        time.sleep(0.3)

    def quick(tx: SqlTx) -> None:
        runs.append(time.monotonic())
        tx.tickets.hold(["one"], wait=False)

    other = threading.Thread(target=store.write, args=(slow,))
    other.start()
    assert held.wait(10)
    store.write(quick)
    other.join()
    assert len(runs) > 1 or store.engine.dialect.name == "sqlite"


def test_an_account_and_an_address_become_one_person(store: SqlStore) -> None:
    """An account known by itself, and an address that another desk told, are one as soon as a desk shows both."""

    def person(connection: str, **keys: str) -> str:
        return known(store, connection, RemotePerson(**keys)).person

    account, address = person("zen", external_id="7"), person("rt", email="kim@customer.example")
    assert account != address
    assert person("zen", external_id="7", email="Kim@customer.example") == address
    assert person("zen", external_id="7") == address
    assert person("zen", external_id="8", name="Kim") not in {account, address}


def test_an_office_telephone_makes_nobody_one(store: SqlStore) -> None:
    """Each keeps their own address."""

    def person(**keys: str) -> str:
        return known(store, "zen", RemotePerson(**keys)).person

    kim, lee = person(email="kim@customer.example", phone="+46 8 123 456"), person(email="lee@customer.example")
    assert person(email="lee@customer.example", phone="+46 8 123 456") == lee
    assert person(email="kim@customer.example") == kim != lee
