# ruff: noqa: E501 - rule files, and what is said of them
"""Over rosters and arrivals of every kind: nobody is overfilled, nothing waits for ever, the same gives the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.calendar import Calendar
from gateway.domain.presence import Balance, Snapshot, State
from gateway.domain.roster import Agent, Roster, Team
from gateway.domain.shifts import Line
from gateway.domain.ticket import Level, Priority
from rules.conditions import ALWAYS
from rules.routed import Hop, Outcome, Work
from rules.routes import OF_TICKET, REGION_OF_TICKET, Fit, Needs, Relaxation, Route, Routing, Settings
from rules.routing import route
from rules.waiting import Waiting, given_now
from tests.length import length
from tests.rules.making import facts, ticket

MONDAY = datetime(2026, 3, 9, tzinfo=UTC)
REGIONS = ("emea", "amer", "apac")
CALENDARS = {
    "emea": Calendar.from_spec({"timezone": "Europe/Prague", "week": {"mon-fri": ["09:00-12:30", "13:00-17:30"]}}),
    "amer": Calendar.from_spec({"timezone": "America/New_York", "week": {"mon-fri": ["08:00-18:00"]}}),
    "apac": Calendar.from_spec({"timezone": "Australia/Sydney", "week": {"mon-fri": ["09:00-17:00"]}}),
    "": Calendar.from_spec("24x7"),
}
SKILLS = ("billing", "api")
LANGUAGES = ("en", "es", "pt-BR", "zh-Hant")


@st.composite
def agents(draw: st.DrawFn) -> list[Agent]:
    """Return some agents of some regions."""
    found = []
    for number in range(draw(st.integers(1, 8))):
        region = draw(st.sampled_from((*REGIONS, "")))
        found.append(
            Agent(
                person=f"p{number}",
                team=f"team-{region}",
                region=region,
                skills={skill: draw(st.integers(1, 5)) for skill in draw(st.sets(st.sampled_from(SKILLS)))},
                languages=tuple(draw(st.lists(st.sampled_from(LANGUAGES), unique=True))),
                units=draw(st.integers(0, 5)),
                weights=draw(st.sampled_from(({}, {"chat": 2}, {"chat": 3, "email": 2}))),
                hours=CALENDARS[region],
            )
        )
    return found


@st.composite
def routings(draw: st.DrawFn) -> tuple[Routing, list[Agent]]:
    """Return a routing of one route, and its agents."""
    people = draw(agents())
    needs = Needs(
        dict.fromkeys(draw(st.sets(st.sampled_from(SKILLS))), draw(st.integers(1, 5))),
        draw(st.sampled_from(("", OF_TICKET))),
    )
    hard = {skill: 1 for skill in needs.skills if draw(st.booleans())}
    relax = (
        Relaxation(after=600, skills=dict.fromkeys(needs.skills, 1)),
        Relaxation(after=1200, drop="language"),
        *(Relaxation(after=1800, drop=f"skills.{skill}") for skill in needs.skills),
    )
    made = Route(
        name="r", when=ALWAYS, start_in=draw(st.sampled_from(("", REGION_OF_TICKET))), needs=needs,
        hard_skills=hard, relax=draw(st.sampled_from(((), relax))),
    )  # fmt: skip
    rules = Settings(
        balance=draw(st.sampled_from(Balance)), fit=draw(st.sampled_from(Fit)), sticky_owner=86_400,
        neighbours=draw(st.sampled_from(({}, {"pt": ("es",)}))),
    )  # fmt: skip
    return _routing(made, rules, people), people


def _routing(made: Route, rules: Settings, people: list[Agent]) -> Routing:
    teams = [Team(name=name) for name in {each.team for each in people}]
    call = [Line(person="on-call", hours=CALENDARS[""])]
    return Routing((made,), rules, Roster(people, teams, call=call, follow=REGIONS))


@st.composite
def arrivals(draw: st.DrawFn) -> list[Waiting]:
    """Return some tickets that come within a day."""
    found = []
    for number in range(draw(st.integers(1, 12))):
        at = MONDAY + timedelta(minutes=10 * draw(st.integers(0, 144)))
        minutes = draw(st.none() | st.integers(10, 3000))
        due = None if minutes is None else at + timedelta(minutes=minutes)
        made = ticket(
            id=f"t{number}", created_at=at, updated_at=at, channel=draw(st.sampled_from(("email", "chat"))),
            language=draw(st.sampled_from((*LANGUAGES, "und", "pt-PT"))), priority=Priority(draw(st.sampled_from(Level))),
            region=draw(st.sampled_from((*REGIONS, ""))),
        )  # fmt: skip
        found.append(Waiting(facts=facts(made, now=at), work=Work(waiting_since=at, due=due)))
    return found


def overfilled(snapshot: Snapshot) -> list[str]:
    """Return who has more than they can carry."""
    pairs = zip(snapshot.roster.agents, snapshot.used, strict=True)
    return [agent.person for agent, used in pairs if agent.units is not None and used > agent.units]


@pytest.mark.long
@settings(max_examples=length(33, 400), deadline=None)
@given(routings(), arrivals())
def test_nobody_is_overfilled_and_nothing_waits_for_ever(
    made: tuple[Routing, list[Agent]], coming: list[Waiting]
) -> None:
    """Each ticket takes somebody an hour; a week later what is left is what nobody there can ever have."""
    rules, people = made
    snapshot = Snapshot(rules.roster, MONDAY)
    left, queue = list(coming), list[Waiting]()
    running: list[tuple[str, str]] = []
    for tick in range(8 * 24):
        at = MONDAY + timedelta(hours=tick)
        snapshot = snapshot.later(at)
        for agent, channel in running:
            snapshot = snapshot.taken(agent, channel)
        running = []
        queue += [each for each in left if each.facts.ticket.created_at <= at]
        left = [each for each in left if each.facts.ticket.created_at > at]
        for each in list(given_now(rules, queue, snapshot)):
            (waiting,) = (one for one in queue if one.id == each.id)
            queue.remove(waiting)
            if each.routed.outcome is Outcome.ASSIGNED:
                running.append((each.routed.agent, waiting.facts.ticket.channel))
                snapshot = snapshot.given(*running[-1])
                assert snapshot.on_shift & rules.roster.of_person[each.routed.agent]
        assert overfilled(snapshot) == []
        if not queue and not left and not running:
            break
    for waiting in queue:
        routed = route(rules, waiting.facts, Snapshot(rules.roster, snapshot.at), waiting.work)
        assert routed.outcome in {Outcome.UNROUTABLE, Outcome.ON_CALL, Outcome.QUEUED}
        assert not any(_could(rules, agent, waiting) for agent in people), routed


def _could(rules: Routing, agent: Agent, waiting: Waiting) -> bool:
    """Say whether somebody could have a ticket when it has waited for as long as any relaxation: asked one by one."""
    made = rules.routes[0]
    if agent.units is None or agent.weight(waiting.facts.ticket.channel) > agent.units:
        return False
    if made.relax:
        return all(agent.skills.get(skill, 0) >= level for skill, level in made.hard_skills.items())
    language = waiting.facts.ticket.language
    spoken = made.needs.language != OF_TICKET or language == "und" or language in agent.languages
    return spoken and all(agent.skills.get(skill, 0) >= level for skill, level in made.needs.skills.items())


@pytest.mark.long
@settings(max_examples=length(33, 400), deadline=None)
@given(routings(), arrivals(), st.randoms(use_true_random=False), st.integers(0, 7 * 24 * 6))
def test_the_same_gives_the_same_in_whatever_order(
    made: tuple[Routing, list[Agent]], coming: list[Waiting], chosen: object, tick: int
) -> None:
    """Agents, states and tickets are turned round: everybody has what they had."""
    rules, people = made
    at = MONDAY + timedelta(minutes=10 * tick)
    states = {each.person: State(load={"email": number % 3}) for number, each in enumerate(people)}
    turned, other_states, other_queue = list(people), list(states.items()), list(coming)
    for each in (turned, other_states, other_queue):
        chosen.shuffle(each)  # type: ignore[attr-defined]
    others = _routing(rules.routes[0], rules.settings, turned)
    first = list(given_now(rules, coming, Snapshot(rules.roster, at, states)))
    again = list(given_now(others, other_queue, Snapshot(others.roster, at, dict(other_states))))
    assert first == again
    for waiting in coming:
        told = route(rules, waiting.facts, Snapshot(rules.roster, at, states), waiting.work, explain=True)
        plain = route(rules, waiting.facts, Snapshot(rules.roster, at, states), waiting.work)
        assert (told.outcome, told.agent, told.region, told.flags) == (
            plain.outcome,
            plain.agent,
            plain.region,
            plain.flags,
        )


@pytest.mark.long
@settings(max_examples=length(33, 400), deadline=None)
@given(routings(), arrivals(), st.integers(0, 6))
def test_a_ticket_that_is_passed_on_stops_at_the_limit(
    made: tuple[Routing, list[Agent]], coming: list[Waiting], most: int
) -> None:
    """However often it is given up: never to the same person twice, and no oftener than a site allows."""
    rules, people = made
    limited = Routing(rules.routes, Settings(max_hops=most, sticky_owner=86_400), rules.roster)
    at = MONDAY + timedelta(hours=15)
    had: list[str] = []
    hops: list[Hop] = []
    for _ in range(2 * len(people) + most):
        owner = had[-1] if had else ""
        work = Work(
            owner=owner, passed_on=bool(owner), visited=frozenset(had), hops=tuple(hops), due=coming[0].work.due
        )
        routed = route(limited, coming[0].facts, Snapshot(limited.roster, at), work)
        if routed.outcome not in {Outcome.ASSIGNED, Outcome.ON_CALL}:
            break
        assert routed.agent not in had
        if owner:
            hops.append(Hop(owner, routed.agent, at))
        had.append(routed.agent)
    assert len(hops) <= most
    assert len(had) == len(set(had))


@pytest.mark.long
@settings(max_examples=length(100, 1200), deadline=None)
@given(
    routings(),
    arrivals(),
    st.lists(st.tuples(st.integers(0, 300), st.none() | st.integers(-60, 3000)), min_size=1, max_size=6),
    st.integers(0, 7 * 24 * 6),
)
def test_who_has_waited_longest_and_is_due_first_finds_somebody_where_any_does(
    made: tuple[Routing, list[Agent]], coming: list[Waiting], times: list[tuple[int, int | None]], tick: int
) -> None:
    """So the queue may ask once for all tickets that look for the same people: whoever fits one fits that one."""
    rules, people = made
    at = MONDAY + timedelta(minutes=10 * tick)
    states = {each.person: State(load={"email": number % 5}) for number, each in enumerate(people)}
    snapshot = Snapshot(rules.roster, at, states)

    def asked(waited: int, due: int | None) -> Outcome:
        until = at + timedelta(minutes=due) if due is not None else None
        work = Work(waiting_since=at - timedelta(minutes=waited), due=until)
        return route(rules, coming[0].facts, snapshot, work).outcome

    if any(asked(waited, due) is Outcome.ASSIGNED for waited, due in times):
        first = min((due for _, due in times if due is not None), default=None)
        assert asked(max(waited for waited, _ in times), first) in {Outcome.ASSIGNED, Outcome.ON_CALL}
