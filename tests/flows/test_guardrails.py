"""What our own assignment comes back as asks nothing again, and what automations pass to and fro is frozen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.slack.simulator import SlackSimulator
from gateway.store import SqlStore
from tests.flows.desk_room import RULES, DeskRoom
from tests.flows.test_bounce import SYSTEM, trigger
from tests.flows.test_routing_alerts import Alarmed

#: the assignee goes both ways, and a rule looks at who has it
BOTH = RULES.replace("      title: from\n", "      title: from\n      assignee: both\n").replace(
    "\nroutes:", "\n  - {name: given, when: {assignee: dana}, set: {tags: [given]}}\nroutes:"
)


@pytest.fixture
def room(store: SqlStore) -> Iterator[DeskRoom]:
    """Give a room of desks, on each database."""
    with DeskRoom(store, BOTH) as made:
        yield made


def test_our_own_assignment_comes_back_every_way_and_asks_nothing(room: DeskRoom) -> None:
    """By the webhooks of both desks, by a poll of each, and over the other desk: no hop, no rule, no write."""
    number = room.ticket()
    room.settle_all()
    assert (room.shown(number)[0], room.copy(number)[0]) == ("9003", "agent2")
    before = room.way(number), room.found(number), room.counts()["updates_done"]
    decided = len(room.trail(number, "decided"))
    for connection in ("acme-zendesk", "engineering-rt"):
        room.reconciler().poll(connection, holder="test")
        room.settle_all()
    room.later(minutes=5)
    room.settle_all()
    after = room.way(number), room.found(number), room.counts()["updates_done"]
    assert (after[0].person, after[0].hops, after[0].outcome) == ("dana", (), "assigned")
    assert after[1].stamps["assignee"] == before[1].stamps["assignee"]
    assert (after[0].since, after[2]) == (before[0].since, before[2])
    assert len(room.trail(number, "routed")) == 1
    assert len(room.trail(number, "decided")) == decided
    for said in ("assignment overridden", "assigned at the desk", "assigned by a rule", "frozen"):
        assert room.trail(number, said) == []


def test_automations_that_pass_it_to_and_fro_are_frozen_out(store: SqlStore) -> None:
    """We give it to Dana, a trigger to Noah, another to Dana again: after three hops the lead is told, once."""
    with SlackSimulator(bot_token="xoxb") as slack, Alarmed(store, slack) as room:
        number = room.ticket()
        assert room.way(number).person == "dana"
        for account in (9004, 9003):
            trigger(room, number, SYSTEM, assignee_id=account)
            room.settle()
        assert room.way(number).outcome == "kept"
        for account in (9004, 9003, 9004):
            trigger(room, number, SYSTEM, assignee_id=account)
            room.settle()
        way = room.way(number)
        assert (way.outcome, way.person, way.wake_at) == ("frozen", "noah", None)
        said = [str(each.detail) for each in room.zendesk.effects.all(kind="comment") if each.remote_id == str(number)]
        assert len([each for each in said if "This ticket is frozen" in each]) == 1
        assert len(room.trail(number, "frozen")) == 1
        assert room.look(minutes=2) == ["Desk Gateway: 1 ticket has been frozen for more than 1m"]
        room.zendesk.act("set", ticket_id=number, assignee_id=9001)
        room.settle()
        assert (room.way(number).outcome, room.way(number).person) == ("kept", "lucia")


def test_a_trigger_that_takes_away_what_we_give_is_answered_within_the_limit(store: SqlStore) -> None:
    """Whoever we choose is taken off it at once: nobody has it twice, and in the end nobody is asked again."""
    with DeskRoom(store, RULES.replace("max_hops: 3", "max_hops: 1").replace("billing: 1}", "billing: 2}")) as room:
        number = room.ticket()
        had = [room.way(number).person]
        for _ in range(3):
            trigger(room, number, SYSTEM, assignee_id=None)
            room.settle()
            had.append(room.way(number).person if room.way(number).holds else "")
        assert sorted(had[:2]) == ["dana", "noah"]
        assert had[2:] == ["", ""]
        assert room.way(number).outcome == "frozen"
        assert len(room.way(number).hops) == 1
