"""A clock, found the slow way: one minute after another, with nothing but counters.

It shares nothing with the clocks but the words of the events. All events are at whole minutes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from tests.domain.calendar_oracle import Oracle

ORDER = ("start", "calendar", "retarget", "reopen", "resume", "pause", "stop", "cancel", "reset", "override")


class ClockOracle:
    """Steps through the minutes of some calendars from `start` on."""

    def __init__(
        self, target: int, hours: Mapping[str, Oracle], name: str, options: Mapping[str, Any], start: datetime
    ) -> None:
        self.hours = hours
        self.options = options
        self.now = start
        self.target, self.calendar = target, name
        self.later_calendar = name
        self.phase, self.outcome, self.cycle = "not_started", "pending", 1
        self.elapsed = 0
        #: what the policy's target is without what is added out of hours
        self.promised = target
        #: open seconds since the cycle began, and since it stopped, whatever it did
        self.since_begin = self.since_stop = 0
        #: the minutes of the cycle: all, those that count, and those since it stopped
        self.minutes: list[datetime] = []
        self.counted: list[datetime] = []
        self.idle: list[datetime] = []
        self.begun_closed = False
        self.stopped_at = start
        #: minutes of a pause that goes on
        self.held = 0
        self.pinned: datetime | None = None
        self.used_up: datetime | None = None
        self.breached: datetime | None = None
        self.history: list[tuple[int, str, int, datetime | None]] = []

    def run(self, events: Sequence[Mapping[str, Any]], until: datetime) -> None:
        """Go on until an instant, and take up what happens by then."""
        waiting = sorted(events, key=lambda each: (each["at"], ORDER.index(each["type"]), each["id"]))
        while True:
            self.wake()
            while waiting and waiting[0]["at"] <= self.now:
                self.take(waiting.pop(0))
            self.look()
            if self.now >= until:
                return
            self.step()

    def step(self) -> None:
        """Let a minute pass."""
        pending = self.phase == "running" and self.outcome == "pending" and self.pinned is None
        self.minutes.append(self.now)
        self.idle.append(self.now)
        if self.phase == "running":
            self.counted.append(self.now)
        self.held += 1
        if self.hours[self.calendar].is_open(self.now):
            if pending and self.elapsed < self.target < self.elapsed + 60:
                self.used_up = self.now + timedelta(seconds=self.target - self.elapsed)
            self.elapsed += 60 * (self.phase == "running")
            self.since_begin += 60
            self.since_stop += 60
        self.now += timedelta(minutes=1)
        if pending and self.used_up is not None and self.used_up < self.now:
            self.outcome, self.breached = "breached", self.used_up
        alive = self.phase in {"running", "paused"} and self.outcome == "pending"
        if alive and self.pinned is not None and self.pinned < self.now:
            self.outcome, self.breached = "breached", self.pinned

    def wake(self) -> None:
        """Go on after the longest pause."""
        if self.phase == "paused" and self.held * 60 >= self.options.get("max_pause_s", float("inf")):
            self.on_resume({})
            self.look()

    def left(self) -> int:
        """Return the open seconds that are left, of the target or until the due time that a person set."""
        hours = self.hours[self.calendar]
        if self.pinned is None or self.phase not in {"running", "paused"}:
            return self.target - self.elapsed
        if self.pinned < self.now:
            return -hours.elapsed(self.pinned, self.now)
        return hours.elapsed(self.now, self.pinned)

    def look(self) -> None:
        """Note the instant at which the target is used up."""
        waits = self.phase != "running" or self.outcome != "pending" or self.pinned is not None
        if waits or self.elapsed < self.target:
            self.used_up = None
        elif self.used_up is None:
            self.used_up = self.now

    def over(self) -> None:
        """Break the promise now when more than the target has gone, or the due time that a person set."""
        gone = self.elapsed > self.target if self.pinned is None else self.pinned < self.now
        if self.outcome == "pending" and gone:
            self.outcome, self.breached = "breached", self.now

    def begin(self) -> None:
        """Begin a cycle."""
        self.calendar = self.later_calendar
        self.phase, self.outcome = "running", "pending"
        self.elapsed = self.since_begin = 0
        self.used_up = self.breached = None
        self.minutes, self.counted = [], []
        self.begun_closed = not self.hours[self.calendar].is_open(self.now)
        self.aim(self.promised)
        self.over()

    def aim(self, promised: int) -> None:
        """Take a target, and what is added to it out of hours."""
        self.promised = promised
        self.target = promised + (self.options.get("out_of_hours_s", 0) if self.begun_closed else 0)

    def end(self) -> None:
        """Put the cycle into the history."""
        outcome = "canceled" if self.outcome == "pending" else self.outcome
        self.history.append((self.cycle, outcome, self.elapsed, self.breached))
        self.cycle += 1

    def take(self, event: Mapping[str, Any]) -> None:
        """Take up one event."""
        getattr(self, f"on_{event['type']}")(event)
        self.look()

    def on_start(self, _event: Mapping[str, Any]) -> None:
        """Start."""
        if self.phase == "not_started":
            self.begin()

    def on_pause(self, _event: Mapping[str, Any]) -> None:
        """Pause."""
        if self.phase == "running":
            self.phase, self.held = "paused", 0

    def on_resume(self, _event: Mapping[str, Any]) -> None:
        """Go on."""
        if self.phase == "paused":
            self.phase = "running"
            self.over()

    def on_stop(self, _event: Mapping[str, Any]) -> None:
        """Stop."""
        if self.phase in {"running", "paused"}:
            self.over()
            self.phase, self.since_stop, self.idle = "stopped", 0, []
            self.stopped_at = self.now
            self.outcome = "met" if self.outcome == "pending" else self.outcome

    def on_cancel(self, _event: Mapping[str, Any]) -> None:
        """Cancel."""
        if self.phase not in {"stopped", "canceled"}:
            self.phase = "canceled"
            self.outcome = "canceled" if self.outcome == "pending" else self.outcome

    def on_reset(self, _event: Mapping[str, Any]) -> None:
        """Begin again."""
        if self.phase in {"running", "paused"}:
            self.end()
            self.begin()

    def on_calendar(self, event: Mapping[str, Any]) -> None:
        """Take another calendar."""
        self.later_calendar = event["calendar"]
        if self.phase in {"running", "paused"} and self.options.get("calendar_change") != "next_cycle_only":
            self.calendar = event["calendar"]
            if self.options.get("calendar_change") == "recompute":
                hours = self.hours[self.calendar]
                self.elapsed = sum(60 * hours.is_open(each) for each in self.counted)
                self.since_begin = sum(60 * hours.is_open(each) for each in self.minutes)
            if self.phase == "running":
                self.over()

    def on_reopen(self, _event: Mapping[str, Any]) -> None:
        """Open again."""
        mode = self.options.get("reopen", "continue_exclude")
        if self.phase != "stopped" or mode == "ignore":
            return
        within = self.options.get("reopen_within_s")
        if within is not None and self.now - self.stopped_at > timedelta(seconds=within):
            mode = "new_cycle"
        if mode == "new_cycle":
            self.end()
            self.begin()
            return
        if mode == "continue_include":
            self.elapsed += self.since_stop
            self.counted += self.idle
        self.outcome = "pending" if self.outcome == "met" else self.outcome
        self.phase = "running"
        if self.options.get("calendar_change") != "next_cycle_only":
            self.calendar = self.later_calendar
        self.over()

    def on_retarget(self, event: Mapping[str, Any]) -> None:
        """Take another target."""
        mode = self.options.get("retarget", "carry")
        if self.phase not in {"running", "paused"} or mode == "freeze":
            return
        before, paused = (self.promised, self.target), self.phase == "paused"
        if mode == "tighten_only" and event["target_s"] >= before[0]:
            return
        self.aim(event["target_s"])
        if mode == "restart":
            self.end()
            self.begin()
            self.phase = "paused" if paused else "running"
        elif mode == "carry_percent":
            self.elapsed = self.elapsed * self.target // before[1]
        elif mode == "retro_no_pause":
            self.elapsed = self.since_begin
            self.counted = list(self.minutes)
        if not paused:
            self.over()

    def on_override(self, event: Mapping[str, Any]) -> None:
        """Take the due time that a person sets, or takes back."""
        self.pinned = event["due"]
        if self.phase == "running" or (self.phase == "paused" and self.pinned is not None):
            self.over()
