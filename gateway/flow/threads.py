"""Threads that carry work beside a main thread which must never have to wait for them."""

from __future__ import annotations

import queue
import threading
import weakref
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
    """Daemon threads that take work from a queue: a stuck one never keeps the process alive.

    They end when nobody has this any more: a process that delivers again and again gathers none.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._work: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._started = 0
        self._idle = threading.Semaphore(0)
        # at the end of the process they end with it
        weakref.finalize(self, _end, self._work).atexit = False

    def run(self, work: Callable[[], None]) -> None:
        """Run `work` in an idle thread, or in a new one."""
        if not self._idle.acquire(blocking=False):
            self._started += 1
            threading.Thread(
                target=_serve, args=(self._work, self._idle), name=f"deliver-{self._started}", daemon=True
            ).start()
        self._work.put(work)


def _serve(queued: queue.SimpleQueue[Callable[[], None] | None], idle: threading.Semaphore) -> None:
    """Do one piece of work after the other. Knows nothing of who gives it, so that it keeps nobody alive."""
    while (work := queued.get()) is not None:
        work()
        # what was done is nobody's any more while this one waits for more
        del work
        idle.release()
    # the next one is to end as well
    queued.put(None)


def _end(queued: queue.SimpleQueue[Callable[[], None] | None]) -> None:
    queued.put(None)
