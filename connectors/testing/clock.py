"""The clock of a simulated desk, which may stand wrong on purpose."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta


class DeskClock:
    """The real clock plus `skew`, or a standing clock at `frozen`."""

    def __init__(self, skew: timedelta = timedelta(0)) -> None:
        self.skew = skew
        self.frozen: datetime | None = None

    def now(self) -> datetime:
        """Return the desk's instant, aware UTC."""
        moment = self.frozen or datetime.now(UTC)  # noqa: TID251 - a desk is another machine with its own clock
        return moment + self.skew

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()
