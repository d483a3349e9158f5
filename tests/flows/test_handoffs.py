"""Handing over before a shift ends: asked in turn, the owner keeps it until somebody accepts, no clock is touched."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.errors import NotFoundError
from gateway.flow.routing.accepting import Answer, Answered
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from tests.flows.desk_room import RULES, DeskRoom

#: due in the evening, before Lucia is back; Dana and Noah both fit
EVENING = RULES.replace("billing: 1}", "billing: 2}").replace("default: 12h", "default: 8h")


@pytest.fixture
def room(store: SqlStore) -> Iterator[DeskRoom]:
    """Give a room in which Lucia has a ticket at three in the afternoon, an hour before she leaves."""
    with DeskRoom(store, EVENING, at="15:00") as made:
        yield made


@pytest.fixture
def number(room: DeskRoom) -> int:
    """Give the number of that ticket, half an hour before the end."""
    number = room.ticket()
    assert room.way(number).person == "lucia"
    room.later(minutes=29)
    assert room.way(number).offers == ()
    room.later(minutes=1)
    return number


def answer(room: DeskRoom, number: int, word: str, person: str = "") -> Answered:
    """Let somebody say yes or no, as the command does."""
    name = room.found(number).id

    def work(tx: SqlTx) -> Answered:
        made = Answer(tx, room.site, ids=room.ids, now=room.now(), actor="person:dana")
        return made.accept(name, person) if word == "accept" else made.decline(name, person)

    return room.store.write(work)


def test_it_is_offered_with_a_note_and_room_is_kept(room: DeskRoom, number: int) -> None:
    """Dana is asked: Lucia keeps it, Dana's room counts it, and its clock runs on."""
    way = room.way(number)
    assert [(each.to, each.asked) for each in way.offers] == [("dana", "candidate")]
    assert (way.person, room.shown(number)[0]) == ("lucia", "9001")
    with room.store.read() as tx:
        assert {use.person: use.count for use in tx.ways.use(room.now())} == {"lucia": 1, "dana": 1}
        (due,) = {row.instance.due for row in tx.clocks.rows(way.ticket_id)}
    room.settle_all()
    said = [str(each.detail) for each in room.zendesk.effects.all(kind="comment") if each.remote_id == str(number)]
    assert len([each for each in said if "dana, please take this ticket over from lucia" in each]) == 1
    answer(room, number, "accept")
    room.settle_all()
    with room.store.read() as tx:
        assert {row.instance.due for row in tx.clocks.rows(way.ticket_id)} == {due}


def test_accepting_by_the_command_moves_it_in_every_desk(room: DeskRoom, number: int) -> None:
    """Dana has it, in Zendesk and in RT; the trail says who accepted; nothing is reserved any more."""
    assert answer(room, number, "accept", "dana").owner == "lucia"
    room.settle_all()
    assert (room.shown(number), room.copy(number)) == (("9003", "3602"), ("agent2", "Escalations"))
    assert [each["to"] for each in room.trail(number, "handoff accepted")] == ["dana"]
    assert (room.way(number).person, room.way(number).offers, len(room.way(number).hops)) == ("dana", (), 1)
    with room.store.read() as tx:
        assert {use.person: use.count for use in tx.ways.use(room.now())} == {"dana": 1}
        assert tx.ways.offered(5) == []
    with pytest.raises(NotFoundError, match="offered to nobody"):
        answer(room, number, "accept")


def test_accepting_is_to_assign_it_to_oneself_at_a_desk(room: DeskRoom, number: int) -> None:
    """The assignee changes in Zendesk: that is accepted, and no override."""
    room.zendesk.act("set", ticket_id=number, assignee_id=9003)
    room.settle()
    assert [each["to"] for each in room.trail(number, "handoff accepted")] == ["dana"]
    assert room.trail(number, "assignment overridden") == []
    assert room.way(number).person == "dana"


def test_who_says_nothing_or_no_gives_way_to_the_next_then_the_manager(room: DeskRoom, number: int) -> None:
    """After a quarter of an hour the next is asked; who declines is not waited for; last, once, the manager."""
    room.later(minutes=14)
    assert [each.to for each in room.way(number).offers] == ["dana"]
    room.later(minutes=1)
    assert [each.to for each in room.way(number).offers] == ["dana", "noah"]
    answer(room, number, "decline", "noah")
    room.later(seconds=1)
    assert [(each.to, each.asked) for each in room.way(number).offers][2:] == [("eva", "manager")]
    room.later(hours=2)
    assert len(room.way(number).offers) == 3
    assert room.way(number).person == "lucia"
    with room.store.read() as tx:
        assert {use.person: use.count for use in tx.ways.use(room.now())} == {"lucia": 1}


def test_what_is_due_after_the_owner_is_back_is_not_offered(store: SqlStore) -> None:
    """Lucia works on it tomorrow."""
    with DeskRoom(store, RULES.replace("default: 12h", "default: 30h"), at="15:00") as room:
        number = room.ticket()
        room.later(minutes=45)
        assert (room.way(number).person, room.way(number).offers) == ("lucia", ())


def test_what_was_passed_on_too_often_is_frozen(room: DeskRoom, number: int) -> None:
    """Three people had it in one cycle: nothing but a person moves it, a note says so, and it lies in the queue."""
    answer(room, number, "accept")
    room.settle()
    for account in (9004, 9001):
        room.zendesk.act("set", ticket_id=number, assignee_id=account)
        room.settle()
    assert len(room.way(number).hops) == 3
    room.zendesk.act("set", ticket_id=number, assignee_id=None)
    room.settle()
    way = room.way(number)
    assert (way.outcome, way.holds, way.wake_at, room.found(number).queue) == ("frozen", False, None, "triage")
    room.later(hours=5)
    assert room.way(number).outcome == "frozen"
    room.settle_all()
    said = [str(each.detail) for each in room.zendesk.effects.all(kind="comment") if each.remote_id == str(number)]
    assert len([each for each in said if "This ticket is frozen for" in each]) == 1
    room.zendesk.act("set", ticket_id=number, assignee_id=9005)
    room.settle()
    assert (room.way(number).person, room.way(number).outcome) == ("eva", "kept")
