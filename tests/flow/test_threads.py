"""The threads of a drain: as many as there is work side by side, and none once nobody delivers any more."""

from __future__ import annotations

import gc
import threading
import time
from functools import partial

from gateway.flow.threads import Threads


def running() -> int:
    """Return how many threads deliver."""
    return sum(each.name.startswith("deliver-") for each in threading.enumerate())


def _release(semaphore: threading.Semaphore) -> None:
    semaphore.release()


def _wait(barrier: threading.Barrier) -> None:
    barrier.wait(5)


def test_an_idle_thread_is_used_again() -> None:
    """One piece of work after the other needs one thread."""
    before, threads, done = running(), Threads(4), threading.Semaphore(0)
    for _ in range(5):
        threads.run(partial(_release, done))
        assert done.acquire(timeout=5)
        time.sleep(0.02)
    assert running() - before <= 2


def test_threads_end_with_who_gave_them_work() -> None:
    """A process that makes one deliverer after the other gathers no threads."""
    before, threads, done = running(), Threads(4), threading.Barrier(4)
    for _ in range(3):
        threads.run(partial(_wait, done))
    done.wait(5)
    assert running() > before
    del threads
    gc.collect()
    until = time.monotonic() + 5
    while running() > before and time.monotonic() < until:
        time.sleep(0.01)
    assert running() <= before
