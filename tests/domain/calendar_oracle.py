"""What a calendar says, found the slow way: one second after another (in steps of a minute, on which all hours lie).

It shares nothing with the calendar but the words of the spec: it asks the zone what the wall clock reads at each minute
and does not know about offsets, years or sums.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
ONE = timedelta(days=1)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Oracle:
    """Minutes from `start` on, each open or closed. Specs have the form of the vectors."""

    def __init__(self, spec: Any, calendars: Mapping[str, Any], start: datetime, days: int) -> None:
        self.start = start
        self.minutes = days * 24 * 60
        self.open = self._open(spec, calendars)
        #: open seconds before each minute
        self.sums = [0, *accumulate(60 * each for each in self.open)]

    def _open(self, spec: Any, calendars: Mapping[str, Any]) -> list[bool]:
        if "always" in spec:
            return [True] * self.minutes
        if "union" in spec:
            members = [self._open(calendars[name], calendars) for name in spec["union"]]
            return [any(each) for each in zip(*members, strict=True)]
        return _Hours(spec, self.start, self.minutes).open()

    def elapsed_until(self, at: datetime) -> int:
        """Return the open seconds from the start to an instant."""
        minute, second = divmod(int((at - self.start).total_seconds()), 60)
        return self.sums[minute] + (second if minute < self.minutes and self.open[minute] else 0)

    def elapsed(self, start: datetime, end: datetime) -> int:
        """Return the open seconds between two instants."""
        return self.elapsed_until(end) - self.elapsed_until(start)

    def is_open(self, at: datetime) -> bool:
        """Say whether it is open at an instant."""
        return self.open[int((at - self.start).total_seconds()) // 60]

    def due(self, start: datetime, seconds: int) -> datetime | None:
        """Return the earliest second at which so many have been open; None: not within these minutes."""
        goal = self.elapsed_until(start) + seconds
        at = start
        while self.elapsed_until(at) < goal:
            at = at.replace(second=0) + MINUTE
            if at > self.start + self.minutes * MINUTE:
                return None
        while at > start and self.elapsed_until(at - timedelta(seconds=1)) >= goal:
            at -= timedelta(seconds=1)
        return at

    def next_opening(self, at: datetime) -> datetime | None:
        """Return the first instant from `at` on that is open; None: not within these minutes."""
        end = self.start + self.minutes * MINUTE
        while at < end:
            if self.is_open(at):
                return at
            at = at.replace(second=0) + MINUTE
        return None


@cache
def _readings(zone: str, start: datetime, minutes: int) -> tuple[list[datetime], list[datetime]]:
    """Return what a clock reads at each minute, and the latest that it has read by then."""
    read = [(start + each * MINUTE).astimezone(ZoneInfo(zone)).replace(tzinfo=None) for each in range(minutes)]
    return read, list(accumulate(read, max))


class _Hours:
    def __init__(self, spec: Mapping[str, Any], start: datetime, minutes: int) -> None:
        self.spec = spec
        # Some days around, so that shifts and dates that reach in from outside are seen.
        self.before, self.minutes = 4 * 24 * 60, minutes
        self.read, self.latest = _readings(spec["tz"], start - 4 * ONE, minutes + 8 * 24 * 60)

    def at(self, day: date, words: str, *, later: bool = False) -> int:
        """Return the first minute at which the clock reads the time of `day` (`later`: of the day after) or later."""
        hours, minutes = (int(each) for each in words.split(":"))
        wall = datetime(day.year, day.month, day.day) + timedelta(hours=hours, minutes=minutes)  # noqa: DTZ001
        wall += ONE if later else timedelta()
        minute = bisect_left(self.latest, wall)
        if self.spec.get("dst") == "rfc5545" and 0 < minute < len(self.read) and self.read[minute] > wall:
            jumped = self.read[minute] - self.read[minute - 1] - MINUTE
            minute += int((wall - (self.read[minute] - jumped)) / MINUTE)
        return min(minute, len(self.read))

    def midnight(self, day: date) -> int:
        """Return the first minute of a date."""
        return bisect_left(self.latest, datetime(day.year, day.month, day.day))  # noqa: DTZ001

    def spans(self, day: date, intervals: Any) -> list[range]:
        """Return the minutes of a date's intervals."""
        return [range(self.at(day, low), self.at(day, high, later=high <= low)) for low, high in intervals]

    def open(self) -> list[bool]:
        """Return whether it is open, minute by minute."""
        spec, size = self.spec, len(self.read)
        by_date = spec.get("holiday_scope", "calendar_day") == "calendar_day"
        special: dict[date, Any] = {date.fromisoformat(day): [] for day in spec.get("holidays", ())}
        special |= {date.fromisoformat(day): hours for day, hours in spec.get("exceptions", {}).items()}
        regular, own, pause = bytearray(size), bytearray(size), bytearray(size)
        first = self.read[0].date()
        days = [first + each * ONE for each in range(-1, size // 1440 + 1)]
        date_at: list[date] = [date.min] * size
        for day in days:
            low, high = self.midnight(day), self.midnight(day + ONE)
            date_at[low:high] = [day] * (high - low)
        for day in days:
            weekday = DAYS[day.weekday()]
            for span in self.spans(day, spec.get("breaks", {}).get(weekday, ())):
                for minute in span:
                    pause[minute] = True
            hours = special.get(day)
            crosses = any(high <= low for low, high in hours or ())
            if hours is None or (by_date and not crosses):
                for span in self.spans(day, spec["weekly"].get(weekday, ())):
                    for minute in span:
                        regular[minute] |= not (by_date and date_at[minute] in special)
            for span in self.spans(day, hours or ()):
                for minute in span:
                    own[minute] |= not by_date or date_at[minute] == day or date_at[minute] not in special
        found = [bool((each and not rest) or more) for each, rest, more in zip(regular, pause, own, strict=True)]
        return found[self.before : self.before + self.minutes]


def instant(text: str) -> datetime:
    """Read an instant in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
