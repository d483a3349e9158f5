"""Conditions that can never hold."""

from __future__ import annotations

from collections.abc import Iterator

from rules.lint.formula import Formula, formula_of
from rules.lint.reading import Reading, called
from rules.problem import Problem
from rules.source import Spot

_HINT = "ask for one or the other, or put them under any:"


def contradictions(reading: Reading) -> Iterator[Problem]:
    """Say which conditions, and which alternatives of one, can never hold."""
    for what, rule, condition in reading.conditions():
        formula = formula_of(condition.value, reading.vocabulary)
        if reading.solver.can_hold(formula):
            yield from _alternatives(reading, condition, [])
            continue
        name = f"the {what} {called(rule)} never applies"
        if condition.path[-1] == "pause_when":
            name = f"the {what} {called(rule)} never pauses"
        yield _narrowed(reading, condition, name)


def _parts(spot: Spot) -> Iterator[tuple[Spot, bool]]:
    """Go through what must hold of a condition: each part, and whether it is found by its key."""
    for key, inner in spot.entries():
        if key == "all":
            for each in inner.each():
                yield from _parts(each)
        else:
            yield inner, True


def _formula(reading: Reading, part: Spot) -> Formula:
    return formula_of({part.path[-1]: part.value}, reading.vocabulary)


def _narrowed(reading: Reading, condition: Spot, message: str) -> Problem:
    """Point at the part that cannot hold, or at the first that cannot hold together with another."""
    parts = [part for part, _ in _parts(condition)]
    for part in parts:
        if not reading.solver.can_hold(_formula(reading, part)):
            return part.warning("contradictory-condition", f"{message}: this can never hold", _HINT, key=True)
    for index, part in enumerate(parts):
        for other in parts[:index]:
            if not reading.solver.can_hold(_formula(reading, part), _formula(reading, other)):
                why = f"this can never hold together with {other.path[-1]} at {other.at(key=True)}"
                return part.warning("contradictory-condition", f"{message}: {why}", _HINT, key=True)
    why = "its parts can never hold together"
    return condition.warning("contradictory-condition", f"{message}: {why}", _HINT, key=True)


def _alternatives(reading: Reading, condition: Spot, around: list[Formula]) -> Iterator[Problem]:
    """Go through the alternatives of a condition that can hold, each in its surroundings."""
    parts = [part for part, _ in _parts(condition)]
    for part in parts:
        if part.path[-1] != "any":
            continue
        beside = [*around, *(_formula(reading, other) for other in parts if other is not part)]
        for each in part.each():
            formula = formula_of(each.value, reading.vocabulary)
            if reading.solver.can_hold(formula, *beside):
                yield from _alternatives(reading, each, beside)
            else:
                message = "this alternative can never hold"
                yield each.warning("contradictory-condition", message, "take it out, or mend what stands around it")
