"""What our own assignment comes back as asks nothing again, and what automations pass to and fro is frozen."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.slack.simulator import SlackSimulator
from gateway.flow.judge import Judge
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
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
    assert [each["sets"] for each in room.trail(number, "decided")[1:] if each["sets"]] == []
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


AGAIN = RULES.replace(
    "\nroutes:", "\nduplicates: [{name: again, same: [requester, issue], within: 24h, do: %s}]\nroutes:"
)


def use(room: DeskRoom) -> dict[str, int]:
    """Return how many tickets everybody has in hand."""
    with room.store.read() as tx:
        return {each.person: each.count for each in tx.ways.use(room.now())}


def test_what_repeats_another_is_merged_before_it_is_routed(store: SqlStore) -> None:
    """The second ticket of the same customer is nobody's, at no desk, and takes no room."""
    with DeskRoom(store, AGAIN % "merge") as room:
        first, second = room.ticket(), room.ticket()
        room.later(hours=1)
        room.settle_all()
        assert room.found(second).duplicate_of == room.found(first).id
        assert room.trail(second, "routed") == []
        assert room.shown(second) == ("None", "None")
        assert use(room) == {"dana": 1}


def test_the_way_of_what_a_person_merges_ends_and_leaves_its_room_to_the_next(store: SqlStore) -> None:
    """Two are Dana's and a third waits; the second repeats the first: the third is hers. Taken apart, it is routed."""
    with DeskRoom(store, AGAIN % "propose") as room:
        first, second, third = (room.ticket() for _ in range(3))
        assert [room.way(each).person for each in (first, second, third)] == ["dana", "dana", ""]
        names = room.found(second).id, room.found(first).id

        def judged(tx: SqlTx) -> Judge:
            return Judge(tx, room.site, ids=room.ids, now=room.now(), actor="person:eva")

        store.write(lambda tx: judged(tx).merge(*names))
        assert (room.way(second).holds, room.way(second).closed, room.way(second).person) == (False, True, "dana")
        assert use(room) == {"dana": 1}
        room.later(seconds=1)
        assert room.way(third).person == "dana"
        store.write(lambda tx: judged(tx).split(names[0]))
        room.later(seconds=1)
        assert (room.way(second).outcome, use(room)) == ("queued", {"dana": 2})
