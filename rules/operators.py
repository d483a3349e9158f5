"""The operators of conditions: which fields know them, and how each becomes a test of one value.

An operator is built once, when a release is loaded; building raises `OperandError` with words for the admin.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Level
from rules.duration import seconds
from rules.fields import LEVEL_NAMES, Field, FieldType, Vocabulary
from rules.problem import nearest
from rules.text import fold, pattern_search, words_search
from rules.yaml12 import Written

Test = Callable[[Any], bool]

_RANK = {Level.UNSET: 0, Level.P4: 1, Level.P3: 2, Level.P2: 3, Level.P1: 4}


class OperandError(Exception):
    """What stands behind an operator does not fit it."""

    def __init__(self, message: str, hint: str = "", *, code: str = "wrong-value") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


class Operator(msgspec.Struct, frozen=True):
    """One operator: its name, the fields that know it, how it reads in a sentence, and its builder."""

    name: str
    types: frozenset[FieldType]
    #: how a trace says that it does not hold: `org.plan is 'basic', not <phrase> premium`
    phrase: str
    build: Callable[[Any, Field, Vocabulary], Test]
    #: looks at the value before, too: (now, before or MISSING) instead of (now)
    compares: bool = False


#: the value before, where there was no ticket before
MISSING = object()


def as_list(operand: Any) -> list[Any]:
    """Return the operand as a list; one value is a list of one."""
    return operand if isinstance(operand, list) else [operand]


def as_text(operand: Any) -> str:
    """Return an operand as the admin wrote it."""
    if isinstance(operand, Written):
        return operand.text
    if isinstance(operand, bool) or operand is None:
        word = {True: "true", False: "false", None: "null"}[operand]
        msg = f"{word} is not a text"
        raise OperandError(msg, f'put it in quotes: "{word}"')
    if isinstance(operand, str | int | float):
        return str(operand)
    msg = "a word is expected here, not a list or a mapping"
    raise OperandError(msg)


def is_empty(value: Any) -> bool:
    """Say whether a field holds nothing."""
    return value is None or value in {"", "und", "unset"} if isinstance(value, str | None) else value in ((), [], {})


def _choice(operand: Any, field: Field) -> str:
    word = as_text(operand)
    if field.words and word not in field.words:
        msg = f"'{word[:60]}' is not a {field.name}"
        raise OperandError(msg, nearest(word, field.words), code="unknown-value")
    return word


def level(operand: Any) -> Level:
    """Return a priority level by any of its names."""
    word = as_text(operand)
    if word not in LEVEL_NAMES:
        msg = f"'{word[:60]}' is not a priority"
        raise OperandError(msg, nearest(word, LEVEL_NAMES), code="unknown-value")
    return LEVEL_NAMES[word]


def _people(operands: list[Any], vocabulary: Vocabulary) -> frozenset[str]:
    found = set()
    for operand in operands:
        name = as_text(operand)
        if name in vocabulary.people:
            if not vocabulary.people[name]:
                msg = f"'{name}' has no e-mail address under people"
                raise OperandError(
                    msg, "add `email:` there: people are never told apart by name", code="unknown-person"
                )
            found.add(vocabulary.people[name].strip().lower())
        elif "@" in name:
            found.add(name.strip().lower())
        else:
            msg = f"there is nobody called '{name[:60]}' under people"
            raise OperandError(
                msg, nearest(name, vocabulary.people) or "write an e-mail address", code="unknown-person"
            )
    return frozenset(found)


def _any_equals(operands: list[Any]) -> Test:
    texts = frozenset(fold(as_text(o)).strip() for o in operands if not isinstance(o, bool) and o is not None)
    numbers = frozenset(float(o) for o in operands if isinstance(o, int | float) and not isinstance(o, bool))
    exact = tuple(o for o in operands if isinstance(o, bool) or o is None)

    def test(value: Any) -> bool:
        if isinstance(value, str):
            return fold(value).strip() in texts
        if isinstance(value, bool) or value is None:
            return any(value is each for each in exact)
        if isinstance(value, int | float):
            return float(value) in numbers
        if isinstance(value, list | tuple):
            return any(test(each) for each in value)
        return False

    return test


def equals(operand: Any, field: Field, vocabulary: Vocabulary) -> Test:
    """Hold when the value is one of the operands."""
    operands = as_list(operand)
    if not operands:
        msg = "an empty list can never hold"
        raise OperandError(msg, "write at least one value")
    match field.type:
        case FieldType.CHOICE:
            choices = frozenset(_choice(each, field) for each in operands)
            return lambda value: value in choices
        case FieldType.LEVEL:
            levels = frozenset(level(each) for each in operands)
            return lambda value: value in levels
        case FieldType.LANGUAGE:
            tags = tuple(as_text(each).lower() for each in operands)
            return lambda value: any((low := value.lower()) == tag or low.startswith(f"{tag}-") for tag in tags)
        case FieldType.PERSON:
            addresses = _people(operands, vocabulary)
            return lambda value: isinstance(value, RemotePerson) and value.email.strip().lower() in addresses
        case FieldType.LIST:
            items = frozenset(fold(_choice(each, field)).strip() for each in operands)
            return lambda value: any(fold(each).strip() in items for each in value)
        case FieldType.ANY:
            return _any_equals(operands)
        case _:
            texts = frozenset(fold(as_text(each)).strip() for each in operands)
            return lambda value: fold(value).strip() in texts


def contains(operand: Any, field: Field, vocabulary: Vocabulary) -> Test:
    """Hold when a text has one of the operands inside, or a list has one of them as a member."""
    if field.type is FieldType.LIST:
        return equals(operand, field, vocabulary)
    parts = tuple(fold(as_text(each)) for each in as_list(operand))
    if not parts or not all(parts):
        msg = "an empty text is in everything"
        raise OperandError(msg, "write at least one letter")
    members = _any_equals(as_list(operand))

    def test(value: Any) -> bool:
        if isinstance(value, str):
            folded = fold(value)
            return any(part in folded for part in parts)
        return isinstance(value, list | tuple) and members(value)

    return test


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
    return _over_texts(words_search(listed))


def matches(operand: Any, _field: Field, _vocabulary: Vocabulary) -> Test:
    """Hold when one of the regular expressions (RE2) is found in the text."""
    searches = []
    for each in as_list(operand):
        pattern = as_text(each)
        try:
            searches.append(pattern_search(pattern))
        except ValueError as error:
            msg = f"the pattern cannot be used: {error}"
            hint = "patterns are RE2: no look-around and no back-references"
            raise OperandError(msg, hint, code="bad-pattern") from None
    return _over_texts(lambda text: any(search(text) for search in searches))


def exists(operand: Any, _field: Field, _vocabulary: Vocabulary) -> Test:
    """Hold when the field has a value (true) or has none (false)."""
    wanted = _yes_or_no(operand)
    return lambda value: is_empty(value) is not wanted


def _yes_or_no(operand: Any) -> bool:
    if not isinstance(operand, bool):
        msg = "true or false is expected here"
        raise OperandError(msg)
    return operand


def _amount(operand: Any, field: Field) -> float:
    if field.type is FieldType.LEVEL:
        return _RANK[level(operand)]
    if field.type is FieldType.DURATION:
        try:
            return seconds(as_text(operand))
        except ValueError as error:
            raise OperandError(str(error)) from None
    if isinstance(operand, int | float) and not isinstance(operand, bool):
        return float(operand)
    msg = f"a number is expected here, not '{str(operand)[:40]}'"
    raise OperandError(msg)


def _measure(value: Any, field: Field) -> float | None:
    if field.type is FieldType.LEVEL:
        return _RANK.get(value)
    if isinstance(value, str) and field.type is FieldType.ANY:
        try:
            return float(value)
        except ValueError:
            return None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _comparison(holds: Callable[[float, float], bool]) -> Callable[[Any, Field, Vocabulary], Test]:
    def build(operand: Any, field: Field, _vocabulary: Vocabulary) -> Test:
        limit = _amount(operand, field)

        def test(value: Any) -> bool:
            measured = _measure(value, field)
            return measured is not None and holds(measured, limit)

        return test

    return build


def _instant(operand: Any) -> datetime:
    text = as_text(operand)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        msg = f"'{text[:40]}' is not a date or an instant"
        raise OperandError(msg, "write 2026-03-10 or 2026-03-10T09:00+01:00") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _time(holds: Callable[[datetime, datetime], bool]) -> Callable[[Any, Field, Vocabulary], Test]:
    def build(operand: Any, _field: Field, _vocabulary: Vocabulary) -> Test:
        limit = _instant(operand)
        return lambda value: isinstance(value, datetime) and holds(value, limit)

    return build


def changed(operand: Any, _field: Field, _vocabulary: Vocabulary) -> Test:
    """Hold when the value differs from the one before; on a new ticket, when there is a value."""
    wanted = _yes_or_no(operand)

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
_ORDERED = frozenset({FieldType.LEVEL, FieldType.DURATION, FieldType.ANY})
_TEXTS = frozenset({FieldType.TEXT, FieldType.LIST, FieldType.ANY})
_SAME = _ALL - {FieldType.TIME, FieldType.DURATION}
_TIMES = frozenset({FieldType.TIME})
_STORED = _ALL - {FieldType.DURATION}

OPERATORS: Mapping[str, Operator] = {
    operator.name: operator
    for operator in (
        Operator("equals", _SAME, "", equals),
        Operator("in", _SAME, "one of", equals),
        Operator("contains", _TEXTS, "containing", contains),
        Operator("words", _TEXTS, "with the words", has_words),
        Operator("matches", _TEXTS, "matching", matches),
        Operator("exists", _ALL, "existing:", exists),
        Operator("above", _ORDERED, "above", _comparison(lambda value, limit: value > limit)),
        Operator("at_least", _ORDERED, "at least", _comparison(lambda value, limit: value >= limit)),
        Operator("below", _ORDERED, "below", _comparison(lambda value, limit: value < limit)),
        Operator("at_most", _ORDERED, "at most", _comparison(lambda value, limit: value <= limit)),
        Operator("before", _TIMES, "before", _time(lambda value, limit: value < limit)),
        Operator("after", _TIMES, "after", _time(lambda value, limit: value > limit)),
        Operator("changed", _STORED, "changed:", changed, compares=True),
        Operator("changed_from", _SAME, "changed from", changed_from, compares=True),
        Operator("changed_to", _SAME, "changed to", changed_to, compares=True),
    )
}

#: what people write who know other languages
OTHER_WORDS: Mapping[str, str] = {
    ">": "above", "gt": "above", ">=": "at_least", "gte": "at_least", "<": "below", "lt": "below",
    "<=": "at_most", "lte": "at_most", "==": "equals", "=": "equals", "eq": "equals", "is": "equals",
    "regex": "matches", "match": "matches", "includes": "contains", "word": "words", "present": "exists",
}  # fmt: skip
