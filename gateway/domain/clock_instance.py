"""An instance of a clock as people see it: one cycle of a metric by one target, and what happened to it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from gateway.domain.clock import Clock
from gateway.domain.clock_event import BusinessDays
from gateway.domain.clock_marks import Mark, MarkKind, reached
from gateway.domain.clock_state import ClockState, Outcome, Phase
from gateway.domain.terms import DEFAULT_WARNING, Goal


class Status(StrEnum):
    """How an instance stands, in a word."""

    IN_PROGRESS = "in progress"
    NEARING = "nearing"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    BREACHED = "breached"
    CANCELED = "canceled"


class Change(StrEnum):
    """What happened to an instance."""

    STARTED = "started"
    PAUSED = "paused"
    RESUMED = "resumed"
    RETARGETED = "retargeted"
    OVERRIDDEN = "overridden"
    RESET = "reset"
    REOPENED = "reopened"
    BREACHED = "breached"
    STOPPED = "stopped"
    CANCELED = "canceled"
    #: a person knows of the breach
    ACKNOWLEDGED = "acknowledged"


class Transition(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change of an instance: when it happened, when that was known, and how much was used up by then."""

    change: Change
    at: datetime
    arrived: datetime
    cycle: int
    version: int
    #: open seconds of the cycle
    elapsed_s: int = 0
    #: the entry of the log that caused it; empty: time did
    entry: str = ""
    note: str = ""


class Instance(msgspec.Struct, frozen=True, kw_only=True):
    """One cycle of a metric by one target. Instants are UTC, lengths whole open seconds."""

    metric: str
    #: from 1
    cycle: int
    #: of the target within the cycle, from 1
    version: int
    policy: str
    level: str
    #: the calendar that counts, by name and version
    calendar: str
    status: Status
    phase: Phase
    outcome: Outcome
    started: datetime
    #: as it stood when it ended, for one that has ended
    due: datetime | None
    #: when it is near
    warn_at: datetime | None
    breached_at: datetime | None
    target_s: int
    elapsed_s: int
    remaining_s: int
    paused_s: int
    #: since when it waits; None: it does not
    waits_since: datetime | None = None
    #: None: it goes on
    ended: datetime | None = None
    #: why it was canceled
    reason: str = ""
    #: the clock of updates runs, but is nobody's concern until there was a first response
    shown: bool = True
    #: the connection that counts it; empty: the gateway does
    authority: str = ""


class Chain(msgspec.Struct, frozen=True, kw_only=True):
    """The instances of one metric, in order; the last one may go on."""

    metric: str
    instances: tuple[Instance, ...]
    transitions: tuple[Transition, ...]
    #: that of the last instance, while it goes on
    clock: Clock | None = None
    goal: Goal | None = None


def warning(clock: Clock, goal: Goal | None) -> datetime | None:
    """Return when a clock is near its due time: as its target says, else after DEFAULT_WARNING percent."""
    fold = clock.fold
    if goal is None or goal.warn is None or fold.begun is None:
        return reached(clock, Mark(MarkKind.PERCENT, DEFAULT_WARNING))
    if isinstance(goal.warn, BusinessDays):
        end = fold.calendar.business_days(fold.begun, goal.warn.days, goal.warn.mode)
        spent = fold.target_s if end is None else fold.calendar.elapsed(fold.begun, end)
    else:
        spent = goal.warn
    return reached(clock, Mark(MarkKind.LEFT, fold.target_s - spent))


def status(state: ClockState, warn_at: datetime | None, at: datetime) -> Status:
    """Return in a word how a clock stands at an instant."""
    if state.outcome is Outcome.BREACHED:
        return Status.BREACHED
    if state.outcome is Outcome.CANCELED or state.phase is Phase.CANCELED:
        return Status.CANCELED
    if state.phase is Phase.STOPPED:
        return Status.SUCCEEDED
    if state.phase is Phase.PAUSED:
        return Status.PAUSED
    return Status.NEARING if warn_at is not None and warn_at <= at else Status.IN_PROGRESS


def closed(found: Instance, outcome: Outcome, ended: datetime, reason: str) -> Instance:
    """Return an instance that has ended so."""
    words = {Outcome.MET: Status.SUCCEEDED, Outcome.BREACHED: Status.BREACHED, Outcome.CANCELED: Status.CANCELED}
    phase = Phase.CANCELED if outcome is Outcome.CANCELED else Phase.STOPPED
    return msgspec.structs.replace(
        found, outcome=outcome, status=words[outcome], phase=phase, ended=ended, reason=reason
    )


def due_as_it_stood(clock: Clock) -> datetime | None:
    """Return the due time of a clock that has stopped, as it would have been without the end."""
    fold = clock.fold
    fixed = fold.fixed_due()
    last = fold.stretches[-1]
    return fixed or last.calendar.due(last.begin, max(0, fold.target_s - last.base))
