"""What each policy comes to: which clocks start, pause and stop when. Printed by `gateway rules check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from rules.conditions import in_words
from rules.lint.formula import formula_of, opposite
from rules.lint.reading import LEVELS, Reading
from rules.lint.terms import Terms, terms

#: metric → when its clock starts, when it is met; `first_reply` below is the other choice of `update_starts`
_LIFE: Mapping[str, tuple[str, str]] = {
    "first_response": ("the ticket is created", "first public reply of a person"),
    "next_reply": ("oldest unanswered message of the customer", "public reply, or solved"),
    "periodic_update": ("{update}, then each public reply", "each public reply; solved ends it"),
    "pausable_update": ("{update}, then each public reply", "each public reply; solved ends it"),
    "requester_wait": ("the ticket is created", "solved"),
    "agent_work": ("the ticket is created", "solved"),
    "resolution": ("the ticket is created", "solved"),
    "ownership": ("the ticket reaches the team", "accepted, or leaves the team"),
}
_NEVER = "never"
#: their pauses are theirs whatever the policy says
_FIXED: Mapping[str, str] = {
    "first_response": _NEVER,
    "next_reply": _NEVER,
    "periodic_update": _NEVER,
    "requester_wait": "status: pending_customer",
    "agent_work": "status: [pending_customer, on_hold]",
}


class ClockLine(msgspec.Struct, frozen=True):
    """One metric of one policy."""

    metric: str
    targets: str
    starts: str
    stops: str
    pauses: str


class PolicyEffect(msgspec.Struct, frozen=True):
    """One policy: where it stands, for which tickets it is, and its clocks."""

    name: str
    file: str
    line: int
    applies: str
    calendar: str
    clocks: tuple[ClockLine, ...]


def effects(reading: Reading) -> list[PolicyEffect]:
    """Return what every policy comes to, in their order."""
    return [_effect(reading, policy) for policy in terms(reading)]


def _effect(reading: Reading, policy: Terms) -> PolicyEffect:
    line, _ = policy.spot.document.where(policy.spot.path)
    when = policy.spot.get("when")
    return PolicyEffect(
        name=policy.name,
        file=policy.spot.document.file,
        line=line,
        applies=in_words(when) if when is not None else "every ticket that is left",
        calendar=policy.spec.get("calendar", ""),
        clocks=tuple(_line(reading, policy, metric) for metric in dict.fromkeys((*policy.metrics, *policy.counted))),
    )


def _line(reading: Reading, policy: Terms, metric: str) -> ClockLine:
    if metric in policy.counted:
        says = f"as {policy.counted[metric]} says"
        return ClockLine(metric, says, says, says, says)
    starts, stops = _LIFE.get(metric, ("the stage is entered", "the stage is left"))
    update = "first public reply" if policy.spec.get("update_starts") == "first_reply" else "the ticket is created"
    return ClockLine(
        metric, _targets(policy, metric), starts.format(update=update), stops, _pauses(reading, policy, metric)
    )


def _targets(policy: Terms, metric: str) -> str:
    """Return the targets in one line: by priority where they differ."""
    dues = {level.value: due for level in LEVELS if (due := policy.due(metric, level.value)) is not None}
    rest = policy.due(metric, "default")
    said = {level: _due(policy, due.within, due.calendar) for level, due in dues.items()}
    last = _due(policy, rest.within, rest.calendar) if rest is not None else ""
    own = [f"{level} {words}" for level, words in said.items() if words != last]
    if not last:
        return ", ".join(own)
    return ", ".join([*own, f"else {last}" if own else last])


def _due(policy: Terms, within: str, calendar: str) -> str:
    other = calendar and calendar != policy.spec.get("calendar", "")
    return f"{within} ({calendar})" if other else within


def _pauses(reading: Reading, policy: Terms, metric: str) -> str:
    if metric in _FIXED:
        return _FIXED[metric]
    pause = policy.spec.get("pause_when")
    if pause is None:
        return _NEVER
    asked = reading.condition({"metric": metric})
    if not reading.solver.can_hold(formula_of(pause, reading.vocabulary), asked):
        return _NEVER
    branches = pause["any"] if set(pause) == {"any"} else [pause]
    said = [
        _without_metric(reading, branch, metric)
        for branch in branches
        if reading.solver.can_hold(formula_of(branch, reading.vocabulary), asked)
    ]
    return "; or ".join(dict.fromkeys(said))


def _without_metric(reading: Reading, branch: dict[str, Any], metric: str) -> str:
    """Return a condition in words, without asking for the metric that it is shown for."""
    asked = reading.condition({"metric": metric})
    rest = {
        key: value
        for key, value in branch.items()
        if key != "metric" or reading.solver.can_hold(asked, opposite(formula_of({key: value}, reading.vocabulary)))
    }
    return in_words(rest) if rest else "always"


__all__ = ["ClockLine", "PolicyEffect", "effects"]
