"""Time that moves only when it is told to, shared by a process and the children that it forks.

A lease of thirty seconds, a settle time and an hour of backoff pass in no time at all, and a case runs the same way
each time. What a killed child had seen of time, the next one goes on from.
"""

from __future__ import annotations

import mmap
import struct
import threading
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from gateway.store.leasing import LeaseClock
from gateway.system import SystemClock

EPOCH = datetime(2026, 3, 2, 8, tzinfo=UTC)
#: each look at the clock is a little later than the one before
TICK = 0.000_01


class SharedClock(SystemClock):
    """`ports.Clock` over eight bytes of shared memory."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 8)
        self._lock = threading.Lock()

    def reset(self) -> None:
        """Begin again."""
        self._memory[:] = struct.pack("d", 0.0)

    def advance(self, seconds: float) -> float:
        """Let time pass; return the seconds since the beginning."""
        with self._lock:
            passed: float = struct.unpack("d", self._memory[:])[0] + seconds
            self._memory[:] = struct.pack("d", passed)
        return passed

    def now(self) -> datetime:
        """Return the instant, aware UTC."""
        return EPOCH + timedelta(seconds=self.advance(TICK))

    def monotonic(self) -> float:
        """Return the seconds since the beginning."""
        return self.advance(TICK)


class SharedLeases(LeaseClock):
    """The clock of leases, in the same time; what a killed process had leased is free when the lease ends."""

    def __init__(self, backend: str, clock: SharedClock) -> None:
        super().__init__(backend)
        self._shared = clock

    def now(self, connection: Connection) -> float:
        """Return the seconds since the beginning."""
        return self._shared.monotonic()
