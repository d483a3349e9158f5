"""A clock that tests put forward."""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.system import SystemClock


class MovedClock(SystemClock):
    """The machine's clock, put forward by a test."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the time that the test wants."""
        return super().now() + self.ahead

    def monotonic(self) -> float:
        """Return the same, as a monotonic clock does."""
        return super().monotonic() + self.ahead.total_seconds()
