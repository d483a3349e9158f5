"""A calendar compiled year by year: the instants at which it opens and closes, with running sums.

A year is one of UTC. Years beyond all holidays, exceptions and irregular clock changes repeat: they are the year of the
same shape (its first weekday, leap or not), moved. So a date far away costs no more than one nearby.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import isleap
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

from gateway.domain.calendar_spec import Hours, Scope, Timetable
from gateway.domain.public_holidays import FIRST_YEAR, LAST_YEAR, HolidaySource
from gateway.domain.wall import DAY, Wall, date_of, day_number, weekday, year_start

Interval = tuple[int, int]
#: a local date (by its day number) with what is open of the shifts that open on it
OpenDay = tuple[int, list[Interval]]

#: the last year in which clock changes are irregular (Morocco's are written down until 2087) or holidays are known
_REGULAR_AFTER = LAST_YEAR + 1
#: before it, zones had their local mean time and nobody's holidays are known
_REGULAR_BEFORE = min(1850, FIRST_YEAR)
#: a shift, a jump of the clock over a whole day, and the offset of a zone reach no farther than this many days
_MARGIN = 4
#: what begins on a date ends within so many days after it, a day that the clock left out included
_REACH = 2


class Year:
    """The open intervals of one year, in order, and how much time they hold up to each."""

    __slots__ = ("closes", "opens", "sums", "total")

    def __init__(self, intervals: Iterable[Interval]) -> None:
        self.opens: list[int] = []
        self.closes: list[int] = []
        #: open seconds from the start of the year to the end of each interval
        self.sums: list[int] = []
        self.total = 0
        for opens, closes in intervals:
            self.opens.append(opens)
            self.closes.append(closes)
            self.total += closes - opens
            self.sums.append(self.total)

    def open_until(self, instant: int) -> int:
        """Return the open seconds of the year before an instant in it."""
        index = bisect_right(self.opens, instant) - 1
        if index < 0:
            return 0
        rest = self.closes[index] - instant
        return self.sums[index] - rest if rest > 0 else self.sums[index]

    def reached(self, seconds: int) -> int:
        """Return the first instant at which so many seconds (more than none) of the year were open."""
        index = bisect_left(self.sums, seconds)
        return self.closes[index] - (self.sums[index] - seconds)

    def is_open(self, instant: int) -> bool:
        """Say whether an instant of the year lies in an interval."""
        index = bisect_right(self.opens, instant) - 1
        return index >= 0 and instant < self.closes[index]

    def opening_after(self, instant: int) -> int | None:
        """Return the first opening of the year later than an instant."""
        index = bisect_right(self.opens, instant)
        return self.opens[index] if index < len(self.opens) else None


class Pattern(Protocol):
    """Where the intervals of a calendar come from."""

    #: years with exceptions, or days that were given as closed, in or near them; and how many such dates there are
    own_years: frozenset[int]
    own_dates: int

    def is_special(self, year: int) -> bool:
        """Say whether a year is unlike those of its shape."""

    def intervals(self, year: int) -> Sequence[Interval]:
        """Return the open intervals of a year of UTC, in order, none of which touch."""

    def days(self, first: int, last: int) -> list[OpenDay]:
        """Return, for each local date from `first` to before `last`, what is open of the shifts that open on it."""


class AlwaysPattern:
    """Open at any time."""

    own_years: frozenset[int] = frozenset()
    own_dates = 0

    def is_special(self, year: int) -> bool:  # noqa: ARG002 - no year is
        """Say that no year is unlike another."""
        return False

    def intervals(self, year: int) -> Sequence[Interval]:
        """Return the whole year."""
        return [(year_start(year) * DAY, year_start(year + 1) * DAY)]

    def days(self, first: int, last: int) -> list[OpenDay]:  # noqa: ARG002 - it has none
        """Return nothing: no day ends."""
        return []


class UnionPattern:
    """Open when any of several is."""

    def __init__(self, members: Sequence[Pattern]) -> None:
        # Each pattern once, so that unions of unions of the same calendars stay small.
        inner = (each.members if isinstance(each, UnionPattern) else (each,) for each in members)
        self.members: tuple[Pattern, ...] = tuple(dict.fromkeys(each for group in inner for each in group))
        self.own_years = frozenset[int]().union(*(member.own_years for member in self.members))
        self.own_dates = sum(member.own_dates for member in self.members)

    def is_special(self, year: int) -> bool:
        """Say whether it is to any of them."""
        return any(member.is_special(year) for member in self.members)

    def intervals(self, year: int) -> Sequence[Interval]:
        """Return what any of them has, overlaps once."""
        return merged(interval for member in self.members for interval in member.intervals(year))

    def days(self, first: int, last: int) -> list[OpenDay]:  # noqa: ARG002 - it has none
        """Return nothing: its members' days begin and end at different times."""
        return []


class _Near(msgspec.Struct, frozen=True):
    """What lies around the days that are asked for, by day."""

    special: dict[int, Hours]
    #: the offset of the clock from a day to the second after, None when it changes
    ahead: dict[int, int | None] = {}
    pauses: dict[int, list[Interval]] = {}


class TimetablePattern:
    """Hours in one zone, less breaks, with exceptions and holidays."""

    def __init__(self, timetable: Timetable, wall: Wall, source: HolidaySource) -> None:
        self.wall = wall
        self.timetable = timetable
        self._source = source
        days = {*timetable.exceptions, *timetable.closed}
        self.own_dates = len(days)
        self.own_years = frozenset(date_of(_within(day + step)).year for day in days for step in (-_MARGIN, _MARGIN))
        self._has_breaks = any(timetable.breaks)

    def is_special(self, year: int) -> bool:
        """Say whether clock changes, holidays or exceptions make a year different."""
        return _REGULAR_BEFORE <= year <= _REGULAR_AFTER or year in self.own_years

    def intervals(self, year: int) -> Sequence[Interval]:
        """Return the open intervals of a year of UTC."""
        first, last = year_start(year), year_start(year + 1)
        pieces = self.days(first - _MARGIN, last + _MARGIN)
        found = merged(piece for _, day in pieces for piece in day)
        return clipped(found, first * DAY, last * DAY)

    def days(self, first: int, last: int) -> list[OpenDay]:
        """Return, for each local date from `first` to before `last`, what is open of the shifts that open on it."""
        first, last = max(first, year_start(1)), min(last, year_start(9999 + 1))
        offsets = [self.wall.offset(day * DAY) for day in range(first - _REACH, last + _REACH + 3)]
        near = _Near(special=self._closed(first - _REACH, last + _REACH + 1))
        for at, day in enumerate(range(first - _REACH, last + _REACH + 1)):
            near.ahead[day] = offsets[at] if offsets[at] == offsets[at + 1] == offsets[at + 2] else None
            if self._has_breaks:
                near.pauses[day] = self._placed(day, self.timetable.breaks[weekday(day)], near.ahead[day])
        return [(day, self._day(day, near)) for day in range(first, last)]

    def _closed(self, first: int, last: int) -> dict[int, Hours]:
        """Return the dates with hours of their own: exceptions, and holidays, which have none."""
        table = self.timetable
        found: dict[int, Hours] = dict.fromkeys((day for day in table.closed if first <= day < last), ())
        if table.holidays is not None:
            for year in range(date_of(_within(first)).year, date_of(_within(last)).year + 1):
                found.update(dict.fromkeys(map(day_number, self._source(table.holidays, year)), ()))
        return found | table.exceptions

    def _day(self, day: int, near: _Near) -> list[Interval]:
        by_date = self.timetable.scope is Scope.CALENDAR_DAY
        own = near.special.get(day)
        later = [each for each in range(day + 1, day + _REACH + 1) if each in near.special] if by_date else []
        found: list[Interval] = []
        replaced = own is not None and (not by_date or any(closes > DAY for _, closes in own))
        if not replaced:
            found = self._placed(day, self.timetable.week[weekday(day)], near.ahead[day])
            if found and self._has_breaks:
                for each in range(day - _REACH, day + _REACH + 1):
                    found = without(found, near.pauses[each])
            if own is not None:
                found = without(found, [self._date(day)])
        if own:
            found += self._placed(day, own, near.ahead[day])
        return without(found, map(self._date, later)) if found and later else found

    def _placed(self, day: int, hours: Hours, ahead: int | None) -> list[Interval]:
        """Return the instants of a date's hours; `ahead` is the offset when it does not change around then."""
        if ahead is not None:
            base = day * DAY - ahead
            return [(base + opens, base + closes) for opens, closes in hours]
        boundary = self.wall.boundary
        found = [(boundary(day * DAY + opens), boundary(day * DAY + closes)) for opens, closes in hours]
        return [(opens, closes) for opens, closes in found if opens < closes]

    def _date(self, day: int) -> Interval:
        """Return when a local date begins and ends."""
        return self.wall.midnight(day), self.wall.midnight(day + 1)


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Return the set union of intervals, in order; those that touch are one."""
    found: list[Interval] = []
    for opens, closes in sorted(intervals):
        if found and opens <= found[-1][1]:
            if closes > found[-1][1]:
                found[-1] = (found[-1][0], closes)
        else:
            found.append((opens, closes))
    return found


def without(intervals: Sequence[Interval], holes: Iterable[Interval]) -> list[Interval]:
    """Return intervals less the holes."""
    found = list(intervals)
    for start, end in holes:
        found = [
            (low, high)
            for opens, closes in found
            for low, high in ((opens, min(closes, start)), (max(opens, end), closes))
            if low < high
        ]
    return found


def clipped(intervals: Iterable[Interval], start: int, end: int) -> list[Interval]:
    """Return what of the intervals lies between two instants."""
    return [(max(opens, start), min(closes, end)) for opens, closes in intervals if opens < end and closes > start]


class Years:
    """The years of a pattern, each compiled when it is first asked for."""

    __slots__ = ("_days", "_like", "_made", "pattern")

    def __init__(self, pattern: Pattern) -> None:
        self.pattern = pattern
        self._made: dict[int, tuple[int, Year]] = {}
        self._days: dict[int, tuple[int, list[OpenDay]]] = {}
        #: shape -> the year that stands for all of that shape
        self._like: dict[tuple[bool, int, bool], int] = {}

    def of(self, year: int) -> tuple[int, Year]:
        """Return the intervals of a year of UTC, and by how many seconds they are to be moved."""
        found = self._made.get(year)
        if found is None:
            like = self._stand_in(year)
            if like == year:
                found = 0, Year(self.pattern.intervals(year))
            else:
                found = (year_start(year) - year_start(like)) * DAY, self.of(like)[1]
            self._made[year] = found
        return found

    def open_days(self, year: int) -> tuple[int, list[OpenDay]]:
        """Return the open days of a local year, and by how many days they are to be moved."""
        found = self._days.get(year)
        if found is None:
            like = self._stand_in(year)
            if like == year:
                days = self.pattern.days(year_start(year), year_start(year + 1))
                found = 0, [each for each in days if each[1]]
            else:
                found = year_start(year) - year_start(like), self.open_days(like)[1]
            self._days[year] = found
        return found

    def _stand_in(self, year: int) -> int:
        """Return the year whose intervals, moved, are those of `year`: itself, unless it is far away."""
        if self.pattern.is_special(year):
            return year
        late = year > _REGULAR_AFTER
        shape = (late, weekday(year_start(year)), isleap(year))
        known = self._like.get(shape)
        if known is None:
            # Dates repeat every 400 years.
            known = _REGULAR_AFTER + 1 + (year - _REGULAR_AFTER - 1) % 400 if late else _before(year)
            known = year if self.pattern.is_special(known) else known
            self._like[shape] = known
        return known


def _within(day: int) -> int:
    return min(max(day, year_start(1)), year_start(9999 + 1) - 1)


def _before(year: int) -> int:
    return _REGULAR_BEFORE - 1 - (_REGULAR_BEFORE - 1 - year) % 400
