"""Conditions as formulas: what they say, without how it is tested.

Lint asks of conditions whether they can hold at all and whether one follows from another. A formula is made of atoms
about one field each. What is not understood becomes an atom of its own that may be true or false, so that a formula
never says more than its condition.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.domain.ticket import Level
from rules.duration import seconds
from rules.fields import LEVEL_NAMES, Field, FieldType, Vocabulary
from rules.operators import as_list, as_text
from rules.text import comparable, fold
from rules.yaml12 import Written


class Atom(msgspec.Struct, frozen=True):
    """One thing that is true or false of a ticket: `op` of `value` on `field`."""

    field: str
    op: str
    value: Hashable


class Literal(msgspec.Struct, frozen=True):
    """An atom, or that it is not so."""

    atom: Atom
    holds: bool = True


class All(msgspec.Struct, frozen=True):
    """Every part holds."""

    parts: tuple[Formula, ...]


class Any_(msgspec.Struct, frozen=True):  # noqa: N801 - `Any` is taken by typing
    """At least one part holds."""

    parts: tuple[Formula, ...]


Formula = Literal | All | Any_

ALWAYS: Formula = All(())
NEVER: Formula = Any_(())

#: the ticket has not been decided before
NEW = Literal(Atom("", "new", value=True))
#: follows the name of a field: its value before
BEFORE = " before"

RANKS: Mapping[Level, int] = {Level.UNSET: 0, Level.P4: 1, Level.P3: 2, Level.P2: 3, Level.P1: 4}
_OPPOSITE = {"above": "at_most", "at_least": "below", "below": "at_least", "at_most": "above"}
COMPARISONS = (*_OPPOSITE, "before", "after")


def opposite(formula: Formula) -> Formula:
    """Return what holds exactly when `formula` does not."""
    if isinstance(formula, Literal):
        return Literal(formula.atom, not formula.holds)
    parts = tuple(opposite(part) for part in formula.parts)
    return Any_(parts) if isinstance(formula, All) else All(parts)


def fields_of(formula: Formula) -> frozenset[str]:
    """Return the names of the fields that a formula is about."""
    return frozenset(atom.field.removesuffix(BEFORE) for atom in atoms_of(formula))


def atoms_of(formula: Formula) -> Iterator[Atom]:
    """Go through every atom."""
    if isinstance(formula, Literal):
        yield formula.atom
    else:
        for part in formula.parts:
            yield from atoms_of(part)


def formula_of(value: Any, vocabulary: Vocabulary) -> Formula:
    """Return the formula of a condition as written; None is no condition, which always holds."""
    if value is None:
        return ALWAYS
    if not isinstance(value, dict):
        return _opaque("", "condition", value)
    return All(tuple(_part(key, inner, vocabulary) for key, inner in value.items()))


def _part(key: str, value: Any, vocabulary: Vocabulary) -> Formula:
    if key in {"all", "any"} and isinstance(value, list):
        parts = tuple(formula_of(each, vocabulary) for each in value)
        return All(parts) if key == "all" else Any_(parts)
    if key == "not":
        return opposite(formula_of(value, vocabulary))
    field = vocabulary.field(key)
    if field is None:
        return _opaque(key, "", value)
    if isinstance(value, dict):
        return All(tuple(_test(field, operator, operand, vocabulary) for operator, operand in value.items()))
    return _test(field, "equals", value, vocabulary)


def _opaque(field: str, op: str, value: Any) -> Formula:
    return Literal(Atom(field, f"?{op}", repr(value)))


def _test(field: Field, operator: str, operand: Any, vocabulary: Vocabulary) -> Formula:
    try:
        return _known(field, operator, operand, vocabulary)
    except Exception:  # noqa: BLE001 - the loader says what is wrong with it; here it is merely not understood
        return _opaque(field.name, operator, operand)


def _known(field: Field, operator: str, operand: Any, vocabulary: Vocabulary) -> Formula:
    name = field.name
    if operator in {"equals", "in"} or (operator == "contains" and field.type is FieldType.LIST):
        return _among(field, name, operand, vocabulary)
    if operator in COMPARISONS:
        return _comparison(field, operator, operand)
    match operator:
        case "contains" | "words" | "matches":
            texts = [as_text(each) for each in as_list(operand)]
            folded = texts if operator == "matches" else [" ".join(fold(each).split()) for each in texts]
            if operator == "contains":
                folded = [fold(each) for each in texts]
            return Any_(tuple(Literal(Atom(name, operator, each)) for each in folded))
        case "exists" if isinstance(operand, bool):
            found = _exists(field)
            return found if operand else opposite(found)
        case "inside" | "outside":
            hours = Any_(tuple(Literal(Atom(name, "inside", as_text(each))) for each in as_list(operand)))
            return hours if operator == "inside" else All((_exists(field), opposite(hours)))
        case "changed" if isinstance(operand, bool):
            found = Any_((All((NEW, _exists(field))), All((opposite(NEW), _differs(name)))))
            return found if operand else opposite(found)
        case "changed_to" | "changed_from":
            return _moved(field, operator, operand, vocabulary)
    return _opaque(name, operator, operand)


def _moved(field: Field, operator: str, operand: Any, vocabulary: Vocabulary) -> Formula:
    name = field.name
    if operator == "changed_to":
        return All((Any_((NEW, _differs(name))), _among(field, name, operand, vocabulary)))
    return All((opposite(NEW), _differs(name), _among(field, name + BEFORE, operand, vocabulary)))


def _differs(name: str) -> Formula:
    return Literal(Atom(name, "differs", value=True))


def _exists(field: Field) -> Formula:
    name = field.name
    if field.type is FieldType.DURATION or name in {"kind", "status"}:
        return ALWAYS
    if field.type is FieldType.LEVEL:
        return Literal(Atom(name, "among", frozenset({Level.UNSET.value})), holds=False)
    if field.type is FieldType.CHOICE:
        return Literal(Atom(name, "among", frozenset({"", "und", "unset"})), holds=False)
    return Literal(Atom(name, "exists", value=True))


def _among(field: Field, name: str, operand: Any, vocabulary: Vocabulary) -> Formula:
    operands = as_list(operand)
    match field.type:
        case FieldType.LEVEL:
            return Literal(Atom(name, "among", frozenset(LEVEL_NAMES[as_text(each)].value for each in operands)))
        case FieldType.CHOICE:
            return Literal(Atom(name, "among", frozenset(as_text(each) for each in operands)))
        case FieldType.LANGUAGE:
            return Literal(Atom(name, "among", frozenset(as_text(each).lower() for each in operands)))
        case FieldType.PERSON:
            found = (vocabulary.people.get(as_text(each), as_text(each)).strip().lower() for each in operands)
            return Literal(Atom(name, "among", frozenset(found)))
        case FieldType.LIST:
            items = (comparable(as_text(each)) for each in operands)
            return Any_(tuple(Literal(Atom(name, "has", each)) for each in items))
        case FieldType.NUMBER:
            bounds = ("at_least", "at_most")
            exact = (All(tuple(Literal(Atom(name, each, float(one))) for each in bounds)) for one in operands)
            return Any_(tuple(exact))
        case FieldType.ANY:
            # It may hold a list, and then several of these at once.
            return Any_(tuple(Literal(Atom(name, "is", _key(each))) for each in operands))
        case _:
            return Literal(Atom(name, "among", frozenset(comparable(as_text(each)) for each in operands)))


def _key(operand: Any) -> Hashable:
    # The number 5 is told apart from the text "5": only what is written alike is the same for certain.
    return type(operand).__name__, operand.text if isinstance(operand, Written) else comparable(str(operand))


def _comparison(field: Field, operator: str, operand: Any) -> Formula:
    if field.type is FieldType.LEVEL:
        limit = RANKS[LEVEL_NAMES[as_text(operand)]]
        fits = frozenset(level.value for level, rank in RANKS.items() if _compared(rank, operator, limit))
        return Literal(Atom(field.name, "among", fits))
    if field.type is FieldType.DURATION:
        return Literal(Atom(field.name, operator, float(seconds(as_text(operand)))))
    if field.type is FieldType.TIME:
        at = datetime.fromisoformat(as_text(operand))
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        return Literal(Atom(field.name, {"before": "below", "after": "above"}[operator], at.timestamp()))
    if isinstance(operand, bool):
        raise TypeError
    return Literal(Atom(field.name, operator, float(operand)))


def _compared(value: int, operator: str, limit: int) -> bool:
    match operator:
        case "above":
            return value > limit
        case "at_least":
            return value >= limit
        case "below":
            return value < limit
        case _:
            return value <= limit
