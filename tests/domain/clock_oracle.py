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
        self, target: int, hours: Mapping[str, Oracle], name: str, options: Mapping[str, str], start: datetime
    ) -> None:
        self.hours = hours
        self.options = options
        self.now = start
        self.target, self.calendar = target, name
        self.later_calendar = name
        self.phase, self.outcome, self.cycle = "not_started", "pending", 1
        self.elapsed = 0
        #: open seconds since the cycle began, and since it stopped, whatever it did
        self.since_begin = self.since_stop = 0
        self.used_up: datetime | None = None
        self.breached: datetime | None = None
        self.history: list[tuple[int, str, int, datetime | None]] = []

    def run(self, events: Sequence[Mapping[str, Any]], until: datetime) -> None:
        """Go on until an instant, and take up what happens by then."""
        waiting = sorted(events, key=lambda each: (each["at"], ORDER.index(each["type"]), each["id"]))
        while True:
            while waiting and waiting[0]["at"] <= self.now:
                self.take(waiting.pop(0))
            self.look()
            if self.now >= until:
                return
            self.step()

    def step(self) -> None:
        """Let a minute pass."""
        pending = self.phase == "running" and self.outcome == "pending"
        if self.hours[self.calendar].is_open(self.now):
            if pending and self.elapsed < self.target < self.elapsed + 60:
                self.used_up = self.now + timedelta(seconds=self.target - self.elapsed)
            self.elapsed += 60 * (self.phase == "running")
            self.since_begin += 60
            self.since_stop += 60
        self.now += timedelta(minutes=1)
        if pending and self.used_up is not None and self.used_up < self.now:
            self.outcome, self.breached = "breached", self.used_up

    def look(self) -> None:
        """Note the instant at which the target is used up."""
        if self.phase != "running" or self.outcome != "pending" or self.elapsed < self.target:
            self.used_up = None
        elif self.used_up is None:
            self.used_up = self.now

    def over(self) -> None:
        """Break the promise now when more than the target has gone."""
        if self.outcome == "pending" and self.elapsed > self.target:
            self.outcome, self.breached = "breached", self.now

    def begin(self) -> None:
        """Begin a cycle."""
        self.calendar = self.later_calendar
        self.phase, self.outcome = "running", "pending"
        self.elapsed = self.since_begin = 0
        self.used_up = self.breached = None

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
            self.phase = "paused"

    def on_resume(self, _event: Mapping[str, Any]) -> None:
        """Go on."""
        if self.phase == "paused":
            self.phase = "running"
            self.over()

    def on_stop(self, _event: Mapping[str, Any]) -> None:
        """Stop."""
        if self.phase in {"running", "paused"}:
            self.over()
            self.phase, self.since_stop = "stopped", 0
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

    def on_reopen(self, _event: Mapping[str, Any]) -> None:
        """Open again."""
        mode = self.options.get("reopen", "continue_exclude")
        if self.phase != "stopped" or mode == "ignore":
            return
        if mode == "new_cycle":
            self.end()
            self.begin()
            return
        self.elapsed += self.since_stop if mode == "continue_include" else 0
        self.outcome = "pending" if self.outcome == "met" else self.outcome
        self.phase, self.calendar = "running", self.later_calendar
        self.over()

    def on_retarget(self, event: Mapping[str, Any]) -> None:
        """Take another target."""
        mode = self.options.get("retarget", "carry")
        if self.phase not in {"running", "paused"} or mode == "freeze":
            return
        before, paused = self.target, self.phase == "paused"
        if mode == "tighten_only" and event["target_s"] >= before:
            return
        self.target = event["target_s"]
        if mode == "restart":
            self.end()
            self.begin()
            self.phase = "paused" if paused else "running"
        elif mode == "carry_percent":
            self.elapsed = self.elapsed * self.target // before
        elif mode == "retro_no_pause":
            self.elapsed = self.since_begin
        if not paused:
            self.over()
