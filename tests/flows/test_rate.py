"""A desk's rate limit holds for all workers together, not for each of them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import msgspec
import pytest
from sqlalchemy import event

from gateway.domain.ids import digest
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.update import Intent, Operation
from gateway.ports import DeskState, NewUpdate
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from tests.flows.world import World

RT = "engineering-rt"
RATE = 5.0
WORKERS = 4


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
