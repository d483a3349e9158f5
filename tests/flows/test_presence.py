"""Routing gives nothing to people whom a desk shows as away, or who were sent away, and hears when they are back."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from connectors.testing.faults import FaultKind
from gateway.domain.availability import Absence, AgentState
from gateway.flow.agents import AgentReader, agents_due
from gateway.flow.routing.counting import available
from gateway.flow.sweep import Sweeper
from gateway.ports import DeskState
from gateway.store import SqlStore
from tests.flows.desk_room import RULES, DeskRoom
from tests.flows.world import Silent

EVERY = timedelta(minutes=1)
#: Dana and Noah fit, and nobody else is there
BOTH = RULES.replace("skills: {billing: 1}, capacity: 2}", "skills: {billing: 2}, capacity: 2}")


class StaffedRoom(DeskRoom):
    """The room, in which the desks are asked who is there."""

    def __init__(self, store: SqlStore, rules: str = BOTH) -> None:
        super().__init__(store, rules)
        for connector in self.site.connectors.values():
            connector.settings = msgspec.structs.replace(connector.settings, agents_every=EVERY)
        for name, number in (("lucia", 9001), ("dana", 9003), ("noah", 9004), ("eva", 9005)):
            self.zendesk.act("agent", email=f"{name}@acme.example", name=name, user_id=number)

    def reader(self) -> AgentReader:
        """Return a fresh reader."""
        return AgentReader(store=self.store, site=self.site, transport=self.transport, clock=self.clock, ids=self.ids)

    def look(self) -> int:
        """Ask the desks whose time it is."""
        return self.reader().read_due(holder="test", seconds=30)

    def shows(self, number: int, status: str) -> None:
        """Let Zendesk show somebody so, and be asked."""
        self.zendesk.act("status", user_id=number, status=status)
        self.moved.ahead += EVERY
        self._follow_time()
        self.look()

    def why(self, person: str) -> str:
        """Return why somebody is given nothing."""
        with self.store.read() as tx:
            found = available(tx, self.now()).get(person)
        return found.why if found is not None else ""


@pytest.fixture
def room(store: SqlStore) -> Iterator[StaffedRoom]:
    """Give a room of desks that are asked who is there, on each database."""
    with StaffedRoom(store) as made:
        yield made


def test_who_is_away_at_a_desk_is_given_nothing_and_the_trace_says_so(room: StaffedRoom) -> None:
    """Dana would have had it; Noah has it. When Dana is back, she has the next."""
    room.shows(9003, "away")
    number = room.ticket()
    assert room.way(number).person == "noah"
    (said,) = room.trail(number, "routed")
    left = {each["person"]: each["why"] for ring in said["route"]["rings"] for each in ring["left_out"]}
    assert left["dana"].startswith("is not accepting (away at acme-zendesk since 20")
    room.shows(9003, "online")
    assert room.way(room.ticket()).person == "dana"


def test_nobody_there_lets_a_ticket_wait_and_who_comes_back_pulls_it(room: StaffedRoom) -> None:
    """Both are at lunch: nobody is called for what is not urgent, and the queue moves when one is back."""
    room.shows(9003, "offline")
    room.shows(9004, "away")
    number = room.ticket()
    assert (room.way(number).outcome, room.way(number).holds) == ("queued", False)
    room.later(seconds=5)
    assert room.way(number).person == ""
    room.shows(9004, "online")
    room.later(seconds=1)
    assert room.way(number).person == "noah"


def test_with_little_time_left_somebody_on_call_has_it(room: StaffedRoom) -> None:
    """On call is who is not at a desk, so offline does not count; who was sent away by hand is not called."""
    room.rules(BOTH.replace("default: 12h", "default: 3h"))
    for number in (9003, 9004, 9005):
        room.shows(number, "offline")
    number = room.ticket()
    assert (room.way(number).outcome, room.way(number).person) == ("on_call", "eva")
    room.store.write(lambda tx: tx.staff.leave(Absence("eva", room.now())))
    assert room.way(room.ticket()).outcome == "unroutable"


def test_a_desk_that_does_not_answer_keeps_nobody_from_work(room: StaffedRoom) -> None:
    """What was heard counts for three looks; then everybody is as their shifts have them, and the queue moves."""
    room.shows(9003, "away")
    room.shows(9004, "away")
    number = room.ticket()
    room.zendesk.fault(FaultKind.ERROR_WITHOUT_EFFECT, path="/api/v2/users", count=None)
    for _ in range(2):
        room.later(minutes=1)
        assert room.look() == 1
        assert room.way(number).person == ""
    room.later(minutes=1, seconds=1)
    assert room.way(number).person == "dana"
    with room.store.read() as tx:
        (read, _) = tx.staff.reads()
    assert (read.connection, read.trouble) == ("acme-zendesk", "TransportError")
    assert read.fresh_until is None


def test_a_suspended_account_is_no_candidate_whoever_it_is(room: StaffedRoom) -> None:
    """Suspended in one desk, disabled in the other, or not there any more: nothing could be assigned to them."""
    # Lucia comes to work before it is due: nobody has to be called
    room.rules(BOTH.replace("default: 12h", "default: 40h"))
    room.look()
    room.zendesk.act("agent", email="noah@acme.example", suspended=True)
    room.rt.act("disable", login="agent2")
    room.later(minutes=1)
    assert room.look() == 2
    assert room.why("noah").startswith("account 9004 is deactivated at acme-zendesk since 20")
    assert room.why("dana").startswith("account agent2 is deactivated at engineering-rt since 20")
    number = room.ticket()
    assert room.way(number).person == ""
    room.rt.act("disable", login="agent2", disabled=False)
    room.later(minutes=1)
    room.look()
    room.later(seconds=1)
    assert room.way(number).person == "dana"
    room.zendesk.act("gone", user_id=9003)
    room.later(minutes=1)
    room.look()
    assert room.why("dana").startswith("account 9003 is deactivated at acme-zendesk")


def test_that_everybody_has_gone_at_once_is_not_believed(room: StaffedRoom) -> None:
    """Our account there sees less than before: nobody is deactivated for that."""
    room.shows(9003, "away")
    for number in (9001, 9003, 9004, 9005):
        room.zendesk.act("gone", user_id=number)
    room.later(minutes=1)
    assert room.look() == 1
    assert room.why("dana").startswith("away at")
    with room.store.read() as tx:
        assert [read.trouble for read in tx.staff.reads()] == ["NobodyListedError", ""]
    room.later(minutes=2)
    assert {room.why(name) for name in ("lucia", "dana", "noah", "eva")} == {""}


def test_sticky_waits_for_nobody_who_is_away(room: StaffedRoom) -> None:
    """A reopened ticket goes back to who had it, unless they are away: then to their team."""
    number = room.ticket()
    assert room.way(number).person == "dana"
    room.settle_all()
    room.zendesk.act("set", ticket_id=number, status="solved")
    room.settle()
    room.shows(9003, "away")
    room.zendesk.act("set", ticket_id=number, status="open")
    room.settle()
    assert room.way(number).person == "noah"
    assert room.trail(number, "routed")[-1]["route"]["reason"] == "dana had it before, and is of this team"


def test_who_is_sent_away_by_hand_is_back_when_the_time_is_over(room: StaffedRoom) -> None:
    """RT knows no presence: a person says it, until a moment or until they say otherwise."""
    with room.store.read() as tx:
        assert not tx.staff.is_news(room.now())
    until = room.now() + timedelta(hours=1)
    for name, end in (("dana", until), ("noah", None)):
        room.store.write(lambda tx, name=name, end=end: tx.staff.leave(Absence(name, room.now(), end, "eva")))  # type: ignore[misc]
    number, other = room.ticket(), room.ticket()
    third = room.ticket()
    assert {room.way(each).person for each in (number, other, third)} == {""}
    room.later(minutes=59)
    assert room.way(number).person == ""
    room.later(minutes=1, seconds=1)
    assert [room.way(each).person for each in (number, other, third)] == ["dana", "dana", ""]
    room.store.write(lambda tx: tx.staff.come_back("noah", room.now()))
    room.later(seconds=1)
    assert room.way(third).person == "noah"
    with room.store.read() as tx:
        assert not tx.staff.is_news(room.now())
        assert tx.staff.absences() == []


def test_a_desk_is_asked_when_it_is_due_and_kept_from_no_one_else(room: StaffedRoom) -> None:
    """Not while it wants to be left alone, not twice at once, and only where somebody is routed to."""
    with room.store.read() as tx:
        assert agents_due(tx, room.site, tx.desks.all(), room.now()) == ["acme-zendesk", "engineering-rt"]
    room.store.write(lambda tx: tx.leases.acquire("agents:engineering-rt", "another", 60))
    assert room.look() == 1
    room.zendesk.fault(FaultKind.THROTTLE, path="/api/v2/users", seconds=300)
    room.later(minutes=1)
    room.look()
    room.later(minutes=1)
    with room.store.read() as tx:
        assert "acme-zendesk" not in agents_due(tx, room.site, tx.desks.all(), room.now())
        unrouted = msgspec.structs.replace(room.site, rules=type(room.site.rules)())
        assert agents_due(tx, unrouted, {}, room.now()) == []


def test_only_the_sites_own_people_are_kept(room: StaffedRoom) -> None:
    """Of other agents nothing is stored, of ours no address; who is named by no account is known by their address."""
    room.rules(BOTH.replace('accounts: {acme-zendesk: "9004"}', "accounts: {}"))
    room.zendesk.act("agent", email="stranger@acme.example", user_id=9999)
    room.look()
    with room.store.read() as tx:
        found = {(each.connection, each.account_id): each.person for each in tx.staff.known(room.now())}
    assert found == {
        ("acme-zendesk", "9001"): "lucia", ("acme-zendesk", "9003"): "dana", ("acme-zendesk", "9004"): "noah",
        ("acme-zendesk", "9005"): "eva", ("engineering-rt", "agent1"): "lucia", ("engineering-rt", "agent2"): "dana",
    }  # fmt: skip
    room.rules(BOTH.replace("noah", "nora"))
    room.later(minutes=1)
    room.look()
    with room.store.read() as tx:
        people = [each.person for each in tx.staff.known(room.now()) if each.account_id == "9004"]
        states = {each.state for each in tx.staff.known(room.now())}
    assert people == ["nora"]
    assert states == {AgentState.UNKNOWN}


def test_the_sweep_rings_when_a_desk_is_to_be_asked(room: StaffedRoom) -> None:
    """Also where nothing else is polled; and not before it is time again."""
    for name, connector in room.site.connectors.items():
        connector.settings = msgspec.structs.replace(connector.settings, reconcile_every=None)
        room.store.write(lambda tx, name=name: tx.desks.save(DeskState(name, facts={"account_id": "1"})))  # type: ignore[misc]
    sweeper = Sweeper(store=room.store, site=lambda: room.site, doorbell=Silent(), clock=room.clock, holder="me")
    assert sweeper.sweep() == ("reconcile",)
    assert room.look() == 2
    assert sweeper.sweep() == ()
    room.moved.ahead += EVERY
    assert sweeper.sweep() == ("reconcile",)
