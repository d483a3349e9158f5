"""Business days of a calendar with hours: "two business days" has to name how it is meant.

A day is a local date on which a shift opens, and it counts whole, also when it is a short one. What is open of a shift
after midnight belongs to the date on which the shift opened.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from enum import StrEnum
from operator import itemgetter

from gateway.domain.calendar_year import Interval, TimetablePattern, Years, merged, without
from gateway.domain.wall import DAY, date_of

_LAST_YEAR = 9999
#: a shift that is open now opened on one of so many days around
_NEAR = 3
_day = itemgetter(0)


class DayMode(StrEnum):
    """When the last of so many business days is over."""

    #: at the same time by the wall clock, so many open days later
    SAME_WALL = "same_wall"
    #: at the last closing, so many open days later
    END_OF_DAY = "end_of_day"
    #: after so many times the usual length of a day
    NOMINAL = "nominal"


class OpenDays:
    """The open days of one timetable."""

    __slots__ = ("_pattern", "_years")

    def __init__(self, pattern: TimetablePattern, years: Years) -> None:
        self._pattern = pattern
        self._years = years

    def same_wall(self, start: int, count: int) -> int | None:
        """Return the same wall time so many open days after the open instant `start`, fitted into that day's hours."""
        day = self._day_of(start)
        found = self._later(day, count)
        if found is None:
            return None
        wall = self._pattern.wall
        reading = wall.reading(start) - day * DAY
        return start if count == 0 else _fitted(wall.boundary(found[0] * DAY + reading), found[1])

    def end_of_day(self, start: int, count: int) -> int | None:
        """Return the last closing so many open days after the one of the open instant `start`."""
        found = self._later(self._day_of(start), count)
        return None if found is None else max(closes for _, closes in found[1])

    def usual_length(self) -> int:
        """Return the open seconds of a usual day: the most common length in the week, the longest of several."""
        table = self._pattern.timetable
        lengths: Counter[int] = Counter()
        for day in range(7):
            hours: list[Interval] = merged(table.week[day])
            for near in (-1, 0, 1):
                breaks = table.breaks[(day + near) % 7]
                hours = without(hours, [(opens + near * DAY, closes + near * DAY) for opens, closes in breaks])
            if hours:
                lengths[sum(closes - opens for opens, closes in hours)] += 1
        return max(lengths, key=lambda length: (lengths[length], length), default=0)

    def _day_of(self, instant: int) -> int:
        """Return the date to whose shift an open instant belongs."""
        date = self._pattern.wall.reading(instant) // DAY
        year = date_of(date).year
        for each in (year, year - 1, year + 1):
            if not 1 <= each <= _LAST_YEAR:
                continue
            moved, days = self._years.open_days(each)
            for place in range(bisect_left(days, date - _NEAR - moved, key=_day), len(days)):
                day, pieces = days[place]
                if day + moved >= date + _NEAR:
                    break
                at = instant - moved * DAY
                if any(opens <= at < closes for opens, closes in pieces):
                    return day + moved
        raise ValueError(f"nothing is open at {instant}")

    def _later(self, day: int, count: int) -> tuple[int, list[Interval]] | None:
        """Return the open day that is `count` after an open day, with its hours; None when there are not so many."""
        year = date_of(day).year
        moved, days = self._years.open_days(year)
        index = bisect_right(days, day - moved, key=_day) - 1 + count
        while index >= len(days):
            index -= len(days)
            year += 1
            if year > _LAST_YEAR:
                return None
            moved, days = self._years.open_days(year)
        found, pieces = days[index]
        return found + moved, [(opens + moved * DAY, closes + moved * DAY) for opens, closes in pieces]


def _fitted(instant: int, hours: list[Interval]) -> int:
    """Return an instant of the hours: itself, else the closing before it, else the first opening."""
    if any(opens <= instant < closes for opens, closes in hours):
        return instant
    return max((closes for _, closes in hours if closes <= instant), default=min(opens for opens, _ in hours))
