"""A desk that asks us to wait, or no longer takes our credentials, is left alone by reads as by writes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from gateway.domain.event import RemoteTicket
from gateway.flow.prepare import READERS
from gateway.flow.sweep import poll_is_due
from gateway.ports import DeskState, NewDelivery
from gateway.store import SqlStore
from tests.flows.world import World

ZENDESK, RT = "acme-zendesk", "engineering-rt"


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def put(world: World, desk: str, number: str, remote: RemoteTicket | None = None, age: float = 0) -> None:
    """Store a polled change; without `remote` it says nothing but the number, so that the ticket must be read."""
    at = world.clock.now() - timedelta(seconds=age)
    body = msgspec.json.encode(remote or RemoteTicket(number, at))
    row = NewDelivery(world.ids.new(), desk, f"poll:{number}", number, at, {}, body, "t" * 32, "poll")
    world.store.write(lambda tx: tx.inbox.add([row]))


def state(world: World, connection: str = ZENDESK) -> DeskState:
    """Return how a connection stands."""
    with world.store.read() as tx:
        return tx.desks.get(connection)


def tries(world: World) -> list[int]:
    """Return the counted tries of the deliveries that wait."""
    far = world.clock.now() + timedelta(days=1)
    with world.store.read() as tx:
        return [row.tries for row in tx.inbox.due(100, far)]


def apply(world: World) -> None:
    """Drain the inbox once."""
    world.applier().drain(holder="test-apply", seconds=2)


def counted(world: World) -> list[str]:
    """Return a list that grows by the label of every request that leaves."""
    send = world.transport.send
    labels: list[str] = []

    def count(*given: object, **more: object) -> object:
        labels.append(str(getattr(given[1], "label", "")))
        return send(*given, **more)  # type: ignore[arg-type]

    world.transport.send = count  # type: ignore[method-assign, assignment]
    return labels


@pytest.mark.parametrize("desk", [ZENDESK, RT])
def test_a_429_to_a_read_lets_the_whole_connection_wait(world: World, desk: str) -> None:
    """Retry-After of a read moves the connection; nothing is read before, and no delivery pays a try for it."""
    simulator = world.zendesk if desk == ZENDESK else world.rt
    simulator.fault("throttle", method="GET", count=None, seconds=3)
    put(world, desk, "101")
    apply(world)
    waits = state(world, desk).not_before
    assert waits is not None
    assert 1 < (waits - world.clock.now()).total_seconds() <= 3
    asked = counted(world)
    put(world, desk, "102")
    for _ in range(3):
        apply(world)
    assert asked == []
    assert tries(world) == [0, 0]


def test_what_waited_for_a_throttled_desk_goes_on_by_itself(world: World) -> None:
    """When the time that the desk named has passed, the ticket is read and lives in both desks."""
    world.zendesk.fault("throttle", method="GET", count=1, seconds=1)
    world.webhooks_lost = True
    number = world.zendesk.act("create", subject="Throttled", body="Body", email="kim@customer.example")["id"]
    world.zendesk.webhooks.flush(1)
    world.webhooks_lost = False
    world.zendesk.act("trigger", ticket_id=number)
    world.settle()
    assert len(world.rt.effects.all(kind="create")) == 1


def test_many_reads_of_a_throttled_desk_stop_with_the_first_answers(world: World) -> None:
    """Of a batch of fifty only those reads leave that had begun when the desk first said 429."""
    world.zendesk.fault("throttle", method="GET", count=None, seconds=30)
    for number in range(48):
        put(world, ZENDESK, str(500 + number))
    asked = counted(world)
    apply(world)
    assert 0 < len(asked) <= READERS
    assert set(tries(world)) == {0}


def test_a_401_to_a_read_pauses_the_connection(world: World) -> None:
    """Credentials that no longer hold pause the connection, told once; what hints at a ticket there waits unread."""
    world.zendesk.expected = "Basic nobody"
    put(world, ZENDESK, "101")
    apply(world)
    assert state(world).paused.startswith("credentials refused")
    asked = counted(world)
    put(world, ZENDESK, "102")
    apply(world)
    assert asked == []
    assert tries(world) == [0, 0]
    with world.store.read() as tx:
        assert [line["action"] for line in tx.view.audit()] == ["connection paused"]


def test_a_poll_that_is_told_to_wait_waits(world: World) -> None:
    """A 429 to a poll moves the connection, and no poll is due before it may be asked again."""
    world.rt.fault("throttle", method="GET", count=None, seconds=60)
    world.reconciler().poll(RT, holder="test-poll")
    known = state(world, RT)
    assert known.not_before is not None
    later = msgspec.structs.replace(known, poll_due=None)
    assert not poll_is_due(world.site.connectors[RT], later, world.clock.now())
    assert poll_is_due(world.site.connectors[RT], later, known.not_before)


def say_status(world: World, number: str, age: float) -> None:
    """Store a webhook that says a ticket's title and words and that its status changed, and not how the words look."""
    at = world.clock.now() - timedelta(seconds=age)
    said = {
        "type": "zen:event-type:ticket.status_changed",
        "id": f"evt-{number}",
        "subject": f"zen:ticket:{number}",
        "time": at.isoformat(),
        "detail": {
            "id": number,
            "subject": f"Ticket {number}",
            "description": "It burns",
            "status": "OPEN",
            "updated_at": at.isoformat(),
        },
        "event": {"previous": "NEW", "current": "OPEN"},
    }
    row = NewDelivery(world.ids.new(), ZENDESK, f"evt-{number}", number, at, {}, msgspec.json.encode(said), "t" * 32)
    world.store.write(lambda tx: tx.inbox.add([row]))


def test_a_ticket_that_says_enough_waits_for_a_paused_desk_and_then_goes_on_without_it(world: World) -> None:
    """A new ticket whose webhook says enough waits two minutes for its desk to be read, and no longer."""
    world.store.write(lambda tx: tx.desks.change(ZENDESK, paused="credentials refused: 401"))
    say_status(world, "77", age=0)
    apply(world)
    assert world.counts()["tickets"] == 0
    say_status(world, "78", age=130)
    apply(world)
    assert world.counts()["tickets"] == 1


def test_a_polled_ticket_waits_for_a_paused_desk_as_long_as_it_takes(world: World) -> None:
    """A poll says that a ticket moved on and not how: applied unread, what happened to it would be lost."""
    world.store.write(lambda tx: tx.desks.change(RT, paused="credentials refused: 401"))
    now = world.clock.now()
    put(world, RT, "79", RemoteTicket("79", now, version=5, title="A roof", body="It leaks", created_at=now), age=4000)
    apply(world)
    assert world.counts()["tickets"] == 0
    assert tries(world) == [0]
