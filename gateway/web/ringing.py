"""Rings the doorbell away from the thread that stores deliveries: a ring talks to Redis, and a commit must not wait."""

from __future__ import annotations

import threading
import time

from gateway.ports import Doorbell

#: Commits within this time are one ring.
_PAUSE_SECONDS = 0.03


class Ringing:
    """Rings one step's bell soon after it was asked; started on first use, after any fork."""

    def __init__(self, bell: Doorbell, step: str) -> None:
        self._bell = bell
        self._step = step
        self._asked = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask(self) -> None:
        """Have the bell rung; returns at once."""
        self._asked.set()
        if self._thread is None:
            with self._start:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name=f"ring-{self._step}", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            self._asked.wait()
            self._asked.clear()
            self._bell.ring(self._step)
            time.sleep(_PAUSE_SECONDS)
