"""Conditions: structured YAML, compiled once into closures, never evaluated as code, and able to say why they fail.

The keys of one mapping must all hold. `all`, `any` and `not` combine; any other key is a field, followed by a value, a
list of values (one of them) or a mapping of operators.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from rules.clues import OPEN, Guard, both, either, guard_of, is_empty
from rules.fields import Facts, Field, FieldType, Operator, Test, Vocabulary
from rules.operands import OperandError, as_list
from rules.operators import MISSING, OPERATORS, OTHER_WORDS
from rules.problem import Problem, nearest
from rules.source import Spot
from rules.trace import shown

Holds = Callable[[Facts], bool]
Why = Callable[[Facts], str]

#: their text may be long and private: a trace does not repeat it
_UNQUOTED = frozenset({"text", "body"})


class Condition:
    """A compiled condition."""

    __slots__ = ("guard", "holds", "reads", "volatile", "why")

    def __init__(
        self, holds: Holds, why: Why, reads: frozenset[str], *, volatile: bool = False, guard: Guard = OPEN
    ) -> None:
        #: says whether it holds
        self.holds = holds
        #: says why it does not hold: the first part that failed, with the actual value
        self.why = why
        #: names of the fields that it looks at
        self.reads = reads
        #: True when it may turn although no field has changed
        self.volatile = volatile
        #: without which it cannot hold, for an index (`rules.clues`)
        self.guard = guard


def _always(_facts: Facts) -> bool:
    return True


def _nothing(_facts: Facts) -> str:
    return ""


ALWAYS = Condition(_always, _nothing, frozenset())


def _reads(parts: list[Condition]) -> frozenset[str]:
    return frozenset[str]().union(*(part.reads for part in parts))


def _all(parts: list[Condition]) -> Condition:
    if len(parts) == 1:
        return parts[0]
    tests = tuple(part.holds for part in parts)

    def holds(facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs twice as much here
            if not test(facts):
                return False
        return True

    if len(tests) == 2:
        first, second = tests

        def holds(facts: Facts) -> bool:
            return first(facts) and second(facts)

    def why(facts: Facts) -> str:
        return next((part.why(facts) for part in parts if not part.holds(facts)), "")

    guard = reduce(both, (part.guard for part in parts))
    return Condition(holds, why, _reads(parts), volatile=any(part.volatile for part in parts), guard=guard)


def _any(parts: list[Condition]) -> Condition:
    tests = tuple(part.holds for part in parts)

    def holds(facts: Facts) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs twice as much here
            if test(facts):
                return True
        return False

    def why(facts: Facts) -> str:
        reasons = [part.why(facts) for part in parts[:4]]
        more = f" (and {len(parts) - 4} more)" if len(parts) > 4 else ""
        return "none of these: " + "; ".join(reasons) + more

    guard = either(part.guard for part in parts)
    return Condition(holds, why, _reads(parts), volatile=any(part.volatile for part in parts), guard=guard)


def _not(part: Condition, said: str) -> Condition:
    def holds(facts: Facts) -> bool:
        return not part.holds(facts)

    def why(_facts: Facts) -> str:
        return f"this holds, and must not: {said}"

    # what would let the part hold says nothing about what keeps it from holding: no guard
    return Condition(holds, why, part.reads, volatile=part.volatile)


def in_words(value: Any) -> str:
    """Return a condition as one short line, for traces."""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_inner(each)}" for key, each in value.items())[:200]
    return str(value)[:200]


def _inner(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + in_words(value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_inner(each) for each in value) + "]"
    return "true" if value is True else "false" if value is False else str(value)


def _leaf(field: Field, operator: Operator, operand: Any, test: Test, guard: Guard) -> Condition:
    read, fetch, name = field.read, field.fetch(), field.name
    wanted = f"{operator.phrase} {_inner(operand)}".strip()

    def before(facts: Facts) -> Any:
        return MISSING if facts.previous is None else read(facts.previous, facts)

    if operator.compares:

        def holds(facts: Facts) -> bool:
            return test((fetch(facts), before(facts)))

        def why(facts: Facts) -> str:
            now, was = fetch(facts), before(facts)
            if was is MISSING:
                return f"{name} is {shown(now)} on a new ticket, not {wanted}"
            said = f"was {shown(was)} and is {shown(now)}" if now != was else f"is {shown(now)} as before"
            return f"{name} {said}, not {wanted}"

    else:

        def holds(facts: Facts) -> bool:
            return test(fetch(facts))

        def why(facts: Facts) -> str:
            now = fetch(facts)
            if is_empty(now):
                return f"{name} is empty, not {wanted}"
            if name in _UNQUOTED:
                return f"{name} is not {wanted}"
            return f"{name} is {shown(now)}, not {wanted}"

    return Condition(holds, why, frozenset({name}), volatile=field.volatile, guard=guard)


#: keys of a condition that are no fields
_JOINED = ("all", "any", "not")


class _Compiler:
    def __init__(self, vocabulary: Vocabulary, problems: list[Problem]) -> None:
        self.vocabulary = vocabulary
        self.problems = problems
        self.operators_by_name: Mapping[str, Operator] = {**vocabulary.operators, **OPERATORS}

    def mapping(self, spot: Spot) -> Condition:
        if not isinstance(spot.value, dict):
            hint = "a condition is a mapping such as {kind: incident}; several go under all: or any:"
            self.problems.append(spot.error("wrong-type", "this is not a condition", hint))
            return ALWAYS
        if not spot.value:
            message = "an empty condition says nothing"
            self.problems.append(spot.error("empty-condition", message, "leave `when` out to mean always"))
            return ALWAYS
        return _all([self.part(key, inner) for key, inner in spot.entries()])

    def part(self, key: str, spot: Spot) -> Condition:
        if key in {"all", "any"}:
            if not isinstance(spot.value, list) or not spot.value:
                message = f"{key} takes a list of conditions"
                self.problems.append(spot.error("wrong-type", message, f"write - before each condition below {key}:"))
                return ALWAYS
            parts = [self.mapping(each) for each in spot.each()]
            return _all(parts) if key == "all" else _any(parts)
        if key == "not":
            return _not(self.mapping(spot), in_words(spot.value))
        field = self.vocabulary.field(key)
        if field is None:
            message = f"there is no field '{key[:60]}'"
            hint = nearest(key, (*self.vocabulary.names(), *_JOINED))
            self.problems.append(spot.error("unknown-field", message, hint, key=True))
            return ALWAYS
        if isinstance(spot.value, dict):
            return self.operators(field, spot)
        return self.build(field, OPERATORS["in" if isinstance(spot.value, list) else "equals"], spot)

    def operators(self, field: Field, spot: Spot) -> Condition:
        if not spot.value:
            self.problems.append(spot.error("empty-condition", "an operator is missing", self.known(field)))
            return ALWAYS
        parts = []
        for name, inner in spot.entries():
            operator = self.operators_by_name.get(name)
            if operator is None:
                near = nearest(name, self.operators_by_name)
                hint = f"did you mean '{OTHER_WORDS[name]}'?" if name in OTHER_WORDS else near or self.known(field)
                self.problems.append(
                    inner.error("unknown-operator", f"there is no operator '{name[:60]}'", hint, key=True)
                )
            else:
                parts.append(self.build(field, operator, inner))
        return _all(parts) if parts else ALWAYS

    def build(self, field: Field, operator: Operator, spot: Spot) -> Condition:
        if field.type not in operator.types:
            message = f"'{operator.name}' does not fit {field.name}, which is a {field.type}"
            if field.type in {FieldType.TIME, FieldType.DURATION} and operator.name in {"equals", "in"}:
                message = f"{field.name} is a {field.type} and needs an operator"
            self.problems.append(spot.error("wrong-operator", message, self.known(field), key=True))
            return ALWAYS
        operands = as_list(spot.value)
        try:
            test = operator.build(spot.value, field, self.vocabulary)
            sign = operator.clue(spot.value, field, self.vocabulary) if operator.clue else None
            return _leaf(field, operator, spot.value, test, guard_of(sign))
        except OperandError as error:
            self.problems.append(
                self.at_fault(field, operator, spot, operands).error(error.code, error.message, error.hint)
            )
            return ALWAYS

    def at_fault(self, field: Field, operator: Operator, spot: Spot, operands: list[Any]) -> Spot:
        """Find the first operand of a list that is wrong by itself."""
        if isinstance(spot.value, list):
            for index in range(len(operands)):
                try:
                    operator.build(operands[index], field, self.vocabulary)
                except OperandError:
                    return spot[index]
        return spot

    def known(self, field: Field) -> str:
        """Name the operators that fit a field."""
        fitting = (name for name, operator in self.operators_by_name.items() if field.type in operator.types)
        return "valid: " + ", ".join(fitting)


def compile_condition(spot: Spot, vocabulary: Vocabulary, problems: list[Problem]) -> Condition:
    """Compile the condition at `spot`; what is wrong with it goes to `problems` and counts as holding."""
    return _Compiler(vocabulary, problems).mapping(spot)
