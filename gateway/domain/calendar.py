"""Calendars: when time counts, to the second.

A calendar is made once for each version of its spec and answers from sorted instants with running sums, so that a
question costs the same for an hour and for a year. Instants are aware datetimes; results are in UTC, whole seconds (a
fraction of a second is cut off). docs/rules/calendars.md says what the words of a spec mean.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any, Self

from gateway.domain import public_holidays
from gateway.domain.calendar_spec import Always, CalendarError, Fault, Timetable, Union, read
from gateway.domain.calendar_year import AlwaysPattern, Interval, Pattern, TimetablePattern, UnionPattern, Years
from gateway.domain.open_days import DayMode, OpenDays
from gateway.domain.public_holidays import HolidayRule, HolidaySource
from gateway.domain.wall import DAY, Wall, date_of, year_start, zone

__all__ = ["LONGEST_CLOSED", "MOST_NESTED", "Calendar", "CalendarError", "DayMode", "Fault"]

#: a calendar that stays closed for more days than this is a mistake
LONGEST_CLOSED = 400
#: unions in unions in unions
MOST_NESTED = 20

#: fewer dates than this do not close a week's hours for so long
_FEW = 20
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST = LONGEST_CLOSED * DAY
_LAST_YEAR = date.max.year
#: where to look for a year without exceptions: among those whose holidays are known first
_PLAIN_YEARS = (*range(2040, public_holidays.LAST_YEAR), *range(public_holidays.LAST_YEAR, _LAST_YEAR))
_START, _END = year_start(1) * DAY, year_start(_LAST_YEAR + 1) * DAY
_NONE: Mapping[str, Any] = MappingProxyType({})


class Calendar:
    """When time counts. It never changes; what it has worked out it keeps."""

    __slots__ = ("_days", "_last", "_long", "_run", "_spec", "_years", "members", "pattern")

    def __init__(self, spec: Always | Union | Timetable, pattern: Pattern, members: tuple[Calendar, ...] = ()) -> None:
        self._spec = spec
        #: where its intervals come from
        self.pattern = pattern
        #: the calendars of a union
        self.members = members
        self._years = Years(pattern)
        self._days = OpenDays(pattern, self._years) if isinstance(pattern, TimetablePattern) else None
        #: a run of years: the first of them, and the open seconds, from an arbitrary zero, before each and after the
        #: last. Replaced as one, so that threads may ask at once.
        self._run: tuple[int, list[int]] = (0, [])
        #: see _last_year
        self._last: int | None = None
        #: see _long_closed
        self._long: list[Interval] | None = None

    @classmethod
    def from_spec(
        cls,
        spec: Any,
        calendars: Mapping[str, Any] = _NONE,
        *,
        holidays: HolidaySource = public_holidays.dates,
    ) -> Self:
        """Make a calendar of what a rule file says; `calendars` are the specs (or calendars) that a union may name.

        `holidays` gives the days of a country. Raises CalendarError with all that is wrong. A calendar that never
        opens can be made, so that what was released once can still be read: `due` is None there; `check` refuses it.
        """
        return cls._made(spec, dict(calendars), holidays, ())

    @classmethod
    def _made(cls, spec: Any, calendars: dict[str, Any], holidays: HolidaySource, above: tuple[str, ...]) -> Self:
        """Make a calendar; what a union names is made once and kept in `calendars`."""
        found = read(spec, holidays)
        if isinstance(found, Always):
            return cls(found, AlwaysPattern())
        if isinstance(found, Timetable):
            place = zone(found.timezone)
            assert place is not None, "read() has found it"  # noqa: S101 - for the type checker
            return cls(found, TimetablePattern(found, Wall(place, found.dst), holidays))
        for index, name in enumerate(found.names):
            if name in above:
                message = f"the union contains itself: {' -> '.join((*above, name))}"
                raise CalendarError(Fault(("union", index), "union-of-itself", message))
            if name not in calendars:
                message = f"there is no calendar '{name[:60]}'"
                raise CalendarError(Fault(("union", index), "unknown-calendar", message, known=tuple(calendars)))
            if len(above) >= MOST_NESTED:
                raise CalendarError(Fault(("union", index), "union-too-deep", "these unions are nested too deep"))
            if not isinstance(calendars[name], Calendar):
                try:
                    calendars[name] = cls._made(calendars[name], calendars, holidays, (*above, name))
                except CalendarError as error:
                    raise error.within(index, name) from None
        members: tuple[Calendar, ...] = tuple(calendars[name] for name in found.names)
        return cls(found, UnionPattern([member.pattern for member in members]), members)

    @property
    def is_always(self) -> bool:
        """Say whether it is open at any time, by its spec."""
        return isinstance(self._spec, Always)

    @property
    def is_union(self) -> bool:
        """Say whether it is a union."""
        return isinstance(self._spec, Union)

    @property
    def has_days(self) -> bool:
        """Say whether it has business days: a union has none, and what is always open."""
        return self._days is not None

    @property
    def timezone(self) -> str:
        """The time zone of its hours; empty for a union and for one that is always open."""
        return self._spec.timezone if isinstance(self._spec, Timetable) else ""

    @property
    def holidays(self) -> frozenset[HolidayRule]:
        """Whose holidays it keeps, those of a union's members included."""
        own = self._spec.holidays if isinstance(self._spec, Timetable) else None
        found = frozenset(() if own is None else (own,))
        return found.union(*(member.holidays for member in self.members))

    def is_open(self, at: datetime) -> bool:
        """Say whether it is open at an instant. It is at the instant of opening, and is not at that of closing."""
        instant, year = _counted(at)
        moved, known = self._years.of(year)
        return known.is_open(instant - moved)

    def elapsed(self, start: datetime, end: datetime) -> int:
        """Return the open seconds from `start` to before `end`; none when `end` is not later."""
        (begin, first), (until, last) = _counted(start), _counted(end)
        if begin >= until:
            return 0
        if first == last:
            # most spans lie within a year, and need no other
            moved, known = self._years.of(first)
            return known.open_until(until - moved) - known.open_until(begin - moved)
        return self._open_until(until, last) - self._open_until(begin, first)

    def due(self, start: datetime, seconds: int) -> datetime | None:
        """Return the earliest instant by which so many seconds have been open since `start`.

        When they are used up exactly at closing, that is the closing. None when they never will be, and when it first
        stays closed for more than LONGEST_CLOSED days: that is a mistake in the calendar, and no promise.
        """
        if seconds < 0:
            raise ValueError("a target has no negative seconds")
        instant, year = _counted(start)
        if seconds == 0:
            return _instant(instant)
        goal = self._open_until(instant, year) + seconds
        run = self._run_past(goal - 1)
        if run is None:
            return None
        first, edges = run
        year = first + bisect_left(edges, goal) - 1
        moved, known = self._years.of(year)
        found = moved + known.reached(goal - edges[year - first])
        return None if self._is_too_far(instant, found) else _instant(found)

    def next_opening(self, at: datetime) -> datetime | None:
        """Return the earliest instant from `at` on at which it is open: `at` itself when it is.

        None when never, and when not within LONGEST_CLOSED days.
        """
        instant, year = _counted(at)
        opening = self._opening(instant, year)
        return None if opening is None else _instant(opening)

    def windows(self, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Go through the open intervals between two instants, in order; no two of them touch."""
        (low, year), (high, last) = _counted(start), _counted(end)
        kept: tuple[int, int] | None = None
        for each in range(year, last + 1):
            moved, known = self._years.of(each)
            for opens, closes in zip(known.opens, known.closes, strict=True):
                opening, closing = max(opens + moved, low), min(closes + moved, high)
                if opening >= closing:
                    continue
                if kept is not None and kept[1] == opening:
                    opening = kept[0]
                elif kept is not None:
                    yield _aware(kept[0]), _aware(kept[1])
                kept = (opening, closing)
        if kept is not None:
            yield _aware(kept[0]), _aware(kept[1])

    def business_days(self, start: datetime, count: int, mode: DayMode | str = DayMode.SAME_WALL) -> datetime | None:
        """Return when so many business days are over; None when there are not so many.

        A start at which it is closed first moves to the next opening. Raises CalendarError for a union and for a
        calendar that is always open: these have no days.
        """
        if self._days is None:
            what = "a union" if self.is_union else "a calendar that is always open"
            hint = "take a calendar with hours of its own, or a target in hours"
            raise CalendarError(Fault((), "business-days-without-days", f"{what} has no business days", hint))
        if count < 0:
            raise ValueError("there are no negative business days")
        opening = self._opening(*_counted(start))
        if opening is None:
            return None
        mode = DayMode(mode)
        if mode is DayMode.NOMINAL:
            length = self._days.usual_length()
            return self.due(_aware(opening), count * length) if length else None
        later = self._days.same_wall if mode is DayMode.SAME_WALL else self._days.end_of_day
        found = later(opening, count)
        return None if found is None or self._is_too_far(opening, found) else _instant(found)

    def check(self) -> Fault | None:
        """Say what makes it useless: it never opens, or stays closed for more than LONGEST_CLOSED days."""
        own = self.pattern.own_years
        if not self._opens_every_year():
            days = [day for year in sorted(own) for day in self._years.of(year)[1].closes]
            if not days:
                return Fault((), "never-open", "this calendar never opens", "give it hours, or write 24x7")
            last = date_of((days[-1] - 1) // DAY)
            return Fault((), "never-open", f"this calendar opens for the last time on {last}", "give its week hours")
        for closes, opens in self._long_closed()[:1]:
            message = f"this calendar is closed from {date_of(closes // DAY)} to {date_of(opens // DAY)}"
            return Fault((), "never-open", message, f"more than {LONGEST_CLOSED} days must be a mistake")
        return None

    def _is_too_far(self, instant: int, found: int) -> bool:
        """Say whether one would have to wait too long for an opening on the way from one instant to another."""
        if found - instant <= _LONGEST:
            return False
        return any(
            opens - max(closes, instant) > _LONGEST for closes, opens in self._long_closed() if instant < opens <= found
        )

    def _long_closed(self) -> list[Interval]:
        """Return when it is closed for longer than LONGEST_CLOSED days between two openings, and before the first."""
        if self._long is None:
            regular = self._opens_every_year()
            self._long = [] if regular and self.pattern.own_dates < _FEW else list(self._far_openings(regular=regular))
        return self._long

    def _far_openings(self, *, regular: bool) -> Iterator[Interval]:
        around = (-1, 0, 1, 2) if regular else (0,)
        years = sorted({max(1, min(each + more, _LAST_YEAR)) for each in self.pattern.own_years for more in around})
        # of a year that is not looked at nothing is known, or that nothing of it is open
        closed, before = (None if regular else _START), 0
        for year in years:
            closed = None if regular and year != before + 1 else closed
            before = year
            moved, known = self._years.of(year)
            for opens, closes in zip(known.opens, known.closes, strict=True):
                if closed is not None and opens + moved - closed > _LONGEST:
                    yield closed, opens + moved
                closed = closes + moved

    def _opens_every_year(self) -> bool:
        """Say whether a year without exceptions and holidays of its own has open time."""
        own = self.pattern.own_years
        return bool(self._years.of(next(year for year in _PLAIN_YEARS if year not in own))[1].total)

    def _last_year(self) -> int:
        """Return the last year that can have open time: nobody need look further."""
        if self._last is None:
            own = self.pattern.own_years
            # an evening of the last day may end in the next year
            self._last = _LAST_YEAR if self._opens_every_year() else min(max(own, default=1) + 1, _LAST_YEAR)
        return self._last

    def _opening(self, instant: int, year: int) -> int | None:
        found = self._first_open(instant, year)
        return None if found is None or self._is_too_far(instant, found) else found

    def _first_open(self, instant: int, year: int) -> int | None:
        moved, known = self._years.of(year)
        if known.is_open(instant - moved):
            return instant
        found = known.opening_after(instant - moved)
        if found is not None:
            return found + moved
        spent = self._open_until(instant, year)
        run = self._run_past(spent)
        if run is None:
            return None
        first, edges = run
        moved, known = self._years.of(first + bisect_right(edges, spent) - 1)
        return known.opens[0] + moved

    def _open_until(self, instant: int, year: int) -> int:
        """Return the open seconds before an instant, from the zero of the run."""
        first, edges = self._run
        if not first <= year < first + len(edges) - 1:
            first, edges = self._extended(year)
        moved, known = self._years.of(year)
        return edges[year - first] + known.open_until(instant - moved)

    def _run_past(self, spent: int) -> tuple[int, list[int]] | None:
        """Return the run when it holds more open seconds than `spent`, extended as needed; None when none does."""
        run = self._run
        years = 1
        while run[1][-1] <= spent:
            first_unknown = run[0] + len(run[1]) - 1
            last = self._last_year()
            if first_unknown > last:
                return None
            run = self._extended(min(first_unknown + years - 1, last))
            years *= 2
        return run

    def _extended(self, year: int) -> tuple[int, list[int]]:
        """Extend the run so that it holds a year."""
        first, known = self._run
        if not known:
            first, known = year, [0]
        earlier: list[int] = []
        for before in range(first - 1, year - 1, -1):
            earlier.append((earlier[-1] if earlier else known[0]) - self._years.of(before)[1].total)
        edges = [*reversed(earlier), *known]
        for after in range(first + len(known) - 1, year + 1):
            edges.append(edges[-1] + self._years.of(after)[1].total)
        self._run = (min(first, year), edges)
        return self._run


def _counted(at: datetime) -> tuple[int, int]:
    """Return an instant in whole seconds since 1970, and its year."""
    if at.tzinfo is not UTC:
        if at.tzinfo is None:
            raise ValueError(f"an instant needs a time zone, and {at.isoformat()} has none")
        at = at.astimezone(UTC)
    since = at - _EPOCH
    return since.days * DAY + since.seconds, at.year


def _instant(seconds: int) -> datetime | None:
    """Return an instant, or None for one that no datetime can hold."""
    return _EPOCH + timedelta(seconds=seconds) if seconds < _END else None


def _aware(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)
