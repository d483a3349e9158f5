"""How the site's alerts stand, and what they watch. All instants are aware UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec


class AlertState(msgspec.Struct, frozen=True, omit_defaults=True):
    """How one alert of the site stands; each change is one version on."""

    key: str
    #: its lane, empty until it was told for the first time
    link_id: str = ""
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


class Alerts(Protocol):
    """Alerts in the record."""

    def state(self, key: str) -> AlertState:
        """Return how an alert stands."""
        ...

    def change(self, state: AlertState) -> bool:
        """Store a state that is one version on; False when another was quicker."""
        ...

    def backlog(self, now: datetime) -> Backlog:
        """Return the dead letters in numbers."""
        ...
