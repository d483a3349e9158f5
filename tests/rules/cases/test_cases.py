# ruff: noqa: E501 - tables of whole cases and messages
"""What a case can give and expect: each kind holds where it should, and fails where it should not."""

from __future__ import annotations

import msgspec
import pytest

from rules.cases import Outcome, Run, Words, run_cases
from rules.cases.junit import junit
from rules.cases.model import Expected
from rules.cases.report import text
from tests.rules.cases.making import made, one, run

#: a ticket, what happens to it, an expectation that holds, one that does not, and a word of why
PAIRS = [
    # fields
    ("{source: zen, title: Outage}", "", "{kind: incident, priority: P1}", "{kind: request}", "outage: matched"),
    ("{source: zen, title: Outage}", "", "{priority: urgent}", "{priority: high}", "outage: matched"),
    ("{source: zen, title: Outage, priority: P3}", "", "{priority: P3}", "{priority: P1}", "a person set it at zen"),
    ("{source: zen, title: An invoice}", "", "{issue: billing}", "{issue: access}", "billing: matched"),
    ("{source: zen, title: An invoice}", "", "{tags: [money]}", "{tags: [money, more]}", "billing: matched"),
    ("{source: zen, tags: [b, a]}", "", "{tags: [a, b]}", "{tags: null}", "a person set it"),
    ("{source: zen, title: invoice}", "", "{custom.desk: finance}", "{custom.desk: sales}", "billing: matched"),
    ("{source: zen, custom.n: 012}", "", "{custom.n: 12}", "{custom.n: 13}", "a person set it"),
    ("{source: zen}", "", "{issue: null, assignee: null}", "{issue: billing}", "billing: no: text is not with"),
    ("{source: zen, assignee: lucia}", "", "{assignee: lucia}", "{assignee: eva@acme.example}", "a person set it"),
    ("{source: zen, requester: a@b.c}", "", "{requester: A@b.c}", "{requester: b@b.c}", "no classify rule sets requester"),
    ("{source: zen, org.plan: gold}", "", "{org.plan: gold}", "{org.plan: silver}", "no classify rule sets org.plan"),
    ("{source: zen, recent.requester.tickets: 3}", "", "{tags: [often], recent.requester.tickets: 3}", "{recent.requester.tickets: 4}", "no classify rule sets recent"),
    ("{source: zen, recent.org.open: 3}", "[{after: 1h, set: {recent.requester.tickets: 5}}]", "{tags: [often], recent.org.open: 3}", "{tags: null}", "often: matched"),
    ("{source: zen, language: pt-BR}", "", "{language: pt-br}", "{language: pt}", "a person set it"),
    ("{source: zen}", "[{after: 1h, status: on_hold, hold_reason: customer}]", "{status: on_hold, hold_reason: customer}", "{hold_reason: other}", "a person set it"),
    ("{source: zen}", "[{after: 1h, set: {custom.a: x, tier: gold}}]", "{custom.a: x, tier: gold}", "{tier: loud}", "loud: no"),
    # stages
    ("{source: zen, title: set up}", "", "{stage: pending_approval}", "{stage: testing}", "set-up: matched"),
    ("{source: zen, title: set up}", "[{after: 1h, status: open}]", "{stage: provisioning}", "{stage: pending_approval}", "stages: provisioning: matched: zen says 'open'"),
    ("{source: zen, title: set up}", "[{after: 1h, connection: rt, status: testing}]", "{stage: testing, status: open}", "{stage: provisioning}", "rt says 'testing'"),
    # policy
    ("{source: zen, title: Outage}", "", "{policy: incidents}", "{policy: rest}", "sla: incidents: matched"),
    ("{source: zen, title: Outage}", "", "{policy: incidents}", "{policy: incident}", "did you mean 'incidents'?"),
    ("{source: zen}", "[{after: 1h, kind: incident}]", "{policy: incidents}", "{policy: null}", "incidents: matched"),
    # rules
    ("{source: zen, title: Outage}", "", "{rules: {matched: [outage]}}", "{rules: {not_matched: [outage]}}", "kind = incident"),
    ("{source: zen, title: Outage}", "", "{rules: {not_matched: [billing]}}", "{rules: {matched: [billing]}}", "text is not with the words"),
    ("{source: zen, title: Outage}", "", "{rules: {matched: ['sync:work-to-rt']}}", "{rules: {matched: ['classify:work-to-rt']}}", "there is no rule"),
    ("{source: zen}", "", "{rules: {not_matched: [billing]}}", "{rules: {not_matched: [biling]}}", "did you mean 'billing'?"),
    # sync
    ("{source: zen, title: Outage}", "", "{sync: {created: [rt]}}", "{sync: {created: []}}", "work-to-rt: matched"),
    ("{source: zen, title: Hello}", "", "{sync: {created: []}}", "{sync: {created: [rt]}}", "kind is 'other'"),
    ("{source: zen, title: Outage}", "", "{sync: {created: [rt]}}", "{sync: {created: [rt2]}}", "no sync rule goes to 'rt2'"),
    ("{source: zen, title: Outage}", "", "{sync: {created: {rt: {queue: Onboarding, status: new, priority: P1}}}}", "{sync: {created: {rt: {queue: Other}}}}", "rt is told: create"),
    ("{source: zen, title: Outage}", "[{after: 1h, status: open}]", "{sync: {updates: {rt: {status: open}}}}", "{sync: {updates: {rt: {status: stalled}}}}", "rt is told: set_fields {status: open}"),
    ("{source: zen, title: Outage}", "[{after: 1h, tags: [x]}]", "{sync: {updates: {rt: {}}}}", "{sync: {updates: {rt: {tags: [x]}}}}", "rt is told: create"),
    ("{source: zen, title: Outage}", "[{after: 1h, status: open}]", "{sync: {updates: {rt: {title: null}}}}", "{sync: {updates: {rt: {status: null}}}}", "rt is told"),
    ("{source: zen, title: Outage}", "[{after: 1h, status: open}]", "{sync: {updates: {rt2: {}}}}", "{sync: {updates: {rt: {}}}}", ""),
    ("{source: zen, title: Outage}", "[{after: 1h, assignee: lucia}]", "{sync: {updates: {rt: {assignee: lucia}}}}", "{sync: {updates: {rt: {assignee: marek}}}}", "rt is told"),
    ("{source: zen, title: Outage}", "[{after: 1h, connection: rt, status: resolved}]", "{status: resolved, sync: {updates: {zen: {status: resolved}, rt: {}}}}", "{sync: {updates: {zen: {}}}}", ""),
    ("{source: zen, title: Outage}", "[{after: 1h, connection: rt, title: Other}]", "{title: Outage}", "{title: Other}", "does not let rt change it"),
    ("{source: zen, title: Outage}", "[{after: 1h, connection: rt, status: rejected}]", "{status: new, sync: {parked: [rt]}}", "{sync: {parked: []}}", "'rejected' of rt is not in the map"),
    ("{source: zen, title: Outage}", "[{after: 1h, status: cancelled}]", "{sync: {parked: [rt]}}", "{sync: {parked: [zen]}}", "'cancelled' is not in the map"),
    # comments
    ("{source: zen, title: Outage}", "[{after: 1h, reply: {by: customer, text: It smokes}}]", "{sync: {updates: {rt: {public_reply: smokes}}}}", "{sync: {updates: {rt: {public_reply: burns}}}}", "It smokes"),
    ("{source: zen, title: Outage}", "[{after: 1h, reply: {by: agent, text: between us, visibility: internal}}]", "{sync: {updates: {rt: {internal_note: between us, public_reply: null}}}}", "{sync: {updates: {rt: {internal_note: null}}}}", "between us"),
    ("{source: zen, title: Outage}", "[{after: 1h, connection: rt, reply: {by: agent, text: done, visibility: internal}}]", "{sync: {updates: {zen: {internal_note: null}}}}", "{sync: {updates: {zen: {internal_note: done}}}}", "zen is told: set_fields {priority: P1}"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "then", "holds", "fails", "why"), PAIRS)
def test_each_expectation_holds_and_its_neighbour_fails(
    given: str, then: str, holds: str, fails: str, why: str
) -> None:
    """A pair for each: what fails says why in the words of the trace."""
    passed = one(given, holds, then)
    assert passed.outcome is Outcome.PASSED, passed.differences
    assert passed.held > 0
    failed = one(given, fails, then)
    assert failed.outcome is Outcome.FAILED
    assert why in "\n".join(line for each in failed.differences for line in each.why)


EARLIER = """\
cases:
  - name: asked twice
    given:
      ticket: {{source: zen, title: Invoice again, requester: {who}, issue: billing, channel: {channel}}}
      earlier:
        - {{name: first, ago: {ago}, ticket: {{source: rt, title: invoice AGAIN, requester: a@b.c, issue: billing, status: {status}}}}}
    expect: {{duplicates: {expected}}}
"""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "[{of: first, do: propose, rule: twice}]"),
        ({"who": "other@b.c"}, "[]"),
        ({"ago": "2d"}, "[]"),
        ({"status": "closed"}, "[]"),
    ],
)
def test_a_ticket_that_was_there_before_is_found(changes: dict[str, str], expected: str) -> None:
    """By what it shares, in whichever desk; what is not shared, too old or done with is none."""
    shared = {"who": "a@b.c", "ago": "2h", "status": "open", "channel": "web"} | changes
    assert run(EARLIER.format(**shared, expected=expected)).results[0].outcome is Outcome.PASSED
    other = "[]" if "first" in expected else "[{of: first}]"
    failed = run(EARLIER.format(**shared, expected=other)).results[0]
    assert failed.outcome is Outcome.FAILED
    assert failed.differences[0].why[0].startswith("duplicates: twice: ")


def test_a_step_is_judged_by_what_it_caused() -> None:
    """An expectation after a step sees that moment; one at the end sees all of them."""
    then = """
        - {after: 1h, status: open, expect: {stage: provisioning, sync: {updates: {rt: {status: open}}}}}
        - {after: 2h, status: resolved, expect: {sync: {created: [], updates: {rt: {status: resolved}}}}}
        - {after: 3h, expect: {status: resolved, rules: {not_matched: [set-up]}}}"""
    result = one("{source: zen, title: set up}", "{sync: {created: [rt], updates: {rt: {status: resolved}}}}", then)
    assert result.outcome is Outcome.PASSED, result.differences
    wrong = then.replace("{status: open}", "{status: stalled}")
    result = one("{source: zen, title: set up}", "{kind: implementation}", wrong)
    assert [each.path for each in result.differences] == ["after 1h: sync.updates.rt.status"]


def test_what_was_given_counts_as_set_by_a_person() -> None:
    """A rule leaves it; what is left out a rule may set."""
    assert one("{source: zen, title: Outage, kind: request}", "{kind: request, priority: P1}").outcome is Outcome.PASSED


def test_time_is_that_of_the_case() -> None:
    """The rules see the instants of the steps, and `changed_to` what was before."""
    result = one("{source: zen}", "{tier: loud}", "[{after: 90m, priority: P1}]")
    assert result.outcome is Outcome.PASSED
    assert [moment.at.isoformat() for moment in result.moments] == [
        "2026-01-05T09:00:00+00:00",
        "2026-01-05T10:30:00+00:00",
    ]


def test_what_is_not_built_yet_is_pending_by_name() -> None:
    """Never passed; a difference beside it still fails."""
    result = one("{source: zen}", "{policy: rest}")
    later = Expected("later", "", "later.part", "x", result.case.place)

    def again(*expected: Expected) -> Run:
        case = msgspec.structs.replace(result.case, expect=expected)
        return run_cases([case], Words.of(made()), lambda _given: result.moments)

    waits = again(*result.case.expect, later)
    assert (waits.results[0].outcome, waits.results[0].pending, waits.results[0].held) == (
        Outcome.PENDING, ("later.part",), 1,
    )  # fmt: skip
    assert "1 case: 0 passed, 0 failed, 1 pending; not judged yet: 1 of later" in list(text(waits))
    assert 'skipped="1"' in junit(waits)
    wrong = msgspec.structs.replace(result.case.expect[0], wanted="incidents")
    failed = again(wrong, later).results[0]
    assert (failed.outcome, failed.pending) == (Outcome.FAILED, ("later.part",))


@pytest.mark.parametrize(
    ("then", "said"),
    [
        ("[{after: 1h, connection: rt, status: open}]", "does not live in 'rt' at this step; it lives in zen"),
        ("[{after: 1h, connection: rt2, reply: {by: agent, text: x}}]", "does not live in 'rt2'"),
    ],
)
def test_what_cannot_happen_breaks_the_case(then: str, said: str) -> None:
    """With the place of the step."""
    result = one("{source: zen}", "{kind: other}", then)
    assert result.outcome is Outcome.BROKEN
    assert result.trouble is not None
    assert said in f"{result.trouble.message}; {result.trouble.hint}"
    assert str(result.trouble.place) == "rules/a.cases.yaml:5:14"
