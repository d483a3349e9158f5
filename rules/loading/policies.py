"""Compiling the policies of phase sla, each with the policy that it extends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rules.conditions import ALWAYS, compile_condition
from rules.fields import Vocabulary
from rules.loading.sections import Sections, names
from rules.policies import Policy, extended, is_one_target, level_key, normal
from rules.problem import Problem, nearest
from rules.source import Spot


def policies(
    sections: Sections, vocabulary: Vocabulary, clocks: Vocabulary, problems: list[Problem]
) -> tuple[Policy, ...]:
    """Compile every policy, in order; `clocks` are the words that `pause_when` knows."""
    spots = dict(names(sections.items("sla"), "policy", problems))
    specs = _Specs(spots, problems)
    pauses = {
        name: compile_condition(spot["pause_when"], clocks, problems)
        for name, spot in spots.items()
        if "pause_when" in spot
    }
    found = []
    for name, spot in spots.items():
        when = compile_condition(spot["when"], vocabulary, problems) if "when" in spot else ALWAYS
        policy = Policy(
            name=name,
            when=when,
            spec=specs.of(name),
            pause_when=next((pauses[each] for each in _chain(name, spots) if each in pauses), None),
            extends=spot.get("extends", ""),
        )
        found.append(policy)
    return tuple(found)


def _chain(name: str, spots: Mapping[str, Spot]) -> list[str]:
    """Return a policy and those that it extends, the nearest first."""
    found: list[str] = []
    while name in spots and name not in found:
        found.append(name)
        name = spots[name].get("extends", "")
    return found


class _Specs:
    """What each policy says, with `extends` resolved, wherever in the list the extended one stands."""

    def __init__(self, spots: Mapping[str, Spot], problems: list[Problem]) -> None:
        self.spots = spots
        self.problems = problems
        self.known: dict[str, dict[str, Any]] = {}
        self.path: list[str] = []

    def of(self, name: str) -> dict[str, Any]:
        if name not in self.known:
            self.path.append(name)
            self.known[name] = self._resolve(self.spots[name])
            self.path.pop()
        return self.known[name]

    def _resolve(self, spot: Spot) -> dict[str, Any]:
        self._once(spot)
        own = normal(spot.value)
        wanted = spot.get("extends")
        if wanted is None:
            return own
        at = spot["extends"]
        if wanted not in self.spots:
            others = [name for name in self.spots if name not in self.path]
            self.problems.append(at.error("unknown-policy", f"there is no policy '{wanted}'", nearest(wanted, others)))
            return own
        if wanted in self.path:
            ring = [*self.path[self.path.index(wanted) :], wanted]
            message = f"'{wanted}' extends itself: " + " -> ".join(ring)
            self.problems.append(at.error("extends-cycle", message, "one of them has to stand by itself"))
            return own
        return extended(self.of(wanted), own)

    def _once(self, spot: Spot) -> None:
        """Let a priority stand once in a target, whatever its word."""
        if "targets" not in spot:
            return
        for metric, target in spot["targets"].entries():
            if is_one_target(target.value):
                continue
            seen: dict[str, str] = {}
            for word, inner in target.entries():
                first = seen.setdefault(level_key(word), word)
                if first != word:
                    message = f"'{word}' and '{first}' are one priority: {metric} has two targets for it"
                    self.problems.append(inner.error("duplicate-name", message, "keep one of them", key=True))
