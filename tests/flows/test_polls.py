"""What only a poll can tell, because the webhook was lost, is told once and must not be missed."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.testing.faults import FaultKind
from gateway.flow.reconcile import GRAIN
from gateway.store import SqlStore
from tests.flows.world import World
from tests.length import length

CONNECTION = "acme-zendesk"


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def waiting(world: World) -> int:
    """Return how many deliveries are still to be applied."""
    with world.store.read() as tx:
        return tx.inbox.pending()


def test_comments_of_one_second_keep_their_order_in_a_ticket_that_a_poll_found(world: World) -> None:
    """A desk that counts in seconds lists them in their order, and they go to the other desk in that."""
    world.webhooks_lost = True
    number = int(world.zendesk.act("create", subject="Polled", body="Body", email="kim@customer.example")["id"])
    spoken = [f"word {place}" for place in range(8)]
    for word in spoken:
        world.zendesk.act("comment", ticket_id=number, body=word, by="agent", public=True)
    time.sleep(GRAIN.total_seconds() + 0.5)
    assert world.reconciler().poll(CONNECTION, holder="test") > 0
    world.settle_all()
    heard = [str(each.detail.get("content", "")) for each in world.rt.effects.all(kind="comment")]
    assert [next(word for word in spoken if word in text) for text in heard] == spoken


def test_comments_whose_webhooks_wait_behind_a_poll_keep_their_order(world: World) -> None:
    """A poll is older than the webhooks of three comments, and is applied later: its read brings them all at once.

    RT numbers its changes, and these go from 99 to 100 within a second.
    """
    world.zendesk.act("create", subject="Polled", body="Body", email="kim@customer.example")
    world.settle_all()
    world.rt.act("set", ticket="1", Priority=30)
    assert world.reconciler().poll("engineering-rt", holder="test") > 0
    world.rt.records.last = 98
    spoken = [f"word {place}" for place in range(3)]
    for word in spoken:
        world.rt.act("note", ticket="1", body=word)
    world.settle_all()
    heard = [str(each["body"]) for each in world.zendesk.records.comments[1]][1:]
    assert [next(word for word in spoken if word in text) for text in heard] == spoken


@pytest.mark.parametrize("kind", [FaultKind.ERROR_WITHOUT_EFFECT, FaultKind.RESET_BEFORE])
def test_a_comment_that_a_poll_found_waits_until_its_ticket_can_be_read(world: World, kind: FaultKind) -> None:
    """A poll says that a ticket moved on, and not how: while the desk does not let it be read, the poll stays open."""
    number = int(world.zendesk.act("create", subject="Polled", body="Body", email="kim@customer.example")["id"])
    world.settle()
    world.webhooks_lost = True
    world.zendesk.act("comment", ticket_id=number, body="Only a poll can tell", by="customer", public=True)
    time.sleep(GRAIN.total_seconds() + 0.5)
    world.zendesk.fault(kind, method="GET", path=f"/tickets/{number}", count=None)
    assert world.reconciler().poll(CONNECTION, holder="test") > 0
    until = time.monotonic() + 2.5
    while time.monotonic() < until:
        world.applier().drain(holder="test-apply", seconds=1)
        assert waiting(world) > 0
        time.sleep(0.1)
    world.zendesk.faults.clear()
    world.settle_all()
    assert sum("Only a poll can tell" in str(each.detail) for each in world.rt.effects.all()) == 1


@pytest.mark.long
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_backlog_of_thousands_of_changes_is_stored_page_by_page(world: World) -> None:
    """Nothing heard of for a day: each change is a delivery in the end, and only a page of them is ever held."""
    world.webhooks_lost = True
    records, number = world.zendesk.records, length(2_000, 10_000)
    before = world.zendesk.now() - timedelta(minutes=50)
    for place in range(number):
        at = before + timedelta(seconds=place // 5)
        records.create({"subject": f"Ticket {place}", "comment": {"body": "x" * 200}}, records.agent, at, "api")
    world.reconciler().poll(CONNECTION, holder="warm", seconds=0)
    tracemalloc.start()
    peaks = []
    while True:
        tracemalloc.reset_peak()
        before_poll = waiting(world)
        world.reconciler().poll(CONNECTION, holder="test", seconds=0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        with world.store.read() as tx:
            done = waiting(world) == before_poll and tx.desks.get(CONNECTION).cursor
        if done and waiting(world) >= number:
            break
        assert len(peaks) < 400, f"{waiting(world)} of {number}"
    tracemalloc.stop()
    with world.store.read() as tx:
        heard = {row.ref for row in tx.inbox.due(2 * number, world.clock.now() + timedelta(hours=1))}
    assert len(heard) == number
    pages = sorted(peaks)
    assert pages[-1] < 3 * pages[len(pages) // 2] + 2_000_000, "a later page holds more than an early one"
