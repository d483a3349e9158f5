"""Edits of people that cross our own writes: the newest edit stands, at both desks."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from gateway.store import SqlStore
from tests.flows.world import World


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def begun(world: World) -> tuple[int, str]:
    """Return a Zendesk ticket and its copy in RT, both open and at rest."""
    number = int(world.zendesk.act("create", subject="Crossed", body="Body", email="kim@customer.example")["id"])
    world.settle()
    copy = world.rt.effects.all(kind="create")[0].remote_id
    world.zendesk.act("set", ticket_id=number, status="open")
    world.settle()
    return number, copy


def statuses(world: World, number: int, copy: str) -> tuple[str, str]:
    """Return the status at both desks."""
    ticket = world.rt.records.ticket(int(copy))
    return str(world.zendesk.records.tickets[number]["status"]), ticket.status if ticket is not None else ""


def apply(world: World) -> None:
    """Apply what has come in, and deliver nothing."""
    world.zendesk.webhooks.flush(1)
    world.applier().drain(holder="test-apply", seconds=2)


@pytest.mark.parametrize("pause", [0.0, 1.1], ids=["within a second", "seconds apart"])
def test_an_edit_in_zendesk_that_our_write_came_upon_stands(world: World, pause: float) -> None:
    """An agent solves while the older status from RT is still to be written: both desks end as the agent said."""
    number, copy = begun(world)
    world.rt.act("set", ticket=copy, Status="stalled")
    apply(world)
    time.sleep(pause)
    world.zendesk.act("set", ticket_id=number, status="solved")
    world.zendesk.webhooks.flush(1)
    time.sleep(pause)
    world.deliverer().drain(holder="test-deliver", seconds=2)
    assert statuses(world, number, copy) == ("hold", "stalled")
    world.settle()
    assert statuses(world, number, copy) == ("solved", "resolved")


@pytest.mark.parametrize("pause", [0.0, 1.1], ids=["within a second", "seconds apart"])
def test_an_edit_in_rt_that_our_write_came_upon_stands(world: World, pause: float) -> None:
    """An engineer resolves while an older status is still to be written: both desks end as the engineer said."""
    number, copy = begun(world)
    world.zendesk.act("set", ticket_id=number, status="hold")
    apply(world)
    time.sleep(pause)
    world.rt.act("set", ticket=copy, Status="resolved")
    time.sleep(pause)
    world.deliverer().drain(holder="test-deliver", seconds=2)
    assert statuses(world, number, copy) == ("hold", "stalled")
    world.settle()
    assert statuses(world, number, copy) == ("solved", "resolved")


@pytest.mark.parametrize("pause", [0.0, 1.1], ids=["within a second", "seconds apart"])
def test_an_edit_in_rt_right_after_our_write_is_found_by_the_poll(world: World, pause: float) -> None:
    """Our write's own read-back shows the engineer's edit, whose webhook is lost: the edit counts all the same."""
    number, copy = begun(world)
    world.zendesk.act("set", ticket_id=number, status="hold")
    apply(world)
    world.webhooks_lost = True
    send = world.transport.send

    def crossed(*given: object, **more: object) -> object:
        answer = send(*given, **more)  # type: ignore[arg-type]
        if getattr(given[1], "method", "") == "PUT":
            time.sleep(pause)
            world.rt.act("set", ticket=copy, Status="resolved")
        return answer

    world.transport.send = crossed  # type: ignore[method-assign, assignment]
    world.deliverer().drain(holder="test-deliver", seconds=2)
    world.transport.send = send  # type: ignore[method-assign]
    world.webhooks_lost = False
    assert statuses(world, number, copy) == ("hold", "resolved")
    time.sleep(1.1)
    world.reconciler().poll("engineering-rt", holder="test-poll")
    world.settle()
    assert statuses(world, number, copy) == ("solved", "resolved")


@pytest.mark.parametrize("lost", ["", "ours", "all"], ids=["webhooks arrive", "ours are lost", "all are lost"])
@pytest.mark.parametrize(
    ("read", "edit"), [("new", "open"), ("open", "resolved")], ids=["put back by us", "opened by RT itself"]
)
def test_an_edit_in_rt_that_our_reply_undid_is_written_again(world: World, read: str, edit: str, lost: str) -> None:
    """A reply leaves the status as it read it; an engineer changed it in that very moment."""
    number = int(world.zendesk.act("create", subject="Crossed", body="Body", email="kim@customer.example")["id"])
    world.settle()
    copy = world.rt.effects.all(kind="create")[0].remote_id
    if read == "open":
        world.zendesk.act("set", ticket_id=number, status="open")
        world.settle()
    send = world.transport.send

    def crossed(*given: object, **more: object) -> object:
        if getattr(given[1], "label", "") == "correspond":
            world.webhooks_lost = lost == "all"
            world.rt.act("set", ticket=copy, Status=edit)
            world.rt.webhooks.flush(1)
            world.webhooks_lost = bool(lost)
        return send(*given, **more)  # type: ignore[arg-type]

    world.zendesk.act("comment", ticket_id=number, body="Any news?", public=True)
    apply(world)
    world.transport.send = crossed  # type: ignore[method-assign, assignment]
    world.deliverer().drain(holder="test-deliver", seconds=2)
    world.transport.send = send  # type: ignore[method-assign]
    assert statuses(world, number, copy)[1] == read
    world.rt.webhooks.flush(1)
    world.webhooks_lost = False
    time.sleep(1.1)
    world.reconciler().poll("engineering-rt", holder="test-poll")
    world.settle()
    assert statuses(world, number, copy) == ({"open": "open", "resolved": "solved"}[edit], edit)


def test_an_answer_in_rt_that_opens_the_ticket_is_no_echo_of_a_reply_that_a_probe_found(world: World) -> None:
    """RT opens a ticket because of our reply, and later because of an engineer's: only the first is ours."""
    number = int(world.zendesk.act("create", subject="Crossed", body="Body", email="kim@customer.example")["id"])
    world.settle()
    copy = world.rt.effects.all(kind="create")[0].remote_id
    world.zendesk.act("comment", ticket_id=number, body="Any news?", public=True)
    apply(world)
    world.rt.fault("reset_after", method="POST", path="correspond")
    world.webhooks_lost = True
    world.deliverer().drain(holder="test-deliver", seconds=2)
    world.rt.webhooks.flush(1)
    before = len(world.rt.webhooks.sent)
    world.rt.act("reply", ticket=copy, body="I look into it")
    world.rt.webhooks.flush(1)
    world.webhooks_lost = False
    # RT sends the transactions of one request in no particular order
    for sent in reversed(list(world.rt.webhooks.sent)[before:]):
        world.rt.webhooks.redeliver(sent.body)
    world.settle_all()
    assert statuses(world, number, copy) == ("open", "open")


def test_an_answer_in_rt_that_opened_the_ticket_before_our_reply_is_no_echo_of_it(world: World) -> None:
    """What our reply would have caused, had the ticket not been open already, is not what came before the reply."""
    number = int(world.zendesk.act("create", subject="Crossed", body="Body", email="kim@customer.example")["id"])
    world.settle()
    copy = world.rt.effects.all(kind="create")[0].remote_id
    world.zendesk.act("comment", ticket_id=number, body="Any news?", public=True)
    apply(world)
    world.webhooks_lost = True
    before = len(world.rt.webhooks.sent)
    world.rt.act("reply", ticket=copy, body="I look into it")
    world.rt.webhooks.flush(1)
    told = list(world.rt.webhooks.sent)[before:]
    world.deliverer().drain(holder="test-deliver", seconds=2)
    world.rt.webhooks.flush(1)
    world.webhooks_lost = False
    for sent in reversed(told):
        world.rt.webhooks.redeliver(sent.body)
    world.settle_all()
    assert statuses(world, number, copy) == ("open", "open")


def test_what_was_read_before_our_write_landed_does_not_undo_it(world: World) -> None:
    """A poll's read crosses our write within one second of Zendesk's clock: the ticket is read once more."""
    number, copy = begun(world)
    world.rt.act("set", ticket=copy, Status="stalled")
    apply(world)
    time.sleep(1.05 - time.time() % 1)
    world.zendesk.act("comment", ticket_id=number, body="In the same second", public=False)
    world.zendesk.webhooks.flush(1)
    world.reconciler().poll("acme-zendesk", holder="test-poll")
    send = world.transport.send
    crossed: list[int] = []

    def cross(*given: object, **more: object) -> object:
        answer = send(*given, **more)  # type: ignore[arg-type]
        if getattr(given[1], "label", "") == "read ticket" and not crossed:
            crossed.append(world.deliverer().drain(holder="test-deliver", seconds=1))
        return answer

    world.transport.send = cross  # type: ignore[method-assign, assignment]
    world.applier().drain(holder="test-apply", seconds=1)
    world.transport.send = send  # type: ignore[method-assign]
    assert crossed
    world.settle()
    assert statuses(world, number, copy) == ("hold", "stalled")


def test_a_change_that_is_told_twice_under_two_names_counts_once(world: World) -> None:
    """A second webhook about one change comes after an engineer's edit of the same second: the engineer's stands."""
    number, copy = begun(world)
    world.zendesk.act("set", ticket_id=number, status="pending")
    world.zendesk.webhooks.flush(1)
    told = json.loads(
        next(sent.body for sent in reversed(world.zendesk.webhooks.sent) if b"status_changed" in sent.body)
    )
    world.settle()
    moment = datetime.now(UTC).replace(microsecond=0)
    at = moment.strftime("%Y-%m-%dT%H:%M:%S")
    told |= {"time": f"{at}.000000000Z", "detail": {**told["detail"], "updated_at": f"{at}Z", "status": "SOLVED"}}
    told["event"] |= {"current": "SOLVED"}
    tell(world, told | {"id": "first"})
    world.rt.clock.frozen = moment
    world.rt.act("set", ticket=copy, Status="open")
    world.rt.webhooks.flush(1)
    world.applier().drain(holder="test-apply", seconds=2)
    assert category(world) == "open"
    tell(world, told | {"id": "second"})
    assert category(world) == "open"


def tell(world: World, body: object) -> None:
    """Deliver one webhook of Zendesk and apply it."""
    world.zendesk.webhooks.redeliver(json.dumps(body).encode())
    world.applier().drain(holder="test-apply", seconds=2)


def category(world: World) -> str:
    """Return the status of the one ticket."""
    with world.store.read() as tx:
        return tx.view.tickets()[0].category
