"""Whole journeys over real HTTP: two desks, one ticket, each write once."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.store import SqlStore
from tests.flows.world import World


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def test_a_new_zendesk_ticket_becomes_one_rt_ticket(world: World) -> None:
    """A webhook leads to one ticket, one RT ticket and one link."""
    ticket = world.zendesk.act("create", subject="Set up SSO", body="Please", email="kim@customer.example")
    world.settle()
    creates = world.rt.effects.all(kind="create")
    assert len(creates) == 1
    assert world.counts()["tickets"] == 1
    with world.store.read() as tx:
        line = tx.view.tickets()[0]
    assert line.links["acme-zendesk"][0] == str(ticket["id"])
    assert line.links["engineering-rt"][0] == creates[0].remote_id


def test_comments_and_status_travel_both_ways_once(world: World) -> None:
    """Replies, notes and statuses reach the other desk once and do not come back."""
    ticket = world.zendesk.act("create", subject="Broken", body="It is broken", email="kim@customer.example")
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    world.zendesk.act("comment", ticket_id=ticket["id"], body="An agent answers", public=True)
    world.zendesk.act("comment", ticket_id=ticket["id"], body="Between us", public=False)
    world.settle()
    world.rt.act("note", ticket=remote, body="An engineer notes")
    world.rt.act("set", ticket=remote, Status="resolved")
    world.settle()
    world.settle()
    texts = [str(each.get("body")) for each in world.zendesk.records.comments[int(ticket["id"])]]
    assert sum("An engineer notes" in text for text in texts) == 1
    assert sum("An agent answers" in text for text in texts) == 1
    assert world.zendesk.records.tickets[int(ticket["id"])]["status"] == "solved"
    assert len(world.zendesk.effects.all(by_api=True)) == 2
    assert world.counts().get("updates_dead", 0) == 0
