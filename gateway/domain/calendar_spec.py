"""What a calendar's text says, read into numbers: hours as seconds after local midnight, by weekday and by date.

Two spellings are read: that of the rule files (`timezone`, `week: {mon-fri: [09:00-17:00]}`) and that of mappings with
pairs (`tz`, `weekly: {mon: [["09:00", "17:00"]]}`). Whatever is wrong is found at once, each fault with its path, so
that the loader of the rules can point at all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.public_holidays import HolidayRule, HolidaySource, UnknownHolidaysError
from gateway.domain.wall import DAY, Dst, day_number, zone, zone_names
from gateway.errors import ConfigError

#: (opens, closes) in seconds after the local midnight of the date they belong to, in order; closes at most 48 hours
#: after it; some may overlap
Hours = tuple[tuple[int, int], ...]
Path = tuple[str | int, ...]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS_WORDS = ("24x7", "always")

_CLOCK = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])|24:00")
_SPAN = re.compile(r"\s*([^\s-]+)\s*-\s*([^\s-]+)\s*")
_EXAMPLE = "write hours such as 09:00-17:30"
_SYNONYMS = {"tz": "timezone", "weekly": "week"}
_KEYS = frozenset({"timezone", "week", "breaks", "exceptions", "holidays", "holiday_scope", "dst"})
#: a year whose holidays every country has, to see whether a source knows the country at all
_TRIAL_YEAR = 2026


class Scope(StrEnum):
    """What a closed date (or one with hours of its own) closes when shifts cross midnight."""

    #: the hours on that local date, whichever shift they belong to
    CALENDAR_DAY = "calendar_day"
    #: the shifts that open on that local date, whole
    SHIFT_START = "shift_start"


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong in a calendar, with the keys that lead to it."""

    path: Path
    code: str
    message: str
    hint: str = ""
    #: words one of which was probably meant
    known: tuple[str, ...] = ()
    #: the last key of the path is wrong, not its value
    at_key: bool = False


class CalendarError(ConfigError):
    """A calendar that cannot be used; `faults` says all that is wrong with it."""

    def __init__(self, *faults: Fault) -> None:
        self.faults = faults
        super().__init__("; ".join(_sentence(fault) for fault in faults))

    def within(self, index: int, name: str) -> CalendarError:
        """Return the same for a union whose member this is."""
        told = (
            fault
            if fault.code.startswith("union-")
            else Fault(("union", index), fault.code, f"calendar '{name[:60]}': {_sentence(fault)}")
            for fault in self.faults
        )
        return CalendarError(*told)


class Always(msgspec.Struct, frozen=True):
    """Open at any time."""


class Union(msgspec.Struct, frozen=True):
    """Open when any of these calendars is."""

    names: tuple[str, ...]


class Timetable(msgspec.Struct, frozen=True):
    """Hours in one time zone."""

    timezone: str
    #: by weekday, Monday first
    week: tuple[Hours, ...]
    breaks: tuple[Hours, ...]
    #: by day number of the local date
    exceptions: dict[int, Hours]
    #: days that are closed, beside those of the rule
    closed: frozenset[int] = frozenset()
    holidays: HolidayRule | None = None
    scope: Scope = Scope.CALENDAR_DAY
    dst: Dst = Dst.WALL


def _sentence(fault: Fault) -> str:
    place = ".".join(str(step) for step in fault.path)
    hint = f"; {fault.hint}" if fault.hint else ""
    return f"{place}: {fault.message}{hint}" if place else f"{fault.message}{hint}"


def read(spec: Any, source: HolidaySource) -> Always | Union | Timetable:
    """Read a calendar's spec; raises CalendarError with everything that is wrong in it."""
    reader = _Reader(source)
    found = reader.calendar(spec)
    if reader.faults or found is None:
        raise CalendarError(*reader.faults)
    return found


class _Reader:
    def __init__(self, source: HolidaySource) -> None:
        self.source = source
        self.faults: list[Fault] = []

    def fault(self, path: Path, code: str, message: str, hint: str = "", **more: Any) -> None:
        self.faults.append(Fault(path, code, message, hint, **more))

    def calendar(self, spec: Any) -> Always | Union | Timetable | None:
        if spec in ALWAYS_WORDS or spec == {"always": True}:
            return Always()
        if not isinstance(spec, Mapping):
            self.fault((), "bad-calendar", "this is not a calendar", "write 24x7, or a mapping with timezone and week")
            return None
        if "union" in spec:
            return self.union(spec)
        if "always" in spec:
            self.fault(("always",), "bad-calendar", "this is not `always: true` alone", "write 24x7")
            return None
        keys = {_SYNONYMS.get(key, key): key for key in spec if isinstance(key, str)}
        for key in spec:
            if keys.get(_SYNONYMS.get(key, key) if isinstance(key, str) else "") != key:
                message = f"'{str(key)[:60]}' says the same as another key"
                self.fault((str(key),), "bad-calendar", message, "leave one out", at_key=True)
            elif _SYNONYMS.get(key, key) not in _KEYS:
                message = f"a calendar has no '{str(key)[:60]}'"
                self.fault((str(key),), "bad-calendar", message, known=tuple(sorted(_KEYS)), at_key=True)
        return self.timetable({word: spec[key] for word, key in keys.items()}, keys)

    def union(self, spec: Mapping[str, Any]) -> Union | None:
        names = spec["union"]
        for key in spec:
            if key != "union":
                hint = "each member keeps its own hours, zone and holidays"
                message = f"a union has no '{str(key)[:60]}' of its own"
                self.fault((str(key),), "bad-calendar", message, hint, at_key=True)
        if not isinstance(names, Sequence) or isinstance(names, str) or not all(isinstance(n, str) for n in names):
            self.fault(("union",), "bad-calendar", "a union is a list of names of calendars")
            return None
        if not names:
            self.fault(("union",), "bad-calendar", "a union needs calendars")
        return Union(tuple(names))

    def timetable(self, spec: Mapping[str, Any], keys: Mapping[str, str]) -> Timetable:
        self.timezone(spec, keys)
        scope, holidays, closed = self.holidays(spec, keys)
        return Timetable(
            timezone=spec.get("timezone", ""),
            week=self.week(spec.get("week", {}), (keys.get("week", "week"),)),
            breaks=self.week(spec.get("breaks", {}), ("breaks",)),
            exceptions=self.exceptions(spec.get("exceptions", {})),
            closed=closed,
            holidays=holidays,
            scope=scope,
            dst=self.choice(spec, ("dst",), Dst, Dst.WALL),
        )

    def timezone(self, spec: Mapping[str, Any], keys: Mapping[str, str]) -> None:
        name = spec.get("timezone")
        if name is None:
            self.fault((), "no-timezone", "this calendar has no timezone", "write one such as Europe/Prague, or UTC")
        elif not isinstance(name, str) or zone(name) is None:
            message = f"there is no time zone '{str(name)[:60]}'"
            self.fault((keys["timezone"],), "unknown-timezone", message, known=zone_names())

    def choice(self, spec: Mapping[str, Any], path: Path, kind: Any, default: Any) -> Any:
        value = spec.get(str(path[-1]))
        if value is None:
            return default
        if value in tuple(kind):
            return kind(value)
        self.fault(
            path, "bad-calendar", f"'{str(value)[:60]}' is not a choice here", known=tuple(str(word) for word in kind)
        )
        return default

    def week(self, spec: Any, path: Path) -> tuple[Hours, ...]:
        week: list[Hours] = [()] * 7
        if not isinstance(spec, Mapping):
            self.fault(path, "bad-hours", "this is not a mapping from days to hours", "write {mon-fri: [09:00-17:30]}")
            return tuple(week)
        said: dict[int, str] = {}
        for key, value in spec.items():
            hours = self.hours(value, (*path, str(key)))
            for day in self.days(key, path):
                if day in said:
                    message = f"{DAYS[day]} is in '{said[day]}' already"
                    self.fault((*path, str(key)), "day-twice", message, "give each day its hours once", at_key=True)
                    continue
                said[day] = str(key)
                week[day] = hours
        return tuple(week)

    def days(self, key: Any, path: Path) -> Iterator[int]:
        first, dash, last = str(key).partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            message = f"'{str(key)[:60]}' is not a day"
            self.fault((*path, str(key)), "bad-hours", message, "write mon, or mon-fri", at_key=True)
            return
        start = DAYS.index(first)
        length = (DAYS.index(last) - start) % 7 if dash else 0
        for step in range(length + 1):
            yield (start + step) % 7

    def hours(self, spec: Any, path: Path) -> Hours:
        if not isinstance(spec, Sequence) or isinstance(spec, str):
            self.fault(path, "bad-hours", "this is not a list of hours", "write [09:00-17:30]")
            return ()
        found = [self.interval(each, (*path, index)) for index, each in enumerate(spec)]
        # What overlaps is joined as instants: a time that the clock jumps over may come after a later one (rfc5545).
        return tuple(sorted(each for each in found if each is not None))

    def interval(self, spec: Any, path: Path) -> tuple[int, int] | None:
        if isinstance(spec, str):
            match = _SPAN.fullmatch(spec)
            words: Sequence[Any] = match.groups() if match else ()
        else:
            words = spec if isinstance(spec, Sequence) else ()
        times = [_clock(word) for word in words]
        if len(times) != 2 or None in times:
            self.fault(path, "bad-hours", f"'{_shown(spec)}' are not hours", _EXAMPLE)
            return None
        opens, closes = int(times[0] or 0), int(times[1] or 0)
        if opens == DAY:
            self.fault(path, "bad-hours", f"'{_shown(spec)}' opens at 24:00", "write 00:00 on the next day")
            return None
        return opens, closes if closes > opens else closes + DAY

    def exceptions(self, spec: Any) -> dict[int, Hours]:
        found: dict[int, Hours] = {}
        if not isinstance(spec, Mapping):
            self.fault(("exceptions",), "bad-hours", "this is not a mapping from dates to hours")
            return found
        for key, value in spec.items():
            path = ("exceptions", str(key))
            day = _day(key)
            if day is None:
                message = f"there is no date '{str(key)[:60]}'"
                self.fault(path, "bad-date", message, "write one such as 2026-12-24", at_key=True)
                continue
            found[day] = () if value == "closed" else self.hours(value, path)
        return found

    def holidays(
        self, spec: Mapping[str, Any], keys: Mapping[str, str]
    ) -> tuple[Scope, HolidayRule | None, frozenset[int]]:
        scope: Scope = self.choice(spec, ("holiday_scope",), Scope, Scope.CALENDAR_DAY)
        value = spec.get("holidays")
        if value is None:
            return scope, None, frozenset()
        if isinstance(value, Mapping) and ("country" in value or not value or _day(next(iter(value))) is None):
            if "scope" in value:
                if "holiday_scope" in keys:
                    self.fault(("holidays", "scope"), "bad-calendar", "the scope is said twice", "leave one out")
                scope = self.choice(value, ("holidays", "scope"), Scope, scope)
            return scope, self.rule(value), frozenset()
        if isinstance(value, str) or not isinstance(value, Mapping | Sequence | frozenset | set):
            self.fault(
                ("holidays",), "bad-calendar", "these are not holidays", "write {country: CZ}, or list the dates"
            )
            return scope, None, frozenset()
        days = [(key, _day(key)) for key in value]
        for key, day in days:
            if day is None:
                self.fault(("holidays",), "bad-date", f"there is no date '{str(key)[:60]}'")
        return scope, None, frozenset(day for _, day in days if day is not None)

    def rule(self, spec: Mapping[str, Any]) -> HolidayRule | None:
        """Read which country's holidays are meant, and ask the source whether it has them."""
        if not isinstance(spec.get("country"), str):
            self.fault(("holidays",), "no-country", "holidays need a country", "write {country: CZ}, or leave them out")
            return None
        try:
            rule = msgspec.convert({key: spec[key] for key in spec if key != "scope"}, HolidayRule, strict=True)
        except msgspec.ValidationError as error:
            self.fault(("holidays",), "bad-calendar", f"these are not holidays: {error}")
            return None
        try:
            self.source(rule, _TRIAL_YEAR)
        except UnknownHolidaysError as error:
            self.fault(("holidays", error.key), f"unknown-{error.key}", str(error), known=error.known)
        return rule


def _clock(word: Any) -> int | None:
    match = _CLOCK.fullmatch(word) if isinstance(word, str) else None
    if match is None:
        return None
    return int(match[1]) * 3600 + int(match[2]) * 60 if match[1] else DAY


def _shown(spec: Any) -> str:
    return "-".join(str(each) for each in spec)[:60] if isinstance(spec, list | tuple) else str(spec)[:60]


def _day(key: Any) -> int | None:
    """Return the day number of a date, or of a text such as 2026-12-24."""
    if isinstance(key, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", key):
        try:
            key = date.fromisoformat(key)
        except ValueError:
            return None
    return day_number(key) if type(key) is date else None
