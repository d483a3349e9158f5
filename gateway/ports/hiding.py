"""Tickets that a desk does not show us any more, as the flow sees them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class Hidden(msgspec.Struct, frozen=True):
    """A linked ticket that cannot be read: it was deleted there, or our account lost the right to it."""

    connection: str
    remote_id: str
    link_id: str
    since: datetime
    #: the delivery that was parked for it; empty: an update was given up
    delivery_id: str = ""


class HiddenTickets(Protocol):
    """Which linked tickets are out of sight. One letter tells a person of each."""

    def get(self, connection: str, remote_id: str) -> Hidden | None:
        """Return what is known of one; None where it is in sight."""
        ...

    def among(self, pairs: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Return those of (connection, remote id) pairs that are out of sight."""
        ...

    def keep(self, hidden: Hidden) -> None:
        """Note that one is out of sight, or by which letter that is told."""
        ...

    def drop(self, connection: str, remote_id: str) -> None:
        """Note that one is in sight again, or given up."""
        ...

    def revive(self, link_id: str, now: datetime) -> int:
        """Let what was given up in a lane because its ticket was hidden be tried again; return how many updates.

        None of it had any effect. What a person has decided on stays decided.
        """
        ...

    def due(self, connection: str, before: datetime, limit: int) -> Sequence[Hidden]:
        """Return those that were not looked for since then, the longest ago first."""
        ...

    def looked(self, found: Collection[Hidden], now: datetime) -> None:
        """Note that they are looked for now."""
        ...
