"""Threads that carry work beside a main thread which must never have to wait for them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

import msgspec

from gateway.flow.attempt import Task
from gateway.ports import HttpRequest


class Wish(msgspec.Struct):
    """A thread waits for its intent to be committed."""

    task: Task
    request: HttpRequest
    decided: threading.Event
    granted: bool = False


class Threads:
    """Daemon threads that take work from a queue: a stuck one never keeps the process alive."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._work: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._started = 0
        self._idle = threading.Semaphore(0)

    def run(self, work: Callable[[], None]) -> None:
        """Run `work` in an idle thread, or in a new one."""
        if not self._idle.acquire(blocking=False):
            self._started += 1
            threading.Thread(target=self._serve, name=f"deliver-{self._started}", daemon=True).start()
        self._work.put(work)

    def _serve(self) -> None:
        while True:
            work = self._work.get()
            work()
            self._idle.release()
