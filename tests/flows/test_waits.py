"""Measured waits, live: learnt from tickets that waited, and used to let the next region have what cannot wait."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.flow.routing.counting import counted
from gateway.ports.ways import Waited
from gateway.store import SqlStore
from tests.flows.desk_room import RULES, DeskRoom

#: Marek is there and cannot do billing, so that Lucia's region is busy and not full; amer opens at three
BUSY = (
    RULES.replace('emea: {timezone: UTC, week: {mon-fri: ["08:00-16:00"]}}', "emea: 24x7")
    .replace('["14:00-22:00"]', '["15:00-23:00"]')
    .replace("  - {person: dana,", "  - {person: marek, team: emea-support, skills: {api: 1}}\n  - {person: dana,")
    .replace("  noah:  {email", "  marek: {email: marek@acme.example, languages: [es]}\n  noah:  {email")
    .replace("resolution: {default: 12h}", "resolution: {P1: 20m, P2: 100m, default: 12h}")
)


@pytest.fixture
def room(store: SqlStore) -> Iterator[DeskRoom]:
    """Give a room on a Monday at twenty past one."""
    with DeskRoom(store, BUSY, at="13:20") as made:
        yield made


def test_what_was_waited_decides_whether_the_next_ticket_waits(room: DeskRoom) -> None:
    """Five wait for Lucia for ten to fifty minutes: half an hour is expected; what is due in twenty goes to Dana."""
    numbers = [room.ticket() for _ in range(7)]
    assert [room.way(number).outcome for number in numbers] == ["assigned"] * 2 + ["queued"] * 5
    for number in numbers[:5]:
        with room.store.read() as tx:
            assert counted(tx, room.site.rules.routing, room.now()).waits == {}
        room.later(minutes=10)
        room.zendesk.act("set", ticket_id=number, status="solved")
        room.settle()
        room.later(seconds=1)
    with room.store.read() as tx:
        last = tx.ways.waits()
        measured = counted(tx, room.site.rules.routing, room.now()).waits
    assert set(last) == {"emea"}
    assert [round(each.seconds / 600) for each in last["emea"]] == [1, 2, 3, 4, 5]
    assert set(measured) == {"emea"}
    assert (measured["emea"].tickets, round(measured["emea"].seconds / 60)) == (5, 30)
    room.later(hours=1)
    calm = room.ticket()
    assert (room.way(calm).outcome, room.way(calm).region) == ("queued", "emea")
    assert room.way(calm).reason.endswith("(from the last 5 tickets)")
    hasty = room.ticket(priority="urgent")
    way = room.way(hasty)
    assert (way.person, way.region) == ("dana", "amer")
    assert "emea is busy, and expected wait 30m" in way.reason
    assert "(from the last 5 tickets) is more than the " in way.reason


def test_it_goes_to_the_next_region_when_what_is_left_becomes_too_short(room: DeskRoom) -> None:
    """It waits as long as half an hour is in time, and not until it is due."""
    for _ in range(2):
        room.ticket()
    room.later(hours=1, minutes=45)
    last = [Waited(room.now(), 30 * 60)] * 20
    for _ in range(2):
        room.store.write(lambda tx: tx.ways.save_waits("emea", last))
    number = room.ticket(priority="high")
    assert (room.way(number).outcome, room.way(number).region) == ("queued", "emea")
    room.later(minutes=69)
    assert room.way(number).outcome == "queued"
    room.later(minutes=2)
    assert (room.way(number).person, room.way(number).region) == ("dana", "amer")
    (told,) = [each for each in room.trail(number, "routed") if each["route"]["outcome"] == "assigned"]
    assert "(from the last 20 tickets) is more than the " in told["route"]["rings"][0]["too_long"]
