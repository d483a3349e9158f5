"""Tickets of one's own history for a forecast: comma-separated values, a line for each ticket.

`at` says when it came; `handling`, where there is one, how long it was in somebody's hands; every other column is a
field, by the name that cases use. A cell that is empty says nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from jsonschema import Draft7Validator

from gateway.errors import ConfigError
from gateway.flow.forecast.arrivals import Arrival
from gateway.flow.forecast.mix import Fields
from rules.cases.values import instant, read_fields
from rules.cases.words import Words
from rules.duration import seconds
from rules.problem import Problem, nearest
from rules.schema.cases import DEFINITIONS, TICKET
from rules.schema.check import findings, validator
from rules.source import Document, Place

AT, HANDLING = "at", "handling"
#: fields of several values, apart by semicolons
_LISTS = frozenset({"tags", "participants"})
#: what became of a ticket, and here it only comes
_LATER = frozenset({
    "status", "status.native", "hold_reason", "created_at", "assignee", "assignee.email", "assignee.name",
    "assignee.phone", "assignee.external_id",
})  # fmt: skip
_MOST = 1_000_000


@cache
def _validator() -> Draft7Validator:
    return validator({**TICKET, "definitions": DEFINITIONS})


def read_arrivals(file: str, lines: Iterable[str], words: Words, sources: Sequence[str]) -> list[Arrival]:
    """Read tickets, in the order in which they came; raises ConfigError with the line that cannot be read.

    One that does not say its `source` comes from the first of `sources`.
    """
    rows = csv.reader(lines, strict=True)
    try:
        header = [name.strip().removeprefix("\ufeff") for name in next(rows, [])]
        _check(file, header)
        found: list[tuple[datetime, Fields, int | None]] = []
        for row in rows:
            if not any(cell.strip() for cell in row):
                continue
            if len(row) != len(header):
                raise _wrong(file, rows.line_num, f"there are {len(row)} cells, and {len(header)} columns")
            if len(found) >= _MOST:
                raise _wrong(file, rows.line_num, f"there are more than {_MOST:,} tickets: take a shorter time")
            cells = {name: cell.strip() for name, cell in zip(header, row, strict=True) if cell.strip()}
            found.append(_row(file, rows.line_num, cells, words, sources[0]))
    except csv.Error as error:
        raise _wrong(file, rows.line_num, f"this is no line of comma-separated values: {error}") from None
    if not found:
        raise ConfigError(f"{file}: there is no ticket in it, only a line of names")
    found.sort(key=lambda each: each[0])
    return [Arrival(number, *each) for number, each in enumerate(found, 1)]


def _check(file: str, header: Sequence[str]) -> None:
    if AT not in header:
        raise _wrong(file, 1, f"there is no column '{AT}': the first line names the columns, such as at,region,title")
    known = {AT, HANDLING, *TICKET["properties"]}
    for place, name in enumerate(header):
        if name in _LATER:
            raise _wrong(
                file, 1, f"the column '{name}' says what became of a ticket, and here it only comes: leave it out"
            )
        if name not in known and not name.startswith("custom."):
            near = nearest(name, known)
            raise _wrong(file, 1, f"there is no field '{name[:60]}'" + (f"; {near}" if near else ""))
        if name in header[:place]:
            raise _wrong(file, 1, f"the column '{name[:60]}' is there twice")


def _row(file: str, line: int, cells: dict[str, str], words: Words, source: str) -> tuple[datetime, Fields, int | None]:
    said: dict[str, Any] = {
        name: [part.strip() for part in cell.split(";") if part.strip()] if name in _LISTS else cell
        for name, cell in cells.items()
        if name not in {AT, HANDLING}
    }
    said.setdefault("source", source)
    problems: list[Problem] = []
    when = Document(file, "", {AT: cells.get(AT, "")}, Place(line, 1)).root[AT]
    at = instant(when, problems)
    document = Document(file, "", said, Place(line, 1))
    problems += [problem for _, problem in findings(document, _validator())]
    fields = read_fields(document.root.entries(), words, problems) if not problems else {}
    if problems:
        hint = f"; {problems[0].hint}" if problems[0].hint else ""
        raise _wrong(file, line, problems[0].message + hint)
    handling = None
    if HANDLING in cells:
        try:
            handling = seconds(cells[HANDLING])
        except ValueError as error:
            raise _wrong(file, line, str(error)) from None
    if at is None:
        raise _wrong(file, line, f"'{cells.get(AT, '')[:40]}' is not an instant")
    return at.replace(microsecond=0), fields, handling


def _wrong(file: str, line: int, message: str) -> ConfigError:
    return ConfigError(f"{file}:{max(line, 1)}: {message}")
