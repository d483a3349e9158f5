"""What can be told of a condition without asking it: the clues without which it cannot hold.

A *guard* is a list of rows, a row a tuple of clues. A condition can hold only when every clue of one of its rows shows;
that it does show proves nothing. So a guard may always be made weaker, never stronger: where there is no clue, or there
are too many rows, the condition is simply asked.

What a clue is looked up by are *keys*: the value of a field in the form in which the operators compare it. Operators
make theirs here as well, so that a test and its clue cannot mean two things.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any

from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Ticket
from rules.fields import Clue, Facts, Field, FieldType, Look
from rules.text import PatternSet, comparable, fold, tokens

Guard = tuple[tuple[Clue, ...], ...]

#: no clue: it may always hold
OPEN: Guard = ((),)
#: more ways to hold than these are not worth their place in an index
MOST_ROWS = 8

Keys = Iterable[Hashable]


def is_empty(value: Any) -> bool:
    """Say whether a field holds nothing."""
    return value is None or value in {"", "und", "unset"} if isinstance(value, str | None) else value in ((), [], {})


# ---------------------------------------------------------------- guards


def guard_of(clue: Clue | None) -> Guard:
    """Return the guard of one test."""
    return OPEN if clue is None else ((clue,),)


def both(one: Guard, other: Guard) -> Guard:
    """Return the guard of two conditions that must hold together."""
    if one == OPEN:
        return other
    if other == OPEN:
        return one
    if len(one) * len(other) > MOST_ROWS:
        return min(one, other, key=len)
    return tuple(_row(first, second) for first in one for second in other)


def _row(first: tuple[Clue, ...], second: tuple[Clue, ...]) -> tuple[Clue, ...]:
    known = {(clue.field.name, clue.look) for clue in first}
    return (*first, *(clue for clue in second if (clue.field.name, clue.look) not in known))


def either(guards: Iterable[Guard]) -> Guard:
    """Return the guard of several conditions of which one must hold."""
    rows = [row for guard in guards for row in guard]
    if any(not row for row in rows):
        return OPEN
    if len(rows) <= MOST_ROWS:
        return tuple(rows)
    return _joined(rows)


def _joined(rows: list[tuple[Clue, ...]]) -> Guard:
    """Return one row for many that all look at the same field in the same way: one of all their keys."""
    first = {(clue.field.name, clue.look): clue for clue in rows[0]}
    for place, clue in first.items():
        keys: set[Hashable] = set()
        for row in rows:
            same = next((each for each in row if (each.field.name, each.look) == place), None)
            if same is None:
                break
            keys |= same.keys
        else:
            return ((Clue(clue.field, clue.look, frozenset(keys)),),)
    return OPEN


# ---------------------------------------------------------------- keys


def _none(_value: Any) -> Keys:
    return ()


def _itself(value: Any) -> Keys:
    return (value,)


def _folded(value: Any) -> Keys:
    return (comparable(value),)


def _language(value: Any) -> Keys:
    low = value.lower()
    if "-" not in low:
        return (low,)
    parts = low.split("-")
    return ["-".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _person(value: Any) -> Keys:
    return (value.email.strip().lower(),) if isinstance(value, RemotePerson) else ()


def _members(value: Any) -> Keys:
    return [comparable(each) for each in value]


def any_keys(value: Any) -> Keys:
    """Return the keys of whatever a desk keeps in a custom field; of a list, those of its members."""
    if isinstance(value, str):
        return (comparable(value),)
    if isinstance(value, bool) or value is None:
        return (("is", value),)  # apart from the numbers 1 and 0
    if isinstance(value, int | float):
        return (value,)
    if isinstance(value, list | tuple):
        return [key for each in value for key in any_keys(each)]
    return ()


_SAME: Mapping[FieldType, Callable[[Any], Keys]] = {
    FieldType.TEXT: _folded,
    FieldType.CHOICE: _itself,
    FieldType.LEVEL: _itself,
    FieldType.LANGUAGE: _language,
    FieldType.LIST: _members,
    FieldType.PERSON: _person,
    FieldType.NUMBER: _itself,
    FieldType.ANY: any_keys,
}


def same_keys(kind: FieldType) -> Callable[[Any], Keys]:
    """Return what gives the keys by which the values of a field are compared."""
    return _SAME.get(kind, _none)


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        return (value,)
    return [each for each in value if isinstance(each, str)] if isinstance(value, list | tuple) else ()


def _tokens(value: Any) -> frozenset[str]:
    if isinstance(value, str):
        return tokens(fold(value))
    return frozenset[str]().union(*(tokens(fold(each)) for each in _texts(value)))


def _filled(value: Any) -> Keys:
    return (not is_empty(value),)


def number_in(value: Any) -> float | None:
    """Return the number that a custom field holds, also where the desk keeps it as a text; None where it is none."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return None
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


#: numbers are told apart by size, two steps for each doubling, from below zero up to about a million millions
SIZES = range(-1, 82)


def size(number: float) -> int:
    """Return the size of a number: a greater number has never a smaller one."""
    if number < 1:
        return 0 if number >= 0 else -1
    return 1 + int(min(80.0, 2 * math.log2(number)))


def sizes(limit: float, *, upwards: bool) -> frozenset[int]:
    """Return the sizes of all numbers above a limit or below it, with one to spare for how a logarithm is rounded."""
    if math.isnan(limit):
        return frozenset()
    mine = size(limit)
    return frozenset(each for each in SIZES if (each >= mine - 1 if upwards else each <= mine + 1))


def _size(value: Any) -> Keys:
    number = number_in(value)
    return () if number is None else (size(number),)


def _custom_keys(known: Iterable[Hashable]) -> Callable[[Any], Keys]:
    """Return what gives the keys of all custom fields together: of those only that a rule asks for."""
    asked = frozenset(key for key in known if isinstance(key, tuple))
    names = frozenset(key[0] for key in asked)
    sized = frozenset(key[0] for key in asked if key[1] == "size")

    def keys(custom: Any) -> Keys:
        found: list[Hashable] = []
        for name, value in custom.items():
            if name not in names or value is None:
                continue
            found.append((name, Look.FILLED))
            found += [(name, key) for key in any_keys(value)]
            number = number_in(value) if name in sized else None
            if number is not None and number == number:  # noqa: PLR0124 - false for what is no number
                found.append((name, "size", size(number)))
        return found

    return keys


def keys_of(field: Field, look: Look, known: Iterable[Hashable]) -> Callable[[Any], Keys]:
    """Return what gives the keys that a value of `field` shows; `known` are those that are asked for."""
    if field is CUSTOM:
        return _custom_keys(known)
    match look:
        case Look.SAME:
            return same_keys(field.type)
        case Look.TOKENS:
            wanted = frozenset(known)
            return lambda value: wanted.intersection(_tokens(value))
        case Look.PATTERNS:
            search = PatternSet(str(pattern) for pattern in known)
            return lambda value: frozenset[str]().union(*(search.found(text) for text in _texts(value)))
        case Look.FILLED:
            return _filled
        case Look.SIZE:
            return _size


# ---------------------------------------------------------------- clues


def _all_custom(ticket: Ticket, _facts: Facts) -> Any:
    return ticket.custom


#: all custom fields together: a site may have hundreds of them, a ticket has a few
CUSTOM = Field("custom", FieldType.ANY, _all_custom)


def clue(field: Field, look: Look, keys: frozenset[Hashable]) -> Clue | None:
    """Return the clue that `field` shows one of `keys`."""
    if not field.name.startswith("custom."):
        return Clue(field, look, keys)
    name = field.name.removeprefix("custom.")
    if look is Look.SAME:
        # what is not there is no key of the custom fields that are
        return None if ("is", None) in keys else Clue(CUSTOM, Look.SAME, frozenset((name, key) for key in keys))
    if look is Look.SIZE:
        return Clue(CUSTOM, Look.SAME, frozenset((name, "size", key) for key in keys))
    if look is Look.FILLED and False in keys:
        return None
    return Clue(CUSTOM, Look.SAME, frozenset({(name, Look.FILLED)}))
