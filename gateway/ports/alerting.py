"""How the site's alerts stand, and what they watch. All instants are aware UTC."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class AlertState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one alert of the site stands; each change is one version on."""

    key: str
    #: the alert as written
    name: str = ""
    #: what is too much, in a line; empty while nothing is
    detail: str = ""
    raised_at: datetime | None = None
    #: when the last message was put into the outbox, and how many there were since it was raised
    told_at: datetime | None = None
    told: int = 0
    #: raised, and within its limit again since then
    calm_since: datetime | None = None
    version: int = 0


class Backlog(msgspec.Struct, frozen=True, omit_defaults=True):
    """The dead letters that wait for a person, in numbers."""

    total: int = 0
    oldest: datetime | None = None
    #: given up within the last hour
    recent: int = 0
    #: the most frequent kind of them: whose, why, an update or a delivery, how many
    connection: str = ""
    reason: str = ""
    what: str = ""
    top: int = 0


class Lasting(msgspec.Struct, frozen=True, order=True):
    """A clock that waits, or a ticket in its stage: since when."""

    since: datetime
    ticket_id: str
    #: the metric, or the stage
    name: str


class Alerts(Protocol):
    """Alerts in the record."""

    def raised(self) -> Sequence[AlertState]:
        """Return the alerts that stand, the longest first."""
        ...

    def waiting(self, key: str, before: datetime, limit: int) -> tuple[int, Sequence[Lasting]]:
        """Return how many clocks have waited since before an instant, and those of which an alert has not told."""
        ...

    def staying(self, key: str, before: datetime, limit: int) -> tuple[int, Sequence[Lasting]]:
        """Return how many tickets have been in their stage since before an instant, and those not told of."""
        ...

    def unroutable(self, key: str, before: datetime, limit: int) -> tuple[int, Sequence[Lasting]]:
        """Return how many tickets nobody could be given since before an instant, and those not told of."""
        ...

    def frozen(self, key: str, before: datetime, limit: int) -> tuple[int, Sequence[Lasting]]:
        """Return how many tickets have been frozen since before an instant, and those not told of."""
        ...

    def tell(self, key: str, lasting: Sequence[Lasting], now: datetime) -> None:
        """Note of what an alert has told, so that it does so once."""
        ...

    def told(self, key: str) -> int:
        """Return of how much that still lasts an alert has told."""
        ...

    def forget(self, key: str) -> int:
        """Forget what an alert has told of that is over; return how much that was."""
        ...

    def state(self, key: str) -> AlertState:
        """Return how an alert stands."""
        ...

    def change(self, state: AlertState) -> bool:
        """Store a state that is one version on; False when another was quicker."""
        ...

    def backlog(self, now: datetime) -> Backlog:
        """Return the dead letters in numbers."""
        ...
