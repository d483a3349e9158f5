"""Live tickets are given to people: once, within their capacity, in every linked desk, and never nowhere."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from gateway import crashpoint
from gateway.domain.clock_state import Outcome
from gateway.domain.ticket import Category, Setter
from gateway.flow.plan import Cause
from gateway.flow.routing.placing import placed
from gateway.flow.sla.escalating import Waker
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from gateway.web.console.why import explain_all, explain_last
from tests.flows.desk_room import RULES, DeskRoom
from tests.flows.world import Silent
from tests.rules.making import built_in


@pytest.fixture
def room(store: SqlStore) -> Iterator[DeskRoom]:
    """Give a room of desks, on each database."""
    with DeskRoom(store) as made:
        yield made


def test_the_open_regions_agent_has_it_in_each_linked_desk(room: DeskRoom) -> None:
    """A webhook comes in after hours, in Spanish, about an invoice: Dana has it, in Zendesk and in RT."""
    number = room.ticket()
    room.settle_all()
    assert (room.way(number).person, room.way(number).region) == ("dana", "amer")
    assert room.shown(number) == ("9003", "3602")
    assert room.copy(number) == ("agent2", "Escalations")
    (said,) = room.trail(number, "routed")
    rings = {ring["region"]: ring for ring in said["route"]["rings"]}
    assert rings["emea"]["left_out"] == [{"person": "lucia", "why": "is not on shift"}]
    assert rings["amer"]["candidates"] == ["dana"]
    assert room.found(number).team == "amer-support"


def test_each_answer_is_explained(room: DeskRoom) -> None:
    """The last decision, and every one: who was a candidate, who was not, and why."""
    number = room.ticket()
    room.zendesk.act("set", ticket_id=number, assignee_id=None)
    room.settle()
    name = room.found(number).id
    last = explain_last(room.store, lambda _: room.site.rules, name)
    assert last is not None
    (answer,) = last.routed
    assert answer.route.outcome == "queued"
    assert "  dana: gives it up" in answer.lines
    told = [line for each in explain_all(room.store, lambda _: room.site.rules, name) for line in each.routed]
    assert [each.route.agent for each in told] == ["dana", ""]
    assert "  candidates: dana" in told[0].lines
    assert "  lucia: is not on shift" in told[0].lines


def test_it_is_given_once_whatever_comes_back(room: DeskRoom) -> None:
    """Our own write comes back as webhooks and polls: nothing is given again and nothing written again."""
    number = room.ticket()
    room.settle_all()
    before = room.counts()
    room.zendesk.act("set", ticket_id=number, tags=["seen"])
    room.later(minutes=5)
    assert len(room.trail(number, "routed")) == 1
    assert room.counts()["updates_done"] == before["updates_done"]


def test_who_is_full_gets_no_more_and_who_is_through_gets_the_next(room: DeskRoom) -> None:
    """Two for Dana, the third waits, relaxes to Noah; when one of Dana's is solved the next comes to her."""
    numbers = [room.ticket() for _ in range(3)]
    assert [room.way(each).person for each in numbers] == ["dana", "dana", ""]
    third = room.way(numbers[2])
    assert (third.outcome, third.region) == ("queued", "amer")
    room.later(minutes=10)
    assert room.way(numbers[2]).person == "noah"
    fourth, fifth = room.ticket(), room.ticket()
    assert [room.way(each).outcome for each in (fourth, fifth)] == ["queued", "queued"]
    room.zendesk.act("set", ticket_id=numbers[0], status="solved")
    room.settle()
    room.later(seconds=1)
    assert [room.way(each).person for each in (fourth, fifth)] == ["dana", ""]
    assert not room.way(numbers[0]).holds


def knowing_us(room: DeskRoom) -> None:
    """Let the gateway know which accounts are its own, as it learns them at each desk."""
    known = {}
    for name, each in room.site.connectors.items():
        room.reconciler().poll(name, holder="test")
        with room.store.read() as tx:
            account = tx.desks.get(name).facts["account_id"]
        options = {**each.settings.options, "account_id": account}
        known[name] = built_in().connect(msgspec.structs.replace(each.settings, options=options))
    room.site = msgspec.structs.replace(room.site, connectors=known)


def test_a_new_ticket_that_its_desk_opens_for_its_assignee_is_open_everywhere(store: SqlStore) -> None:
    """Zendesk never lets it be new again: that is the desk's own word, in ours and in the other desk."""
    with DeskRoom(store) as room:
        knowing_us(room)
        number = room.ticket()
        room.settle_all()
        found = room.found(number)
        assert (found.status.category, found.stamps["status"].by) == (Category.OPEN, Setter.DESK)
        assert room.zendesk.records.tickets[number]["status"] == "open"
        assert room.rt.records.tickets[1].status == "open"
        with room.store.read() as tx:
            told = [each.summary for each in tx.view.updates(connection="acme-zendesk")]
        assert not [each for each in told if "status" in each]


def test_a_person_without_an_account_leaves_that_desk_as_it_is(room: DeskRoom) -> None:
    """Noah has none in RT: Zendesk shows him, RT shows nobody, and the trail says why."""
    numbers = [room.ticket() for _ in range(3)]
    room.later(minutes=10)
    room.settle_all()
    assert room.shown(numbers[2]) == ("9004", "3602")
    assert room.copy(numbers[2]) == ("Nobody", "General")
    assert room.trail(numbers[2], "assignment not carried") == [
        {"at": "engineering-rt", "why": "noah has no account there under `people:`"}
    ]
    assert room.way(numbers[2]).left == (("engineering-rt", "noah has no account there under `people:`"),)
    room.zendesk.act("set", ticket_id=numbers[2], assignee_id=9001)
    room.settle_all()
    assert (room.way(numbers[2]).person, room.way(numbers[2]).left) == ("lucia", ())
    assert room.copy(numbers[2]) == ("agent1", "Support")


def test_what_a_person_assigns_stays_and_is_noted(room: DeskRoom) -> None:
    """In Zendesk somebody gives it to Noah: he keeps it, Dana has room again, and no rule takes it back."""
    number = room.ticket()
    room.zendesk.act("set", ticket_id=number, assignee_id=9004)
    room.settle()
    assert (room.way(number).person, room.way(number).outcome) == ("noah", "kept")
    assert room.trail(number, "assignment overridden") == [{"at": "acme-zendesk", "from": "dana", "to": "noah"}]
    room.zendesk.act("set", ticket_id=number, subject="Wrong invoice again")
    room.later(hours=1)
    assert room.way(number).person == "noah"
    with room.store.read() as tx:
        assert [(use.person, use.count) for use in tx.ways.use(room.now())] == [("noah", 1)]


def test_who_is_taken_off_at_one_desk_is_shown_at_none(room: DeskRoom) -> None:
    """Nobody else may have it for now: it waits, and the other desk does not go on naming whoever had it."""
    number = room.ticket()
    room.settle_all()
    assert room.copy(number)[0] == "agent2"
    room.zendesk.act("set", ticket_id=number, assignee_id=None)
    room.settle_all()
    assert room.way(number).outcome == "queued"
    assert (room.shown(number)[0], room.copy(number)[0]) == ("None", "Nobody")


def test_what_a_person_takes_from_somebody_goes_to_another(room: DeskRoom) -> None:
    """Nobody stands there any more: whoever had it is not given it again."""
    room.rules(RULES.replace("billing: 1}", "billing: 2}"))
    number = room.ticket()
    had = room.way(number).person
    room.zendesk.act("set", ticket_id=number, assignee_id=None)
    room.settle()
    other = room.way(number).person
    assert {had, other} == {"dana", "noah"}
    assert room.trail(number, "assignment taken back") == [{"at": "acme-zendesk", "from": had}]


def test_a_ticket_that_is_open_again_goes_to_whoever_had_it(room: DeskRoom) -> None:
    """The sticky path, though another has less in hand."""
    room.rules(RULES.replace("billing: 1}", "billing: 2}"))
    number = room.ticket()
    had = room.way(number).person
    room.zendesk.act("set", ticket_id=number, status="solved")
    room.settle()
    assert (room.way(number).holds, room.way(number).person) == (False, had)
    others = [room.ticket(), room.ticket()]
    assert Counter(room.way(each).person for each in others) == {"dana": 1, "noah": 1}
    room.zendesk.act("comment", ticket_id=number, body="Still wrong", by="customer")
    room.zendesk.act("set", ticket_id=number, status="open")
    room.settle()
    assert (room.way(number).holds, room.way(number).person) == (True, had)
    assert room.way(number).hops == ()


def test_a_deleted_ticket_takes_no_room(room: DeskRoom) -> None:
    """Who had it has room again, and the next one comes to them."""
    numbers = [room.ticket() for _ in range(3)]
    room.zendesk.act("delete", ticket_id=numbers[0])
    room.settle()
    room.later(seconds=1)
    assert room.way(numbers[2]).person == "dana"


def test_a_shift_that_begins_takes_what_waited(store: SqlStore) -> None:
    """At three in the night nobody works: it waits for the region that opens before it is due."""
    with DeskRoom(store, at="03:00") as room:
        number = room.ticket()
        way = room.way(number)
        assert (way.outcome, way.region) == ("queued", "emea")
        room.later(hours=4)
        assert room.way(number).outcome == "queued"
        room.later(hours=1)
        assert room.way(number).person == "lucia"


def test_nobody_in_time_calls_whoever_is_on_call(store: SqlStore) -> None:
    """Due before the next region opens: never to everybody, never nowhere."""
    with DeskRoom(store, RULES.replace("default: 12h", "default: 4h"), at="03:00") as room:
        number = room.ticket()
        assert (room.way(number).person, room.way(number).outcome) == ("eva", "on_call")
        assert room.shown(number)[0] == "9005"


def test_who_goes_on_call_has_what_nobody_could_have(store: SqlStore) -> None:
    """At six nobody is on call; at eight in the evening somebody is, and is called."""
    late = RULES.replace("{person: eva, calendar: always}", "{person: eva, calendar: late}").replace(
        "  always: 24x7\n", '  always: 24x7\n  late: {timezone: UTC, week: {mon-sun: ["20:00-23:00"]}}\n'
    )
    with DeskRoom(store, late.replace("needs: {skills: {billing: 2}, l", "needs: {skills: {x: 1}, l")) as room:
        number = room.ticket()
        room.later(minutes=11)
        assert room.way(number).outcome == "unroutable"
        room.later(hours=1, minutes=50)
        assert (room.way(number).person, room.way(number).outcome) == ("eva", "on_call")


def test_what_is_overdue_is_due(store: SqlStore) -> None:
    """Its promise was broken while nobody was on call: whoever goes on call is called for it all the same."""
    late = RULES.replace("{person: eva, calendar: always}", "{person: eva, calendar: late}").replace(
        "  always: 24x7\n", '  always: 24x7\n  late: {timezone: UTC, week: {mon-sun: ["20:00-23:00"]}}\n'
    )
    late = late.replace("needs: {skills: {billing: 2}, l", "needs: {skills: {x: 1}, l").replace(
        "default: 12h", "default: 1h"
    )
    with DeskRoom(store, late) as room:
        number = room.ticket()
        room.later(minutes=90)
        assert room.way(number).outcome == "unroutable"
        Waker(store=store, site=lambda: room.site, doorbell=Silent(), clock=room.clock, ids=room.ids).wake(seconds=30)
        with store.read() as tx:
            (row,) = tx.clocks.rows(room.way(number).ticket_id)
        assert row.instance.outcome is Outcome.BREACHED
        room.later(minutes=31)
        assert (room.way(number).person, room.way(number).outcome) == ("eva", "on_call")


def test_what_nobody_fits_lies_in_the_fallback_queue_and_says_so(room: DeskRoom) -> None:
    """No route holds: one note, and it is there for whoever looks after the queue."""
    number = room.ticket("Something else")
    room.later(hours=1)
    room.settle_all()
    assert (room.way(number).outcome, room.found(number).queue) == ("unroutable", "triage")
    said = [str(each.detail) for each in room.zendesk.effects.all(kind="comment") if each.remote_id == str(number)]
    assert len([each for each in said if "Nobody can be given this ticket" in each]) == 1


def test_a_route_with_a_queue_leaves_the_choice_to_people(room: DeskRoom) -> None:
    """Its own group, and nobody's name."""
    number = room.ticket("The door")
    room.settle_all()
    assert room.shown(number) == ("None", "3609")
    assert (room.way(number).outcome, room.way(number).wake_at) == ("queued", None)


def test_tickets_from_before_the_routes_are_given_out_as_well(room: DeskRoom) -> None:
    """A site begins to route: what is open counts, and what nobody has is given to somebody."""
    room.rules(RULES.replace("when: {issue: billing}\n    start", "start"))
    rules = room.site
    room.rules(RULES[: RULES.index("classify:")] + RULES[RULES.index("sla:") :], release="before")
    number = room.ticket()
    assert room.found(number).assignee is None
    room.site = rules
    room.later(seconds=1)
    assert room.way(number).person == "dana"
    with room.store.read() as tx:
        assert tx.ways.unknown(5) == []


def test_many_at_once_never_overfill_anybody(room: DeskRoom) -> None:
    """Eight workers give out at the same moment what two people have room for four of."""
    off = RULES[: RULES.index("classify:")] + RULES[RULES.index("sla:") :]
    room.rules(off, release="before")
    for _ in range(8):
        room.zendesk.act("create", subject="Wrong invoice", body="Hola", email="kim@customer.example")
    room.settle()
    room.rules(RULES.replace("billing: 1}", "billing: 2}").replace("when: {issue: billing}\n    start", "start"))
    with room.store.read() as tx:
        names = [line.id for line in tx.view.tickets(limit=20)]
    ready = threading.Barrier(len(names))

    def give(name: str) -> None:
        def work(tx: SqlTx) -> None:
            tx.tickets.hold([name])
            ticket = tx.tickets.get(name)
            assert ticket is not None
            cause = Cause("test", "trace", room.now())
            given = placed(tx, ticket, tx.links.of_ticket(name), site=room.site, cause=cause, ids=room.ids)
            tx.tickets.save(given.ticket)

        ready.wait()
        room.store.write(work)

    threads = [threading.Thread(target=give, args=(name,)) for name in names]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    with room.store.read() as tx:
        use = {each.person: each.count for each in tx.ways.use(room.now())}
        waiting = len(tx.ways.waiting(20))
    assert use == {"dana": 2, "noah": 2}
    assert waiting == len(names) - 4


def test_what_was_solved_while_nothing_was_routed_takes_no_room(room: DeskRoom) -> None:
    """The routes are taken out for a while: when they are back, what is done with is found to be so."""
    routed = room.site
    number = room.ticket()
    room.rules(RULES[: RULES.index("classify:")] + RULES[RULES.index("sla:") :], release="without")
    room.zendesk.act("set", ticket_id=number, status="solved")
    room.settle()
    with room.store.read() as tx:
        assert [use.person for use in tx.ways.use(room.now())] == ["dana"]
    room.site = routed
    room.later(seconds=1)
    with room.store.read() as tx:
        assert tx.ways.use(room.now()) == []


def test_a_duplicate_is_nobodys(room: DeskRoom) -> None:
    """Merged at the desk: its original is worked on, and who had it has room again."""
    first, second = room.ticket(), room.ticket()
    room.zendesk.act("merge", ticket_id=second, into=first)
    room.settle()
    assert room.way(first).holds
    assert not room.way(second).holds
    with room.store.read() as tx:
        assert [(use.person, use.count) for use in tx.ways.use(room.now())] == [("dana", 1)]


def test_in_mode_observe_nothing_is_written(store: SqlStore) -> None:
    """The trail says who would have it, and what would have been written."""
    with DeskRoom(store) as room:
        room.site = msgspec.structs.replace(room.site, mode="observe")
        number = room.ticket()
        assert room.way(number).person == "dana"
        assert room.shown(number) == ("None", "None")
        assert {each["at"] for each in room.trail(number, "withheld")} >= {"acme-zendesk"}


def test_what_is_gone_before_the_routes_is_looked_at_once(room: DeskRoom) -> None:
    """A deleted ticket without a way is not found again with each sweep."""
    routed = room.site
    room.rules(RULES[: RULES.index("classify:")] + RULES[RULES.index("sla:") :], release="before")
    number = room.ticket()
    room.zendesk.act("delete", ticket_id=number)
    room.settle()
    room.site = routed
    assert room.puller.pull(seconds=30) == 1
    assert room.way(number).closed
    with room.store.read() as tx:
        assert tx.ways.unknown(5) == []


class DiedError(BaseException):
    """A sweep ends in the middle, as a SIGKILL ends it for the database."""


def test_a_sweep_that_dies_gives_it_once_in_the_end(room: DeskRoom) -> None:
    """What was not committed was not given: the next sweep gives it, and tells each desk once."""
    numbers = [room.ticket() for _ in range(3)]
    room.moved.ahead += timedelta(minutes=10)

    def die(point: str) -> None:
        if point == "sweep.routing":
            raise DiedError

    crashpoint.arm(die)
    try:
        with pytest.raises(DiedError):
            room.puller.pull(seconds=30)
    finally:
        crashpoint.arm(lambda _: None)
    assert room.way(numbers[2]).outcome == "queued"
    room.later(seconds=1)
    room.settle_all()
    assert room.way(numbers[2]).person == "noah"
    assert [each["route"]["agent"] for each in room.trail(numbers[2], "routed") if "agent" in each["route"]] == ["noah"]
    assert room.shown(numbers[2]) == ("9004", "3602")
