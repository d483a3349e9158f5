"""The real clock and the real entropy, behind the ports, so that nothing else has to ask the machine.

Leases on SQLite are measured by a clock that also counts while the machine sleeps, together with the id of the boot
that it belongs to: after a restart of the machine every lease of the boot before has expired.
"""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from gateway.domain.ids import uuid7

_LINUX_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class SystemClock:
    """`ports.Clock` of this machine."""

    def now(self) -> datetime:
        """Return the current instant, aware UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the port behind which the clock is read

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()


class SystemIds:
    """`ports.Ids` of this machine."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = 0
        self._entropy = 0

    def new(self) -> str:
        """Return a fresh UUIDv7; those of one millisecond in the order in which they were asked for.

        RFC 9562 section 6.2, method 2: within a millisecond the entropy grows by a random step. Comments of one second
        are put in order by their ids.
        """
        now = self._clock.now()
        millis = int(now.timestamp() * 1000)
        with self._lock:
            if millis == self._last:
                self._entropy += 1 + int.from_bytes(os.urandom(4), "big")
            else:
                # below the bits that the format itself sets, and with room to grow
                self._last, self._entropy = millis, int.from_bytes(os.urandom(7), "big")
            entropy = self._entropy
        return uuid7(now, entropy.to_bytes(10, "big"))


def boottime() -> float:
    """Return the seconds since this machine booted, sleep included.

    macOS has no CLOCK_BOOTTIME; its CLOCK_MONOTONIC counts sleep already.
    """
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def boot_id() -> str:
    """Name the current boot of this machine; two processes of one boot get the same answer."""
    if sys.platform == "darwin":
        answer = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"], capture_output=True, text=True, check=True
        )
        return answer.stdout.strip().lower()
    return _LINUX_BOOT_ID.read_text(encoding="ascii").strip()


def process_name() -> str:
    """Name this process so that others of this machine can tell whether it still runs."""
    return f"{_place()}:{os.getpid()}:{secrets.token_hex(4)}"


def has_ended(name: str) -> bool:
    """Say whether the process of that name has certainly ended; False for one of another machine."""
    place, _, rest = name.rpartition(":")[0].rpartition(":")
    if not rest.isdecimal() or place != _place():
        return False
    try:
        os.kill(int(rest), 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False


def _place() -> str:
    """Name the space of process ids that this process lives in: the machine, and on Linux the container in it."""
    try:
        space = str(Path("/proc/self/ns/pid").readlink())
    except OSError:
        space = ""
    return f"{socket.gethostname()[:60]}{space.removeprefix('pid:')}"
