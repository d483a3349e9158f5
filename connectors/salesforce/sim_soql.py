"""The part of SOQL that a simulated org understands: one object, conditions, an order, a limit.

What it does not understand is refused as Salesforce refuses it, so that a query of ours that is wrong shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

_TOKEN = re.compile(
    r"\s*('(?:[^'\\]|\\.)*'|\(|\)|,|>=|<=|!=|=|>|<|\d{4}-\d\d-\d\dT[\d:.]+Z|\d+|[A-Za-z_][\w.]*)", re.DOTALL
)
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
}

Value = Callable[[str], Any]
Condition = Callable[[Value], bool]


class RefusedError(Exception):
    """What Salesforce says of a query or a record that it does not take."""

    def __init__(self, code: str, message: str, status: int = 400, fields: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.fields = fields


class Query(msgspec.Struct):
    """A query taken apart."""

    fields: list[str]
    source: str
    where: Condition
    order: list[tuple[str, bool]]
    limit: int | None
    #: every field that is named anywhere
    named: list[str]


def parsed(soql: str) -> Query:
    """Take a query apart; raises RefusedError."""
    return _Parser(soql).query()


class _Parser:
    def __init__(self, soql: str) -> None:
        self.tokens: list[str] = []
        place = 0
        while place < len(soql.rstrip()):
            found = _TOKEN.match(soql, place)
            if found is None:
                raise RefusedError("MALFORMED_QUERY", f"unexpected token: {soql[place : place + 20]!r}")
            self.tokens.append(found[1])
            place = found.end()
        self.place = 0
        self.named: list[str] = []

    def query(self) -> Query:
        self.expect("SELECT")
        fields = [self.field()]
        while self.takes(","):
            fields.append(self.field())
        self.expect("FROM")
        source = self.next()
        where: Condition = lambda _: True  # noqa: E731 - no condition
        if self.takes("WHERE"):
            where = self.any_of()
        order: list[tuple[str, bool]] = []
        if self.takes("ORDER"):
            self.expect("BY")
            order.append(self.direction())
            while self.takes(","):
                order.append(self.direction())
        limit = int(self.next()) if self.takes("LIMIT") else None
        if self.place < len(self.tokens):
            raise RefusedError("MALFORMED_QUERY", f"unexpected token: {self.tokens[self.place]!r}")
        return Query(fields, source, where, order, limit, self.named)

    def any_of(self) -> Condition:
        parts = [self.all_of()]
        while self.takes("OR"):
            parts.append(self.all_of())
        return lambda value: any(part(value) for part in parts)

    def all_of(self) -> Condition:
        parts = [self.one()]
        while self.takes("AND"):
            parts.append(self.one())
        return lambda value: all(part(value) for part in parts)

    def one(self) -> Condition:
        if self.takes("("):
            inner = self.any_of()
            self.expect(")")
            return inner
        field, sign = self.field(), self.next()
        if sign.upper() == "IN":
            return self.among(field)
        given = self.literal()
        compare = _COMPARE.get(sign)
        if compare is None:
            raise RefusedError("MALFORMED_QUERY", f"unexpected operator {sign!r}")

        def holds(value: Value) -> bool:
            there = value(field)
            if there is None or given is None:
                return compare(there, given) if sign in {"=", "!="} else False
            if type(there) is not type(given):
                raise RefusedError("INVALID_FIELD", f"value of filter criterion for field '{field}' is of another type")
            if field == "Id" or field.endswith("Id"):
                # the first fifteen characters are the id
                return compare(there[:15], given[:15])
            if isinstance(there, str):
                # SOQL compares texts in any case
                return compare(there.lower(), given.lower())
            return compare(there, given)

        return holds

    def among(self, field: str) -> Condition:
        self.expect("(")
        given = [self.literal()]
        while self.takes(","):
            given.append(self.literal())
        self.expect(")")
        if field == "Id" or field.endswith("Id"):
            return lambda value: value(field) in given
        # SOQL compares texts in any case
        small = [each.lower() if isinstance(each, str) else each for each in given]
        return lambda value: (found.lower() if isinstance(found := value(field), str) else found) in small

    def literal(self) -> Any:
        token = self.next()
        if token.startswith("'"):
            return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[1]), token[1:-1], flags=re.DOTALL)
        if token.lower() in {"true", "false"}:
            return token.lower() == "true"
        if token.lower() == "null":
            return None
        if token.isdigit():
            return int(token)
        try:
            return datetime.fromisoformat(token).astimezone(UTC)
        except ValueError:
            raise RefusedError("MALFORMED_QUERY", f"unexpected value {token!r}") from None

    def direction(self) -> tuple[str, bool]:
        field = self.field()
        return field, bool(self.takes("DESC") or (self.takes("ASC") and False))

    def field(self) -> str:
        name = self.next()
        if not re.fullmatch(r"[A-Za-z_][\w.]*", name):
            raise RefusedError("MALFORMED_QUERY", f"unexpected token: {name!r}")
        self.named.append(name)
        return name

    def takes(self, word: str) -> bool:
        if self.place < len(self.tokens) and self.tokens[self.place].upper() == word:
            self.place += 1
            return True
        return False

    def expect(self, word: str) -> None:
        if not self.takes(word):
            raise RefusedError("MALFORMED_QUERY", f"expecting {word}")

    def next(self) -> str:
        if self.place >= len(self.tokens):
            raise RefusedError("MALFORMED_QUERY", "unexpected end of query")
        self.place += 1
        return self.tokens[self.place - 1]
