"""The queue of a forecast: it gives out what the queue of live tickets would, in the same order, to the same people."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.presence import Snapshot, State
from gateway.domain.roster import Agent
from gateway.flow.forecast.lineup import Lineup, edges
from gateway.flow.routing.waking import by_time
from gateway.ports.ways import Way
from rules.fields import Facts
from rules.routed import Outcome, Routed, Work
from rules.routes import Routing
from rules.waiting import Waiting, given_now
from tests.rules.making import facts, ticket
from tests.rules.routing.test_properties import MONDAY, arrivals, routings


def known_at(waiting: Waiting, now: datetime) -> Waiting:
    """Return what waits, asked at another instant."""
    facts = Facts(waiting.facts.ticket, waiting.facts.ticket, waiting.facts.links, now)
    return Waiting(facts=facts, work=waiting.work)


def put(lineup: Lineup, rules: Routing, waiting: Waiting, now: datetime) -> None:
    """Let a ticket wait from when it came, and look at it whenever something is another matter for it."""
    at = waiting.facts.ticket.created_at
    way = Way(ticket_id=waiting.id, waiting_since=waiting.work.waiting_since, due=waiting.work.due)
    while at <= now:
        each = known_at(waiting, at)
        lineup.put(each, Snapshot(rules.roster, at))
        queued = Routed(Outcome.QUEUED, "")
        moments = [*by_time(rules, each.facts, way, queued, at), *edges(each.work, rules.settings, at)]
        if not moments:
            return
        at = min(moments)


@settings(max_examples=50, deadline=None)
@given(routings(), arrivals(), st.integers(0, 3 * 24 * 6), st.integers(0, 4))
def test_it_gives_out_what_the_live_queue_gives_out(
    made: tuple[Routing, list[Agent]], coming: list[Waiting], tick: int, busy: int
) -> None:
    """Whatever waits, and for however long: the same tickets in the same order to the same people."""
    rules, people = made
    now = MONDAY + timedelta(minutes=10 * tick)
    here = [known_at(each, now) for each in coming if each.facts.ticket.created_at <= now]
    states = {each.person: State(load={"email": min(busy, each.units or 0)}) for each in people[::2]}
    wanted = [(each.id, each.routed.agent) for each in given_now(rules, here, Snapshot(rules.roster, now, states))]
    lineup = Lineup(rules, MONDAY)
    for each in here:
        put(lineup, rules, each, now)
    by_id = {each.id: each for each in here}
    snapshots = [Snapshot(rules.roster, now, states)]
    found = []
    for name, routed in lineup.given(lambda: snapshots[-1], lambda each: by_id[each.id]):
        found.append((name, routed.agent))
        snapshots.append(snapshots[-1].given(routed.agent, by_id[name].facts.ticket.channel))
    # nobody has to come to be called: in a forecast that is a matter of time, and each ticket is looked at when it is
    assert [each for each in found if each[1] != "on-call"] == [each for each in wanted if each[1] != "on-call"]
    assert len(lineup) == len(here) - len(found)


def test_a_ticket_waits_once() -> None:
    """One that is put again stands in its new place only; one that is taken stands nowhere."""
    rules, waiting = Routing(), known_at(_one(), MONDAY)
    lineup = Lineup(rules, MONDAY)
    lineup.put(waiting, Snapshot(rules.roster, MONDAY))
    lineup.put(waiting, Snapshot(rules.roster, MONDAY + timedelta(hours=5)))
    assert len(lineup) == 1
    lineup.take(waiting.id)
    lineup.take("nobody knows it")
    assert len(lineup) == 0


def _one() -> Waiting:
    return Waiting(facts=facts(ticket(created_at=MONDAY), now=MONDAY), work=Work(waiting_since=MONDAY))
