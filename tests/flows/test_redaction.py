"""A ticket whose people were forgotten lives again: it has its words back, and desks are told only what is new."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from gateway.domain.ticket import Ticket
from gateway.store import SqlStore
from gateway.store.redaction import redact
from tests.flows.world import World


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def one(world: World) -> Ticket:
    """Return the one ticket that there is."""
    with world.store.read() as tx:
        (line,) = tx.view.tickets()
        ticket = tx.tickets.get(line.id)
    assert ticket is not None
    return ticket


def effects(world: World) -> list[tuple[str, str]]:
    """Return what was written by us, at either desk."""
    return [
        (desk, each.kind)
        for desk, at in (("rt", world.rt), ("z", world.zendesk))
        for each in at.effects.all(by_api=True)
    ]


@pytest.mark.parametrize("first", ["the source", "the other desk"])
def test_a_ticket_that_was_redacted_lives_again(world: World, first: str) -> None:
    """Whichever desk speaks first: the comment goes over once, nothing else is written, and nothing empty ever is."""
    ticket = world.zendesk.act("create", subject="Printer of Ida", body="It smokes", email="kim@customer.example")
    world.settle_all()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    world.zendesk.act("comment", ticket_id=ticket["id"], body="thank you", public=True)
    world.zendesk.act("set", ticket_id=ticket["id"], status="solved")
    world.settle_all()
    before = one(world)
    assert redact(world.store, world.clock.now() + timedelta(minutes=1), 10) == (1, False)
    assert (one(world).title, one(world).requester, one(world).queue) == ("", None, before.queue)
    written = effects(world)
    world.settle_all()
    assert effects(world) == written, "what is forgotten here is forgotten nowhere else"
    if first == "the source":
        world.zendesk.act("comment", ticket_id=ticket["id"], body="it smokes again", public=True)
    else:
        world.rt.act("reply", ticket=remote, body="it smokes again")
    world.settle_all()
    world.zendesk.act("set", ticket_id=ticket["id"], status="open")
    world.settle_all()
    after = one(world)
    assert (after.title, after.body, after.redacted_at) == ("Printer of Ida", before.body, None)
    assert after.requester is not None
    assert (after.requester.email, after.requester_id) == ("kim@customer.example", before.requester_id)
    new = Counter(effects(world)) - Counter(written)
    assert new.total() == 2, f"one comment and one status, at one desk or the other: {new}"
    found = world.rt.records.ticket(int(remote))
    assert found is not None
    assert (found.subject, found.status) == ("Printer of Ida", "open")
