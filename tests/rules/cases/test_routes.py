# ruff: noqa: E501 - whole cases
"""Where a case expects a ticket to go: each part of it holds where it should, and fails where it should not."""

from __future__ import annotations

import pytest

from gateway.flow.rehearse import rehearse
from gateway.flow.rehearsed import rehearsed_desks
from rules import Problem
from rules.cases import Outcome, Result, Words, load_cases, run_cases
from tests.rules.cases.making import GATEWAY, one
from tests.rules.making import installed, site
from tests.rules.routing.making import SITE

SLA = """
sla:
  - {name: incidents, when: {priority: P1}, calendar: always, targets: {first_response: 1h}}
  - {name: rest, calendar: always, targets: {first_response: 3d}}
"""
GROUPS = SITE.replace("region: emea, manager: eva}", "region: emea, manager: eva, accounts: {zen: emea-group}}")
#: a Tuesday on which Prague has just closed
TICKET = "{source: zen, channel: email, issue: billing, language: es, region: emea, priority: P3}"


def problems(case: str) -> tuple[Problem, ...]:
    """Return what is wrong with a case."""
    return load_cases({"rules/a.cases.yaml": case}, Words.of(site(SITE + SLA, GATEWAY, installed())))[1]


def written(
    expect: str, then: str = "[]", agents: str = "{}", ticket: str = TICKET, at: str = "2026-03-10T18:05+01:00"
) -> str:
    """Return a file with one case."""
    given = f"      at: {at}\n      agents: {agents}\n      ticket: {ticket}\n      then: {then}\n"
    return f"cases:\n  - name: it\n    given:\n{given}    expect: {expect}\n"


def run(
    expect: str, then: str = "[]", agents: str = "{}", ticket: str = TICKET, at: str = "2026-03-10T18:05+01:00"
) -> Result:
    """Run one case."""
    here = site(GROUPS + SLA, GATEWAY, installed())
    words = Words.of(here)
    files, wrong = load_cases({"rules/a.cases.yaml": written(expect, then, agents, ticket, at)}, words)
    assert wrong == (), wrong
    desks = rehearsed_desks(here, installed())
    (found,) = run_cases(files[0].cases, words, lambda given: rehearse(given, here.rules, desks)).results
    return found


FULL = "{dana: {load: 10}}"
BOTH_FULL = "{dana: {load: 10}, noah: {load: {email: 10}}}"
PAIRS = [
    ("rule: billing", "rule: rest", "[]", "{}", "billing: dana has it"),
    ("agent: dana", "agent: noah", "[]", "{}", "noah: has billing 1, and 2 is asked"),
    ("region: amer", "region: emea", "[]", "{}", "lucia, marek: is not on shift"),
    ("team: amer-support", "team: amer-suport", "[]", "{}", "there is no team 'amer-suport'; did you mean 'amer-support'?"),
    ("flags: []", "flags: [translate]", "[]", "{}", "dana has it"),
    ("outcome: assigned", "outcome: queued", "[]", "{}", "dana has it"),
    ("queue: null", "queue: triage", "[]", "{}", "dana has it"),
    ("agent: null, outcome: queued", "agent: dana", "[]", FULL, "dana: is full: 10 of 10 in use, and it takes 1"),
    ("until: 2026-03-10T17:15Z", "until: 2026-03-10T17:16Z", "[]", FULL, "it waits"),
    ("agent: noah", "agent: null", "[{after: 10m, title: still there}]", FULL, "noah has it"),
    ("agent: null", "agent: noah", "[{after: 9m, title: still there}]", FULL, "it waits"),
    ("outcome: on_call, agent: eva", "outcome: queued", "[{after: 1m, priority: P1}]", BOTH_FULL, "eva is on call"),
    ("outcome: queued, region: amer", "region: apac", "[]", BOTH_FULL, "everybody in amer who fits is full"),
    ("agent: marek, outcome: kept", "agent: dana", "[{after: 1h, assignee: marek}]", "{}", "a person assigned it to marek"),
    ("rule: rest", "rule: billing", "[{after: 1h, issue: access}]", "{}", "rest: "),
    # solved and open again a day later, when Prague is open: still hers
    ("agent: dana", "agent: lucia", "[{after: 1h, status: resolved}, {after: 22h, status: open}]", "{}", "dana had it before"),
    ("agent: dana", "agent: noah", "[{after: 20h, title: more}]", "{}", "dana has it"),
    # whoever has it keeps it until there is somebody else, as live
    ("agent: dana, outcome: assigned", "outcome: queued", "[{after: 1h, language: ja}]", "{}", "dana has it"),
    # a person's word, an end and a new beginning: the router's later word stands against that person's
    (
        "agent: lucia, outcome: assigned", "agent: marek",
        "[{after: 1h, assignee: marek}, {after: 2h, status: resolved}, {after: 22h, status: open}, {after: 22h10m, language: es-MX}]",
        "{}", "lucia has it",
    ),
    # a person puts what waits into a group: it is looked for in that team
    (
        "outcome: queued, region: emea, until: 2026-03-11T08:00Z", "region: amer", "[{after: 5m, queue: emea-group}]",
        FULL, "emea opens in",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("holds", "fails", "then", "agents", "why"), PAIRS)
def test_an_expectation_holds_or_fails_with_the_reason(
    holds: str, fails: str, then: str, agents: str, why: str
) -> None:
    """And names who was no candidate."""
    at = "2026-03-10T17:05+00:00"
    result = run(f"{{route: {{{holds}}}}}", then, agents, at=at)
    assert result.outcome is Outcome.PASSED, result.differences
    failed = run(f"{{route: {{{fails}}}}}", then, agents, at=at)
    assert failed.outcome is Outcome.FAILED
    assert any(why in line for difference in failed.differences for line in difference.why), failed.differences


def test_after_a_step_its_moment_is_judged() -> None:
    """A step in which nothing but time goes by is asked as well."""
    then = "[{after: 9m, expect: {route: {agent: null}}}, {after: 10m, expect: {route: {agent: noah}}}]"
    result = run("{route: {agent: noah}}", then, FULL)
    assert (result.outcome, result.held) == (Outcome.PASSED, 3), result.differences


def test_a_route_is_a_rule_that_a_case_may_name() -> None:
    """As those of the other phases."""
    assert run("{rules: {matched: [billing], not_matched: ['route:rest']}}").outcome is Outcome.PASSED
    assert run("{rules: {matched: ['route:rest']}}").outcome is Outcome.FAILED


def test_where_a_site_has_no_routes_nothing_is_routed() -> None:
    """An expectation of it does not hold."""
    result = one("{source: zen}", "{route: {agent: eva}}")
    assert result.outcome is Outcome.FAILED
    assert result.differences[0].why == ("the site has no routes",)


def test_who_is_no_agent_cannot_have_anything_in_hand() -> None:
    """Said at the name."""
    (problem,) = problems(written("{kind: other}", agents="{danna: {load: 1}}"))
    assert (problem.code, problem.line, problem.column) == ("unknown-person", 5, 16)
    assert problem.hint == "did you mean 'dana'?"
