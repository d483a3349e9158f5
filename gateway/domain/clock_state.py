"""What can be said of a clock: its phase, its outcome, its cycles; and how a policy wants it to behave."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.domain.clock_event import BusinessDays


class Phase(StrEnum):
    """What a clock does."""

    NOT_STARTED = "not_started"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELED = "canceled"


class Outcome(StrEnum):
    """What became of a promise."""

    PENDING = "pending"
    MET = "met"
    BREACHED = "breached"
    CANCELED = "canceled"


class Retarget(StrEnum):
    """What another target does to a clock that has begun."""

    #: the same cycle with the new target: elapsed time and pauses stay
    CARRY = "carry"
    #: the cycle is canceled, and another begins
    RESTART = "restart"
    #: as if the new target had held from the start, and there had been no pause
    RETRO_NO_PAUSE = "retro_no_pause"
    #: the same share of the new target is used up
    CARRY_PERCENT = "carry_percent"
    #: only a shorter target counts
    TIGHTEN_ONLY = "tighten_only"
    #: nothing
    FREEZE = "freeze"


class Reopen(StrEnum):
    """What happens when what was done is not done after all."""

    #: the same cycle goes on; the time in between does not count
    CONTINUE_EXCLUDE = "continue_exclude"
    #: the same cycle goes on; the time in between counts
    CONTINUE_INCLUDE = "continue_include"
    NEW_CYCLE = "new_cycle"
    IGNORE = "ignore"


class CalendarChange(StrEnum):
    """What another calendar does to a clock that has begun."""

    #: what has elapsed by the old one stays
    SEGMENTED = "segmented"
    #: everything is counted again by the new one
    RECOMPUTE = "recompute"
    NEXT_CYCLE_ONLY = "next_cycle_only"


#: whole seconds
Length = Annotated[int, msgspec.Meta(ge=0, le=10_000_000_000)]


class Options(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How a policy wants its clocks to behave. Lengths are whole seconds."""

    retarget: Retarget = Retarget.CARRY
    reopen: Reopen = Reopen.CONTINUE_EXCLUDE
    calendar_change: CalendarChange = CalendarChange.SEGMENTED
    #: a reopening later than this (real time) starts a new cycle, whatever `reopen` says
    reopen_within_s: Length | None = None
    #: a pause ends by itself after this (real time)
    max_pause_s: Length | None = None
    #: or after so many business days
    max_pause_days: BusinessDays | None = None
    #: name of the calendar whose days those are; empty: the clock's own
    max_pause_calendar: str = ""
    #: added to the target of a cycle that starts while it is closed
    out_of_hours_s: Length = 0


DEFAULTS = Options()


class Cycle(msgspec.Struct, frozen=True):
    """A cycle that has ended."""

    cycle: int
    outcome: Outcome
    elapsed_s: int
    ended: datetime
    breached_at: datetime | None = None
    #: why it was canceled: `reset`, `retarget`
    reason: str = ""


class ClockState(msgspec.Struct, frozen=True, kw_only=True):
    """A clock at one instant. Instants are UTC, lengths whole open seconds."""

    phase: Phase
    outcome: Outcome
    #: from 1
    cycle: int
    elapsed_s: int
    #: negative: by how much it is over
    remaining_s: int
    #: None while it is paused, stopped or canceled; after a breach the instant of the breach
    due: datetime | None
    breached_at: datetime | None
    #: the cycles before this one
    history: tuple[Cycle, ...] = ()
    #: of a paused clock: when it would be due if it went on now
    due_if_resumed_now: datetime | None = None
    #: when this cycle began; None when none has
    started: datetime | None = None
    #: the target of this cycle in open seconds
    target_s: int = 0
    #: open seconds of this cycle in which it was paused, a pause that goes on included
    paused_s: int = 0
