"""What a case expects of clocks: held against what the log of its steps tells, and wrong when it is made wrong."""

from __future__ import annotations

import pytest

from gateway.flow.rehearse import rehearse
from gateway.flow.rehearsed import rehearsed_desks
from rules import load_site
from rules.cases import Words, run_cases
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
""",
    "rules/sla.yaml": """
calendars:
  office: {timezone: Europe/Prague, week: {mon-fri: [09:00-17:00]}}
sla:
  - name: standard
    calendar: office
    targets:
      first_response: {P1: 15m, default: 4h}
      resolution: {P1: 2h, default: 2bd}
      stage:testing: 4h
    pause_when: {any: [{status: pending_customer}, {stage: testing, metric: resolution}]}
""",
}
CASE = """
cases:
  - name: clocks
    given:
      at: 2026-03-10T09:00+01:00
      ticket: {{source: zen, kind: implementation, priority: P3, status: open}}
      then: {then}
    expect: {expect}
"""


def result(then: str, expect: str) -> Result:
    """Run one case."""
    site, problems = load_site(FILES, installed())
    assert site is not None, problems
    words = Words.of(site)
    (file,), problems = load_cases({"a.cases.yaml": CASE.format(then=then, expect=expect)}, words)
    assert not problems
    (found,) = run_cases(
        file.cases, words, lambda given: rehearse(given, site.rules, rehearsed_desks(site, installed()))
    ).results
    return found


RIGHT = [
    ("[]", "{clocks: {resolution: {phase: running, outcome: pending, elapsed: 0s, cycle: 1}}}"),
    ("[]", "{clocks: {resolution: {due: 2026-03-11T17:00+01:00}, first_response: {due: 2026-03-10T13:00+01:00}}}"),
    (
        "[{after: 5h, reply: {by: agent, text: x}}]",
        "{clocks: {first_response: {outcome: breached, breached_at: 2026-03-10T13:00+01:00}}}",
    ),
    ("[{after: 4h, reply: {by: agent, text: x}}]", "{clocks: {first_response: {outcome: met, remaining: 0s}}}"),
    (
        "[{after: 1h, status: pending_customer}, {after: 25h, status: open}]",
        "{clocks: {resolution: {phase: running, elapsed: 1h}}}",
    ),
    (
        "[{after: 1h, stage: testing}, {after: 3h, tags: [x]}]",
        "{clocks: {resolution: {phase: paused}, stage:testing: {elapsed: 2h}}}",
    ),
    ("[{after: 3h, priority: P1}]", "{clocks: {resolution: {outcome: breached, breached_at: 2026-03-10T12:00+01:00}}}"),
    ("[{after: 1h, status: resolved}]", "{clocks: {resolution: {phase: stopped, outcome: met, elapsed: 1h}}}"),
]
WRONG = [("running", "paused"), ("paused", "running"), ("stopped", "running"),
         ("met", "breached"), ("breached}", "met}"),
         ("elapsed: 0s", "elapsed: 1s"), ("elapsed: 1h", "elapsed: 2h"), ("elapsed: 2h", "elapsed: 1h"),
         ("T13:00", "T13:01"), ("T12:00", "T12:01"), ("T17:00", "T17:01"), ("remaining: 0s", "remaining: 1s"),
         ("outcome: breached, ", "outcome: met, ")]  # fmt: skip


@pytest.mark.parametrize(("then", "expect"), RIGHT)
def test_a_clock_is_judged_and_its_opposite_is_not_true(then: str, expect: str) -> None:
    """Each case passes, and fails with what it was and why as soon as anything in it is made wrong."""
    assert result(then, expect).outcome is Outcome.PASSED
    turned = [expect.replace(one, other, 1) for one, other in WRONG if one in expect]
    assert turned
    for wrong in turned:
        failed = result(then, wrong)
        assert failed.outcome is Outcome.FAILED
        assert any("started" in line for line in failed.differences[0].why)


def test_a_clock_that_nobody_promised_is_no_clock() -> None:
    """The report names the policy that promises nothing of it."""
    failed = result("[]", "{clocks: {next_reply: {phase: running}}}")
    assert failed.differences[0].why == ("the policy 'standard' promises no next_reply",)
