"""The fold behind a clock: what each event does to it, and what time does by itself.

Instants are whole seconds of UTC, lengths whole open seconds. Nothing is counted twice: a stretch in which it runs is
measured from its beginning by the calendar that counted then.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

import msgspec

from gateway.domain.calendar import Calendar
from gateway.domain.clock_event import BusinessDays, ClockEvent, EventType, Target, whole
from gateway.domain.clock_state import CalendarChange, Cycle, Options, Outcome, Phase, Reopen, Retarget


class Stretch(msgspec.Struct, frozen=True):
    """A stretch of a cycle in which it ran by one calendar."""

    begin: datetime
    #: open seconds that were used up when it began
    base: int
    calendar: Calendar
    #: None: it still runs
    end: datetime | None = None


class Fold:
    """A clock as its events have left it, while they are taken up one by one in their order."""

    __slots__ = (
        "base", "begun", "breached_at", "calendar", "calendars", "counted_by", "cycle", "gaps", "held_at", "history",
        "last", "next_calendar", "options", "outcome", "paused_at", "paused_s", "phase", "pinned", "since",
        "stopped_at", "stretches", "target", "target_s",
    )  # fmt: skip

    def __init__(self, target: Target, calendar: Calendar, calendars: Mapping[str, Any], options: Options) -> None:
        if isinstance(target, bool) or not isinstance(target, int | BusinessDays | datetime):
            raise ValueError(f"'{target}' is no target: give open seconds, business days or an instant")  # noqa: TRY004
        if isinstance(target, int) and target < 0:
            raise ValueError("a target has no negative seconds")
        self.options = options
        #: those that an event may name
        self.calendars = calendars
        self.calendar = calendar
        #: of the next cycle
        self.next_calendar = calendar
        self.target = target
        self.target_s = target if isinstance(target, int) else 0
        self.phase = Phase.NOT_STARTED
        self.outcome = Outcome.PENDING
        self.cycle = 1
        self.begun: datetime | None = None
        #: from when the target of this cycle holds
        self.since: datetime | None = None
        #: elapsed when the last stretch ended, or began
        self.base = 0
        self.stretches: tuple[Stretch, ...] = ()
        #: what counts between the stretches, although it did not run then
        self.gaps: tuple[tuple[datetime, datetime], ...] = ()
        #: when a pause that goes on began, and from when its open time is still to be counted
        self.held_at: datetime | None = None
        #: from when in this cycle which calendar counted
        self.counted_by: tuple[tuple[datetime, Calendar], ...] = ()
        self.paused_at: datetime | None = None
        self.paused_s = 0
        #: when it stopped or was canceled
        self.stopped_at: datetime | None = None
        self.breached_at: datetime | None = None
        #: a due time that a person set
        self.pinned: datetime | None = None
        self.history: tuple[Cycle, ...] = ()
        #: the last event that it took up
        self.last: ClockEvent | None = None

    def elapsed(self, at: datetime) -> int:
        """Return the open seconds that this cycle has run by an instant after its last event."""
        if self.phase is not Phase.RUNNING:
            return self.base
        last = self.stretches[-1]
        return last.base if at is last.begin else last.base + last.calendar.elapsed(last.begin, at)

    def fixed_due(self) -> datetime | None:
        """Return a due time that no pause moves: one that a person set, or the date of the target."""
        if self.pinned is not None:
            return self.pinned
        return whole(self.target) if isinstance(self.target, datetime) else None

    def due(self) -> datetime | None:
        """Return when it will be due if nothing more happens; None while it is paused, and when it never will be."""
        fixed = self.fixed_due()
        if fixed is not None or self.phase is not Phase.RUNNING:
            return fixed
        last = self.stretches[-1]
        return last.calendar.due(last.begin, max(0, self.target_s - last.base))

    # ------------------------------------------------------------ what time does

    def settle(self, at: datetime) -> None:
        """Let happen what happens by itself before an instant: a pause ends, a promise is broken."""
        end = self.pause_ends()
        if end is not None and end <= at:
            self._break_before(end)
            self._resume(end)
        self._break_before(at)

    def pause_ends(self) -> datetime | None:
        """Return when a pause ends by itself."""
        longest, days = self.options.max_pause_s, self.options.max_pause_days
        if self.phase is not Phase.PAUSED or self.held_at is None:
            return None
        if longest is not None:
            return later(self.held_at, longest)
        if days is None:
            return None
        name = self.options.max_pause_calendar
        calendar = self._named(name) if name else self.calendar
        if not calendar.has_days:
            # a pause without an end would be worse than one that is a little longer or shorter
            return later(self.held_at, days.days * 86_400)
        return calendar.business_days(self.held_at, days.days, days.mode)

    def _break_before(self, at: datetime) -> None:
        if self.outcome is Outcome.PENDING and self.phase in {Phase.RUNNING, Phase.PAUSED}:
            due = self.due()
            if due is not None and due < at:
                self._breach(due)

    def _breach(self, at: datetime) -> None:
        self.outcome = Outcome.BREACHED
        self.breached_at = at

    # ------------------------------------------------------------ what events do

    def take(self, event: ClockEvent) -> None:
        """Take up the next event."""
        at = whole(event.at)
        self.settle(at)
        self.last = event
        step = self._steps.get(event.type)
        if step is not None:
            step(self, at, event)

    def _start(self, at: datetime, event: ClockEvent) -> None:
        if self.phase is Phase.NOT_STARTED:
            self._begin(at, event)

    def _pause(self, at: datetime, _event: ClockEvent) -> None:
        if self.phase is Phase.RUNNING:
            self._halt(at)
            self.phase, self.paused_at, self.held_at = Phase.PAUSED, at, at

    def _go_on(self, at: datetime, _event: ClockEvent) -> None:
        if self.phase is Phase.PAUSED:
            self._resume(at)

    def _cancel(self, at: datetime, _event: ClockEvent) -> None:
        if self.phase in {Phase.STOPPED, Phase.CANCELED}:
            return
        self._halt(at)
        self.phase, self.stopped_at = Phase.CANCELED, at
        if self.outcome is Outcome.PENDING:
            self.outcome = Outcome.CANCELED

    def _reset(self, at: datetime, event: ClockEvent) -> None:
        if self.phase in {Phase.RUNNING, Phase.PAUSED}:
            self._end_cycle(at, "reset")
            self._begin(at, event)

    def _begin(self, at: datetime, event: ClockEvent | None) -> None:
        """Begin a cycle."""
        self.calendar = self._named(event.calendar) if event is not None and event.calendar else self.next_calendar
        self.next_calendar = self.calendar
        if event is not None and event.target is not None:
            self.target = event.target
        self.begun = self.since = at
        self.target_s = self._seconds(at)
        self.base, self.paused_s = 0, 0
        self.phase, self.outcome = Phase.RUNNING, Outcome.PENDING
        self.breached_at = self.stopped_at = self.paused_at = self.held_at = None
        self.stretches, self.gaps = (Stretch(at, 0, self.calendar),), ()
        self.counted_by = ((at, self.calendar),)
        if self._is_over(at):
            self._breach(at)

    def _seconds(self, begun: datetime) -> int:
        """Return the target in open seconds of a cycle that begins then."""
        if isinstance(self.target, int):
            late = self.options.out_of_hours_s
            return self.target + (late if late and not self.calendar.is_open(begun) else 0)
        if isinstance(self.target, datetime):
            return self.calendar.elapsed(begun, self.target)
        end = self.calendar.business_days(begun, self.target.days, self.target.mode)
        # on a calendar that never opens so often, nothing is ever due
        return self.target.days * 86_400 if end is None else self.calendar.elapsed(begun, end)

    def _halt(self, at: datetime) -> None:
        """End the stretch that runs."""
        if self.phase is Phase.RUNNING:
            self.base = self.elapsed(at)
            last = self.stretches[-1]
            self.stretches = (*self.stretches[:-1], Stretch(last.begin, last.base, last.calendar, at))

    def _run(self, at: datetime) -> None:
        """Begin another stretch."""
        self.phase = Phase.RUNNING
        self.stretches = (*self.stretches, Stretch(at, self.base, self.calendar))
        if self._is_over(at):
            self._breach(at)

    def _is_over(self, at: datetime) -> bool:
        """Say whether a change at an instant leaves nothing of a promise that was not broken until then."""
        if self.outcome is not Outcome.PENDING:
            return False
        fixed = self.fixed_due()
        return self.elapsed(at) > self.target_s if fixed is None else fixed < at

    def _resume(self, at: datetime) -> None:
        if self.paused_at is not None:
            self.paused_s += self.calendar.elapsed(self.paused_at, at)
        self.paused_at = self.held_at = None
        self._run(at)

    def _stop(self, at: datetime, _event: ClockEvent) -> None:
        if self.phase not in {Phase.RUNNING, Phase.PAUSED}:
            return
        if self.phase is Phase.PAUSED:
            if self.paused_at is not None:
                self.paused_s += self.calendar.elapsed(self.paused_at, at)
            if self._is_over(at):
                self._breach(at)
        self._halt(at)
        self.phase, self.stopped_at, self.paused_at, self.held_at = Phase.STOPPED, at, None, None
        if self.outcome is Outcome.PENDING:
            self.outcome = Outcome.MET

    def _end_cycle(self, at: datetime, reason: str) -> None:
        """Note the cycle that ends here; what ran is canceled, unless it was broken before."""
        self._halt(at)
        outcome = Outcome.CANCELED if self.outcome is Outcome.PENDING else self.outcome
        self.history = (*self.history, Cycle(self.cycle, outcome, self.base, at, self.breached_at, reason))
        self.cycle += 1

    def _change_calendar(self, at: datetime, event: ClockEvent) -> None:
        calendar = self.next_calendar = self._named(event.calendar)
        mode = self.options.calendar_change
        if self.phase not in {Phase.RUNNING, Phase.PAUSED} or mode is CalendarChange.NEXT_CYCLE_ONLY:
            return
        self._halt(at)
        self._count_pause(at)
        if mode is CalendarChange.RECOMPUTE:
            spans = [(each.begin, each.end or at) for each in self.stretches]
            self.base = sum(calendar.elapsed(begin, end) for begin, end in (*spans, *self.gaps))
        self._count_by(calendar, at, whole_cycle=mode is CalendarChange.RECOMPUTE)
        if self.phase is Phase.RUNNING:
            self._run(at)

    def _count_by(self, calendar: Calendar, at: datetime, *, whole_cycle: bool = False) -> None:
        """Count by a calendar from here on, or as if it had counted since the cycle began."""
        since = self.begun if whole_cycle and self.begun is not None else at
        self.counted_by = (*(each for each in self.counted_by if each[0] < since), (since, calendar))
        self.calendar = calendar

    def _count_pause(self, at: datetime) -> None:
        """Count a pause that goes on by the calendar of until now."""
        if self.paused_at is not None:
            self.paused_s += self.calendar.elapsed(self.paused_at, at)
            self.paused_at = at

    def _retarget(self, at: datetime, event: ClockEvent) -> None:
        mode = self.options.retarget
        if self.phase not in {Phase.RUNNING, Phase.PAUSED} or mode is Retarget.FREEZE:
            return
        target = self.target if event.target is None else event.target
        if mode is Retarget.RESTART:
            held = self.held_at
            self._end_cycle(at, "retarget")
            self._begin(at, msgspec.structs.replace(event, target=target))
            if held is not None:
                self._halt(at)
                self.phase, self.paused_at, self.held_at = Phase.PAUSED, at, held
            return
        calendar = self._named(event.calendar) if event.calendar else self.calendar
        before, self.target = (self.target, self.target_s), target
        old, self.calendar = self.calendar, calendar
        self.target_s = self._seconds(self.begun or at)
        if mode is Retarget.TIGHTEN_ONLY and self.target_s >= before[1]:
            (self.target, self.target_s), self.calendar = before, old
            return
        self.since = at
        if event.calendar:
            self.next_calendar = calendar
            self._count_by(calendar, at, whole_cycle=mode is Retarget.RETRO_NO_PAUSE)
        running = self.phase is Phase.RUNNING
        self._halt(at)
        if mode is Retarget.RETRO_NO_PAUSE:
            self._count_pauses(at)
        elif mode is Retarget.CARRY_PERCENT and before[1] > 0:
            self.base = self.base * self.target_s // before[1]
        if running:
            self._run(at)
        elif self.fixed_due() is not None and self._is_over(at):
            self._breach(at)

    def _count_pauses(self, at: datetime) -> None:
        """Count the cycle as if it had run from its beginning, each part by the calendar that counted then."""
        ends = [*(begin for begin, _ in self.counted_by[1:]), at]
        parts = zip(self.counted_by, ends, strict=True)
        self.base = sum(calendar.elapsed(begin, end) for (begin, calendar), end in parts)
        begins = [*(each.begin for each in self.stretches[1:]), at]
        self.gaps = tuple((each.end or at, begin) for each, begin in zip(self.stretches, begins, strict=True))

    def _reopen(self, at: datetime, event: ClockEvent) -> None:
        mode, within = self.options.reopen, self.options.reopen_within_s
        if self.phase is not Phase.STOPPED or self.stopped_at is None or mode is Reopen.IGNORE:
            return
        if within is not None and (at - self.stopped_at).total_seconds() > within:
            mode = Reopen.NEW_CYCLE
        if mode is Reopen.NEW_CYCLE:
            self._end_cycle(self.stopped_at, "")
            self._begin(at, event)
            return
        if mode is Reopen.CONTINUE_INCLUDE:
            self.base += self.calendar.elapsed(self.stopped_at, at)
            self.gaps = (*self.gaps, (self.stopped_at, at))
        if self.outcome is Outcome.MET:
            self.outcome = Outcome.PENDING
        if self.options.calendar_change is not CalendarChange.NEXT_CYCLE_ONLY:
            self._count_by(self.next_calendar, at)
        self.stopped_at = None
        self._run(at)

    def _override(self, at: datetime, event: ClockEvent) -> None:
        self.pinned = None if event.due is None else whole(event.due)
        runs = self.phase is Phase.RUNNING
        if (runs or (self.phase is Phase.PAUSED and self.fixed_due() is not None)) and self._is_over(at):
            self._breach(at)

    # ------------------------------------------------------------ odds and ends

    def remaining(self, at: datetime, elapsed: int) -> int:
        """Return the open seconds that are left; negative when it is over."""
        fixed = self.fixed_due()
        if fixed is None or self.begun is None or self.phase not in {Phase.RUNNING, Phase.PAUSED}:
            return self.target_s - elapsed
        return self.calendar.elapsed(at, fixed) - self.calendar.elapsed(fixed, at)

    def _named(self, name: str) -> Calendar:
        """Return a calendar by name; raises CalendarError (unknown) and KeyError."""
        return as_calendar(name, self.calendars)

    def copy(self) -> Self:
        """Return another one that can go its own way."""
        other = object.__new__(type(self))
        for name in Fold.__slots__:
            setattr(other, name, getattr(self, name))
        return other

    _steps: ClassVar[Mapping[EventType, Callable[[Fold, datetime, ClockEvent], None]]] = {
        EventType.START: _start,
        EventType.CALENDAR: _change_calendar,
        EventType.RETARGET: _retarget,
        EventType.REOPEN: _reopen,
        EventType.RESUME: _go_on,
        EventType.PAUSE: _pause,
        EventType.STOP: _stop,
        EventType.CANCEL: _cancel,
        EventType.RESET: _reset,
        EventType.OVERRIDE: _override,
    }


def later(at: datetime, seconds: int) -> datetime | None:
    """Return an instant so many seconds later (or earlier); None for one that no datetime can hold."""
    try:
        return at + timedelta(seconds=seconds)
    except OverflowError:
        return None


def as_calendar(given: Any, calendars: Mapping[str, Any]) -> Calendar:
    """Return a calendar that is given as itself, by the name that it has in `calendars`, or by its spec.

    Raises KeyError for a name that is not there, CalendarError for a spec that is wrong.
    """
    if isinstance(given, Calendar):
        return given
    if isinstance(given, str) and given in calendars:
        found = calendars[given]
        return found if isinstance(found, Calendar) else Calendar.from_spec(found, calendars)
    return Calendar.from_spec(given, calendars)
