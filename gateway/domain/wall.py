"""Wall clocks: from what a local clock reads to the instant at which it does.

Local times are counted like instants, as whole seconds since 1970-01-01, but by the wall clock of a zone ("wall
seconds"); days are counted from that date as well ("day numbers").
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib import resources
from zoneinfo import ZoneInfo

DAY = 86_400

_EPOCH_DAY = date(1970, 1, 1).toordinal()
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall clock's reading has no zone
_LEAST = (date.min.toordinal() - _EPOCH_DAY) * DAY
_MOST = (date.max.toordinal() - _EPOCH_DAY) * DAY + DAY - 1
_ZONE_NAME = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+)*")


class Dst(StrEnum):
    """When a boundary happens that the wall clock jumps over."""

    #: at the first instant at which the wall clock reads it or later: with the jump
    WALL = "wall"
    #: as much later as the clock jumps: 02:30 becomes 03:30 (RFC 5545)
    RFC5545 = "rfc5545"


@cache
def zone(name: str) -> ZoneInfo | None:
    """Return a time zone by its IANA name, or None when there is none.

    The data comes from the package `tzdata`, which the lock file pins, so that all hosts of a site count alike; only
    what it lacks is looked for on the system.
    """
    if not _ZONE_NAME.fullmatch(name):
        return None
    *folders, last = name.split("/")
    try:
        with resources.files(".".join(["tzdata.zoneinfo", *folders])).joinpath(last).open("rb") as data:
            return ZoneInfo.from_file(data, key=name)
    except (ImportError, OSError, ValueError):
        pass
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        return None


@cache
def zone_names() -> tuple[str, ...]:
    """Return the names of all time zones."""
    return tuple(resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def day_number(day: date) -> int:
    """Return how many days after 1970-01-01 a date is."""
    return day.toordinal() - _EPOCH_DAY


def date_of(day: int) -> date:
    """Return the date of a day number."""
    return date.fromordinal(day + _EPOCH_DAY)


def weekday(day: int) -> int:
    """Return the weekday of a day number, Monday 0."""
    return (day + 3) % 7


def year_start(year: int) -> int:
    """Return the day number of 1 January; also of the year after the last one that a date can have."""
    return day_number(date(year, 1, 1)) if year <= date.max.year else day_number(date.max) + 1


class Wall:
    """The wall clock of one zone."""

    __slots__ = ("_rfc5545", "_zone")

    def __init__(self, found: ZoneInfo, dst: Dst = Dst.WALL) -> None:
        self._zone = found
        self._rfc5545 = dst is Dst.RFC5545

    def offset(self, wall: int, fold: int = 0) -> int:
        """Return by how many seconds the clock is ahead of UTC when it reads `wall` (for the first time)."""
        # asked several hundred times for each year of a calendar: what is seldom needed is not done each time
        naive = _EPOCH + timedelta(seconds=wall if _LEAST <= wall <= _MOST else min(max(wall, _LEAST), _MOST))
        ahead = self._zone.utcoffset(naive.replace(fold=fold) if fold else naive) or timedelta()
        return ahead.days * DAY + ahead.seconds

    def boundary(self, wall: int) -> int:
        """Return the first instant at which the clock reads `wall` or later, or what `dst` says of a gap."""
        before, after = self.offset(wall), self.offset(wall, 1)
        if before >= after or self._rfc5545:
            return wall - before
        return self._jump(wall, after - before) - before

    def midnight(self, day: int) -> int:
        """Return the instant at which a local date begins, whatever `dst` says."""
        wall = day * DAY
        before, after = self.offset(wall), self.offset(wall, 1)
        return (wall if before >= after else self._jump(wall, after - before)) - before

    def reading(self, instant: int) -> int:
        """Return what the clock reads at an instant."""
        aware = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=instant)
        try:
            since = aware.astimezone(self._zone).replace(tzinfo=None) - _EPOCH
        except OverflowError:  # on the first or the last day that a date can have
            return instant + self.offset(instant)
        return since.days * DAY + since.seconds

    def _jump(self, wall: int, length: int) -> int:
        """Return the reading at which the clock jumps over `wall`: the first one of the gap."""
        outside, inside = wall - length, wall
        while inside - outside > 1:
            middle = (outside + inside) // 2
            if self.offset(middle) < self.offset(middle, 1):
                inside = middle
            else:
                outside = middle
        return inside
