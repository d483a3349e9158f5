"""Who works when, worked out once for a whole forecast: real hours, and how long work takes that is done in them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from gateway.domain.roster import Roster
from gateway.domain.shifts import Line, Window

#: whoever is not there at the beginning may be back from a shift that began before
_BEFORE = timedelta(days=2)
#: answers to questions about times to come
_MOST_KEPT = 10_000


class Hours:
    """The times in which somebody works, with what they add up to before each."""

    __slots__ = ("_ends", "_starts", "_summed")

    def __init__(self, windows: Iterable[Window]) -> None:
        self._starts: list[float] = []
        self._ends: list[float] = []
        self._summed: list[float] = [0.0]
        for opening, closing in sorted(windows):
            start, end = opening.timestamp(), closing.timestamp()
            if self._ends and start <= self._ends[-1]:
                more = end - self._ends[-1]
                if more > 0:
                    self._ends[-1] = end
                    self._summed[-1] += more
                continue
            self._starts.append(start)
            self._ends.append(end)
            self._summed.append(self._summed[-1] + end - start)

    def _worked(self, at: float) -> float:
        place = bisect_right(self._starts, at) - 1
        if place < 0:
            return 0.0
        return self._summed[place] + min(at, self._ends[place]) - self._starts[place]

    def between(self, start: datetime, end: datetime) -> int:
        """Return the seconds of work between two instants."""
        return round(self._worked(end.timestamp()) - self._worked(start.timestamp()))

    def after(self, at: datetime, seconds: int) -> datetime | None:
        """Return when so many seconds of work are done that begins at an instant; None: not as far as is looked."""
        wanted = self._worked(at.timestamp()) + seconds
        place = bisect_left(self._summed, wanted) - 1
        if place >= len(self._starts):
            return None
        found = self._starts[max(place, 0)] + wanted - self._summed[max(place, 0)] if self._starts else None
        return max(at, datetime.fromtimestamp(round(found), UTC)) if found is not None else None

    def edges(self) -> Sequence[float]:
        """Return when they begin and end."""
        return [*self._starts, *self._ends]


class Shifts:
    """The working hours of everybody on a roster between two instants."""

    def __init__(self, roster: Roster, begin: datetime, end: datetime) -> None:
        self.roster = roster
        self._begin, self._end = begin - _BEFORE, end
        self._own: dict[str, Hours] = {}
        self._called: dict[str, Hours] = {}
        edges = {edge for person in roster.of_person for edge in self.of(person).edges()}
        #: when anybody begins or ends to work
        self.edges = sorted(each for each in edges if begin.timestamp() < each <= end.timestamp())
        self._bits: dict[int, int] = {}

    def of(self, person: str) -> Hours:
        """Return the hours of an agent; somebody without any, such as a manager, is always there."""
        found = self._own.get(person)
        if found is None:
            windows: Iterable[Window] = self.roster.hours(person, self._begin, self._end)
            if person not in self.roster.of_person:
                windows = ((self._begin, self._end),)
            found = self._own[person] = Hours(windows)
        return found

    def called(self, person: str) -> Hours:
        """Return the hours in which somebody works on what they were called for: their own, and on call."""
        found = self._called.get(person)
        if found is None:
            mine = [line for line in self.roster.call if line.person == person]
            windows = [*self.roster.hours(person, self._begin, self._end), *self._lines(mine)]
            found = self._called[person] = Hours(windows) if windows else self.of(person)
        return found

    def _lines(self, lines: Iterable[Line]) -> Iterable[Window]:
        for line in lines:
            yield from self.roster.away.cut(line.person, line.windows(self._begin, self._end))

    def on_shift(self, at: datetime) -> int:
        """Return who works at an instant: what the roster says, asked once between two edges."""
        place = bisect_right(self.edges, at.timestamp())
        found = self._bits.get(place)
        if found is None:
            if len(self._bits) > 64:
                self._bits.clear()
            found = self._bits[place] = self.roster.on_shift(at)
        return found


class Remembering(Roster):
    """A roster that remembers what it was asked about times to come, for as long as that holds."""

    __slots__ = ("_ends", "_nexts")

    @staticmethod
    def of(roster: Roster) -> Remembering:
        """Take over a roster: it never changes."""
        made = object.__new__(Remembering)
        for name in Roster.__slots__:
            setattr(made, name, getattr(roster, name))
        made._nexts = {}
        made._ends = {}
        return made

    _nexts: dict[int, tuple[datetime, datetime | None]]
    _ends: dict[tuple[str, timedelta], tuple[datetime, datetime]]

    def next_on(self, bits: int, at: datetime) -> datetime | None:
        """Return the earliest instant at which somebody of a set works: the same until then."""
        known = self._nexts.get(bits)
        if known is not None and known[1] is not None and known[0] <= at <= known[1]:
            return known[1]
        if len(self._nexts) > _MOST_KEPT:
            self._nexts.clear()
        found = super().next_on(bits, at)
        self._nexts[bits] = (at, found)
        return found

    def shift_end(self, person: str, at: datetime, longest_break: timedelta) -> datetime | None:
        """Return when somebody's day ends: the same until it does."""
        key = (person, longest_break)
        known = self._ends.get(key)
        if known is not None and known[0] <= at < known[1]:
            return known[1]
        found = super().shift_end(person, at, longest_break)
        if found is not None:
            self._ends[key] = (at, found)
        return found
