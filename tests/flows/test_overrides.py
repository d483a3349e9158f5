"""What a person says at a desk of who has a ticket stands, for its team as well, and at every desk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.store import SqlStore
from tests.flows.desk_room import RULES, DeskRoom

#: two people know enough in one team, one in the other; at three in the afternoon all of them work
TWO = RULES.replace(
    "noah, team: amer-support, skills: {billing: 1}, capacity: 2", "noah, team: emea-support, skills: {billing: 2}"
)


@pytest.fixture
def room(store: SqlStore) -> Iterator[DeskRoom]:
    """Give a room of desks, on each database."""
    with DeskRoom(store, TWO, at="15:00") as made:
        yield made


def test_the_team_is_that_of_whoever_a_person_gives_it_to(room: DeskRoom) -> None:
    """In Zendesk somebody gives it to Dana: it is her team's, and RT shows both."""
    number = room.ticket()
    room.settle_all()
    assert (room.way(number).person, room.found(number).team) == ("noah", "emea-support")
    room.zendesk.act("set", ticket_id=number, assignee_id=9003)
    room.settle()
    assert room.found(number).team == "amer-support"
    assert room.trail(number, "assignment overridden") == [{"at": "acme-zendesk", "from": "noah", "to": "dana"}]
    assert room.trail(number, "team changed") == [{"to": "amer-support", "from": "emea-support", "with": "dana"}]
    room.settle_all()
    assert room.copy(number) == ("agent2", "Escalations")
    room.later(hours=1)
    assert (room.way(number).person, room.way(number).outcome) == ("dana", "kept")


def test_a_group_that_a_person_puts_it_in_is_looked_through(room: DeskRoom) -> None:
    """Taken off Noah and put into the other team's group: somebody of that team has it, though Lucia has room."""
    number = room.ticket()
    room.zendesk.act("set", ticket_id=number, group_id=3602, assignee_id=None)
    room.settle()
    assert room.trail(number, "team overridden") == [
        {"to": "amer-support", "from": "emea-support", "at": "acme-zendesk"}
    ]
    assert (room.way(number).person, room.found(number).team) == ("dana", "amer-support")
    room.settle_all()
    assert room.copy(number) == ("agent2", "Escalations")
    assert room.shown(number) == ("9003", "3602")


def test_who_has_it_keeps_it_in_another_group(room: DeskRoom) -> None:
    """Only the group is another: the team is noted, and nobody is taken off it."""
    number = room.ticket()
    room.zendesk.act("set", ticket_id=number, group_id=3602)
    room.settle()
    assert (room.way(number).person, room.found(number).team) == ("noah", "amer-support")
    assert len(room.trail(number, "team overridden")) == 1
    room.zendesk.act("set", ticket_id=number, tags=["seen"])
    room.settle()
    assert len(room.trail(number, "team overridden")) == 1


def test_no_route_takes_it_out_of_a_group_that_a_person_chose(room: DeskRoom) -> None:
    """Nobody can have it: it stays in the group of a person, whatever queue its route or the site names."""
    for subject, before in (("Something else", "triage"), ("The door", "3609")):
        number = room.ticket(subject)
        assert room.found(number).queue == before
        room.zendesk.act("set", ticket_id=number, group_id=3610)
        room.settle()
        room.later(hours=1)
        room.settle_all()
        assert (room.found(number).queue, room.shown(number)[1]) == ("3610", "3610")


@pytest.mark.parametrize("heard", ["both", "the second", "a poll"])
@pytest.mark.parametrize("carried", [False, True])
def test_who_was_given_it_before_it_was_heard_of_keeps_it(store: SqlStore, heard: str, *, carried: bool) -> None:
    """A person gave it to Dana before we knew of it: it is hers, and its copy shows her and the group of her team."""
    rules = TWO.replace("      title: from\n", "      title: from\n      assignee: both\n") if carried else TWO
    with DeskRoom(store, rules, at="15:00") as room:
        hook = room.zendesk.webhooks.url
        room.zendesk.webhooks.url = hook if heard == "both" else ""
        made = room.zendesk.act("create", subject="Wrong invoice", body="Hola", email="kim@customer.example")
        room.later(seconds=3)
        room.zendesk.webhooks.url = "" if heard == "a poll" else hook
        number = int(made["id"])
        room.zendesk.act("set", ticket_id=number, assignee_id=9003)
        if heard == "a poll":
            room.reconciler().poll("acme-zendesk", holder="test")
        room.settle_all()
        assert (room.way(number).person, room.way(number).outcome) == ("dana", "kept")
        assert room.found(number).team == "amer-support"
        assert room.copy(number) == ("agent2", "Escalations")
        assert room.shown(number)[0] == "9003"


def test_whom_a_desk_gives_it_to_as_it_begins_is_nobodys_choice(room: DeskRoom) -> None:
    """A trigger assigns every new ticket: the routes say who has it."""
    made = room.zendesk.act("create", subject="Wrong invoice", body="Hola", email="kim@customer.example")
    room.zendesk.records.tickets[int(made["id"])]["assignee_id"] = 9003
    room.settle_all()
    assert (room.way(int(made["id"])).person, room.way(int(made["id"])).outcome) == ("noah", "assigned")
