"""Automations of two desks that answer each other are stopped; people's quick edits never are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from dead_letters import DeadLetter, Reopening
from gateway.domain.bounce import MOST_ROUNDS
from gateway.domain.update import UpdateState
from gateway.store import SqlStore
from tests.flows.world import World

SYSTEM = -1


@pytest.fixture
def world(store: SqlStore) -> Iterator[World]:
    """Give a gateway between two desks, on each database."""
    with World(store) as made:
        yield made


def begun(world: World, subject: str = "Ping") -> tuple[int, str]:
    """Return a Zendesk ticket and its copy in RT, both open and at rest."""
    number = int(world.zendesk.act("create", subject=subject, body="Body", email="kim@customer.example")["id"])
    world.settle()
    copy = world.rt.effects.all(kind="create")[-1].remote_id
    world.zendesk.act("set", ticket_id=number, status="open")
    world.settle()
    return number, copy


def after_writes(world: World, react: Callable[[], None]) -> None:
    """Let automations react to every write that the gateway makes."""
    send = world.transport.send

    def sent(*given: object, **more: object) -> object:
        answer = send(*given, **more)  # type: ignore[arg-type]
        if getattr(given[1], "method", "GET") != "GET":
            react()
        return answer

    world.transport.send = sent  # type: ignore[method-assign, assignment]


def trigger(world: World, number: int, actor: int, **fields: object) -> None:
    """Let a trigger of Zendesk change a ticket."""
    desk = world.zendesk
    desk._with_announcements(
        lambda: desk._done("fields", desk.records.update(number, dict(fields), actor, desk.now()), actor)
    )


def letters(world: World) -> list[DeadLetter]:
    """Return the dead letters."""
    with world.store.read() as tx:
        return list(tx.view.dead_letters())


def writes(world: World) -> int:
    """Return how many updates there were."""
    with world.store.read() as tx:
        return len(tx.view.updates(limit=1000))


@pytest.mark.parametrize("account", ["system", "bot"])
def test_two_automations_that_answer_each_other_are_stopped(world: World, account: str) -> None:
    """Zendesk's trigger and RT's scrip undo each other: after five rounds it stops, and another ticket goes on."""
    number, copy = begun(world)
    other, copy_of_other = begun(world, "Calm")
    agent = world.zendesk.records.agent

    def react() -> None:
        if world.zendesk.records.tickets[number]["status"] == "open":
            trigger(world, number, SYSTEM if account == "system" else agent, status="hold")
        ticket = world.rt.records.ticket(int(copy))
        if ticket is not None and ticket.status == "stalled":
            world.rt.act("set", ticket=copy, by="RT_System" if account == "system" else "agent1", Status="open")

    after_writes(world, react)
    trigger(world, number, SYSTEM, status="hold")
    world.settle(seconds=60)
    found = letters(world)
    assert [(each.reason, each.state) for each in found] == [("bounce", "dead")]
    assert "Switch off one of the automations" in found[0].detail
    assert writes(world) < 4 * MOST_ROUNDS
    world.zendesk.act("set", ticket_id=other, status="solved")
    world.settle()
    calm = world.rt.records.ticket(int(copy_of_other))
    assert calm is not None
    assert calm.status == "resolved"


def test_two_auto_responders_that_thank_each_other_are_stopped(world: World) -> None:
    """Each desk answers every comment with the same words, as any account: that stops, and tells what to do."""
    number, copy = begun(world)
    thanked = [0]

    def react() -> None:
        comments = world.zendesk.records.comments[number]
        ticket = world.rt.records.ticket(int(copy))
        assert ticket is not None
        history = world.rt.records.history(ticket)
        if "Thank you" not in str(comments[-1]["body"]):
            world.zendesk.act("comment", ticket_id=number, body="Thank you for your message.", public=False)
            thanked[0] += 1
        said = [one for one in history if one.type in {"Comment", "Correspond"}]
        if said and said[-1].creator == "gateway" and thanked[0] < 50:
            world.rt.act("note", ticket=copy, body="We have got it.")

    after_writes(world, react)
    world.rt.act("note", ticket=copy, body="Hello")
    world.settle(seconds=60)
    assert {each.reason for each in letters(world)} == {"bounce"}
    assert "comment bounces" in letters(world)[0].detail
    assert thanked[0] < 4 * MOST_ROUNDS


def test_quick_edits_of_people_are_no_bounce(world: World) -> None:
    """An agent and an engineer who change the status to and fro ten times, as quick as can be, stop nothing."""
    number, copy = begun(world)
    for _ in range(5):
        for status in ("hold", "open"):
            world.zendesk.act("set", ticket_id=number, status=status)
            world.settle(quiet=0.0)
        for status in ("stalled", "open"):
            world.rt.act("set", ticket=copy, Status=status)
            world.settle(quiet=0.0)
    world.settle()
    assert letters(world) == []


def test_a_bounce_that_is_replayed_goes_on(world: World) -> None:
    """With the automations off, a replay lets the lane go on where it stopped, and both desks end equal."""
    number, copy = begun(world)
    on = [True]

    def react() -> None:
        if on and world.zendesk.records.tickets[number]["status"] == "open":
            trigger(world, number, SYSTEM, status="hold")
        ticket = world.rt.records.ticket(int(copy))
        if on and ticket is not None and ticket.status == "stalled":
            world.rt.act("set", ticket=copy, by="RT_System", Status="open")

    after_writes(world, react)
    trigger(world, number, SYSTEM, status="hold")
    world.settle(seconds=60)
    on.clear()
    letter = letters(world)[0]
    time.sleep(0.1)
    world.store.write(lambda tx: tx.dead_letters.reopen(letter.id, Reopening(UpdateState.READY), world.clock.now()))
    world.settle()
    ticket = world.rt.records.ticket(int(copy))
    assert ticket is not None
    pairs = {"open": "open", "hold": "stalled"}
    assert pairs[str(world.zendesk.records.tickets[number]["status"])] == ticket.status
    assert letters(world) == []
