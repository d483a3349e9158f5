"""Where other routes would have sent the tickets of the past: what a life under them comes to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Category, Setter, Status
from gateway.flow.routing.simulated import Step, routes, walked
from gateway.system import SystemClock, SystemIds
from rules import RuleSet
from rules.simulate import Promised, TicketHistory, line, read_line, simulate
from tests.rules.making import NOW, rule_set
from tests.rules.routing.making import HOURS, PEOPLE, TEAMS
from tests.rules.test_simulate import Act, live

IDS = SystemIds(SystemClock())
WORDS = """\
classify:
  - {name: invoices, when: {text: {words: [invoice]}}, set: {issue: billing, language: es, region: emea}}
  - {name: others, set: {issue: access}}
"""
ROUTES = """\
routes:
  - name: billing
    when: {issue: billing}
    start_in: ticket.region
    needs: {skills: {billing: 2}, language: ticket.language}
  - {name: rest, needs: {team: amer-support}}
routing: {sticky_owner: 14d, max_hops: 2}
"""
SITE = HOURS + PEOPLE + TEAMS + WORDS + ROUTES
TEXTS = {
    "site": SITE,
    "nothing": WORDS,
    "more": SITE.replace("billing: 2}, l", "billing: 3}, l").replace("amer-support}}\nr", "apac-support}}\nr"),
    "elsewhere": SITE.replace("start_in: ticket.region", "start_in: amer"),
    "queues": SITE.replace("needs: {team: amer-support}", "queue: later").replace("{issue: billing}\n", "{issue: x}\n"),
}
RULES: dict[str, RuleSet] = {name: rule_set(text) for name, text in TEXTS.items()}

acts = st.one_of(
    st.tuples(st.just("title"), st.sampled_from(("an invoice", "a question")), st.just(Setter.DESK)),
    st.tuples(
        st.just("status"),
        st.sampled_from((Category.OPEN, Category.ON_HOLD, Category.RESOLVED)).map(Status),
        st.just(Setter.PERSON),
    ),
    st.tuples(
        st.just("assignee"),
        st.sampled_from((None, "dana", "lucia", "yuki")).map(
            lambda name: RemotePerson(email=f"{name}@acme.example") if name else None
        ),
        st.sampled_from((Setter.PERSON, Setter.DESK)),
    ),
)
lives = st.lists(acts, max_size=6)


def due_in(hours: float | None) -> Any:
    """Return what is due so many hours after the beginning, or never."""
    return lambda _at: None if hours is None else NOW + timedelta(hours=hours)


def lived(name: str, done: Sequence[Act], until: datetime) -> TicketHistory:
    """Let a ticket live under some rules, and go where they send it."""
    rules = RULES[name]
    history = live(rules, done)
    would = simulate(history, rules)
    steps = [
        Step.of(rules.routing, ticket, happened.inputs)
        for happened, ticket in zip(history.decisions, would.tickets, strict=True)
    ]
    went = walked(steps, due=due_in(None), until=until)
    return msgspec.structs.replace(history, promised=Promised(until), went=went)


def differences(past: TicketHistory, name: str) -> list[str]:
    """Return what differs, of a history that went through a file."""
    return [each.what for each in routes(RULES[name], IDS)(simulate(read_line(line(past)), RULES[name]))]


WEEK = NOW + timedelta(days=7)


@pytest.mark.parametrize("name", RULES)
@given(done=lives)
def test_the_same_routes_send_nothing_elsewhere(name: str, done: list[Act]) -> None:
    """Nothing differs from itself."""
    assert differences(lived(name, done, WEEK), name) == []


@given(was=st.sampled_from(sorted(RULES)), would=st.sampled_from(sorted(RULES)), done=lives)
def test_other_routes_send_it_where_a_life_under_them_went(was: str, would: str, done: list[Act]) -> None:
    """Of each thing that differs, what it was and what it would have been."""
    past, right = lived(was, done, WEEK), lived(would, done, WEEK)
    assert past.went is not None
    assert right.went is not None
    told = dict(each.split(": ") for each in differences(past, would))
    for name in ("route", "outcome", "queue"):
        before, after = getattr(past.went, name), getattr(right.went, name)
        nothing = "not routed" if name == "outcome" else "none"
        assert told.get(name) == (f"{before or nothing} → {after or nothing}" if before != after else None)


INVOICE: Act = ("title", "an invoice", Setter.DESK)


def differs(done: Sequence[Act], was: str, would: str) -> list[str]:
    """Return what differs where the text of the site becomes another."""
    RULES["was"], RULES["would"] = rule_set(was), rule_set(would)
    try:
        return differences(lived("was", done, WEEK), "would")
    finally:
        del RULES["was"], RULES["would"]


def test_who_would_have_it_is_told_with_team_and_region() -> None:
    """Where Lucia knows nothing of it, it waits until New York opens, and Dana has it."""
    assert differs([INVOICE], SITE, SITE.replace("billing: 3, api: 1", "api: 1")) == [
        "region: emea → amer",
        "team: emea-support → amer-support",
        "person: lucia → dana",
    ]


def test_what_nobody_could_have_any_more_is_told() -> None:
    """It lies in the fallback queue: nobody learns it in a week."""
    found = differs([INVOICE], SITE, SITE.replace("billing: 2}, l", "billing: 5}, l"))
    assert found == [
        "outcome: assigned → unroutable",
        "region: emea → none",
        "team: emea-support → none",
        "person: lucia → nobody",
        "queue: none → triage",
    ]


def test_another_who_fits_as_well_takes_nothing_away() -> None:
    """Only the sharing of work chooses between the two: what they had in hand then is not known."""
    anna = "people:\n  anna: {email: anna@acme.example, languages: [es]}"
    more = SITE.replace("people:", anna).replace(
        "agents:", "agents:\n  - {person: anna, team: emea-support, skills: {billing: 3}}"
    )
    assert differs([INVOICE], SITE, more) == []
    gone = more.replace(
        "person: lucia, team: emea-support, skills: {billing: 3", "person: lucia, team: apac-support, skills: {x: 3"
    )
    assert differs([INVOICE], SITE, gone) == ["person: lucia → anna"]


def test_what_a_person_assigned_stays() -> None:
    """Whoever the routes would have chosen: a person outranks them."""
    given_: Act = ("assignee", RemotePerson(email="yuki@acme.example"), Setter.PERSON)
    assert differs([INVOICE, given_], SITE, SITE.replace("billing: 3, api: 1", "api: 1")) == []


def test_a_site_that_begins_to_route_sends_every_ticket_somewhere() -> None:
    """Before, nobody was chosen."""
    assert differs([INVOICE], WORDS, SITE) == [
        "route: none → billing",
        "outcome: not routed → assigned",
        "region: none → emea",
        "team: none → emea-support",
        "person: nobody → lucia",
    ]
