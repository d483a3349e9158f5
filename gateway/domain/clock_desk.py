"""The clock of a metric as a desk of its own tells it: begun, waiting, done and broken when the desk says so. Pure.

Where a policy names a desk as the authority of a metric, its chain is told from that desk's words instead of from what
happened to the ticket. Only the desk breaks such a promise: a due time that passes without its word is not a breach,
for the desk may know of hours or holidays that nobody told us. Warnings count by the desk's target and due time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from gateway.domain.clock import Clock
from gateway.domain.clock_event import ClockEvent, EventType, whole
from gateway.domain.clock_fold import Fold, as_calendar
from gateway.domain.clock_instance import Chain, Change, Instance, Transition, status, warning
from gateway.domain.clock_log import EntryKind, LogEntry, said_by
from gateway.domain.clock_state import DEFAULTS, Outcome, Phase
from gateway.domain.desk_promise import DeskSays
from gateway.domain.terms import Goal, Terms

#: no promise of a desk is broken by time alone
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)
_ALWAYS = "24x7"
_RUNS = frozenset({Phase.RUNNING, Phase.PAUSED})


def desks_of(entries: Iterable[LogEntry]) -> dict[tuple[str, str], list[LogEntry]]:
    """Return what desks say of metrics, by (metric, connection)."""
    found: dict[tuple[str, str], list[LogEntry]] = {}
    for entry in entries:
        if entry.kind is EntryKind.DESK:
            found.setdefault((entry.metric, entry.by), []).append(entry)
    return found


def desk_chain(
    metric: str,
    connection: str,
    said: Sequence[LogEntry],
    terms: Terms,
    *,
    calendars: Mapping[str, Any],
    at: datetime,
    ended: datetime | None = None,
) -> Chain | None:
    """Return the chain of a metric as one desk tells it by an instant; None where it has promised nothing.

    `said` are its words in their order; `ended`: the ticket was merged or called off then.
    """
    instances: list[Instance] = []
    transitions: list[Transition] = []
    last: Clock | None = None
    goal: Goal | None = None
    for cycle, mine in sorted(_cycles(said).items()):
        made = _Cycle(mine, terms.goals.get(metric), calendars)
        if not made.is_promised:
            continue
        clock = made.clock(ended)
        if clock is None:
            continue
        until = made.until(clock, at)
        last, goal = clock.settled(until), made.goal
        instances.append(_instance(metric, connection, cycle, made, last, terms, until))
        transitions += made.transitions(connection)
    if last is None:
        return None
    goes_on = last.fold.phase in _RUNS
    return Chain(
        metric=metric,
        instances=tuple(instances),
        transitions=tuple(sorted(transitions, key=lambda each: each.at)),
        clock=last if goes_on else None,
        goal=goal,
    )


def _cycles(said: Sequence[LogEntry]) -> dict[int, list[LogEntry]]:
    """Return what is said of each cycle; a due time without one is that of the cycle which has begun last."""
    found: dict[int, list[LogEntry]] = {}
    for entry in said:
        found.setdefault(entry.cycle or max(found, default=1), []).append(entry)
    return found


class _Cycle:
    """What a desk says of one cycle."""

    def __init__(self, said: Sequence[LogEntry], goal: Goal | None, calendars: Mapping[str, Any]) -> None:
        self._said = said
        self._calendars = calendars
        targets = [entry for entry in said if entry.name == DeskSays.TARGET]
        dues = [entry for entry in said if entry.name == DeskSays.DUE]
        self._breaches = [entry for entry in said if entry.name == DeskSays.BREACHED]
        self.is_promised = bool(targets or dues or self._breaches)
        by_goal = goal is not None and bool(targets) and targets[-1].business
        calendar = goal.calendar if by_goal and goal is not None else _ALWAYS
        began = next((entry.at for entry in said if entry.name == DeskSays.STARTED), None)
        length = targets[0].target_s if targets else 0
        ends = (dues or self._breaches)[:1]
        if not length and ends and began is not None:
            length = max(0, int(((ends[0].due or ends[0].at) - began).total_seconds()))
        warn = goal.warn if goal is not None and isinstance(goal.warn, int) and goal.warn < length else None
        self.goal = Goal(length, calendar, warn)
        self.version = 1
        self._due = dues[-1].due if dues else None
        #: when the ticket was merged or called off while it went on
        self.over: datetime | None = None
        self._elapsed: dict[str, int] = {}

    def clock(self, ended: datetime | None) -> Clock | None:
        """Return the clock after all that the desk has said; None where it has not begun."""
        fold = Fold(self.goal.target, as_calendar(self.goal.calendar, self._calendars), self._calendars, DEFAULTS)
        for entry in self._said:
            kind = _kind(fold, entry)
            if kind is None:
                self._note(entry, fold)
                continue
            if kind is EventType.RETARGET:
                self.version += 1
            target = entry.target_s if kind is EventType.RETARGET else None
            fold.take(ClockEvent(id=entry.id, type=kind, at=entry.at, target=target))
            fold.pinned = _NEVER
            self._note(entry, fold)
        if fold.begun is None:
            return None
        if ended is not None and fold.phase in _RUNS:
            self.over = whole(max(ended, self._said[-1].at))
            fold.take(ClockEvent(id="ended", type=EventType.CANCEL, at=self.over))
        fold.pinned = self._due if fold.phase is Phase.RUNNING else None
        due, last = fold.due(), fold.last
        if due is not None and last is not None and due < whole(last.at):
            # it has gone on past what we take for its due time: when it will be broken only the desk knows
            fold.pinned = _NEVER
        if self._breaches:
            fold.outcome, fold.breached_at = Outcome.BREACHED, whole(self._breaches[-1].at)
        return Clock(fold)

    def _note(self, entry: LogEntry, fold: Fold) -> None:
        """Note how much was used up by a word of the desk."""
        if fold.begun is not None and whole(entry.at) >= fold.begun:
            self._elapsed[entry.id] = fold.elapsed(whole(entry.at))

    def until(self, clock: Clock, at: datetime) -> datetime:
        """Return when a clock is looked at: not after its due time, while the desk does not break it."""
        due = clock.fold.due() if clock.fold.breached_at is None else None
        last = clock.fold.last
        until = at if due is None or due >= at else due
        return until if last is None else max(until, whole(last.at))

    def transitions(self, connection: str) -> list[Transition]:
        """Return what happened in it."""
        found: list[Transition] = []
        begun = False
        for entry in self._said:
            change = _CHANGES.get(DeskSays(entry.name))
            if change is None or (change is Change.RETARGETED and entry.target_s == self.goal.target):
                continue
            if change is Change.STARTED:
                change, begun = (Change.RESUMED if begun else Change.STARTED), True
            used = self._elapsed.get(entry.id, 0)
            found.append(
                Transition(
                    change, whole(entry.at), entry.arrived, entry.cycle, self.version, used, entry.id, connection
                )
            )
        return found


_CHANGES = {
    DeskSays.STARTED: Change.STARTED,
    DeskSays.PAUSED: Change.PAUSED,
    DeskSays.STOPPED: Change.STOPPED,
    DeskSays.TARGET: Change.RETARGETED,
    DeskSays.BREACHED: Change.BREACHED,
}


def _kind(fold: Fold, entry: LogEntry) -> EventType | None:
    """Return what a desk's word does to its clock."""
    match entry.name:
        case DeskSays.STARTED:
            again = {Phase.PAUSED: EventType.RESUME, Phase.STOPPED: EventType.REOPEN}
            return again.get(fold.phase, EventType.START)
        case DeskSays.PAUSED:
            return EventType.PAUSE
        case DeskSays.STOPPED:
            return EventType.STOP
        case DeskSays.TARGET if fold.begun is not None and entry.target_s not in {0, fold.target_s}:
            return EventType.RETARGET
        case _:
            return None


def _instance(
    metric: str, connection: str, cycle: int, made: _Cycle, clock: Clock, terms: Terms, at: datetime
) -> Instance:
    state = clock.state(at)
    warn_at = warning(clock, made.goal)
    goes_on = state.phase in _RUNS
    return Instance(
        metric=metric,
        cycle=cycle,
        version=made.version,
        policy=terms.policy,
        level=terms.level,
        calendar=made.goal.calendar,
        status=status(state, warn_at, at),
        phase=state.phase,
        outcome=state.outcome,
        started=state.started or whole(at),
        due=state.breached_at or (state.due if goes_on and state.due != _NEVER else None),
        warn_at=warn_at,
        breached_at=state.breached_at,
        target_s=state.target_s,
        elapsed_s=state.elapsed_s,
        remaining_s=state.remaining_s,
        paused_s=state.paused_s,
        waits_since=clock.fold.held_at if state.phase is Phase.PAUSED else None,
        ended=None if goes_on else clock.fold.stopped_at or made.over,
        reason="" if made.over is None else "over",
        authority=connection,
    )


def with_desks(
    found: dict[str, Chain],
    entries: Sequence[LogEntry],
    terms: Terms | None,
    *,
    calendars: Mapping[str, Any],
    at: datetime,
) -> dict[str, Chain]:
    """Return the chains of a ticket, those of which a desk is the authority as that desk tells them."""
    if terms is None or not terms.authority:
        return found
    said = desks_of(entries)
    over = [entry.at for entry in entries if entry.kind is EntryKind.ENDED]
    chains = {metric: chain for metric, chain in found.items() if metric not in terms.authority}
    for metric, connection in terms.authority.items():
        chain = desk_chain(
            metric,
            connection,
            said.get((metric, connection), ()),
            terms,
            calendars=calendars,
            at=at,
            ended=over[-1] if over else None,
        )
        if chain is not None:
            known = [_known(entry, chain) for entry in entries if _is_known(entry, metric)]
            steps = sorted((*chain.transitions, *known), key=lambda each: each.at)
            chains[metric] = msgspec.structs.replace(chain, transitions=tuple(steps))
    return chains


def _is_known(entry: LogEntry, metric: str) -> bool:
    return entry.kind is EntryKind.ACKNOWLEDGED and entry.metric == metric


def _known(entry: LogEntry, chain: Chain) -> Transition:
    """Return that a person knows of a breach which the desk told."""
    begun = [each for each in chain.instances if each.started <= entry.at] or chain.instances[:1]
    cycle, version = begun[-1].cycle, begun[-1].version
    at = whole(entry.at)
    return Transition(Change.ACKNOWLEDGED, at, entry.arrived, cycle, version, 0, entry.id, said_by(entry))


def beside(
    entries: Sequence[LogEntry], terms: Terms | None, *, calendars: Mapping[str, Any], at: datetime
) -> list[tuple[str, Chain]]:
    """Return how desks tell the metrics of which they are not the authority: (connection, chain)."""
    if terms is None:
        return []
    found = []
    for (metric, connection), said in desks_of(entries).items():
        if terms.authority.get(metric) != connection:
            chain = desk_chain(metric, connection, said, terms, calendars=calendars, at=at)
            if chain is not None:
                found.append((connection, chain))
    return found


def entry_of(promise: Any, number: str, connection: str, now: datetime) -> LogEntry:
    """Return a desk's word about a metric as the log keeps it."""
    return LogEntry(
        id=number,
        kind=EntryKind.DESK,
        at=min(promise.at, now),
        arrived=now,
        metric=promise.metric,
        name=promise.says.value,
        by=connection,
        cycle=promise.cycle,
        target_s=promise.target_s,
        business=promise.business,
        due=promise.due,
        reason=promise.policy,
    )


__all__ = ["beside", "desk_chain", "desks_of", "entry_of", "with_desks"]
