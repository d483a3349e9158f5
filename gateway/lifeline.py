"""No orphans: a process that dies when its parent does, whatever killed the parent.

Two mechanisms, because neither is enough alone. On Linux the kernel kills a direct child when its parent ends
(PR_SET_PDEATHSIG). What that child has started itself, and every child on macOS, falls to a *guardian*: a small process
that holds the reading end of a pipe, knows the process groups of one supervisor, and kills them when the pipe closes
without a farewell. On macOS a forked child that has no supervisor watches its parent's id from a thread.

The guardian runs this file by its path, so it may import nothing but the standard library.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.5
_FAREWELL = "bye"


def before_exec() -> Callable[[], None] | None:
    """Return what a child calls between fork and exec so that it dies with this process; None where there is no way.

    The kernel ties the child to the *thread* that forks: call Popen from the main thread.
    """
    return _tie_to(os.getpid())


def die_with(parent: int) -> None:
    """Make this process, a fork of `parent`, die when `parent` does."""
    tie = _tie_to(parent)
    if tie is None:
        threading.Thread(target=_watch, args=(parent,), name="lifeline", daemon=True).start()
    else:
        tie()


def _tie_to(parent: int) -> Callable[[], None] | None:
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the line above
            os._exit(1)

    return tie


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def kill_group(group: int, sig: int = signal.SIGKILL) -> None:
    """Signal every process of a group; a group that is gone already is fine."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, sig)


class Guardian:
    """The process that outlives its owner for a moment, to kill the groups that the owner left behind."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it, in a session of its own, so that a Ctrl-C in the terminal does not reach it."""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-S", "-E", "-s", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            text=True,
        )
        for group in self._groups:
            self._tell(f"+{group}")

    def watch(self, group: int) -> None:
        """Kill this group when the owner dies."""
        self._groups.add(group)
        self._tell(f"+{group}")

    def forget(self, group: int) -> None:
        """Leave this group alone from now on: its number may be given to somebody else."""
        self._groups.discard(group)
        self._tell(f"-{group}")

    def check(self) -> None:
        """Replace it when somebody has killed it."""
        if self._process is not None and self._process.poll() is not None:
            self._renew()

    def close(self) -> None:
        """Send it home: everything is stopped already."""
        self._tell(_FAREWELL)
        if self._process is not None:
            with contextlib.suppress(OSError):
                if self._process.stdin is not None:
                    self._process.stdin.close()
            self._process.wait()
            self._process = None

    def _tell(self, line: str) -> None:
        process = self._process
        if process is None or process.stdin is None:
            return
        try:
            process.stdin.write(line + "\n")
            process.stdin.flush()
        except OSError:  # somebody killed it
            if line != _FAREWELL:
                self._renew()

    def _renew(self) -> None:
        """Start a new one, which is told everything again."""
        process, self._process = self._process, None
        if process is not None:
            process.wait()
            with contextlib.suppress(OSError):
                if process.stdin is not None:
                    process.stdin.close()
        self.start()


def _guard() -> None:
    """Read groups until the pipe closes; kill what is left unless the owner said goodbye."""
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        word = line.strip()
        if word == _FAREWELL:
            return
        if word.startswith("+"):
            groups.add(int(word[1:]))
        elif word.startswith("-"):
            groups.discard(int(word[1:]))
    for group in groups:
        kill_group(group)


if __name__ == "__main__":
    _guard()
