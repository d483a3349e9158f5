"""A delivery that could not be read or applied replays after the repair: in its place, and nothing of it twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from dead_letters import DeadLetter, DeadLetterError, Filter, Person, replay_delivery
from gateway.domain.event import Event
from gateway.errors import UnreadableError
from gateway.ports import RawDelivery
from gateway.store import SqlStore
from tests.flows.world import World

WHO = Person("olle", "the connector is mended")
SAID = ("first", "second", "third")


class Broken:
    """A connector as a defect left it: it cannot read what is said of tickets; all else it does."""

    def __init__(self, connector: Any, error: Exception) -> None:
        self._connector = connector
        self._error = error

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def parse(self, delivery: RawDelivery) -> Sequence[Event]:
        """Break on comments."""
        events: Sequence[Event] = self._connector.parse(delivery)
        if any(event.comment is not None for event in events):
            raise self._error
        return events


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def parked(world: World) -> list[DeadLetter]:
    """Return the deliveries that were given up, the oldest first."""
    with world.store.read() as tx:
        return list(tx.letters.page(Filter(what="delivery")))


def notes(world: World, remote: str) -> list[str]:
    """Return what stands at RT behind the ticket's first message, in order."""
    records = world.rt.records
    ticket = records.ticket(int(remote))
    assert ticket is not None
    spoken = [each for each in records.history(ticket) if each.type in {"Comment", "Correspond"}]
    return [part.content for each in sorted(spoken, key=lambda one: one.number) for part in records.parts(each.number)]


def said_in(texts: list[str]) -> list[str]:
    """Return which of the comments stand there, in order."""
    return [next(text for text in SAID if text in each) for each in texts if "word" in each]


@pytest.mark.parametrize(
    ("error", "reason"),
    [(UnreadableError("comment: this is no text"), "unreadable"), (KeyError("comment"), "poison")],
    ids=["unreadable", "a defect"],
)
def test_what_could_not_be_read_replays_in_order_and_once(world: World, error: Exception, reason: str) -> None:
    """The later ones first, and all at once: they are applied in the order in which they came, and no second time."""
    ticket = world.zendesk.act("create", subject="Odd", body="Body", email="kim@customer.example")
    world.settle()
    remote = world.rt.effects.all(kind="create")[0].remote_id
    whole = world.site.connectors["acme-zendesk"]
    broken = {**world.site.connectors, "acme-zendesk": Broken(whole, error)}
    world.site = msgspec.structs.replace(world.site, connectors=broken)
    for text in SAID:
        world.zendesk.act("comment", ticket_id=ticket["id"], body=f"{text} word", public=False)
        world.settle()
    letters = parked(world)
    assert [each.reason for each in letters] == [reason] * len(SAID)
    world.zendesk.act("set", ticket_id=ticket["id"], priority="urgent")
    world.settle()
    # what came later went its way; where it was in doubt, the read of the ticket has shown what had been said before it
    shown = said_in(notes(world, remote))
    assert shown == list(SAID)[: len(shown)]
    world.site = msgspec.structs.replace(world.site, connectors={**broken, "acme-zendesk": whole})

    def together(tx: Any) -> None:
        for each in reversed(letters):
            replay_delivery(tx, each.id, world.clock.now(), WHO)

    world.store.write(together)
    world.settle_all()
    assert said_in(notes(world, remote)) == list(SAID)
    assert parked(world) == []
    for each in letters:
        with pytest.raises(DeadLetterError):
            world.store.write(lambda tx, one=each: replay_delivery(tx, one.id, world.clock.now(), WHO))  # type: ignore[misc]


def test_a_replay_that_fails_again_is_the_same_letter(world: World) -> None:
    """Replayed before the repair it is parked again, and what it had not done it still has not done."""
    ticket = world.zendesk.act("create", subject="Odd", body="Body", email="kim@customer.example")
    world.settle()
    whole = world.site.connectors["acme-zendesk"]
    broken = {**world.site.connectors, "acme-zendesk": Broken(whole, KeyError("comment"))}
    world.site = msgspec.structs.replace(world.site, connectors=broken)
    world.zendesk.act("comment", ticket_id=ticket["id"], body="a word", public=False)
    world.settle()
    (before,) = parked(world)
    for _ in range(3):
        world.store.write(lambda tx: replay_delivery(tx, before.id, world.clock.now(), WHO))
        world.settle()
    (after,) = parked(world)
    assert (after.id, after.reason, after.detail) == (before.id, before.reason, before.detail)
    with world.store.read() as tx:
        (line,) = tx.view.tickets()
        assert tx.tickets.comments(line.id) == []
