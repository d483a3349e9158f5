"""Rotas as calendars are exchanged (iCalendar, RFC 5545): the events of a file become the lines of a team's rota.

Each event is a shift. Who works is said by its attendees, by e-mail address, or by its summary: names from `people:` or
addresses, separated by commas. `[L2]` in front of a summary puts it on layer 2. A shift that names nobody whom the
site knows is empty, and as if it were not there. Reading is pure: bytes in, lines out; nothing is fetched here.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time
from typing import Any

import msgspec

from gateway.domain.shifts import FURTHEST, Line, Window
from gateway.domain.wall import zone

_LAYER = re.compile(r"^\s*\[L(\d{1,3})\]\s*", re.IGNORECASE)
_BETWEEN = re.compile(r"[,;&\n]+")
#: what would give millions of shifts a month
_TOO_OFTEN = frozenset({"SECONDLY", "MINUTELY"})
#: months of a feed are kept as they were worked out; more than so many are not
_KEPT = 60


class RotaError(Exception):
    """A file of a rota cannot be understood."""


class _Shift(msgspec.Struct, frozen=True, order=True):
    start: datetime
    end: datetime
    person: str
    layer: int


class Rota:
    """One file of shifts."""

    __slots__ = ("_calendar", "_months", "_zone", "layer", "override", "people", "size", "strangers")

    def __init__(
        self, data: bytes, people: Mapping[str, str], timezone: str = "", *, layer: int = 0, override: bool = False
    ) -> None:
        """Read a file; `people` are known names and lower-case addresses, each with the name that it stands for.

        `timezone` is that of times without one. Raises RotaError with words for a person.
        """
        from icalendar import Calendar  # noqa: PLC0415 - a site without such files need not wait for it

        try:
            self._calendar: Any = Calendar.from_ical(data)
            events = list(self._calendar.walk("VEVENT"))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
            raise RotaError(f"it is no calendar in the form of RFC 5545: {str(error)[:120]}") from None
        if any(_TOO_OFTEN & _frequencies(event) for event in events):
            raise RotaError("a shift in it is repeated every second or every minute: no shift is so short")
        self.people = people
        self.layer = layer
        self.override = override
        self._zone = zone(timezone or "UTC") or UTC
        self._months: dict[tuple[int, int], tuple[_Shift, ...]] = {}
        found = [self._named(event) for event in events]
        self.size = len(events)
        #: what stands where a name is expected, and is none
        self.strangers = tuple(sorted({word for _, _, unknown in found for word in unknown}))

    def lines(self) -> list[Line]:
        """Return a line for each person and layer."""
        whose: set[tuple[str, int]] = set()
        for event in self._calendar.walk("VEVENT"):
            layer, people, _ = self._named(event)
            whose |= {(person, layer) for person in people}
        return [
            Line(person=person, hours=RotaHours(self, person, layer), layer=layer, override=self.override)
            for person, layer in sorted(whose)
        ]

    def shifts(self, year: int, month: int) -> tuple[_Shift, ...]:
        """Return the shifts that touch a month, in order."""
        found = self._months.get((year, month))
        if found is None:
            if len(self._months) >= _KEPT:
                self._months.clear()
            found = self._months[year, month] = tuple(sorted(self._occurring(year, month)))
        return found

    def _occurring(self, year: int, month: int) -> Iterator[_Shift]:
        from recurring_ical_events import of  # noqa: PLC0415 - as above

        first = datetime(year, month, 1, tzinfo=UTC)
        last = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        for event in of(self._calendar, skip_bad_series=True).between(first, last):
            start, end = self._instant(event.start), self._instant(event.end)
            layer, people, _ = self._named(event)
            if start < end:
                yield from (_Shift(start, end, person, layer) for person in people)

    def _instant(self, value: date | datetime) -> datetime:
        if not isinstance(value, datetime):
            value = datetime.combine(value, time())
        return (value if value.tzinfo is not None else value.replace(tzinfo=self._zone)).astimezone(UTC)

    def _named(self, event: Any) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
        """Return the layer of an event, who works, and what is no name."""
        summary = str(event.get("SUMMARY", ""))
        said = _LAYER.match(summary)
        layer = int(said[1]) if said else self.layer
        attendees = event.get("ATTENDEE", [])
        words = [str(each) for each in (attendees if isinstance(attendees, list) else [attendees])]
        found = [name for word in words if (name := self._known(word))]
        if found:
            return layer, tuple(dict.fromkeys(found)), ()
        words = [word.strip() for word in _BETWEEN.split(_LAYER.sub("", summary)) if word.strip()]
        found = [name for word in words if (name := self._known(word))]
        unknown = tuple(word[:60] for word in words if not self._known(word))
        return layer, tuple(dict.fromkeys(found)), unknown

    def _known(self, word: str) -> str:
        plain = word.strip()
        plain = plain[len("mailto:") :] if plain.lower().startswith("mailto:") else plain
        return self.people.get(plain) or self.people.get(plain.lower(), "")


def _frequencies(event: Any) -> set[str]:
    """Return how often an event is repeated."""
    rules = event.get("RRULE", [])
    found = (each.get("FREQ", []) for each in (rules if isinstance(rules, list) else [rules]))
    return {str(word).upper() for words in found for word in (words if isinstance(words, list) else [words])}


class RotaHours:
    """When a file says that somebody works, on one layer."""

    __slots__ = ("_layer", "_months", "_person", "_rota")

    def __init__(self, rota: Rota, person: str, layer: int) -> None:
        self._rota = rota
        self._person = person
        self._layer = layer
        self._months: dict[tuple[int, int], list[Window]] = {}

    def is_open(self, at: datetime) -> bool:
        """Say whether they work at an instant."""
        at = at.astimezone(UTC)
        found = self._of(at.year, at.month)
        place = bisect_right(found, (at, datetime.max.replace(tzinfo=UTC))) - 1
        return place >= 0 and found[place][0] <= at < found[place][1]

    def windows(self, start: datetime, end: datetime) -> Iterator[Window]:
        """Go through their shifts between two instants, those that touch as one."""
        start, end = start.astimezone(UTC), end.astimezone(UTC)
        kept: Window | None = None
        year, month = start.year, start.month
        while (year, month) <= (end.year, end.month):
            for opening, closing in self._of(year, month):
                opens, closes = max(opening, start), min(closing, end)
                if opens >= closes:
                    continue
                if kept is not None and opens <= kept[1]:
                    kept = (kept[0], max(kept[1], closes))
                    continue
                if kept is not None:
                    yield kept
                kept = (opens, closes)
            year, month = year + month // 12, month % 12 + 1
        if kept is not None:
            yield kept

    def next_opening(self, at: datetime) -> datetime | None:
        """Return the earliest instant from `at` on at which they work."""
        return next((start for start, _ in self.windows(at, at + FURTHEST)), None)

    def _of(self, year: int, month: int) -> list[Window]:
        """Return the shifts that touch a month, joined."""
        found = self._months.get((year, month))
        if found is None:
            found = []
            for each in self._rota.shifts(year, month):
                if (each.person, each.layer) != (self._person, self._layer):
                    continue
                if found and each.start <= found[-1][1]:
                    found[-1] = (found[-1][0], max(found[-1][1], each.end))
                else:
                    found.append((each.start, each.end))
            if len(self._months) >= _KEPT:
                self._months.clear()
            self._months[year, month] = found
        return found


__all__ = ["Rota", "RotaError", "RotaHours"]
