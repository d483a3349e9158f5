"""Faults on demand: what a network and a desk can do to one request, chosen by count or by seeded chance.

They are those of the outbound protocol's fault plan. Each fault says whether the request still takes effect, because
that is all that matters to exactly-once: the client cannot tell.
"""

from __future__ import annotations

import random
import re
import threading
import time
from enum import StrEnum

import msgspec


class FaultKind(StrEnum):
    """What goes wrong."""

    #: the connection is reset; nothing took effect
    RESET_BEFORE = "reset_before"
    #: it took effect, then the connection is reset
    RESET_AFTER = "reset_after"
    #: it took effect; the answer breaks off in the middle of its body
    HALF_BODY = "half_body"
    #: it took effect; the answer is 200 with a body that is not the desk's
    GARBAGE = "garbage"
    #: `status` (500 by default) after it took effect
    ERROR_WITH_EFFECT = "error_with_effect"
    #: `status` (500 by default); nothing took effect
    ERROR_WITHOUT_EFFECT = "error_without_effect"
    #: 429 with Retry-After of `seconds`, as an HTTP date when `as_date`; nothing took effect
    THROTTLE = "throttle"
    #: no answer for `seconds`, then the connection closes; nothing took effect
    HANG = "hang"
    #: it takes effect `seconds` after the request came, and nobody is told: the connection closes without an answer
    LATE_EFFECT = "late_effect"
    #: everything is right, only `seconds` later
    LATENCY = "latency"
    #: everything is right, but the kept-alive connection closes without a word afterwards
    DROP_CONNECTION = "drop_connection"
    #: the desk stops listening for `seconds` (0: until told otherwise); takes effect at once, matchers are ignored
    REFUSE = "refuse"


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One fault and the requests that it befalls."""

    kind: FaultKind
    #: regular expressions; empty: any
    method: str = ""
    path: str = ""
    #: how many requests it befalls; None: every one
    count: int | None = 1
    #: chance for each matching request
    probability: float = 1.0
    #: matching requests that pass first
    after: int = 0
    seconds: float = 0.0
    #: seconds after it was armed for which it befalls requests; 0: until it is used up or taken away
    lasting: float = 0.0
    #: late_effect only: seconds for which the client is kept waiting before its connection closes
    hold: float = 0.0
    status: int = 500
    as_date: bool = False


class _Armed:
    """A fault with what is left of it."""

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.until = time.monotonic() + fault.lasting if fault.lasting else float("inf")
        self.left = fault.count
        self.skip = fault.after
        self.method = re.compile(fault.method or ".*", re.IGNORECASE)
        self.path = re.compile(fault.path or ".*")


class Faults:
    """The faults that are armed, in order; the first that befalls a request wins, latencies add up."""

    def __init__(self, seed: int = 0) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []
        self._random = random.Random(seed)  # noqa: S311 - seeded chance, so that a storm can be repeated

    def add(self, fault: Fault) -> None:
        """Arm one more fault."""
        with self._lock:
            self._armed.append(_Armed(fault))

    def clear(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._armed.clear()

    def armed(self) -> list[Fault]:
        """Return what is still armed."""
        with self._lock:
            self._expire()
            return [armed.fault for armed in self._armed]

    def _expire(self) -> None:
        now = time.monotonic()
        self._armed = [armed for armed in self._armed if now < armed.until]

    def strike(self, method: str, path: str) -> tuple[Fault | None, float]:
        """Choose what befalls this request: a fault or None, and the latency in seconds."""
        chosen: Fault | None = None
        latency = 0.0
        with self._lock:
            self._expire()
            for armed in self._armed:
                fault = armed.fault
                if chosen is not None and fault.kind is not FaultKind.LATENCY:
                    continue
                if armed.method.fullmatch(method) is None or armed.path.search(path) is None:
                    continue
                if armed.skip:
                    armed.skip -= 1
                    continue
                if fault.probability < 1 and self._random.random() >= fault.probability:
                    continue
                if armed.left is not None:
                    armed.left -= 1
                if fault.kind is FaultKind.LATENCY:
                    latency += fault.seconds
                else:
                    chosen = fault
            self._armed = [armed for armed in self._armed if armed.left is None or armed.left > 0]
        return chosen, latency
