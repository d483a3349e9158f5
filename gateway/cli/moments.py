"""Days, months, instants, zones and shares as people write them behind an option."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import click

from gateway.domain.report.figures import percent
from gateway.domain.wall import Wall, day_number, zone

_MONTH = re.compile(r"(\d{4})-(\d{2})")
_WRITE = "write a day (2026-03-31), a month (2026-03), or a time with its zone (2026-03-31T18:00+02:00)"

#: beyond these a zone, an overlap or a look ahead would leave the calendar
YEARS = range(1970, 9000)
OUT_OF_REACH = f"is out of reach: years from {YEARS[0]} to {YEARS[-1]} are understood"

Named = date | tuple[date, date] | datetime


class MomentType(click.ParamType):  # type: ignore[type-arg]
    """A day, a month, or an instant. Older versions of click have no generic ParamType."""

    name = "day|month|time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Named:
        """Return the day, the first days of the month and of the next one, or the instant."""
        if not isinstance(value, str):
            return value  # type: ignore[no-any-return]
        word = value.strip()
        month = _MONTH.fullmatch(word)
        is_day = month is not None or len(word) <= len("2026-03-31")
        try:
            found = date.fromisoformat(f"{word}-01" if month is not None else word) if is_day else _instant(word)
        except ValueError:
            self.fail(f"'{value}' is no time: {_WRITE}", param, ctx)
        if found.year not in YEARS:
            self.fail(f"'{value}' {OUT_OF_REACH}", param, ctx)
        if month is not None:
            return found, (found + timedelta(days=31)).replace(day=1)
        if not isinstance(found, datetime):
            return found
        if found.tzinfo is None:
            self.fail(f"'{value}' does not say its zone: {_WRITE}", param, ctx)
        return found.astimezone(UTC)


class ZoneType(click.ParamType):  # type: ignore[type-arg]
    """A time zone by its name."""

    name = "zone"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> ZoneInfo:
        """Return the zone."""
        found = value if isinstance(value, ZoneInfo) else zone(str(value))
        if found is None:
            self.fail(f"'{value}' is no time zone: write a name such as Europe/Prague or UTC", param, ctx)
        return found


class PercentType(click.ParamType):  # type: ignore[type-arg]
    """A share in percent, exact."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Fraction:
        """Return it as a fraction."""
        if isinstance(value, Fraction):
            return value
        try:
            return percent(str(value))
        except (ValueError, ZeroDivisionError):
            self.fail(f"'{value}' is no share: write a number above 0 and up to 100, such as 90 or 99.5", param, ctx)


def _instant(word: str) -> date:
    return datetime.fromisoformat(word)


def first_of(named: Named, where: ZoneInfo) -> datetime:
    """Return the beginning of a day or a month."""
    if isinstance(named, datetime):
        return named
    return _midnight(named[0] if isinstance(named, tuple) else named, where)


def last_of(named: Named, where: ZoneInfo) -> datetime:
    """Return the end of a day or a month: they count whole."""
    if isinstance(named, datetime):
        return named
    return _midnight(named[1] if isinstance(named, tuple) else named + timedelta(days=1), where)


def _midnight(day: date, where: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(Wall(where).midnight(day_number(day)), UTC)
