"""Phase sla: which policy applies to a ticket. Policies are tried in order; the first whose `when` holds applies.

What a policy promises is kept as plain data with its `extends` resolved; the clocks read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from rules.conditions import Condition
from rules.fields import LEVEL_NAMES, Facts
from rules.index import Index, Indexed
from rules.trace import TraceLine

#: a policy says these for itself: they are never taken over from the one that it extends
OWN_KEYS = frozenset({"name", "extends", "when"})


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """One policy of phase sla."""

    name: str
    when: Condition
    #: everything that the policy says, `extends` resolved: the keys of the file, priorities by their level
    spec: dict[str, Any] = {}
    #: when its clocks pause; None: they never do
    pause_when: Condition | None = None
    #: name of the policy from which it differs, empty when it stands by itself
    extends: str = ""


def level_key(word: str) -> str:
    """Return the key of a priority in a target: `urgent` is P1, `default` stays."""
    level = LEVEL_NAMES.get(word)
    return level.value if level is not None else word


def is_one_target(target: Any) -> bool:
    """Say whether a target is one for every priority, not a mapping from priorities."""
    return not isinstance(target, dict) or "within" in target or "warn" in target


def normal(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a policy says with its priorities by their level."""
    targets = spec.get("targets")
    if not isinstance(targets, dict):
        return dict(spec)
    by_level = {
        metric: target if is_one_target(target) else {level_key(word): each for word, each in target.items()}
        for metric, target in targets.items()
    }
    return {**spec, "targets": by_level}


def extended(original: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a policy says that differs from `original` by `own`; both with priorities by their level.

    Targets are joined metric by metric and priority by priority; any other key that the policy says replaces the one
    of the original.
    """
    joined: dict[str, Any] = {key: value for key, value in original.items() if key not in OWN_KEYS}
    joined |= own
    targets = dict(original.get("targets", {}))
    for metric, target in own.get("targets", {}).items():
        targets[metric] = _target(targets[metric], target) if metric in targets else target
    if targets:
        joined["targets"] = targets
    return joined


def _target(original: Any, own: Any) -> Any:
    """Join the targets of one metric. One target for every priority replaces all that were there."""
    if is_one_target(own):
        return _promise(original, own) if is_one_target(original) else own
    levels = {"default": original} if is_one_target(original) else dict(original)
    for level, promise in own.items():
        levels[level] = _promise(levels[level], promise) if level in levels else promise
    return levels


def _promise(original: Any, own: Any) -> Any:
    """Join two targets of one priority: another time is measured by the calendar of the original.

    Its warning was a mark on the way to the old time and goes with it.
    """
    if not isinstance(original, dict):
        return own
    said = own if isinstance(own, dict) else {"within": own}
    return {key: value for key, value in original.items() if key != "warn"} | said


def counted_by(policies: Sequence[Policy], connection: str) -> frozenset[str]:
    """Return the metrics of which some policy names a connection as the authority."""
    named = [policy.spec.get("authority", {}).items() for policy in policies]
    return frozenset(metric for each in named for metric, name in each if name == connection)


def indexed(policies: Sequence[Policy]) -> Index:
    """Return the index of the policies."""
    return Index([Indexed(policy.when.guard) for policy in policies])


def run(
    policies: tuple[Policy, ...], facts: Facts, *, explain: bool, index: Index | None = None
) -> tuple[str, list[TraceLine]]:
    """Return the name of the first policy that applies, empty when none does, and why.

    Without `explain` the `index` finds those that could, with the same result.
    """
    chosen = ""
    trace: list[TraceLine] = []
    for policy in policies if index is None or explain else (policies[place] for place in index.possible(facts)):
        if chosen:
            reason = f"not asked: '{chosen}' stands above it and applies"
            trace.append(TraceLine("sla", policy.name, matched=False, reason=reason, ran=False))
        elif policy.when.holds(facts):
            chosen = policy.name
            trace.append(TraceLine("sla", policy.name, matched=True, reason="it is the first that applies"))
            if not explain:
                break
        elif explain:
            trace.append(TraceLine("sla", policy.name, matched=False, reason=policy.when.why(facts)))
    return chosen, trace
