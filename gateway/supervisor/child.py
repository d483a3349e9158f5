"""One supervised process: started in a session of its own, reaped together with everything it has left behind."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import msgspec

from gateway.lifeline import Guardian, before_exec, kill_group
from gateway.ports import Clock
from gateway.supervisor.state import ProcessStatus

log = logging.getLogger(__name__)

FIRST_DELAY = 0.2
LONGEST_DELAY = 10.0


class Process(msgspec.Struct, frozen=True):
    """What to run and how to treat it."""

    name: str
    argv: tuple[str, ...]
    #: the whole environment; None: that of the supervisor
    env: Mapping[str, str] | None = None
    role: str = ""
    stop_signal: int = signal.SIGTERM
    #: how long after the stop signal it may take before it is killed
    grace_seconds: float = 25.0
    #: lower ones start first and stop last
    order: int = 0
    #: asked after the start until it says True; None: a process that runs is ready
    ready: Callable[[], bool] | None = None
    ready_seconds: float = 30.0
    #: file that gets what it writes to stdout and stderr; None: they are those of the supervisor
    output: Path | None = None


class Phase(StrEnum):
    """Where a process is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Child:
    """A process over its restarts. `monotonic` instants are handed in by the loop."""

    def __init__(self, process: Process, guardian: Guardian, clock: Clock, stable_seconds: float) -> None:
        self.process = process
        self.phase = Phase.WAITING
        self.restarts = 0
        self.last_end = ""
        #: when a process in backoff is started again, and one that stops is killed
        self.due = 0.0
        self._guardian = guardian
        self._clock = clock
        self._stable_seconds = stable_seconds
        self._since: datetime = clock.now()
        self._started = 0.0
        self._delay = FIRST_DELAY
        self._killed = False
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The running process; None when there is none."""
        return self._popen.pid if self._popen is not None else None

    @property
    def ready(self) -> bool:
        """Say whether it has come up since its last start."""
        return self.phase is Phase.RUNNING

    def start(self, now: float) -> None:
        """Start it; what cannot be started is treated as what died at once."""
        self._started = now
        output = self.process.output
        try:
            with output.open("ab") if output is not None else contextlib.nullcontext() as file:
                self._popen = subprocess.Popen(
                    self.process.argv,
                    env=self.process.env,
                    stdin=subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    start_new_session=True,
                    preexec_fn=before_exec(),  # noqa: PLW1509 - one system call; the supervisor has no threads
                )
        except OSError as error:
            self._ended(f"cannot be started: {error}", now)
            return
        self._guardian.watch(self._popen.pid)
        self._enter(Phase.STARTING)
        log.info("started %s", self.process.name, extra={"child": self._popen.pid})

    def look(self, now: float) -> None:
        """Notice that it has ended, has come up, or is due to start again."""
        if self._popen is not None and self._has_ended():
            self._reap(now)
        if self.phase is Phase.STARTING and (self.process.ready is None or self.process.ready()):
            self._enter(Phase.RUNNING)
        elif self.phase is Phase.BACKOFF and now >= self.due:
            self.restarts += 1
            self.start(now)

    def stop(self, now: float) -> None:
        """Ask it to stop; it is not started again."""
        if self._popen is None:
            self._enter(Phase.STOPPED)
            return
        self.due = now + self.process.grace_seconds
        self._enter(Phase.STOPPING)
        self._popen.send_signal(self.process.stop_signal)

    def kill(self) -> None:
        """End it and its group at once."""
        if self._popen is not None and not self._killed:
            self._killed = True
            log.warning("killing %s: it has not stopped in time", self.process.name)
            kill_group(self._popen.pid)

    def status(self) -> ProcessStatus:
        """Return what others may know."""
        return ProcessStatus(
            self.process.name, self.process.role, self.phase, self.pid, self.restarts, self._since, self.last_end
        )

    def _has_ended(self) -> bool:
        """Look without reaping, where the system can: an unreaped leader keeps its group's number from being reused."""
        if self._popen is None:
            return False
        if hasattr(os, "waitid"):
            return os.waitid(os.P_PID, self._popen.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        return self._popen.poll() is not None

    def _reap(self, now: float) -> None:
        if self._popen is None:
            return
        pid = self._popen.pid
        kill_group(pid)
        code = self._popen.wait()
        self._guardian.forget(pid)
        self._popen = None
        self._ended(f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}", now)

    def _ended(self, how: str, now: float) -> None:
        self.last_end = how
        if self.phase is Phase.STOPPING:
            log.info("stopped %s", self.process.name, extra={"how": how})
            self._enter(Phase.STOPPED)
            return
        if now - self._started >= self._stable_seconds:
            self._delay = FIRST_DELAY
        self.due = now + self._delay
        log.warning("%s ended (%s); it starts again in %g s", self.process.name, how, self._delay)
        self._delay = min(self._delay * 2, LONGEST_DELAY)
        self._enter(Phase.BACKOFF)

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self._since = self._clock.now()
