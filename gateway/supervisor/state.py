"""What a supervisor leaves in the state folder: a lock that dies with it, and a status that others read.

The lock is the kernel's, so a killed supervisor leaves none behind, whatever the file says.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from datetime import datetime
from pathlib import Path
from typing import IO

import msgspec

from gateway.errors import ConfigError

_LOCK = "supervisor.lock"
_STATUS = "supervisor.json"
#: A reader of the status holds the lock for an instant.
_TRIES = 5
_BETWEEN = 0.05


class ProcessStatus(msgspec.Struct, frozen=True):
    """One process, as of the last change."""

    name: str
    role: str
    phase: str
    pid: int | None
    restarts: int
    since: datetime
    #: how it ended last time, for people; empty when it never has
    last_end: str = ""


class SiteStatus(msgspec.Struct, frozen=True):
    """All of them, and the supervisor itself. `phase` is starting, running, stopping, stopped or killed."""

    pid: int
    phase: str
    since: datetime
    processes: tuple[ProcessStatus, ...]
    #: what a reader wants to know beside: address, workers …
    facts: dict[str, str] = {}
    version: int = 1


class SiteLock:
    """Held while a supervisor runs on a site."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _LOCK
        self._file: IO[str] | None = None

    def acquire(self) -> None:
        """Take it; raises ConfigError that names the process which has it."""
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = self._path.open("a+", encoding="ascii")
        for turn in range(_TRIES):
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if turn < _TRIES - 1:
                    time.sleep(_BETWEEN)
                    continue
                file.seek(0)
                holder = file.read().strip() or "unknown"
                file.close()
                raise ConfigError(
                    f"a gateway runs on this site already (process {holder}); stop it first (kill {holder}), or look "
                    f"at it with: gateway status"
                ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        self._file = file

    def release(self) -> None:
        """Give it back."""
        if self._file is not None:
            self._file.close()
            self._file = None


def is_held(folder: Path) -> bool:
    """Say whether a supervisor runs on the site."""
    try:
        with (folder / _LOCK).open("r", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def write_status(folder: Path, status: SiteStatus) -> None:
    """Replace the status in one step: a reader sees the old or the new. A full disk must not stop the supervisor."""
    target = folder / _STATUS
    with contextlib.suppress(OSError):
        fresh = target.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(status))
        fresh.replace(target)


def read_status(folder: Path) -> SiteStatus | None:
    """Read the status of a site, None when there never was one. A supervisor that vanished is `killed`."""
    try:
        status = msgspec.json.decode((folder / _STATUS).read_bytes(), type=SiteStatus)
    except (OSError, msgspec.DecodeError):
        return None
    if status.phase != "stopped" and not is_held(folder):
        return msgspec.structs.replace(status, phase="killed")
    return status
