"""The operators of conditions: which fields know them, and how each becomes a test of one value, and a clue.

An operator is built once, when a release is loaded; building raises `OperandError` with words for the admin. Its clue
is what an index looks up instead of asking every rule; where there is none, the rules that use it are asked each time.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from datetime import datetime
from typing import Any

from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Level
from rules.clues import any_keys, clue, is_empty, number_in, sizes
from rules.fields import Clue, Field, FieldType, Look, Operator, Test, Vocabulary
from rules.operands import (
    RANK,
    OperandError,
    amount,
    as_list,
    as_text,
    calendars,
    choice,
    instant,
    level,
    people,
    yes_or_no,
)
from rules.text import comparable, fold, pattern_search, word_keys, words_search

#: the value before, where there was no ticket before
MISSING = object()

Builder = Callable[[Any, Field, Vocabulary], Test]


# ---------------------------------------------------------------- the same


def _keys(operand: Any, field: Field, vocabulary: Vocabulary) -> frozenset[Hashable]:
    """Return the operands in the form in which values of the field are compared (`rules.clues`)."""
    operands = as_list(operand)
    if not operands:
        msg = "an empty list can never hold"
        raise OperandError(msg, "write at least one value")
    match field.type:
        case FieldType.CHOICE:
            return frozenset(choice(each, field) for each in operands)
        case FieldType.LEVEL:
            return frozenset(level(each) for each in operands)
        case FieldType.LANGUAGE:
            return frozenset(as_text(each).lower() for each in operands)
        case FieldType.PERSON:
            return people(operands, vocabulary)
        case FieldType.LIST:
            return frozenset(comparable(choice(each, field)) for each in operands)
        case FieldType.ANY:
            return frozenset(key for each in operands for key in _written(each))
        case FieldType.NUMBER:
            return frozenset(amount(each, field) for each in operands)
        case _:
            return frozenset(comparable(as_text(each)) for each in operands)


def _written(operand: Any) -> list[Hashable]:
    """Return the keys of one operand of a custom field: a number may also be kept as a text."""
    if isinstance(operand, bool) or operand is None:
        return list(any_keys(operand))
    text = comparable(as_text(operand))
    return [text, operand] if isinstance(operand, int | float) else [text]


def _any_equals(keys: frozenset[Hashable]) -> Test:
    def test(value: Any) -> bool:
        if isinstance(value, str):
            return comparable(value) in keys
        return not keys.isdisjoint(any_keys(value))

    return test


def equals(operand: Any, field: Field, vocabulary: Vocabulary) -> Test:
    """Hold when the value is one of the operands."""
    keys = _keys(operand, field, vocabulary)
    match field.type:
        case FieldType.CHOICE | FieldType.LEVEL | FieldType.NUMBER:
            return keys.__contains__
        case FieldType.LANGUAGE:
            tags = tuple(str(key) for key in keys)
            return lambda value: any((low := value.lower()) == tag or low.startswith(f"{tag}-") for tag in tags)
        case FieldType.PERSON:
            return lambda value: isinstance(value, RemotePerson) and value.email.strip().lower() in keys
        case FieldType.LIST:
            return lambda value: not keys.isdisjoint(map(comparable, value))
        case FieldType.ANY:
            return _any_equals(keys)
        case _:
            return lambda value: comparable(value) in keys


def _same(operand: Any, field: Field, vocabulary: Vocabulary) -> Clue | None:
    return clue(field, Look.SAME, _keys(operand, field, vocabulary))


# ---------------------------------------------------------------- texts


def contains(operand: Any, field: Field, vocabulary: Vocabulary) -> Test:
    """Hold when a text has one of the operands inside, or a list has one of them as a member."""
    if field.type is FieldType.LIST:
        return equals(operand, field, vocabulary)
    parts = tuple(fold(as_text(each)) for each in as_list(operand))
    if not parts or not all(parts):
        msg = "an empty text is in everything"
        raise OperandError(msg, "write at least one letter")
    members = _any_equals(_keys(operand, field, vocabulary))

    def test(value: Any) -> bool:
        if isinstance(value, str):
            folded = fold(value)
            return any(part in folded for part in parts)
        return isinstance(value, list | tuple) and members(value)

    return test


def _contains_clue(operand: Any, field: Field, vocabulary: Vocabulary) -> Clue | None:
    if field.type is FieldType.LIST:
        return _same(operand, field, vocabulary)
    return _custom_is_there(operand, field, vocabulary)


def _over_texts(search: Test) -> Test:
    def test(value: Any) -> bool:
        if isinstance(value, str):
            return search(value)
        return isinstance(value, list | tuple) and any(isinstance(each, str) and search(each) for each in value)

    return test


def has_words(operand: Any, _field: Field, _vocabulary: Vocabulary) -> Test:
    """Hold when one of the words or phrases stands in the text as a whole word."""
    listed = [as_text(each) for each in as_list(operand)]
    if not listed or not all(word.strip() for word in listed):
        msg = "an empty word stands nowhere"
        raise OperandError(msg, "write at least one word")
    try:
        return _over_texts(words_search(listed))
    except ValueError as error:
        msg = f"the words cannot be used: {error}"
        raise OperandError(msg, "spread them over several rules") from None


def _words_clue(operand: Any, field: Field, _vocabulary: Vocabulary) -> Clue | None:
    keys = word_keys([as_text(each) for each in as_list(operand)])
    return None if keys is None else clue(field, Look.TOKENS, frozenset[Hashable](keys))


def matches(operand: Any, _field: Field, _vocabulary: Vocabulary) -> Test:
    """Hold when one of the regular expressions (RE2) is found in the text."""
    operands = as_list(operand)
    if not operands:
        msg = "an empty list can never hold"
        raise OperandError(msg, "write at least one pattern")
    searches = []
    for each in operands:
        pattern = as_text(each)
        try:
            searches.append(pattern_search(pattern))
        except ValueError as error:
            msg = f"the pattern cannot be used: {error}"
            hint = "patterns are RE2: no look-around and no back-references"
            raise OperandError(msg, hint, code="bad-pattern") from None
    if len(searches) == 1:
        return _over_texts(searches[0])
    return _over_texts(lambda text: any(search(text) for search in searches))


def _patterns_clue(operand: Any, field: Field, vocabulary: Vocabulary) -> Clue | None:
    if field.name.startswith("custom."):
        return _custom_is_there(operand, field, vocabulary)
    return clue(field, Look.PATTERNS, frozenset[Hashable](as_text(each) for each in as_list(operand)))


def _custom_is_there(_operand: Any, field: Field, _vocabulary: Vocabulary) -> Clue | None:
    # a pattern may match an empty text, and a text may say `und`: only what is not there at all can be left out
    return clue(field, Look.FILLED, frozenset({True})) if field.name.startswith("custom.") else None


# ---------------------------------------------------------------- there or not


def exists(operand: Any, _field: Field, _vocabulary: Vocabulary) -> Test:
    """Hold when the field has a value (true) or has none (false)."""
    wanted = yes_or_no(operand)
    return lambda value: is_empty(value) is not wanted


def _exists_clue(operand: Any, field: Field, _vocabulary: Vocabulary) -> Clue | None:
    return clue(field, Look.FILLED, frozenset({yes_or_no(operand)}))


# ---------------------------------------------------------------- more and less


def _measure(value: Any, field: Field) -> float | None:
    if field.type is FieldType.LEVEL:
        return RANK.get(value)
    return number_in(value) if field.type is FieldType.ANY or not isinstance(value, str) else None


def _comparison(name: str, holds: Callable[[float, float], bool], *, upwards: bool) -> Operator:
    def build(operand: Any, field: Field, _vocabulary: Vocabulary) -> Test:
        limit = amount(operand, field)
        if field.type is FieldType.LEVEL:
            levels = frozenset(each for each in Level if holds(RANK[each], limit))
            return lambda value: value in levels

        def test(value: Any) -> bool:
            measured = value if type(value) is int else _measure(value, field)
            return measured is not None and holds(measured, limit)

        return test

    def sign(operand: Any, field: Field, _vocabulary: Vocabulary) -> Clue | None:
        if field.type is FieldType.LEVEL:
            limit = amount(operand, field)
            return clue(field, Look.SAME, frozenset[Hashable](each for each in Level if holds(RANK[each], limit)))
        if not field.name.startswith("custom.") and field.type is not FieldType.NUMBER:
            return None
        return clue(field, Look.SIZE, frozenset[Hashable](sizes(amount(operand, field), upwards=upwards)))

    return Operator(name, _ORDERED, name.replace("_", " "), build, clue=sign)


# ---------------------------------------------------------------- times


def _time(holds: Callable[[datetime, datetime], bool]) -> Builder:
    def build(operand: Any, _field: Field, _vocabulary: Vocabulary) -> Test:
        limit = instant(operand)
        return lambda value: isinstance(value, datetime) and holds(value, limit)

    return build


def inside(operand: Any, _field: Field, vocabulary: Vocabulary) -> Test:
    """Hold when the time falls into the open hours of one of the calendars."""
    named = calendars(operand, vocabulary)
    return lambda value: isinstance(value, datetime) and any(each.is_open(value) for each in named)


def outside(operand: Any, _field: Field, vocabulary: Vocabulary) -> Test:
    """Hold when there is a time, and all of the calendars are closed then."""
    named = calendars(operand, vocabulary)
    return lambda value: isinstance(value, datetime) and not any(each.is_open(value) for each in named)


def _time_is_there(_operand: Any, field: Field, _vocabulary: Vocabulary) -> Clue | None:
    return clue(field, Look.FILLED, frozenset({True}))


# ---------------------------------------------------------------- changes


def changed(operand: Any, _field: Field, _vocabulary: Vocabulary) -> Test:
    """Hold when the value differs from the one before; on a new ticket, when there is a value."""
    wanted = yes_or_no(operand)

    def test(pair: Any) -> bool:
        now, before = pair
        return (not is_empty(now) if before is MISSING else now != before) is wanted

    return test


def changed_from(operand: Any, field: Field, vocabulary: Vocabulary) -> Test:
    """Hold when the value has changed and was one of the operands before."""
    was = equals(operand, field, vocabulary)
    return lambda pair: pair[1] is not MISSING and pair[0] != pair[1] and was(pair[1])


def changed_to(operand: Any, field: Field, vocabulary: Vocabulary) -> Test:
    """Hold when the value has changed (or the ticket is new) and is one of the operands now."""
    now_is = equals(operand, field, vocabulary)
    return lambda pair: pair[0] != pair[1] and now_is(pair[0])


_ALL = frozenset(FieldType)
_ORDERED = frozenset({FieldType.LEVEL, FieldType.DURATION, FieldType.NUMBER, FieldType.ANY})
_TEXTS = frozenset({FieldType.TEXT, FieldType.LIST, FieldType.ANY})
_SAME = _ALL - {FieldType.TIME, FieldType.DURATION}
_TIMES = frozenset({FieldType.TIME})
_STORED = _ALL - {FieldType.DURATION}

OPERATORS: Mapping[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("equals", _SAME, "", equals, clue=_same),
        Operator("in", _SAME, "one of", equals, clue=_same),
        Operator("contains", _TEXTS, "containing", contains, clue=_contains_clue),
        Operator("words", _TEXTS, "with the words", has_words, clue=_words_clue),
        Operator("matches", _TEXTS, "matching", matches, clue=_patterns_clue),
        Operator("exists", _ALL, "existing:", exists, clue=_exists_clue),
        _comparison("above", lambda value, limit: value > limit, upwards=True),
        _comparison("at_least", lambda value, limit: value >= limit, upwards=True),
        _comparison("below", lambda value, limit: value < limit, upwards=False),
        _comparison("at_most", lambda value, limit: value <= limit, upwards=False),
        Operator("before", _TIMES, "before", _time(lambda value, limit: value < limit), clue=_time_is_there),
        Operator("after", _TIMES, "after", _time(lambda value, limit: value > limit), clue=_time_is_there),
        Operator("inside", _TIMES, "inside the hours of", inside, clue=_time_is_there),
        Operator("outside", _TIMES, "outside the hours of", outside, clue=_time_is_there),
        Operator("changed", _STORED, "changed:", changed, compares=True),
        Operator("changed_from", _SAME, "changed from", changed_from, compares=True),
        Operator("changed_to", _SAME, "changed to", changed_to, compares=True, clue=_same),
    )
}

#: what people write who know other languages
OTHER_WORDS: Mapping[str, str] = {
    ">": "above", "gt": "above", ">=": "at_least", "gte": "at_least", "<": "below", "lt": "below",
    "<=": "at_most", "lte": "at_most", "==": "equals", "=": "equals", "eq": "equals", "is": "equals",
    "regex": "matches", "match": "matches", "includes": "contains", "word": "words", "present": "exists",
    "within": "inside", "during": "inside",
}  # fmt: skip

__all__ = ["MISSING", "OPERATORS", "OTHER_WORDS", "OperandError", "Operator", "Test", "as_list", "as_text", "is_empty"]
