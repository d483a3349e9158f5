"""A desk ten minutes off: what lists its tickets asks by its clock to the end, and writes alone tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from gateway.flow.drift import Comparer
from gateway.flow.importing import Importer
from gateway.ports import Call, ChangePage, Connector
from gateway.store import SqlStore
from tests.flows.world import Silent, World

ZENDESK, RT = "acme-zendesk", "engineering-rt"
#: what may pass within a test, and the grain of the header
CLOSE = 20.0
DAYS = timedelta(days=90)
TEN = pytest.mark.parametrize("minutes", [10, -10])


class Asked:
    """A connector that notes by which time it was asked what has changed, and gives short pages."""

    def __init__(self, connector: Connector) -> None:
        self._connector = connector
        self.later: list[datetime] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Note it."""
        if cursor:
            self.later.append(now)
        return self._connector.changes(cursor, now)


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def off(world: World, minutes: int, *, known: bool) -> timedelta:
    """Let Zendesk's clock be off, and be known to be."""
    span = timedelta(minutes=minutes)
    world.zendesk.clock.skew = span
    for _ in range(2 if known else 0):
        world.reconciler().poll(ZENDESK, holder="t")
    if known:
        assert abs(ahead(world, ZENDESK) - span.total_seconds()) <= 2
    return span


def ahead(world: World, name: str) -> int:
    """Return by how many seconds the record says that a clock is ahead."""
    with world.store.read() as tx:
        return tx.desks.get(name).ahead


def asked(world: World) -> Asked:
    """Let it be noted when Zendesk is asked for."""
    noted = Asked(world.site.connectors[ZENDESK])
    cast("dict[str, Any]", world.site.connectors)[ZENDESK] = noted
    return noted


def parts(world: World) -> dict[str, Any]:
    """Return what an import and a comparison are made of."""
    return {
        "store": world.store, "site": world.site, "transport": world.transport, "doorbell": Silent(),
        "clock": world.clock, "ids": world.ids, "wait": lambda _: None,
    }  # fmt: skip


def made(world: World, age: timedelta, status: str) -> str:
    """Let a ticket come to be so long ago, by a clock that is right, of which nobody hears."""
    world.webhooks_lost = True
    skew = world.zendesk.clock.skew
    world.zendesk.clock.skew = skew - age
    number = str(world.zendesk.act("create", subject=f"{age} ago", body="From before")["id"])
    world.zendesk.act("set", ticket_id=number, status=status)
    world.zendesk.clock.skew = skew
    world.settle()
    world.webhooks_lost = False
    return number


@TEN
@pytest.mark.parametrize("known", [True, False])
def test_an_import_asks_every_page_by_the_clock_of_its_desk(world: World, minutes: int, *, known: bool) -> None:
    """Also where nothing was known of it: the first answers tell, and the later pages are asked for so."""
    span = off(world, minutes, known=known)
    for number in range(210):
        world.zendesk.act("create", subject=f"Ticket {number}", body="From before")
    noted = asked(world)
    importer = Importer(**parts(world))
    for trial in (True, False):
        if trial:
            importer.trial(ZENDESK, DAYS, 8 * DAYS)
        else:
            list(importer.pages(ZENDESK, importer.begin(ZENDESK, DAYS, 8 * DAYS)))
        assert len(noted.later) >= 2
        wrong = [(at - world.clock.now() - span).total_seconds() for at in noted.later[0 if known else 2 :]]
        assert all(abs(each) < CLOSE for each in wrong), f"trial {trial}: {wrong}"
        noted.later.clear()
        known = True


@TEN
def test_an_import_counts_ages_by_a_clock_that_is_right(world: World, minutes: int) -> None:
    """What was closed within the 90 days comes and what was closed before them does not; nor may a trial say so."""
    off(world, minutes, known=True)
    young = made(world, DAYS - timedelta(minutes=5), "solved")
    old = made(world, DAYS + timedelta(minutes=5), "solved")
    importer = Importer(**parts(world))
    assert importer.trial(ZENDESK, DAYS, 8 * DAYS).taken == 1
    *_, progress = importer.pages(ZENDESK, importer.begin(ZENDESK, DAYS, 8 * DAYS))
    world.settle_all()
    with world.store.read() as tx:
        links = tx.links.by_remote([(ZENDESK, young), (ZENDESK, old)])
    assert set(links) == {(ZENDESK, young)}
    assert progress.reached is not None
    assert abs(world.clock.now() - DAYS - progress.reached) < timedelta(minutes=6)


@TEN
def test_a_comparison_asks_every_page_by_the_clock_of_its_desk(world: World, minutes: int) -> None:
    """What is younger than it was asked for is found, and nothing older."""
    span = off(world, minutes, known=True)
    young = made(world, timedelta(minutes=25), "open")
    made(world, timedelta(minutes=35), "open")
    noted = asked(world)
    since = world.clock.now() - timedelta(minutes=30)
    found = list(Comparer(**parts(world), repair=False).compare(ZENDESK, since))
    assert [(each.kind, each.remote_id) for each in found] == [("unknown", young)]
    assert all(abs((at - world.clock.now() - span).total_seconds()) < CLOSE for at in noted.later)


@TEN
def test_the_answers_to_writes_tell_of_a_clock(world: World, minutes: int) -> None:
    """A desk that is never polled and sends nothing is known all the same by the copies that are made there."""
    world.rt.clock.skew = timedelta(minutes=minutes)
    for number in range(4):
        world.zendesk.act("create", subject=f"Ticket {number}", body="Words", email="kim@customer.example")
    world.zendesk.webhooks.flush()
    world.applier().drain(holder="t", seconds=20)
    world.webhooks_lost = True
    world.settle_all()
    assert len(world.rt.effects.all(kind="create", by_api=True)) == 4
    assert abs(ahead(world, RT) - minutes * 60) <= 2
    assert ahead(world, ZENDESK) == 0
