"""Forecasts over random rosters and arrivals: what routing promises holds at every instant of a simulated fortnight."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.presence import Snapshot
from gateway.domain.roster import Agent, Roster, Team
from gateway.domain.shifts import Line
from gateway.flow.forecast.arrivals import Arrival, Load, arrivals
from gateway.flow.forecast.behaviour import Behaviour
from gateway.flow.forecast.job import Job
from gateway.flow.forecast.making import Asked, forecast
from gateway.flow.forecast.mix import mix_of
from gateway.flow.forecast.result import Forecast
from gateway.flow.forecast.run import Course
from gateway.flow.forecast.tally import How
from gateway.ports.ways import Way
from rules.conditions import ALWAYS
from rules.decide import RuleSet
from rules.routes import OF_TICKET, REGION_OF_TICKET, Needs, Relaxation, Route, Routing, Settings
from tests.rules.making import rule_set
from tests.rules.routing.test_properties import CALENDARS, MONDAY, REGIONS, agents, overfilled

PROMISES = """\
calendars:
  always: 24x7
sla:
  - name: all
    calendar: always
    targets: {first_response: {P1: 1h, default: 12h}, resolution: {P1: 6h, default: 60h}}
    pause_when: {status: pending_customer}
"""
#: Sunday, 29 March 2026: the clocks of Prague go forward
BEGIN, END = MONDAY + timedelta(days=14), MONDAY + timedelta(days=21)
_BASE = rule_set(PROMISES)


@st.composite
def sites(draw: st.DrawFn, *, promised: bool = True) -> RuleSet:
    """Return rules with people of several regions, a manager and somebody on call."""
    people: list[Agent] = draw(agents())
    relax = (Relaxation(after=600, skills={"billing": 1}), Relaxation(after=1200, drop="language"),
             Relaxation(after=1800, drop="skills.billing"))  # fmt: skip
    route = Route(
        name="r", when=ALWAYS, start_in=draw(st.sampled_from(("", REGION_OF_TICKET))),
        needs=Needs({"billing": draw(st.integers(1, 4))}, draw(st.sampled_from(("", OF_TICKET)))),
        relax=draw(st.sampled_from(((), relax))),
    )  # fmt: skip
    teams = [Team(name=name, region=name.removeprefix("team-"), manager="boss")
             for name in sorted({each.team for each in people})]  # fmt: skip
    roster = Roster(people, teams, call=[Line(person="duty", hours=CALENDARS[""])], follow=REGIONS)
    chosen = Settings(
        sticky_owner=14 * 86_400, max_hops=draw(st.integers(0, 3)),
        handoff_before_shift_end=draw(st.sampled_from((1800, 7200))),
        no_return_within=draw(st.sampled_from((3600, 86_400))),
    )  # fmt: skip
    return with_routing(Routing((route,), chosen, roster), promised=promised)


def with_routing(routing: Routing, *, promised: bool = True) -> RuleSet:
    """Return rules with a routing, and promises where they are wanted."""
    if not promised:
        return RuleSet(routing=routing)
    return RuleSet(policies=_BASE.policies, calendars=_BASE.calendars, sections=_BASE.sections, routing=routing)


def coming(rules: RuleSet, tickets: int, seed: int) -> list[Arrival]:
    """Return tickets that come in one week."""
    return list(arrivals(Load(tickets=tickets, begin=BEGIN, end=END, seed=seed), mix_of(rules, ["zen"]), rules))


class Watched(Course):
    """A course that is looked at after each event."""

    def __init__(self, rules: RuleSet, seed: int) -> None:
        behaviour = Behaviour(reopens=20, accepts=70)
        super().__init__(rules, begin=BEGIN, end=END, until=END + timedelta(days=28), seed=seed, behaviour=behaviour)
        self.ended: list[Way] = []
        self.offered = 0

    def _happen(self, *event: Any) -> None:
        super()._happen(*event)
        self.look()

    def _arrive(self, arrival: Arrival) -> None:
        super()._arrive(arrival)
        self.look()

    def _give_out(self) -> None:
        super()._give_out()
        self.look()

    def _end(self, job: Job) -> None:
        self.ended.append(job.way)
        super()._end(job)

    def look(self) -> None:
        """See that nobody has more than they can carry, and that what they carry is what they have."""
        snapshot: Snapshot = self.hands.snapshot()
        assert overfilled(snapshot) == []
        for place, agent in enumerate(snapshot.roster.agents):
            mine = [job for job in self.jobs.values() if job.way.holds and job.way.person == agent.person]
            kept = [name for name, person in self.hands._kept.items() if person == agent.person]
            channels = [job.ticket.channel for job in mine] + [self.jobs[name].ticket.channel for name in kept]
            assert snapshot.used[place] == sum(agent.weight(channel) for channel in channels)


@settings(max_examples=12, deadline=None)
@given(sites(), st.integers(1, 60), st.integers(0, 10_000))
def test_nobody_is_overfilled_and_everybody_is_served(rules: RuleSet, tickets: int, seed: int) -> None:
    """At every instant nobody has too much; each ticket is taken by somebody, or by whoever is on call."""
    course = Watched(rules, seed)
    tally = course.run(coming(rules, tickets, seed), lambda _done: None)
    assert not course.jobs
    assert tally.tickets == tickets
    assert sum(tally.how.values()) == tickets + tally.numbers["reopened"]
    assert not {How.WAITING, How.FALLBACK, How.LEFT, How.FROZEN} & set(tally.how)
    assert tally.numbers["solved"] == sum(tally.how.values())
    for way in course.ended:
        limits(way, rules.routing.settings)


def limits(way: Way, settings_: Settings) -> None:
    """See that a ticket was not passed on too often, and never back and forth."""
    assert len(way.hops) - way.hops_before <= settings_.max_hops
    for place, hop in enumerate(way.hops):
        for later in way.hops[place + 1 :]:
            if later.taker == hop.giver:
                assert later.at - hop.at >= timedelta(seconds=settings_.no_return_within)


@settings(max_examples=12, deadline=None)
@given(sites(promised=False), st.integers(1, 40), st.integers(0, 10_000))
def test_what_nobody_has_in_the_end_nobody_could_have(rules: RuleSet, tickets: int, seed: int) -> None:
    """Without promises nobody is called: only what nobody there can ever have lies in the fallback queue, or waits."""
    course = Watched(rules, seed)
    tally = course.run(coming(rules, tickets, seed), lambda _done: None)
    assert How.ON_CALL not in tally.how
    (route,) = rules.routing.routes
    for _, language, _ in tally.never:
        for agent in rules.routing.roster.agents:
            room = agent.units is None or agent.units >= max(agent.weight(each) for each in ("email", "chat"))
            knows = bool(route.relax) or agent.skills.get("billing", 0) >= route.needs.skills["billing"]
            speaks = bool(route.relax) or not route.needs.language or language in (*agent.languages, "und")
            assert not (room and knows and speaks), agent


@settings(max_examples=5, deadline=None)
@given(sites(), st.integers(1, 40), st.integers(0, 10_000))
def test_the_same_seed_gives_the_same_forecast(rules: RuleSet, tickets: int, seed: int) -> None:
    """Also when people are written in another order."""
    asked = Asked(begin=BEGIN, end=END, seed=seed)
    first = forecast(rules, asked, coming(rules, tickets, seed))
    known = rules.routing.roster
    turned = Roster(reversed(known.agents), reversed(list(known.teams.values())), call=known.call, follow=known.follow)
    other = with_routing(Routing(rules.routing.routes, rules.routing.settings, turned))
    again = forecast(other, asked, coming(rules, tickets, seed))
    assert plain(first) == plain(again)


def plain(found: Forecast) -> Any:
    """Return a forecast as a program reads it."""
    return msgspec.to_builtins(found)


def test_another_seed_gives_another_forecast() -> None:
    """So that the one before says something."""
    rules = with_routing(Routing((Route(name="r", when=ALWAYS),), Settings(), _roster()))
    asked = Asked(begin=BEGIN, end=END)
    told: list[int] = []
    first, other = (forecast(rules, asked, coming(rules, 40, seed), told.append) for seed in (1, 2))
    assert plain(first) != plain(other)
    # and how far it is: each ticket half when it comes, half when it goes
    assert told == [half // 2 for half in range(1, 81)] * 2


def _roster() -> Roster:
    agent = Agent(person="p", team="t", region="emea", units=2, hours=CALENDARS["emea"])
    return Roster([agent], [Team(name="t", region="emea")])
