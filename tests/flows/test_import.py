"""Day one: what a desk has already is brought in once, whole where it is young, and it alarms nobody."""

from __future__ import annotations

from datetime import timedelta
from itertools import islice

import msgspec
import pytest

from gateway.domain.ticket import Category
from gateway.errors import ConfigError, NotFoundError
from gateway.flow.importing import Importer, Progress, writes_of
from gateway.store import SqlStore
from tests.flows.world import Silent, World

ZENDESK, RT = "acme-zendesk", "engineering-rt"
DAYS = timedelta(days=90)


def importer(world: World) -> Importer:
    """Return what imports."""
    return Importer(
        store=world.store,
        site=world.site,
        transport=world.transport,
        doorbell=Silent(),
        clock=world.clock,
        ids=world.ids,
        wait=lambda _: None,
    )


def brought(world: World, name: str = ZENDESK, most: int = 10_000) -> Progress:
    """Import, and let what came be applied; `most` pages."""
    made = importer(world)
    pages = list(islice(made.pages(name, made.begin(name, DAYS, 8 * DAYS)), most))
    world.settle_all()
    return pages[-1]


def past(world: World) -> dict[str, str]:
    """Let a desk have a past of which nobody has heard: an open and a solved ticket of long ago, and young ones."""
    world.webhooks_lost = True
    clock, made = world.zendesk.clock, {}
    for name, age, status in (
        ("ancient", 900, "open"), ("old-done", 200, "solved"), ("old-open", 200, "open"), ("done", 30, "solved"),
        ("open", 20, "open"),
    ):  # fmt: skip
        clock.skew = -timedelta(days=age)
        number = world.zendesk.act("create", subject=name, body="From before", email="kim@customer.example")["id"]
        clock.skew += timedelta(hours=5)
        world.zendesk.act("comment", ticket_id=number, body="An answer of that time")
        clock.skew += timedelta(hours=5)
        world.zendesk.act("set", ticket_id=number, status=status)
        made[name] = str(number)
    clock.skew = timedelta()
    world.settle()
    world.webhooks_lost = False
    return made


def known(world: World) -> set[str]:
    """Return the tickets of Zendesk that we have."""
    with world.store.read() as tx:
        return {line.links[ZENDESK][0] for line in tx.view.tickets(limit=500) if ZENDESK in line.links}


def test_the_past_is_brought_in(store: SqlStore) -> None:
    """Young tickets whole, of older ones those that are open; with their comments, and since when they are over."""
    with World(store, mode="observe") as world:
        made = past(world)
        progress = brought(world)
        assert known(world) == {made["old-open"], made["done"], made["open"]}
        assert (progress.taken, progress.ended_at is not None) == (3, True)
        with store.read() as tx:
            link = tx.links.by_remote([(ZENDESK, made["done"])])[ZENDESK, made["done"]]
            ticket = tx.tickets.get(link.ticket_id)
            assert [each.body for each in tx.tickets.comments(link.ticket_id)] == ["An answer of that time"]
        assert ticket is not None
        assert ticket.status.category is Category.RESOLVED
        assert ticket.resolved_at is not None
        assert ticket.resolved_at - ticket.created_at == pytest.approx(timedelta(hours=10), abs=timedelta(seconds=5))
        assert world.rt.effects.all(by_api=True) == []
        with store.read() as tx:
            assert tx.desks.get(ZENDESK).facts["live_since"]


def test_a_second_import_brings_nothing_twice(store: SqlStore) -> None:
    """Neither does a poll afterwards, nor a webhook of what came."""
    with World(store, mode="observe") as world:
        past(world)
        brought(world)
        before = world.counts()["tickets"]
        assert brought(world).taken == 0
        world.reconciler().poll(ZENDESK, holder="t")
        world.settle_all()
        assert world.counts()["tickets"] == before


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_import_that_broke_off_goes_on_where_it_was(store: SqlStore) -> None:
    """Page by page, by whoever calls it next."""
    with World(store, mode="observe") as world:
        world.webhooks_lost = True
        for number in range(230):
            world.zendesk.act("create", subject=f"Ticket {number}", body="From before")
        world.settle()
        first = brought(world, most=1)
        assert first.ended_at is None
        assert first.taken == 100
        last = brought(world)
        assert last.begun_at == first.begun_at
        assert (last.taken, last.ended_at is not None) == (230, True)
        assert len(known(world)) == 230


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_busy_desk_is_waited_for(store: SqlStore) -> None:
    """429 is no end."""
    with World(store, mode="observe") as world:
        past(world)
        world.zendesk.fault("throttle", method="GET", count=3, seconds=1)
        assert brought(world).ended_at is not None


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_it_says_where_copies_would_be_made(store: SqlStore) -> None:
    """At a site that is live; a connection that observes gets none."""
    with World(store) as world:
        now = world.clock.now()
        assert writes_of(world.site, ZENDESK, now) == [RT]
        assert writes_of(world.site, RT, now) == []
        with pytest.raises(NotFoundError, match="acme-zendesk, engineering-rt"):
            importer(world).known("nobody")
        connector = world.site.connectors[RT]
        connector.spec = msgspec.structs.replace(connector.spec, polling=False)
        with pytest.raises(ConfigError, match="by webhooks only"):
            importer(world).known(RT)
