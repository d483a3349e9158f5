"""Clocks: how much of a promise is used up, when it is due, and whether it was kept, to the second.

`replay` folds the events of one clock into its state at an instant; `Clock.advance` takes up one more event in order.
Both are pure: the same events, known in any order, give the same state. The rules are those of docs/sla.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Self

import msgspec

from gateway.domain.clock_event import BusinessDays, ClockEvent, EventType, Target, in_order, known, read, whole
from gateway.domain.clock_fold import Fold, as_calendar
from gateway.domain.clock_state import DEFAULTS, ClockState, Options, Outcome, Phase

__all__ = ["BusinessDays", "Clock", "ClockEvent", "ClockState", "EventType", "Options", "Target", "folded", "replay"]

_NO_CALENDARS: Mapping[str, Any] = MappingProxyType({})


class Clock:
    """A clock after its events so far. It never changes: `advance` returns another one."""

    __slots__ = ("fold",)

    def __init__(self, fold: Fold) -> None:
        #: to be read only
        self.fold = fold

    @classmethod
    def of(
        cls,
        target: Target,
        calendar: Any,
        calendars: Mapping[str, Any] = _NO_CALENDARS,
        options: Options = DEFAULTS,
    ) -> Self:
        """Return a clock that has not started; what is given is that of `replay`."""
        return cls(Fold(target, as_calendar(calendar, calendars), calendars, options))

    def advance(self, event: ClockEvent) -> Self:
        """Return the clock after one more event.

        Raises ValueError for an event that belongs before the last one: then the clock has to be replayed.
        """
        last = self.fold.last
        if last is not None and in_order(event) < in_order(last):
            raise ValueError(f"event {event.id} belongs before {last.id}: replay the clock")
        fold = self.fold.copy()
        fold.take(event)
        return type(self)(fold)

    def under(self, options: Options) -> Self:
        """Return the clock, behaving otherwise from here on."""
        fold = self.fold.copy()
        fold.options = options
        return type(self)(fold)

    def settled(self, at: datetime) -> Self:
        """Return the clock after what time has done to it by itself: its longest pause is over, its promise broken."""
        fold = self.fold.copy()
        fold.settle(whole(at))
        return type(self)(fold)

    def state(self, at: datetime) -> ClockState:
        """Return the state at an instant that is not before its last event."""
        at = whole(at)
        fold = self.fold.copy()
        fold.settle(at)
        elapsed = fold.elapsed(at)
        due, resumed = fold.breached_at, None
        if due is None and fold.phase in {Phase.RUNNING, Phase.PAUSED}:
            due = fold.due()
            if fold.phase is Phase.PAUSED and due is None:
                resumed = fold.calendar.due(at, max(0, fold.target_s - fold.base))
        paused = fold.paused_s
        if fold.phase is Phase.PAUSED and fold.paused_at is not None:
            paused += fold.calendar.elapsed(fold.paused_at, at)
        return ClockState(
            phase=fold.phase,
            outcome=fold.outcome,
            cycle=fold.cycle,
            elapsed_s=elapsed,
            remaining_s=fold.remaining(at, elapsed),
            due=due,
            breached_at=fold.breached_at,
            history=fold.history,
            due_if_resumed_now=resumed,
            started=fold.begun,
            target_s=fold.target_s,
            paused_s=paused,
        )

    def due(self) -> datetime | None:
        """Return when it will be due if nothing more happens, or the instant of its breach; None when never."""
        fold = self.fold
        if fold.outcome is not Outcome.PENDING:
            return fold.breached_at
        return fold.due()


def folded(
    target: Target,
    events: Iterable[ClockEvent | Mapping[str, Any]],
    *,
    calendar: Any,
    calendars: Mapping[str, Any] = _NO_CALENDARS,
    options: Options | Mapping[str, Any] = DEFAULTS,
    known_at: datetime,
    query_at: datetime,
) -> Clock:
    """Return the clock after the events that are known by `known_at` and were not after `query_at`: see `replay`."""
    told = [event if isinstance(event, ClockEvent) else read(event, ClockEvent) for event in events]
    chosen = options if isinstance(options, Options) else msgspec.convert(options, Options)
    fold = Fold(target, as_calendar(calendar, calendars), calendars, chosen)
    for event in known(told, known_at=known_at, until=query_at):
        fold.take(event)
    return Clock(fold)


def replay(
    target: Target,
    events: Iterable[ClockEvent | Mapping[str, Any]],
    *,
    calendar: Any,
    calendars: Mapping[str, Any] = _NO_CALENDARS,
    options: Options | Mapping[str, Any] = DEFAULTS,
    known_at: datetime,
    query_at: datetime,
) -> ClockState:
    """Return the state of a clock at `query_at`, from the events that were known at `known_at`.

    `target` is in open seconds, business days or an instant. `calendar` is a Calendar, the name of one in `calendars`
    (specs or Calendars by name, which events may name, too) or a spec. Events in any order; those of one instant count
    by their source's sequence, then as EventType is ordered. Raises CalendarError, KeyError (a calendar that is not
    there) and ValueError (no event, no option).
    """
    clock = folded(
        target, events, calendar=calendar, calendars=calendars, options=options, known_at=known_at, query_at=query_at
    )
    return clock.state(query_at)
