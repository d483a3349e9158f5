"""What desks' answers say of their clocks: the Date header (RFC 9110 section 6.6.1), bounded by the round trip.

A desk wrote its Date between our sending and our hearing, so each answer says between which bounds its clock is ahead
of ours. Of the last answers those count that agree, if they are most of them: one that came from a cache, or from
another machine in front of the desk, is outvoted; a clock that was mended is believed after a few answers.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from gateway.ports.timing import Skew

#: so many answers of a connection are kept
KEPT = 9
#: fewer say nothing
FEWEST = 3
#: the header has whole seconds
GRAIN = timedelta(seconds=1)

#: seconds: what is less than that off is right; its seconds and ours may just begin at other moments
SMALLEST = 3

#: seconds by which a clock is ahead, at least and at most
Bounds = tuple[float, float]


class Clocks:
    """The clocks of the desks that one process talks to; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: dict[str, deque[Bounds]] = {}

    def hear(self, connection: str, headers: Mapping[str, str], sent: datetime, heard: datetime) -> None:
        """Take what an answer says, of which the headers were `heard` when the request was begun at `sent` (ours)."""
        bounds = bounds_of(headers, sent, heard)
        if bounds is not None:
            with self._lock:
                self._heard.setdefault(connection, deque(maxlen=KEPT)).append(bounds)

    def skew(self, connection: str) -> Skew | None:
        """Return how far a desk's clock is ahead of ours, in whole seconds; None where that is not known."""
        with self._lock:
            heard = list(self._heard.get(connection, ()))
        return agreed(heard)


def bounds_of(headers: Mapping[str, str], sent: datetime, heard: datetime) -> Bounds | None:
    """Return between which seconds the clock that wrote an answer's Date is ahead; None where nothing is said of it."""
    if headers.get("age", "0").strip() not in {"", "0"} or heard < sent:
        # a copy from a cache bears the time at which it was made; and our own clock was set back meanwhile
        return None
    try:
        said = parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):
        return None
    said = said.replace(tzinfo=UTC) if said.tzinfo is None else said
    return (said - heard).total_seconds(), (said + GRAIN - sent).total_seconds()


def agreed(heard: Iterable[Bounds]) -> Skew | None:
    """Return what most of the answers agree upon; 0 where it is next to nothing."""
    bounds = list(heard)
    if len(bounds) < FEWEST:
        return None
    # the span that the most of them share begins where one of them does
    number, low = max((sum(low <= start <= high for low, high in bounds), start) for start, _ in bounds)
    if number * 2 <= len(bounds):
        return None
    high = min(high for other, high in bounds if other <= low <= high)
    ahead = round((low + high) / 2)
    return Skew(ahead if abs(ahead) >= SMALLEST else 0, number)
