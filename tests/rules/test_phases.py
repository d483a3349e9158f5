"""One trigger, one job: a rule that wants what another phase does is told where that belongs."""

from __future__ import annotations

import pytest

from rules.schema import SECTIONS
from rules.schema.phases import belongs
from tests.rules.making import problems_of

RULES = {
    "classify: [{name: x, set: {kind: task, KEY: 1}}]": "what the rule sets",
    "classify: [{name: x, set: {kind: task}, KEY: 1}]": "a classify rule",
    "duplicates: [{same: [requester], within: 1h, KEY: 1}]": "a duplicates rule",
    "sla: [{name: x, KEY: 1}]": "a policy",
    "routes: [{name: x, KEY: 1}]": "a route",
    "sync: [{name: x, from: zen, to: rt, KEY: 1}]": "a sync rule",
    "escalations: [{name: x, do: [{queue: a}], KEY: 1}]": "an escalation",
    "escalations: [{name: x, do: [{KEY: 1}]}]": "an action",
}
JOBS = {
    "same": "duplicates",
    "targets": "sla",
    "needs": "routes",
    "create": "sync",
    "notify": "escalations",
    "kind": "classify",
}


ELSEWHERE = [(rule, key) for rule in RULES for key, section in JOBS.items() if not rule.startswith(section)]


@pytest.mark.parametrize(("rule", "key"), ELSEWHERE)
def test_a_rule_cannot_do_the_job_of_another_phase(rule: str, key: str) -> None:
    """It is refused at the key, and the section that does it is named."""
    (problem,) = problems_of(rule.replace("KEY", key))
    assert (problem.code, problem.message) == ("unknown-key", f"{RULES[rule]} has no key '{key}'")
    assert problem.column == rule.index("KEY") + 1
    assert problem.hint.startswith(f"that is the job of `{JOBS[key]}:`")


def test_every_rule_of_a_phase_is_known_by_its_description() -> None:
    """Else a hint would be lost without anybody noticing."""
    lists = {name for name in SECTIONS if name in {"classify", "duplicates", "sla", "routes", "sync", "escalations"}}
    for name in lists:
        description = SECTIONS[name]["items"]["description"]
        other = next(key for key, section in JOBS.items() if section != name)
        assert belongs(description, other), description
        assert not belongs(description, "anything")
