"""Lists: on a terminal as wide as it is, in a pipe plain and whole; what strangers wrote is tamed in both."""

from __future__ import annotations

import shutil
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import msgspec

#: The number of a release: an integer of the database.
RELEASE = click.IntRange(1, 2**31 - 1)
#: Every list takes these.
LIMIT = click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True, help="At most so many.")
JSON = click.option("--json", "as_json", is_flag=True, help="Write JSON.")

_GAP = "  "
_NARROWEST = 8
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def tame(text: str) -> str:
    """Return one line without control characters: a ticket's title must not move the cursor or change colours."""
    return "".join(
        " " if char in "\t\n\r" else char if unicodedata.category(char) not in {"Cc", "Cf", "Cs"} else "�"
        for char in text
    )


def block(text: str) -> str:
    """Return several lines without control characters."""
    return "\n".join(tame(line) for line in text.splitlines())


def age(at: datetime | None, now: datetime) -> str:
    """Return how long ago, or in how long."""
    if at is None:
        return "-"
    span = now - at
    seconds = abs(int(span.total_seconds()))
    size, unit = next((each for each in _UNITS if seconds >= each[0]), (1, "s"))
    return f"{seconds // size} {unit}" if span >= timedelta(0) else f"in {seconds // size} {unit}"


def utc(at: datetime | None) -> str:
    """Return an instant to the second."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if at else "-"


def write_json(value: Any) -> None:
    """Write one JSON value: readable for a person, one line for a program."""
    encoded = msgspec.json.encode(value)
    click.echo(msgspec.json.format(encoded, indent=2) if sys.stdout.isatty() else encoded)


def write_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, grows: str, empty: str, header: bool = True
) -> None:
    """Write a list; the column named `grows` gives way when the terminal is too narrow.

    `header` is False for the rows that go on with a list.
    """
    if not rows:
        click.echo(empty, err=True)
        return
    terminal = sys.stdout.isatty()
    cells = [[tame(cell) for cell in row] for row in rows]
    widths = [max(_width(row[index]) for row in [list(columns), *cells]) for index in range(len(columns))]
    if terminal:
        spare = shutil.get_terminal_size((100, 24)).columns - sum(widths) - len(_GAP) * (len(widths) - 1)
        place = columns.index(grows)
        if spare < 0:
            least = max(_NARROWEST, widths[place] + spare)
            if least - widths[place] > spare:
                _write_stacked(columns, cells)
                return
            widths[place] = least
    if header:
        click.echo(click.style(_line(columns, widths), bold=True) if terminal else _line(columns, widths))
    for row in cells:
        click.echo(_line(row, widths))


def _write_stacked(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Write each row below itself, where no line of the terminal holds one."""
    width = max(_width(name) for name in columns[1:])
    for row in rows:
        click.echo(click.style(row[0], bold=True))
        for name, cell in zip(columns[1:], row[1:], strict=True):
            if cell:
                click.echo(f"  {_fit(name, width)}{_GAP}{cell}")


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(_fit(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()


def _fit(text: str, width: int) -> str:
    if _width(text) > width:
        kept = ""
        for char in text:
            if _width(kept + char) > width - 1:
                break
            kept += char
        text = kept + "…"
    return text + " " * (width - _width(text))


def _width(text: str) -> int:
    """Return the cells that a text takes on a terminal."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text
    )
