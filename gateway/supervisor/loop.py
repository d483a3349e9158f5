"""The supervisor: one loop, one thread, woken by signals.

Start-up is by stages (the `order` of a process): the next begins when everything of this one is ready. A process that
fails during start-up fails the start, with a clear error, because a person is watching; one that dies later is started
again for ever, with a growing delay, because nobody is.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from gateway.errors import GatewayError
from gateway.lifeline import Guardian
from gateway.ports import Clock
from gateway.supervisor.child import Child, Phase, Process
from gateway.supervisor.state import SiteLock, SiteStatus, write_status

log = logging.getLogger(__name__)

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK = 1.0
_EAGER_TICK = 0.05
#: A process that ends this often before it was ever ready will not come up.
_START_TRIES = 3


class Supervisor:
    """Runs processes until it is told to stop. Use it from the main thread of a process of its own."""

    def __init__(
        self,
        processes: Sequence[Process],
        folder: Path,
        clock: Clock,
        *,
        facts: Mapping[str, str] | None = None,
        on_stage: Callable[[Sequence[Process]], None] | None = None,
        on_up: Callable[[], None] | None = None,
        stable_seconds: float = 10.0,
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._facts = dict(facts or {})
        self._on_stage = on_stage
        self._on_up = on_up
        self._guardian = Guardian()
        self._children = [Child(process, self._guardian, clock, stable_seconds) for process in processes]
        self._phase = "starting"
        self._since = clock.now()
        self._stops = 0
        self._written: object = None

    def run(self) -> None:
        """Start everything, keep it running, and stop it on SIGINT, SIGTERM or SIGHUP.

        Raises ConfigError when the site is taken, GatewayError when something does not come up. Whatever happens,
        nothing that was started is left when it returns.
        """
        lock = SiteLock(self._folder)
        lock.acquire()
        try:
            with self._signals() as wake:
                self._guardian.start()
                try:
                    if self._start(wake):
                        self._keep(wake)
                finally:
                    self._stop(wake)
                    self._guardian.close()
        finally:
            lock.release()

    # ---------------------------------------------------------------- the three parts of its life

    def _start(self, wake: socket.socket) -> bool:
        """Bring everything up in order; False when it was told to stop meanwhile."""
        for order in sorted({child.process.order for child in self._children}):
            stage = [child for child in self._children if child.process.order == order]
            begun = self._clock.monotonic()
            for child in stage:
                child.start(begun)
            while not all(child.ready for child in stage):
                if self._stops:
                    return False
                self._look()
                for child in stage:
                    self._require_progress(child, begun)
                self._wait(wake, _EAGER_TICK)
            if self._on_stage is not None:
                self._on_stage([child.process for child in stage])
        self._phase, self._since = "running", self._clock.now()
        self._report()
        if self._on_up is not None and not self._stops:
            self._on_up()
        return not self._stops

    def _require_progress(self, child: Child, begun: float) -> None:
        process = child.process
        if child.ready:
            return
        if child.phase is Phase.BACKOFF and child.restarts >= _START_TRIES - 1:
            raise GatewayError(f"{process.name} does not start ({child.last_end}); its own lines above say why")
        if self._clock.monotonic() - begun > process.ready_seconds:
            raise GatewayError(f"{process.name} was not ready within {process.ready_seconds:g} s; its lines say why")

    def _keep(self, wake: socket.socket) -> None:
        while not self._stops:
            self._look()
            now = self._clock.monotonic()
            due = [child.due - now for child in self._children if child.phase is Phase.BACKOFF]
            eager = any(child.phase is Phase.STARTING for child in self._children)
            self._wait(wake, max(0.0, min([*due, _EAGER_TICK if eager else _TICK])))

    def _stop(self, wake: socket.socket) -> None:
        """Stop all in reverse order; a second signal, or the end of the grace, kills."""
        self._phase, self._since = "stopping", self._clock.now()
        asked = self._stops
        log.info("stopping")
        for order in sorted({child.process.order for child in self._children}, reverse=True):
            stage = [child for child in self._children if child.process.order == order]
            for child in stage:
                child.stop(self._clock.monotonic())
            while any(child.phase is Phase.STOPPING for child in stage):
                self._look()
                now = self._clock.monotonic()
                for child in stage:
                    if child.phase is Phase.STOPPING and (now >= child.due or self._stops > max(asked, 1)):
                        child.kill()
                self._wait(wake, _EAGER_TICK)
        self._phase, self._since = "stopped", self._clock.now()
        self._report()

    # ---------------------------------------------------------------- one turn of the loop

    def _look(self) -> None:
        now = self._clock.monotonic()
        self._guardian.check()
        for child in self._children:
            child.look(now)
        self._report()

    def _report(self) -> None:
        processes = tuple(child.status() for child in self._children)
        now = (self._phase, processes)
        if now != self._written:
            self._written = now
            write_status(self._folder, SiteStatus(os.getpid(), self._phase, self._since, processes, self._facts))

    def _wait(self, wake: socket.socket, seconds: float) -> None:
        """Sleep until a signal comes or the time is up."""
        if select.select([wake], [], [], seconds)[0]:
            with contextlib.suppress(BlockingIOError):
                wake.recv(4096)

    @contextlib.contextmanager
    def _signals(self) -> Iterator[socket.socket]:
        """Count stop signals, and let every signal wake the loop."""
        receive, send = socket.socketpair()
        receive.setblocking(False)
        send.setblocking(False)

        def stop(_number: int, _frame: object) -> None:
            self._stops += 1

        handlers = {number: signal.signal(number, stop) for number in _STOP_SIGNALS}
        handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        before = signal.set_wakeup_fd(send.fileno(), warn_on_full_buffer=False)
        try:
            yield receive
        finally:
            signal.set_wakeup_fd(before)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            receive.close()
            send.close()
