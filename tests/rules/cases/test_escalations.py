"""Escalations in cases: time passes between the steps, and what clocks come to is done at its second."""

from __future__ import annotations

import pytest

from gateway.flow.rehearse import rehearse
from gateway.flow.rehearsed import rehearsed_desks
from rules import load_site
from rules.cases import Words, run_cases
from rules.cases.coverage import cover
from rules.cases.loading import load_cases
from rules.cases.run import Outcome, Result
from tests.rules.making import installed

FILES = {
    "gateway.yaml": """
connections:
  zen:
    connector: zendesk
    url: https://acme.example
    auth: {email: a@acme.example, api_token: "${A}"}
    webhook_secret: ${B}
  eng: {connector: request_tracker, url: "https://rt.example", auth: {token: "${C}"}, webhook_secret: "${D}"}
""",
    "rules/sla.yaml": """
sla:
  - name: standard
    targets: {resolution: {P1: 1h, P2: 2h, P3: 4h, default: 8h}}
    pause_when: {status: pending_customer}
escalations:
  - {name: near, at: 75%, metrics: [resolution], do: [{comment: soon}]}
  - {name: last, at: 30m left, when: {priority: [P1, P2]}, do: [{queue: Urgent}]}
  - {name: broken, at: breach, do: [{raise_priority: 1}, {open_incident: {connection: eng}}]}
  - {name: again, at: breach + 1h, repeat: 1h, do: [{comment: still}]}
  - {name: stuck, on: {time_in_status: on_hold, over: 3h}, do: [{queue: Stuck}]}
""",
}
CASE = """
cases:
  - name: escalations
    given:
      at: 2026-03-10T09:00+00:00
      ticket: {{source: zen, title: Door, priority: {priority}, status: open}}
      then: {then}
    expect: {expect}
"""


def result(priority: str, then: str, expect: str) -> Result:
    """Run one case."""
    site, problems = load_site(FILES, installed())
    assert site is not None, problems
    words = Words.of(site)
    text = CASE.format(priority=priority, then=then, expect=expect)
    (file,), problems = load_cases({"a.cases.yaml": text}, words)
    assert not problems, problems
    (found,) = run_cases(
        file.cases, words, lambda given: rehearse(given, site.rules, rehearsed_desks(site, installed()))
    ).results
    return found


HOLDS = [
    ("P3", "[]", "{escalations: []}"),
    # at the very second, and not before
    ("P3", "[{after: 10799s, expect: {escalations: []}}, {after: 3h, expect: {escalations: [near]}}]", "{queue: null}"),
    ("P2", "[{after: 2h, expect: {escalations: [near, last]}}]", "{queue: Urgent}"),
    # raised by its breach, it does not climb on
    ("P3", "[{after: 4h30m, expect: {escalations: [near, broken]}}]", "{priority: P2, sync: {created: [eng]}}"),
    (
        "P3",
        "[{after: 7h30m}]".replace("}", ", expect: {escalations: [near, broken, again, again, again]}}"),
        "{priority: P2}",
    ),
    # what waits comes to nothing
    (
        "P3",
        "[{after: 1h, status: pending_customer}, {after: 9h, status: open}, {after: 11h, expect: {policy: standard}}]",
        "{escalations: [near]}",
    ),
    ("P3", "[{after: 1m, status: on_hold}, {after: 3h2m, expect: {escalations: [near, stuck]}}]", "{queue: Stuck}"),
]
FAILS = [
    ("P3", "[{after: 3h30m, expect: {escalations: []}}]", "near at 2026-03-10 12:00:00 UTC (resolution): comment"),
    ("P3", "[{after: 3h30m, expect: {escalations: [nera]}}]", "there is no escalation 'nera'"),
    ("P3", "[{after: 5h, expect: {escalations: [broken, near]}}]", "broken at 2026-03-10 13:00:00 UTC"),
]


@pytest.mark.parametrize(("priority", "then", "expect"), HOLDS)
def test_a_case_says_what_escalates(priority: str, then: str, expect: str) -> None:
    """Each in order, each when it is due, with what it does."""
    found = result(priority, then, expect)
    assert found.outcome is Outcome.PASSED, found


@pytest.mark.parametrize(("priority", "then", "why"), FAILS)
def test_a_case_that_is_wrong_says_what_fired_instead(priority: str, then: str, why: str) -> None:
    """With the time at which it was due, and what it did."""
    found = result(priority, then, "{source: zen}")
    assert found.outcome is Outcome.FAILED
    assert any(why in line for difference in found.differences for line in difference.why), found.differences


def test_coverage_names_escalations_that_no_case_comes_to() -> None:
    """Like the rules of any other phase."""
    site, _ = load_site(FILES, installed())
    assert site is not None
    found = result("P3", "[{after: 301m, expect: {priority: P2}}]", "{priority: P2}")
    (phase,) = [each for each in cover(site, found.moments) if each.phase == "escalations"]
    assert [each.name for each in phase.untouched] == ["last", "stuck"]
