"""The course of a ticket, told from the log of its clocks: where it stood when, and how long it was in each place."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.clock_chain import RESOLUTION
from gateway.domain.clock_event import whole
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.report.context import OWNER
from gateway.domain.terms import Terms
from gateway.domain.ticket import OPEN_CATEGORIES, Category

FIRST_RESPONSE, REPLY = "first_response", "next_reply"
_OPEN = frozenset(each.value for each in OPEN_CATEGORIES)
#: in these somebody else has to act
_WAITS = frozenset({Category.PENDING_CUSTOMER.value, Category.ON_HOLD.value})


class Slice(StrEnum):
    """By what a report can be taken apart."""

    POLICY = "policy"
    PRIORITY = "priority"
    TEAM = "team"
    OWNER = "owner"
    STAGE = "stage"
    CLIENT = "client"
    PROJECT = "project"
    ISSUE = "issue"
    SOURCE = "source"


class Place(StrEnum):
    """What a ticket is in for a while."""

    STATUS = "status"
    STAGE = "stage"


class Position(msgspec.Struct, frozen=True):
    """Where a ticket stands at an instant."""

    is_open: bool = False
    policy: str = ""
    level: str = ""
    #: by which its time counts
    calendar: str = ""
    status: str = ""
    stage: str = ""
    team: str = ""
    context: Mapping[str, str] = {}

    def value(self, by: Slice) -> str:
        """Return what it is counted under; empty: nothing is known."""
        match by:
            case Slice.POLICY:
                return self.policy
            case Slice.PRIORITY:
                return self.level
            case Slice.TEAM:
                return self.team
            case Slice.STAGE:
                return self.stage
            case _:
                return self.context.get(by.value, "")

    @property
    def is_handled(self) -> bool:
        """Say whether somebody of ours has it, and waits for nobody."""
        return self.is_open and bool(self.context.get(OWNER)) and self.status not in _WAITS


class Visit(msgspec.Struct, frozen=True):
    """A time in one status or stage that is over."""

    kind: Place
    name: str
    begin: datetime
    end: datetime
    #: just before it left
    position: Position


class Answer(msgspec.Struct, frozen=True):
    """Something that the customer waited for."""

    #: first_response, next_reply or resolution
    metric: str
    at: datetime
    #: open seconds
    took: int
    position: Position


class Course:
    """What the entries of a log that count, in their order, say of every instant."""

    def __init__(self, entries: Sequence[LogEntry], terms: Mapping[str, Terms], calendars: Mapping[str, Any]) -> None:
        self.entries = entries
        self._calendars = calendars
        self._times: list[datetime] = []
        self._positions: list[Position] = []
        self._begun: datetime | None = None
        last = Position()
        for entry in entries:
            now = _after(last, entry, terms)
            if now is last:
                continue
            at = whole(entry.at)
            if self._begun is None and now.is_open:
                self._begun = at
            if self._times and self._times[-1] == at:
                self._positions[-1] = now
            else:
                self._times.append(at)
                self._positions.append(now)
            last = now

    @property
    def opened(self) -> datetime | None:
        """When the ticket was opened; None: it never was."""
        return self._begun

    def at(self, instant: datetime) -> Position:
        """Return where it stood after all that happened at an instant."""
        place = bisect_right(self._times, instant) - 1
        return self._positions[place] if place >= 0 else Position()

    def visits(self) -> Iterator[Visit]:
        """Return the times in open statuses and in stages that are over, in order of their end."""
        since: dict[Place, tuple[str, datetime]] = {}
        before = Position()
        for at, now in zip(self._times, self._positions, strict=True):
            for kind in Place:
                name, then = _in(kind, now), _in(kind, before)
                if name == then:
                    continue
                if then:
                    yield Visit(kind, then, since[kind][1], at, before)
                since[kind] = (name, at)
            before = now

    def spent(self, visit: Visit) -> int:
        """Return the open seconds of a visit."""
        return self._elapsed(visit.position.calendar, visit.begin, visit.end)

    def handled(self, until: datetime) -> int | None:
        """Return the open seconds in which somebody had the ticket and waited for nobody; None: nobody ever had it."""
        total, owned = 0, False
        ends = [*self._times[1:], until]
        for begin, end, position in zip(self._times, ends, self._positions, strict=True):
            owned = owned or bool(position.context.get(OWNER))
            if position.is_handled:
                total += self._elapsed(position.calendar, begin, min(end, until))
        return total if owned else None

    def answers(self) -> Iterator[Answer]:
        """Return what was answered and solved, whether or not it was promised.

        As METRICS has it: a reply answers the oldest message that has none, and what is solved needs no answer.
        """
        if self._begun is None:
            return
        asked: dict[str, datetime] = {FIRST_RESPONSE: self._begun}
        for entry in self.entries:
            at = whole(entry.at)
            if entry.kind is EntryKind.CUSTOMER:
                asked.setdefault(REPLY, at)
            elif entry.kind in {EntryKind.AGENT, EntryKind.SOLVED}:
                for metric, since in asked.items():
                    yield self._answer(metric, since, at)
                asked = {}
        solved = self.solved()
        if solved is not None:
            yield self._answer(RESOLUTION, self._begun, solved)

    def _answer(self, metric: str, since: datetime, at: datetime) -> Answer:
        position = self.at(at)
        return Answer(metric, at, self._elapsed(position.calendar, since, at), position)

    def solved(self) -> datetime | None:
        """Return when the ticket was done for the last time, if it still is."""
        last = next((each for each in reversed(self.entries) if each.kind in _ENDS), None)
        return whole(last.at) if last is not None and last.kind is EntryKind.SOLVED else None

    def _elapsed(self, calendar: str, begin: datetime, end: datetime) -> int:
        counts = self._calendars.get(calendar)
        spent: int = counts.elapsed(begin, end) if counts is not None else int((end - begin).total_seconds())
        return max(0, spent)


_ENDS = frozenset({EntryKind.OPENED, EntryKind.REOPENED, EntryKind.SOLVED, EntryKind.ENDED})


def _in(kind: Place, position: Position) -> str:
    """Return the status or stage that a position counts as time in; a ticket that is done is in none."""
    if not position.is_open:
        return ""
    if kind is Place.STAGE:
        return position.stage
    return position.status if position.status in _OPEN else ""


def _after(last: Position, entry: LogEntry, terms: Mapping[str, Terms]) -> Position:
    replace = msgspec.structs.replace
    match entry.kind:
        case EntryKind.TERMS:
            now = terms[entry.terms]
            return replace(last, policy=now.policy, level=now.level, calendar=_counts(now))
        case EntryKind.OPENED | EntryKind.REOPENED:
            return replace(last, is_open=True)
        case EntryKind.SOLVED | EntryKind.ENDED:
            return replace(last, is_open=False)
        case EntryKind.STATUS:
            return replace(last, status=entry.name)
        case EntryKind.STAGE:
            return replace(last, stage=entry.name)
        case EntryKind.TEAM:
            return replace(last, team=entry.name)
        case EntryKind.CONTEXT:
            return replace(last, context=entry.context)
        case _:
            return last


def _counts(terms: Terms) -> str:
    """Return the calendar by which the time of a ticket counts: that of its resolution, else of its first promise."""
    goal = terms.goals.get(RESOLUTION) or next(iter(terms.goals.values()), None)
    return goal.calendar if goal is not None else ""
