"""Which escalations a clock has come to by now, in their order, and when it comes to the next: pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice

import msgspec

from gateway.domain.clock import Clock
from gateway.domain.clock_event import BusinessDays as DomainDays
from gateway.domain.clock_instance import Chain, Instance
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.clock_marks import MarkKind, reached
from gateway.domain.clock_state import Phase
from gateway.ports.clocks import Firing
from rules.duration import BusinessDays
from rules.escalations import Escalation, Until, mark

SECOND = timedelta(seconds=1)
#: no more turns of one level are looked at in one go
MOST_TURNS = 1000

#: metric, cycle, version of the target (0: of any), escalation
Key = tuple[str, int, int, str]


class Level(msgspec.Struct, frozen=True):
    """An escalation that a clock has come to."""

    escalation: Escalation
    instance: Instance
    #: of a repeated one, from 0
    turn: int
    at: datetime
    #: another that is further stands at the same instant, or a later turn is due as well: it is noted, and nothing done
    passed_over: bool = False
    #: another target put it behind the clock
    caught_up: bool = False

    def firing(self, ticket_id: str) -> Firing:
        """Return what is noted of it."""
        metric, cycle, version, name = key_of(self.escalation, self.instance)
        return Firing(ticket_id, metric, cycle, version, name, self.turn, self.at)


def key_of(escalation: Escalation, instance: Instance) -> Key:
    """Return by what a level fires once: a warning for each target, what counts from the breach for each cycle."""
    version = instance.version if escalation.warns else 0
    return (instance.metric, instance.cycle, version, escalation.name)


class Ladder:
    """The escalations of a release, over the clocks of one ticket."""

    def __init__(self, escalations: Sequence[Escalation], log: Iterable[LogEntry], firings: Iterable[Firing]) -> None:
        self._escalations = escalations
        self._known = _known(log)
        self._fired = _fired(firings)

    def due(self, chains: Mapping[str, Chain], now: datetime, holds: Callable[[Escalation], bool]) -> list[Level]:
        """Return the levels that were come to and have not fired, in their order; `holds` asks for their `when`."""
        found: list[Level] = []
        for chain in chains.values():
            clock = chain.clock
            if clock is None or not chain.instances or clock.fold.phase is not Phase.RUNNING:
                continue
            instance = chain.instances[-1]
            mine: list[Level] = []
            for escalation in self._escalations:
                if escalation.is_for(instance):
                    mine += self._reached(escalation, instance, clock, now)
            found += [
                msgspec.structs.replace(each, passed_over=each.passed_over or not holds(each.escalation))
                for each in _furthest(mine)
            ]
        places = {each.name: place for place, each in enumerate(self._escalations)}
        return sorted(found, key=lambda each: (each.at, places[each.escalation.name], each.instance.metric, each.turn))

    def next(self, chain: Chain) -> datetime | None:
        """Return when a clock that runs comes, or has come, to its next level."""
        clock = chain.clock
        if clock is None or not chain.instances or clock.fold.phase is not Phase.RUNNING:
            return None
        instance = chain.instances[-1]
        mine = [escalation for escalation in self._escalations if escalation.is_for(instance)]
        firsts = [(each, turn) for each in mine for turn in islice(self._turns(each, instance, clock), 1)]
        return min((_begins(each, at) for each, (_, at, _) in firsts), default=None)

    def _reached(self, escalation: Escalation, instance: Instance, clock: Clock, now: datetime) -> list[Level]:
        found: list[Level] = []
        for turn, at, caught_up in self._turns(escalation, instance, clock):
            if _begins(escalation, at) > now:
                break
            found.append(Level(escalation, instance, turn, at, passed_over=True, caught_up=caught_up))
        return [*found[:-1], msgspec.structs.replace(found[-1], passed_over=False)] if found else []

    def _turns(self, escalation: Escalation, instance: Instance, clock: Clock) -> Iterable[tuple[int, datetime, bool]]:
        """Go through the turns of a level that have not fired, with the instants at which they are due.

        And whether another target has put it there.
        """
        first = self._fired.get(key_of(escalation, instance), -1) + 1
        last = first + MOST_TURNS if escalation.repeat else 1
        if escalation.repeat and escalation.until is Until.ACKNOWLEDGED and self._is_known(instance):
            return
        days = _days(escalation, clock)
        for turn in range(first, last):
            mine = at = reached(clock, mark(escalation.at, turn, escalation.repeat, days))
            if at is not None and (escalation.warns or instance.breached_at is None):
                at = _not_before(clock, at)
            if at is None:
                return
            yield turn, at, at != mine

    def _is_known(self, instance: Instance) -> bool:
        """Say whether somebody has said that they know of a breach."""
        known, broken = self._known.get(instance.metric), instance.breached_at
        return known is not None and broken is not None and broken <= known


def _not_before(clock: Clock, at: datetime) -> datetime | None:
    """Return when a level is due: of a target that came later, when it came, or when the clock went on after that."""
    since = clock.fold.since
    if since is None or at >= since:
        return at
    begin = next((each.begin for each in clock.fold.stretches if each.end is None or each.end > since), None)
    return max(since, begin) if begin is not None else None


def _begins(escalation: Escalation, at: datetime) -> datetime:
    """Return the first instant at which a level can be said to be reached: a promise is kept at its due time still."""
    return at if escalation.warns else at + SECOND


def _days(escalation: Escalation, clock: Clock) -> int:
    """Return the length of a level's business days in open seconds, from the beginning of the clock or its due time."""
    number, fold = escalation.at.number, clock.fold
    if not isinstance(number, BusinessDays) or fold.begun is None:
        return 0
    start = (fold.breached_at or fold.due()) if escalation.at.kind is MarkKind.DUE else fold.begun
    if start is None:
        return 0
    end = fold.calendar.business_days(start, number.days, DomainDays(1).mode)
    return fold.calendar.elapsed(start, end) if end is not None else 0


def _furthest(levels: list[Level]) -> list[Level]:
    """Let only the furthest of those warnings act that a change of the target has passed at once.

    What is broken already is no longer warned of.
    """
    warned = [each for each in levels if each.escalation.warns]
    passed = [each for each in warned if each.caught_up and not each.passed_over and not _is_moot(each)]
    furthest = max(map(_position, passed), default=0.0)
    behind = {id(each) for each in warned if _is_moot(each)}
    behind |= {id(each) for each in passed if _position(each) < furthest}
    return [msgspec.structs.replace(each, passed_over=True) if id(each) in behind else each for each in levels]


def _is_moot(level: Level) -> bool:
    broken = level.instance.breached_at
    return broken is not None and level.at >= broken


def _position(level: Level) -> float:
    """Return how far on the way of its clock a warning lies."""
    at, target = level.escalation.at, level.instance.target_s
    number = at.number if isinstance(at.number, int) else 0
    return target * number / 100 if at.kind is MarkKind.PERCENT else target - number


def _known(log: Iterable[LogEntry]) -> dict[str, datetime]:
    """Return since when somebody knows of the breach of which metric."""
    found: dict[str, datetime] = {}
    for entry in log:
        if entry.kind is EntryKind.ACKNOWLEDGED:
            found[entry.metric] = max(entry.at, found.get(entry.metric, entry.at))
    return found


def _fired(firings: Iterable[Firing]) -> dict[Key, int]:
    found: dict[Key, int] = {}
    for each in firings:
        key = (each.metric, each.cycle, each.version, each.escalation)
        found[key] = max(each.turn, found.get(key, -1))
    return found
