"""Compiling the calendars of a site, each fault at its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from gateway.domain.calendar import MOST_NESTED, Calendar, CalendarError, Fault
from gateway.domain.public_holidays import HolidaySource
from rules.loading.sections import Sections
from rules.problem import Problem, nearest
from rules.source import Spot

#: an exception outside of these years is a slip of the pen
FIRST_YEAR, LAST_YEAR = 1970, 2199


def calendars(
    sections: Sections, holidays: HolidaySource, refused: Collection[str], problems: list[Problem]
) -> dict[str, Calendar]:
    """Compile every calendar; `refused` are names of those whose form is wrong, which others may still name."""
    compiling = _Compiling(sections.entries("calendars"), holidays, refused, problems)
    for name in compiling.entries:
        compiling.compile(name, ())
    return {name: made for name, made in compiling.made.items() if made is not None}


class _Compiling:
    def __init__(
        self, entries: Mapping[str, Spot], holidays: HolidaySource, refused: Collection[str], problems: list[Problem]
    ) -> None:
        self.entries = entries
        self.holidays = holidays
        self.refused = refused
        self.problems = problems
        #: None for one that is wrong
        self.made: dict[str, Calendar | None] = {}

    def compile(self, name: str, above: tuple[str, ...]) -> None:
        """Compile one calendar, the members of a union before it; `above` are the unions that lead here."""
        if name in self.made:
            return
        spot = self.entries[name]
        members = spot["union"].each() if "union" in spot else ()
        usable = [self._member(each, (*above, name)) for each in members]
        self.made[name] = self._calendar(name, spot) if all(usable) else None

    def _member(self, spot: Spot, above: tuple[str, ...]) -> bool:
        """Compile a member of a union; say whether the union can have it. Its own problems are told at its place."""
        name = spot.value
        if name in above:
            message = f"the union contains itself: {' -> '.join((*above, name))}"
            self.problems.append(spot.error("union-of-itself", message, "take it out of one of them"))
            return False
        if len(above) > MOST_NESTED:
            self.problems.append(spot.error("union-too-deep", "these unions are nested too deep", "name calendars"))
            return False
        if name in self.entries:
            self.compile(name, above)
            return self.made[name] is not None
        if name not in self.refused:
            message = f"there is no calendar '{name[:60]}'"
            self.problems.append(spot.error("unknown-calendar", message, nearest(name, self.entries)))
        return False

    def _calendar(self, name: str, spot: Spot) -> Calendar | None:
        made = {each: calendar for each, calendar in self.made.items() if calendar is not None}
        try:
            calendar = Calendar.from_spec(spot.value, made, holidays=self.holidays)
        except CalendarError as error:
            self.problems.extend(_problem(spot, fault) for fault in error.faults)
            return None
        if "exceptions" in spot:
            for day, each in spot["exceptions"].entries():
                if not FIRST_YEAR <= int(day[:4]) <= LAST_YEAR:
                    hint = f"write a date between {FIRST_YEAR} and {LAST_YEAR}"
                    self.problems.append(each.error("bad-date", f"nobody works in the year {day[:4]}", hint, key=True))
                    return None
        useless = None if calendar.is_union else calendar.check()
        if useless is not None:
            self.problems.append(spot.error(useless.code, f"{name}: {useless.message}", useless.hint, key=True))
        return None if useless else calendar


def _problem(spot: Spot, fault: Fault) -> Problem:
    path = (*spot.path, *fault.path)
    hint = fault.hint
    if fault.known:
        word = fault.path[-1] if fault.at_key else _at(spot.value, fault)
        hint = nearest(str(word), fault.known) or hint
    return spot.document.problem(path, fault.code, fault.message, hint, key=fault.at_key or not fault.path)


def _at(value: object, fault: Fault) -> object:
    for step in fault.path:
        if isinstance(value, Mapping):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int):
            value = value[step]
    return value
