"""Reading what stands behind an operator: words, levels, people, instants, each refused in an admin's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from gateway.domain.ticket import Level
from rules.duration import seconds
from rules.fields import LEVEL_NAMES, Field, FieldType, OpenHours, Vocabulary
from rules.problem import nearest
from rules.yaml12 import Written

RANK = {Level.UNSET: 0, Level.P4: 1, Level.P3: 2, Level.P2: 3, Level.P1: 4}


class OperandError(Exception):
    """What stands behind an operator does not fit it."""

    def __init__(self, message: str, hint: str = "", *, code: str = "wrong-value") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


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


def choice(operand: Any, field: Field) -> str:
    """Return a word that the field may hold."""
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


def people(operands: list[Any], vocabulary: Vocabulary) -> frozenset[str]:
    """Return the e-mail addresses of people, named or written out."""
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


def yes_or_no(operand: Any) -> bool:
    """Return true or false."""
    if not isinstance(operand, bool):
        msg = "true or false is expected here"
        raise OperandError(msg)
    return operand


def amount(operand: Any, field: Field) -> float:
    """Return the number that values of `field` are compared with: a rank, seconds, or the number itself."""
    if field.type is FieldType.LEVEL:
        return RANK[level(operand)]
    if field.type is FieldType.DURATION:
        try:
            return seconds(as_text(operand))
        except ValueError as error:
            raise OperandError(str(error)) from None
    if isinstance(operand, int | float) and not isinstance(operand, bool):
        return float(operand)
    msg = f"a number is expected here, not '{str(operand)[:40]}'"
    raise OperandError(msg)


def instant(operand: Any) -> datetime:
    """Return an instant; a date is its first moment in UTC."""
    text = as_text(operand)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        msg = f"'{text[:40]}' is not a date or an instant"
        raise OperandError(msg, "write 2026-03-10 or 2026-03-10T09:00+01:00") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def calendars(operand: Any, vocabulary: Vocabulary) -> tuple[OpenHours, ...]:
    """Return the calendars that are named."""
    operands = as_list(operand)
    if not operands:
        msg = "a calendar is missing"
        raise OperandError(msg, nearest("", vocabulary.calendars))
    found = []
    for each in operands:
        name = as_text(each)
        if name not in vocabulary.calendars:
            msg = f"there is no calendar '{name[:60]}'"
            hint = nearest(name, vocabulary.calendars) or "name it under calendars:"
            raise OperandError(msg, hint, code="unknown-calendar")
        found.append(vocabulary.calendars[name])
    return tuple(found)
