# ruff: noqa: E501 - a table of whole messages
"""Phase sla, choosing: which policy applies, and what a policy says that extends another."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ticket import Kind, Org
from rules import Decision, decide
from rules.policies import extended, normal
from tests.rules.making import NOW, problems_of, rule_set, ticket

RULES = """\
classify:
  - {name: paid, when: {org.plan: premium}, set: {tier: premium}}
sla:
  - {name: globex, extends: standard, when: {org.id: globex}, targets: {resolution: {P1: 2h}}}
  - {name: premium-incident, when: {kind: incident, tier: premium}, targets: {resolution: 4h}}
  - name: standard
    calendar: global
    targets:
      first_response: 1h
      resolution: {urgent: {warn: 3h, within: 4h, calendar: always}, default: 60h}
    pause_when: {status: pending_customer}
"""


def run(*, explain: bool = True, rules: str = RULES, **changes: Any) -> Decision:
    """Decide for a new ticket."""
    return decide(rule_set(rules), ticket(**changes), previous=None, links=frozenset({"zen"}), now=NOW, explain=explain)


def lines(decision: Decision) -> list[tuple[str, bool, bool, str]]:
    """Return what the trace says of the policies."""
    return [(line.rule, line.matched, line.ran, line.reason) for line in decision.trace if line.phase == "sla"]


def test_the_first_policy_whose_condition_holds_applies() -> None:
    """Classify has spoken before: the tier that a rule set is seen."""
    assert run().policy == "standard"
    assert run(kind=Kind.INCIDENT).policy == "standard"
    assert run(kind=Kind.INCIDENT, org=Org(plan="premium")).policy == "premium-incident"
    assert run(kind=Kind.INCIDENT, org=Org(id="globex", plan="premium")).policy == "globex"


def test_a_ticket_that_no_policy_is_for_has_none() -> None:
    """It is no error here: lint warns of a list without an unconditional end."""
    decision = run(rules="sla:\n  - {name: tasks, when: {kind: task}}\n")
    assert decision.policy == ""
    assert lines(decision) == [("tasks", False, True, "kind is 'other', not task")]


def test_a_site_without_policies_has_none() -> None:
    """And its trace says nothing of them."""
    decision = run(rules="classify: []")
    assert (decision.policy, lines(decision)) == ("", [])


def test_every_policy_says_what_became_of_it() -> None:
    """Why the ones above do not apply, and that the ones below were not asked."""
    assert lines(run(kind=Kind.INCIDENT, org=Org(plan="premium"))) == [
        ("globex", False, True, "org.id is empty, not globex"),
        ("premium-incident", True, True, "it is the first that applies"),
        ("standard", False, False, "not asked: 'premium-incident' stands above it and applies"),
    ]
    assert lines(run(explain=False)) == [("standard", True, True, "it is the first that applies")]


def test_a_policy_that_extends_another_differs_by_what_it_says() -> None:
    """It stands above the one that it extends, and takes over everything but its name and condition."""
    globex, _, standard = rule_set(RULES).policies
    assert standard.spec["targets"]["resolution"] == {
        "P1": {"warn": "3h", "within": "4h", "calendar": "always"},
        "default": "60h",
    }
    assert (globex.name, globex.extends) == ("globex", "standard")
    assert globex.spec == {
        "name": "globex",
        "extends": "standard",
        "when": {"org.id": "globex"},
        "calendar": "global",
        "targets": {
            "first_response": "1h",
            "resolution": {"P1": {"within": "2h", "calendar": "always"}, "default": "60h"},
        },
        "pause_when": {"status": "pending_customer"},
    }
    found = rule_set(RULES).policy("globex")
    assert found is not None
    assert found.spec == globex.spec


def test_the_condition_of_the_original_is_not_taken_over() -> None:
    """Else a policy could never be reached below the one that it extends, nor that one below it."""
    rules = "sla:\n  - {name: a, when: {kind: task}, targets: {resolution: 1h}}\n  - {name: b, extends: a}\n"
    assert run(rules=rules).policy == "b"
    assert "when" not in rule_set(rules).policies[1].spec


def test_a_chain_of_policies_is_resolved_in_any_order() -> None:
    """The middle one stands above, the first one below."""
    rules = """\
sla:
  - {name: b, extends: c, targets: {resolution: {P2: 2h}}}
  - {name: a, extends: b, targets: {resolution: {high: 1h}, ownership: 5m}}
  - {name: c, calendar: k, targets: {resolution: 9h}, max_pause: 5bd}
"""
    b, a, c = rule_set(rules).policies
    assert c.spec["targets"] == {"resolution": "9h"}
    assert b.spec["targets"] == {"resolution": {"default": "9h", "P2": "2h"}}
    assert a.spec["targets"] == {"resolution": {"default": "9h", "P2": "1h"}, "ownership": "5m"}
    assert (a.spec["calendar"], a.spec["max_pause"], a.spec["extends"]) == ("k", "5bd", "b")


JOINS = [
    # one target for every priority replaces what was there for each
    ({"P1": "1h", "default": "2h"}, "3h", "3h"),
    # one priority is taken out of a target for all
    ("3h", {"P1": "1h"}, {"default": "3h", "P1": "1h"}),
    ({"within": "3h", "calendar": "k"}, {"P1": "1h"}, {"default": {"within": "3h", "calendar": "k"}, "P1": "1h"}),
    # another time keeps the calendar, and drops the warning that belonged to the old one
    ({"warn": "1h", "within": "3h", "calendar": "k"}, "2h", {"within": "2h", "calendar": "k"}),
    ({"warn": "1h", "within": "3h"}, {"warn": "30m", "within": "2h"}, {"warn": "30m", "within": "2h"}),
    ({"within": "3bd", "business_days": "end_of_day"}, "2bd", {"within": "2bd", "business_days": "end_of_day"}),
    ({"P1": {"within": "3h", "calendar": "k"}}, {"P1": {"within": "1h", "calendar": "m"}}, {"P1": {"within": "1h", "calendar": "m"}}),
    ("3h", "2h", "2h"),
]  # fmt: skip


@pytest.mark.parametrize(("original", "own", "joined"), JOINS)
def test_targets_are_joined_by_metric_and_priority(original: Any, own: Any, joined: Any) -> None:
    """And neither of the two is changed by it."""
    one, other = {"targets": {"resolution": original}}, {"targets": {"resolution": own}}
    before = copy.deepcopy((one, other))
    assert extended(one, other)["targets"] == {"resolution": joined}
    assert (one, other) == before


promises = st.sampled_from(("1h", "2h", {"within": "3h", "calendar": "k"}, {"within": "4h", "warn": "1h"}))
targets = promises | st.dictionaries(st.sampled_from(("P1", "urgent", "P2", "default")), promises, min_size=1)
specs = st.fixed_dictionaries(
    {},
    optional={
        "calendar": st.sampled_from(("k", "m")),
        "targets": st.dictionaries(st.sampled_from(("resolution", "ownership")), targets, min_size=1),
        "max_pause": st.just("1d"),
    },
).map(normal)


@given(specs, specs)
def test_what_a_policy_says_itself_always_counts(original: dict[str, Any], own: dict[str, Any]) -> None:
    """Whatever the original says; and what it does not say is the original's."""
    joined = extended(original, own)
    assert set(joined) == set(original) | set(own)
    for key in set(own) - {"targets"}:
        assert joined[key] == own[key]
    for key in set(original) - set(own):
        assert joined[key] == original[key]
    assert extended(original, {}) == original
    assert extended({}, own) == own
    assert extended(extended(original, own), own) == extended(original, own)


ERRORS = [
    ("sla:\n  - {name: a, extends: standrad}\n  - {name: standard}", "2:24: error[unknown-policy]: there is no policy 'standrad'; did you mean 'standard'?"),
    ("sla:\n  - {name: a, extends: a}", "2:24: error[extends-cycle]: 'a' extends itself: a -> a; one of them has to stand by itself"),
    ("sla:\n  - {name: x, extends: b}\n  - {name: a, extends: b}\n  - {name: b, extends: c}\n  - {name: c, extends: a}", "3:24: error[extends-cycle]: 'b' extends itself: b -> c -> a -> b; one of them has to stand by itself"),
    ("sla:\n  - {name: a, targets: {resolution: {P1: 1h, urgent: 2h}}}", "2:46: error[duplicate-name]: 'urgent' and 'P1' are one priority: resolution has two targets for it; keep one of them"),
    ("sla:\n  - {name: a, when: {kindd: task}}", "2:22: error[unknown-field]: there is no field 'kindd'; did you mean 'kind'?"),
    ("sla:\n  - {name: a}\n  - {name: a}", "3:12: error[duplicate-name]: there is another policy 'a' in rules/a.yaml:2:12; give each rule a name of its own"),
]  # fmt: skip


@pytest.mark.parametrize(("rules", "head"), ERRORS)
def test_what_is_wrong_with_a_policy_is_said_with_its_place(rules: str, head: str) -> None:
    """Once, however many policies hang on it."""
    assert [each.head for each in problems_of(rules)] == [f"rules/a.yaml:{head}"]
