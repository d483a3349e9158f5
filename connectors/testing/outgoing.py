"""The webhooks of a simulated desk: signed, queued, and as unreliable as asked.

Real desks omit, double, delay and reorder webhooks; every one of these is a number here. A webhook may also be sent
before the call that caused it is answered, as Request Tracker does.
"""

from __future__ import annotations

import http.client
import random
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from connectors.testing.clock import DeskClock

#: what makes the headers of one sending: the body, the desk's time and the number of the try (from 1)
Signer = Callable[[bytes, datetime, int], dict[str, str]]


class Weather(msgspec.Struct, frozen=True, omit_defaults=True):
    """How unreliable the webhooks are."""

    #: chances for each webhook
    drop: float = 0.0
    duplicate: float = 0.0
    #: chance to be held back behind the next one
    reorder: float = 0.0
    #: seconds before each is sent
    delay: float = 0.0
    #: sent, with its answer awaited, before the call that caused it is answered
    before_answer: bool = False
    #: tries in all, while the receiver answers 409, 429 or 5xx or not at all
    tries: int = 5
    #: seconds between tries
    pause: float = 0.2


class Sent(msgspec.Struct, frozen=True):
    """One try to deliver one webhook: `status` 0 means that nobody answered."""

    at: datetime
    body: bytes
    status: int
    attempt: int


class WebhookSender:
    """Delivers webhooks to one address in order, on a thread of its own; without an address it keeps them unsent."""

    def __init__(self, sign: Signer, clock: DeskClock, *, url: str = "", seed: int = 0) -> None:
        self.url = url
        self.weather = Weather()
        self.sent: deque[Sent] = deque(maxlen=10_000)
        self.dropped: deque[bytes] = deque(maxlen=10_000)
        self._sign = sign
        self._clock = clock
        self._random = random.Random(seed)  # noqa: S311 - seeded chance, so that a storm can be repeated
        self._queue: deque[tuple[float, bytes]] = deque()
        self._wake = threading.Condition()
        self._busy = False
        self._paused = False
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread."""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="sim-webhooks", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop at once; what is queued is forgotten."""
        with self._wake:
            self._stopping = True
            self._queue.clear()
            self._wake.notify_all()
        if self._thread is not None:
            self._thread.join(5)

    @property
    def paused(self) -> bool:
        """Whether webhooks are held back."""
        return self._paused

    @property
    def leaving(self) -> bool:
        """Whether a webhook is being delivered, or is about to be."""
        with self._wake:
            due = bool(self._queue) and not self._paused and self._queue[0][0] <= self._clock.monotonic()
            return self._busy or due

    def pause(self) -> None:
        """Hold every webhook back until `resume`."""
        with self._wake:
            self._paused = True

    def resume(self) -> None:
        """Go on with what was held back."""
        with self._wake:
            self._paused = False
            self._wake.notify_all()

    def send(self, body: bytes) -> None:
        """Queue one webhook, or deliver it now when the weather says `before_answer`."""
        weather = self.weather
        if not self.url or self._random.random() < weather.drop:
            self.dropped.append(body)
            return
        copies = 2 if self._random.random() < weather.duplicate else 1
        if weather.before_answer:
            for _ in range(copies):
                self._deliver(body)
            return
        due = self._clock.monotonic() + weather.delay
        with self._wake:
            for _ in range(copies):
                self._queue.append((due, body))
            if len(self._queue) > copies and self._random.random() < weather.reorder:
                self._queue[-1], self._queue[-2] = self._queue[-2], self._queue[-1]
            self._wake.notify_all()

    def redeliver(self, body: bytes) -> int:
        """Deliver one body again now, signed afresh; returns the status (0: nobody answered)."""
        return self._try(body, 1)

    def flush(self, timeout: float = 10.0) -> bool:
        """Wait until the queue is empty; False when it was not in time."""
        end = time.monotonic() + timeout
        with self._wake:
            while self._queue or self._busy:
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self._wake.wait(min(left, 0.1))
        return True

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopping and (self._paused or not self._queue):
                    self._wake.wait(0.5)
                if self._stopping:
                    return
                due, body = self._queue[0]
                wait = due - self._clock.monotonic()
                if wait > 0:
                    self._wake.wait(min(wait, 0.5))
                    continue
                self._queue.popleft()
                self._busy = True
            try:
                self._deliver(body)
            finally:
                with self._wake:
                    self._busy = False
                    self._wake.notify_all()

    def _deliver(self, body: bytes) -> None:
        weather = self.weather
        for attempt in range(1, weather.tries + 1):
            status = self._try(body, attempt)
            if status and status not in {409, 429} and status < 500:
                return
            if self._stopping:
                return
            time.sleep(weather.pause)

    def _try(self, body: bytes, attempt: int) -> int:
        parts = urlsplit(self.url)
        now = self._clock.now()
        maker = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        connection = maker(parts.hostname or "127.0.0.1", parts.port, timeout=12)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        try:
            connection.request("POST", target, body=body, headers=self._sign(body, now, attempt))
            answer = connection.getresponse()
            answer.read()
            status = answer.status
        except (OSError, http.client.HTTPException):
            status = 0
        finally:
            connection.close()
        self.sent.append(Sent(now, body, status, attempt))
        return status
