"""The part of OData that a simulated environment understands: filters, an order, pages, expansions, change sets."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

Record = dict[str, Any]
Condition = Callable[[Record], bool]

_TOKEN = re.compile(
    r"\s*('(?:[^']|'')*'|\(|\)|\d{4}-\d\d-\d\dT[\d:.]+Z|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\d+|[A-Za-z_]\w*)"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda one, other: one == other,
    "ne": lambda one, other: one != other,
    "ge": lambda one, other: one is not None and one >= other,
    "gt": lambda one, other: one is not None and one > other,
    "le": lambda one, other: one is not None and one <= other,
}


class RefusedError(Exception):
    """What Dataverse says of a request that it does not take."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


def condition(text: str, columns: set[str]) -> Condition:
    """Read a $filter; raises RefusedError."""
    tokens: list[str] = []
    place = 0
    while place < len(text.rstrip()):
        found = _TOKEN.match(text, place)
        if found is None:
            raise RefusedError("0x80060888", f"Syntax error at position {place} in '{text}'.")
        tokens.append(found[1])
        place = found.end()
    parser = _Parser(tokens, columns)
    result = parser.any_of()
    if parser.tokens:
        raise RefusedError("0x80060888", f"Syntax error at '{parser.tokens[0]}'.")
    return result


class _Parser:
    def __init__(self, tokens: list[str], columns: set[str]) -> None:
        self.tokens = tokens
        self.columns = columns

    def any_of(self) -> Condition:
        parts = [self.all_of()]
        while self.takes("or"):
            parts.append(self.all_of())
        return lambda record: any(part(record) for part in parts)

    def all_of(self) -> Condition:
        parts = [self.one()]
        while self.takes("and"):
            parts.append(self.one())
        return lambda record: all(part(record) for part in parts)

    def one(self) -> Condition:
        if self.takes("("):
            inner = self.any_of()
            if not self.takes(")"):
                raise RefusedError("0x80060888", "')' expected.")
            return inner
        if len(self.tokens) < 3:
            raise RefusedError("0x80060888", "An expression is incomplete.")
        column, sign, given = self.tokens[:3]
        del self.tokens[:3]
        if column not in self.columns:
            raise RefusedError("0x0", f"Could not find a property named '{column}'.")
        compare = _COMPARE.get(sign)
        if compare is None:
            raise RefusedError("0x80060888", f"'{sign}' is no operator.")
        wanted = _literal(given)
        return lambda record: compare(record.get(column), wanted)

    def takes(self, word: str) -> bool:
        if self.tokens and self.tokens[0] == word:
            self.tokens.pop(0)
            return True
        return False


def _literal(word: str) -> Any:
    if word.startswith("'"):
        return word[1:-1].replace("''", "'")
    if word in {"true", "false"}:
        return word == "true"
    if word.isdigit():
        return int(word)
    if "T" in word and word.endswith("Z"):
        return datetime.fromisoformat(word).astimezone(UTC)
    return word


def ordered(rows: list[Record], text: str) -> list[Record]:
    """Sort records by an $orderby."""
    for part in reversed([each.strip() for each in text.split(",") if each.strip()]):
        column, _, direction = part.partition(" ")
        rows.sort(key=lambda row: (row.get(column) is not None, row.get(column)), reverse=direction == "desc")
    return rows


class Inner(msgspec.Struct, frozen=True):
    """One request of a change set."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def parts_of(body: bytes) -> list[Inner]:
    """Read the requests of a change set in the order in which they are done."""
    found = []
    for piece in re.split(rb"--(?:batch|changeset)_[\w-]+(?:--)?\r\n", body):
        head, _, rest = piece.partition(b"\r\n\r\n")
        if b"application/http" not in head:
            continue
        line, _, more = rest.partition(b"\r\n")
        method, address, _ = line.decode().split(" ")
        headers_, _, content = more.partition(b"\r\n\r\n")
        pairs = [each.decode().partition(":") for each in headers_.split(b"\r\n") if each]
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        found.append(Inner(method, "/api/data" + address.partition("/api/data")[2], headers, content.strip()))
    return found


def batch_answer(answers: list[tuple[int, dict[str, str], bytes]]) -> bytes:
    """Write the answers to a change set as Dataverse does."""
    lines: list[bytes] = [b"--batchresponse_1", b"Content-Type: multipart/mixed; boundary=changesetresponse_1", b""]
    for number, (status, headers, body) in enumerate(answers, 1):
        lines += [b"--changesetresponse_1", b"Content-Type: application/http", b"Content-Transfer-Encoding: binary"]
        lines += [f"Content-ID: {number}".encode(), b"", f"HTTP/1.1 {status} {'OK' if status < 300 else 'No'}".encode()]
        lines += [f"{name}: {value}".encode() for name, value in headers.items()]
        lines += [b"", body]
    return b"\r\n".join([*lines, b"--changesetresponse_1--", b"--batchresponse_1--", b""])
