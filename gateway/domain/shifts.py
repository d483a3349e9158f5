"""Who works when: the lines of a rota, and what they come to at an instant.

A line is somebody's hours, between two instants where it says so. Where several lines hold at once, those that
override others count alone; else those of the highest layer; among equals all of them, the one whose shift began first
in front. A line with nobody behind it (empty, over before it begins, or whose person is away) is as if it were not
there, so that the layer below shows through. Every instant comes from hours that count real time, so that the nights
on which clocks are changed need no care here.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

#: the shift that is under way at an instant began at most so long before
LONGEST_SHIFT = timedelta(days=8)
#: nothing is looked for further ahead
FURTHEST = timedelta(days=400)

Window = tuple[datetime, datetime]


class Hours(Protocol):
    """When somebody works: a calendar, or what a feed says of a person."""

    def is_open(self, at: datetime) -> bool:
        """Say whether it is open at an instant."""
        ...

    def windows(self, start: datetime, end: datetime) -> Iterator[Window]:
        """Go through the open intervals between two instants, in order."""
        ...

    def next_opening(self, at: datetime) -> datetime | None:
        """Return the earliest instant from `at` on at which it is open."""
        ...


class Absence(msgspec.Struct, frozen=True):
    """Somebody is away."""

    person: str
    start: datetime
    end: datetime
    why: str = ""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a rota."""

    person: str
    #: an `Hours`; None: all the time between the two instants
    hours: Any = None
    start: datetime | None = None
    end: datetime | None = None
    layer: int = 0
    override: bool = False

    @property
    def rank(self) -> tuple[bool, int]:
        """What stands above what."""
        return (self.override, self.layer)

    @property
    def is_empty(self) -> bool:
        """Say whether it can never hold."""
        return not self.person or (self.start is not None and self.end is not None and self.start >= self.end)

    def holds(self, at: datetime) -> bool:
        """Say whether its hours are open at an instant."""
        if self.is_empty or (self.start is not None and at < self.start) or (self.end is not None and at >= self.end):
            return False
        return self.hours is None or bool(self.hours.is_open(at))

    def windows(self, start: datetime, end: datetime) -> Iterator[Window]:
        """Go through its hours between two instants."""
        low = start if self.start is None else max(start, self.start)
        high = end if self.end is None else min(end, self.end)
        if not self.is_empty and low < high:
            yield from ((low, high),) if self.hours is None else self.hours.windows(low, high)

    def change_after(self, at: datetime) -> datetime | None:
        """Return the next instant at which it may begin or end to hold; None when it never does."""
        if self.is_empty or (self.end is not None and at >= self.end):
            return None
        if self.start is not None and at < self.start:
            return self.start
        if self.hours is None:
            return self.end
        found = close_of(self.hours, at) if self.hours.is_open(at) else self.hours.next_opening(at)
        return found if self.end is None or (found is not None and found < self.end) else self.end


def close_of(hours: Hours, at: datetime) -> datetime | None:
    """Return when hours that are open at an instant close; None when that is not within reach."""
    end = at + LONGEST_SHIFT
    _, closing = next(hours.windows(at, end), (at, at))
    return None if closing >= end else closing


class Away:
    """Who is away when."""

    __slots__ = ("_of",)

    def __init__(self, absences: Iterable[Absence] = ()) -> None:
        self._of: dict[str, list[Window]] = {}
        for each in sorted(absences, key=lambda one: (one.start, one.end)):
            if each.start < each.end:
                self._of.setdefault(each.person, []).append((each.start, each.end))

    def __bool__(self) -> bool:
        return bool(self._of)

    @property
    def people(self) -> Iterable[str]:
        """Everybody who is ever away."""
        return self._of

    def of(self, person: str) -> Sequence[Window]:
        """Return when somebody is away."""
        return self._of.get(person, ())

    def at(self, person: str, at: datetime) -> bool:
        """Say whether somebody is away at an instant."""
        return any(start <= at < end for start, end in self._of.get(person, ()))

    def cut(self, person: str, windows: Iterable[Window]) -> Iterator[Window]:
        """Take what somebody is away out of their windows."""
        for opening, closing in windows:
            begin = opening
            for start, end in self._of.get(person, ()):
                if end <= begin or start >= closing:
                    continue
                if start > begin:
                    yield begin, start
                begin = end
            if begin < closing:
                yield begin, closing


NOBODY_AWAY = Away()


def present(lines: Iterable[Line], at: datetime, away: Away = NOBODY_AWAY) -> tuple[str, ...]:
    """Return everybody who has a line that holds, each once, in the order in which they are turned to."""
    held = [line for line in lines if line.holds(at) and not away.at(line.person, at)]
    if len(held) > 1:
        began = {id(line): _began(line, at, away) for line in held}
        held.sort(key=lambda line: (not line.override, -line.layer, began[id(line)], line.person))
    return tuple(dict.fromkeys(line.person for line in held))


def working(lines: Iterable[Line], at: datetime, away: Away = NOBODY_AWAY) -> frozenset[str]:
    """Return who works at an instant: those of the highest rank that holds."""
    held = [line for line in lines if line.holds(at) and not away.at(line.person, at)]
    top = max((line.rank for line in held), default=None)
    return frozenset(line.person for line in held if line.rank == top)


def _began(line: Line, at: datetime, away: Away) -> datetime:
    windows = away.cut(line.person, line.windows(at - LONGEST_SHIFT, at + timedelta(seconds=1)))
    return max((start for start, _ in windows), default=at)


class Stint(msgspec.Struct, frozen=True):
    """A time in which the same people work."""

    start: datetime
    end: datetime
    people: frozenset[str]


def stints(lines: Sequence[Line], start: datetime, end: datetime, away: Away = NOBODY_AWAY) -> Iterator[Stint]:
    """Go through the times between two instants in which somebody works; no two that touch have the same people."""
    edges: list[tuple[datetime, int, tuple[bool, int], str]] = []
    for line in lines:
        for opening, closing in away.cut(line.person, line.windows(start, end)):
            edges += [(opening, 1, line.rank, line.person), (closing, -1, line.rank, line.person)]
    edges.sort(key=lambda edge: edge[0])
    held: dict[tuple[bool, int], dict[str, int]] = {}
    ranks: list[tuple[bool, int]] = []
    last: Stint | None = None
    for place, (at, step, rank, person) in enumerate(edges):
        people = held.setdefault(rank, {})
        if not people and step > 0 and rank not in ranks:
            insort(ranks, rank)
        people[person] = people.get(person, 0) + step
        if not people[person]:
            del people[person]
        if not people and rank in ranks:
            del ranks[bisect_left(ranks, rank)]
        following = edges[place + 1][0] if place + 1 < len(edges) else at
        if following == at or not ranks:
            continue
        stint = Stint(at, following, frozenset(held[ranks[-1]]))
        if last is not None and last.end == at and last.people == stint.people:
            last = Stint(last.start, following, last.people)
            continue
        if last is not None:
            yield last
        last = stint
    if last is not None:
        yield last


def gaps(stints_: Iterable[Stint], start: datetime, end: datetime) -> Iterator[Window]:
    """Go through the times between two instants in which nobody works."""
    at = start
    for stint in stints_:
        if stint.start > at:
            yield at, stint.start
        at = max(at, stint.end)
    if at < end:
        yield at, end


def first_time(
    lines: Sequence[Line], at: datetime, holds: Callable[[datetime], bool], more: Iterable[datetime] = ()
) -> datetime | None:
    """Return the earliest instant from `at` on at which something holds that only changes when a line does.

    `more` are other instants at which it may change, such as the ends of absences.
    """
    if holds(at):
        return at
    furthest = at + FURTHEST
    others = sorted(each for each in more if each > at)
    while True:
        changes = [change for line in lines if (change := line.change_after(at)) is not None and change > at]
        later = next((each for each in others if each > at), None)
        if later is not None:
            changes.append(later)
        at = min(changes, default=furthest)
        if at >= furthest:
            return None
        if holds(at):
            return at
