"""Tickets that a desk does not show us any more, as the flow sees them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec


class Hidden(msgspec.Struct, frozen=True):
    """A ticket that cannot be read: it was deleted there, or our account has no right to it (any more)."""

    connection: str
    remote_id: str
    #: empty: we only heard of it
    link_id: str
    since: datetime
    #: the delivery that was parked for it; empty: an update was given up
    delivery_id: str = ""


class Unseen(msgspec.Struct, frozen=True):
    """The tickets of a connection that we only heard of and cannot read: one letter tells of all of them."""

    #: the delivery that is the letter
    letter: str
    number: int
    #: remote ids, the one that was heard of last first
    newest: tuple[str, ...]


class HiddenTickets(Protocol):
    """Which tickets are out of sight: a letter tells of each that is linked, and one of all others of a connection."""

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

    def unseen(self, connection: str, newest: int) -> Unseen | None:
        """Return what is known of those that are not linked, so many of them by name; None where there are none."""
        ...

    def abandon(self, connection: str) -> int:
        """Give up those that are not linked; return how many."""
        ...

    def due(self, connection: str, before: datetime, limit: int, *, linked: bool) -> Sequence[Hidden]:
        """Return those, linked or not, that were not looked for since then, the longest ago first."""
        ...

    def looked(self, found: Collection[Hidden], now: datetime) -> None:
        """Note that they are looked for now."""
        ...
