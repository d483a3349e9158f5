"""A desk's rate limit and its breaker hold for all workers together, not for each; what has no budget costs nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any, TypeVar, cast

import msgspec
import pytest
from sqlalchemy import event

from gateway.domain.ids import digest
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.update import Intent, Operation
from gateway.flow import limits
from gateway.flow.deliver import Deliverer
from gateway.ports import DeskState, NewUpdate, Store
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from tests.flows.world import Silent, World

RT = "engineering-rt"
RATE = 5.0
WORKERS = 4

R = TypeVar("R")


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Run a gateway whose RT may be written to five times a second."""
    with World(store) as running:
        desk = running.site.connectors[RT]
        desk.settings = msgspec.structs.replace(desk.settings, rate_limit=RATE)
        yield running


def fill(world: World, lanes: int) -> None:
    """Put one update into each of many lanes."""
    now = world.clock.now()

    def work(tx: SqlTx) -> None:
        for number in range(lanes):
            link = Link(world.ids.new(), world.ids.new(), RT, LinkState.LIVE, Role.TARGET, str(90_000 + number))
            tx.links.add(link, now)
            tx.outbox.add(
                NewUpdate(
                    world.ids.new(), link.id, link.ticket_id, RT, Operation.SET_FIELDS, digest(link.id),
                    Intent(Operation.SET_FIELDS, fields={"title": "as asked"}), "set title", "", "", "", "", "t" * 32,
                    now,
                )
            )  # fmt: skip

    world.store.write(work)


@pytest.mark.parametrize("known", [False, True])
def test_many_workers_spend_one_bucket(world: World, known: bool) -> None:
    """Workers that begin at the same moment let out together what one may, also at a desk that is new."""
    fill(world, 120)
    if known:
        world.store.write(lambda tx: tx.desks.save(DeskState(RT)))
    # a slow disk: what one worker has decided is not to be seen for a while
    event.listen(world.store.engine, "commit", lambda _: time.sleep(0.05))
    begun: list[int] = []
    together = threading.Barrier(WORKERS)

    def work(number: int) -> None:
        deliverer = world.deliverer()
        together.wait()
        begun.append(deliverer.drain(holder=f"worker {number}", seconds=1.0, linger=2.0))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(WORKERS)]
    at = time.monotonic()
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    # a full bucket at first, then as much as flows in
    assert sum(begun) <= RATE + RATE * (time.monotonic() - at) + 1


def unpaced(world: World) -> None:
    """Take the rate limit away."""
    desk = world.site.connectors[RT]
    desk.settings = msgspec.structs.replace(desk.settings, rate_limit=None)


@pytest.mark.parametrize("back", [False, True], ids=["still down", "back again"])
def test_one_worker_alone_tries_a_desk_whose_breaker_was_open(world: World, back: bool) -> None:
    """However many workers have due lanes there, one lane is let through; its outcome decides for all of them."""
    unpaced(world)
    fill(world, 20)
    past = world.clock.now() - timedelta(seconds=1)
    world.store.write(lambda tx: tx.desks.save(DeskState(RT, failures=limits.BREAKER_FAILURES, open_until=past)))
    if not back:
        world.rt.fault("error_without_effect", method="PUT", count=None)
    event.listen(world.store.engine, "commit", lambda _: time.sleep(0.05))
    workers = [world.deliverer() for _ in range(2)]
    ended: list[int] = []
    together = threading.Barrier(len(workers))

    def work(number: int) -> None:
        together.wait()
        ended.append(workers[number].drain(holder=f"worker {number}", seconds=5.0, linger=1.0))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(workers))]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with world.store.read() as tx:
        state = tx.desks.all()[RT]
    assert state.trial_until is None
    assert (sum(ended), state.failures) == ((20, 0) if back else (1, limits.BREAKER_FAILURES + 1))


class Counted:
    """A store that counts the write transactions that are asked of it."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store
        self.writes = 0

    def read(self) -> AbstractContextManager[SqlTx]:
        """Open a transaction that only reads."""
        return self._store.read()

    def write(self, work: Callable[[SqlTx], R]) -> R:
        """Count, and run it."""
        self.writes += 1
        return self._store.write(work)


@pytest.mark.parametrize("why", ["paused", "told to wait", "breaker open", "empty bucket"])
def test_due_lanes_of_a_connection_without_budget_cost_no_write_transaction(world: World, why: str) -> None:
    """A worker that may not write there looks, and leaves the write gate to others."""
    fill(world, 3)
    later = world.clock.now() + timedelta(minutes=5)
    states: dict[str, dict[str, Any]] = {
        "paused": {"paused": "credentials refused: 401"},
        "told to wait": {"not_before": later},
        "breaker open": {"failures": limits.BREAKER_FAILURES, "open_until": later},
        "empty bucket": {"tokens": -100.0, "tokens_at": world.clock.now()},
    }
    world.store.write(lambda tx: tx.desks.change(RT, **states[why]))
    counted = Counted(world.store)
    worker = Deliverer(
        store=cast("Store", counted),
        site=world.site,
        transport=world.transport,
        doorbell=Silent(),
        clock=world.clock,
        ids=world.ids,
    )
    assert worker.drain(holder="worker", seconds=0.5, linger=0.5) == 0
    assert counted.writes == 0
