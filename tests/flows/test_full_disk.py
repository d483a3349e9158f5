"""The disk of the database is full, at whatever moment: nothing counts as a defect, and all goes on when there is room.

SQLite's limit of pages stands for the disk: a transaction that would need one more is refused as it would be there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event, update

from gateway.errors import GatewayError
from gateway.store import SqlStore
from gateway.store.tables import lanes, leases
from tests.flows.edges.bridges import RT, ZENDESK, Edge
from tests.length import FULL

pytestmark = [pytest.mark.faults, pytest.mark.long, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

#: pages that are left when the work begins
ROOM = range(0, 24, 2) if FULL else (0, 2, 6)


@contextlib.contextmanager
def full(store: SqlStore, room: int) -> Iterator[None]:
    """Leave room for so many more pages."""
    with store.engine.connect() as connection:
        pages = int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())

    def limit(connection: Any, _: Any) -> None:
        connection.execute(f"PRAGMA max_page_count = {pages + room}")

    event.listen(store.engine, "connect", limit)
    store.engine.dispose()
    try:
        yield
    finally:
        event.remove(store.engine, "connect", limit)
        store.engine.dispose()


@pytest.fixture
def edge(store: SqlStore) -> Iterator[Edge]:
    """Give a gateway between two desks."""
    with Edge(store) as made:
        yield made


def worked(edge: Edge, rounds: int = 4) -> int:
    """Let every step be tried again and again; return how often the database refused."""
    refused = 0
    for _ in range(rounds):
        for desk in edge.desks:
            desk.webhooks.flush()
        for step in (edge.applier().drain, edge.deliverer().drain):
            try:
                step(holder="full", seconds=5)
            except GatewayError:
                refused += 1
    return refused


def over(store: SqlStore) -> None:
    """Let the leases be over that whoever failed still holds."""
    for table in (lanes, leases):
        store.write(lambda tx, table=table: tx.connection.execute(update(table).values(lease_until=0.0)))  # type: ignore[misc]


@pytest.mark.parametrize("room", ROOM)
def test_nothing_is_lost_or_twice(edge: Edge, room: int) -> None:
    """Comments, a status and a new ticket, while there is no room: afterwards each is there once, and no letter is."""
    number, copy = edge.begun()
    edge.rt.act("reply", ticket=copy, body="We have looked at it " + "x" * 3000)
    edge.zendesk.act("comment", ticket_id=number, body="More words " + "y" * 3000, by="agent", public=True)
    edge.zendesk.act("create", subject="Door", body="z" * 3000, email="kim@customer.example")
    for desk in edge.desks:
        desk.webhooks.flush()
    with full(edge.store, room):
        refused = worked(edge)
    over(edge.store)
    edge.pass_time(40)
    edge.poll(ZENDESK, RT)
    edge.settle_all()
    # what waited for a write that was in flight has its time
    edge.pass_time(40, rounds=3)
    assert edge.letters() == []
    assert sum(text.startswith("We have looked") for text in edge.at_zendesk(number)) == 1
    assert sum(text.startswith("More words") for text in edge.at_rt(copy)) == 1
    assert edge.zendesk.effects.doubled() == {} == edge.rt.effects.doubled()
    assert len(edge.rt.effects.all(kind="create", by_api=True)) == 2
    assert refused or room > 4, "there was room for everything"
