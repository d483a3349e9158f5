"""The part of RT's query language that is used here, with its traps.

Dates are read in the zone of the asking user, offsets are ignored, before a `Z` even the time is; relative dates have
no zone but only take numbers of up to three digits; a date that cannot be read matches everything (RT 5.0.3).
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Test = Callable[[Mapping[str, object]], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<paren>[()])|(?P<word>AND|OR)\b|'?(?P<field>(?:Txn)?CF\.\{[^}]+\}|[A-Za-z]+)'?\s*"
    r"(?P<op>>=|<=|!=|=|<|>)\s*(?P<value>'(?:[^'\\]|\\.)*'|-?\d+))"
)
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_AGO = re.compile(r"(\d{1,3}) (second|minute|hour|day)s? ago")
_DATES = frozenset({"LastUpdated", "Created"})


class QueryError(ValueError):
    """RT answers 400 with this text."""


def compile_query(text: str, fields: frozenset[str], now: datetime, zone: str) -> Test:
    """Compile a query over records that give `fields` by name (and custom fields as `CF.{…}`)."""
    tokens = _tokens(text)
    test, rest = _either(tokens, fields, now, ZoneInfo(zone))
    if rest:
        msg = f"Incomplete query near {rest[0].group(0).strip()!r}"
        raise QueryError(msg)
    return test


def _tokens(text: str) -> list[re.Match[str]]:
    found: list[re.Match[str]] = []
    at = 0
    while text[at:].strip():
        token = _TOKEN.match(text, at)
        if token is None:
            msg = f"Incomplete query, last element (KEYWORD) is not close paren or value in {text!r}"
            raise QueryError(msg)
        found.append(token)
        at = token.end()
    return found


Rest = list[re.Match[str]]


def _either(tokens: Rest, fields: frozenset[str], now: datetime, zone: ZoneInfo) -> tuple[Test, Rest]:
    left, rest = _both(tokens, fields, now, zone)
    while rest and rest[0].group("word") == "OR":
        right, rest = _both(rest[1:], fields, now, zone)
        left = _joined(left, right, any)
    return left, rest


def _both(tokens: Rest, fields: frozenset[str], now: datetime, zone: ZoneInfo) -> tuple[Test, Rest]:
    left, rest = _one(tokens, fields, now, zone)
    while rest and rest[0].group("word") == "AND":
        right, rest = _one(rest[1:], fields, now, zone)
        left = _joined(left, right, all)
    return left, rest


def _joined(left: Test, right: Test, how: Callable[[tuple[bool, bool]], bool]) -> Test:
    return lambda record: how((left(record), right(record)))


def _one(tokens: Rest, fields: frozenset[str], now: datetime, zone: ZoneInfo) -> tuple[Test, Rest]:
    if not tokens:
        msg = "Incomplete query"
        raise QueryError(msg)
    token = tokens[0]
    if token.group("paren") == "(":
        test, rest = _either(tokens[1:], fields, now, zone)
        if not rest or rest[0].group("paren") != ")":
            msg = "Incomplete query: a parenthesis is open"
            raise QueryError(msg)
        return test, rest[1:]
    name = token.group("field")
    if name is None:
        msg = f"Incomplete query near {token.group(0).strip()!r}"
        raise QueryError(msg)
    if name not in fields and "CF.{" not in name:
        msg = f"Unknown field: {name} at RT/Transactions.pm line 918."
        raise QueryError(msg)
    return _condition(name, token.group("op"), _unquoted(token.group("value")), now, zone), tokens[1:]


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith("'") else value


def _condition(name: str, op: str, value: str, now: datetime, zone: ZoneInfo) -> Test:
    compare = _OPERATORS[op]
    if name in _DATES:
        moment = read_date(value, now, zone)
        if moment is None:
            return lambda _: True
        return lambda record: compare(record[name], moment)
    if value.lstrip("-").isdigit() and "CF.{" not in name:
        number = int(value)
        return lambda record: _number(record.get(name), number, compare)
    wanted = value.lower()

    def test(record: Mapping[str, object]) -> bool:
        held = record.get(name)
        values = held if isinstance(held, (list, tuple, set)) else [held]
        return any(compare(str(one or "").lower(), wanted) for one in values)

    return test


def _number(held: object, wanted: int, compare: Callable[[Any, Any], bool]) -> bool:
    text = str(held)
    return text.isdigit() and compare(int(text), wanted)


def read_date(value: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    """Read a date as RT does; None for one that it cannot read (which then matches everything)."""
    ago = _AGO.fullmatch(value)
    if ago:
        whole = timedelta(**{f"{ago.group(2)}s": int(ago.group(1))})
        return (now - whole).replace(microsecond=0)
    found = re.match(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?!\d*Z))?", value)
    if found is None:
        return None
    return datetime.fromisoformat(found.group(0)).replace(tzinfo=zone).astimezone(UTC)
