"""The clocks of tickets as the flow sees them: the log that they are told from, and what was told."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from gateway.domain.clock_instance import Instance, Transition
from gateway.domain.clock_log import LogEntry
from gateway.domain.terms import Terms


class ClockRow(msgspec.Struct, frozen=True):
    """An instance as it is stored, and when it is to be looked at next (None: nothing happens to it by itself)."""

    instance: Instance
    wake_at: datetime | None = None
    #: grows with every change
    revision: int = 1


class ChangeRow(msgspec.Struct, frozen=True):
    """A transition as it became known; `retracted`: it turned out not to have happened."""

    metric: str
    transition: Transition
    recorded_at: datetime
    retracted: bool = False


class Firing(msgspec.Struct, frozen=True):
    """An escalation that fired: once for each of these."""

    ticket_id: str
    metric: str
    cycle: int
    #: of the target for a warning; 0 for what counts from the breach
    version: int
    escalation: str
    #: of a repeated one, from 0
    turn: int
    #: when it was due
    at: datetime


class Clocks(Protocol):
    """The logs and clocks of tickets."""

    def log(self, ticket_id: str) -> Sequence[LogEntry]:
        """Return the log of a ticket, in no order that matters."""
        ...

    def add(self, ticket_id: str, entries: Sequence[LogEntry]) -> None:
        """Add to the log of a ticket."""
        ...

    def keep_terms(self, terms: Mapping[str, Terms]) -> None:
        """Keep terms by their digest; those that are known stay."""
        ...

    def terms(self, digests: Collection[str]) -> dict[str, Terms]:
        """Return terms by their digest."""
        ...

    def keep_calendars(self, docs: Mapping[str, str]) -> None:
        """Keep versions of calendars by their name; those that are known stay."""
        ...

    def calendars(self, names: Collection[str]) -> dict[str, str]:
        """Return versions of calendars by their name."""
        ...

    def rows(self, ticket_id: str) -> Sequence[ClockRow]:
        """Return the clocks of a ticket, by metric, cycle and version."""
        ...

    def save(self, ticket_id: str, rows: Sequence[ClockRow], gone: Sequence[ClockRow]) -> None:
        """Store clocks, and forget those that turned out never to have been."""
        ...

    def changes(self, ticket_id: str) -> Sequence[ChangeRow]:
        """Return what was known to have happened, in the order in which it became known."""
        ...

    def add_changes(self, ticket_id: str, changes: Sequence[ChangeRow]) -> None:
        """Note what has become known."""
        ...

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Return tickets of which a clock is to be looked at: the longest due, and as many that just became due."""
        ...

    def has_due(self, now: datetime) -> bool:
        """Say whether a clock is to be looked at."""
        ...

    def fire(self, firing: Firing, now: datetime) -> bool:
        """Note that an escalation fires; False when it has."""
        ...

    def postpone(self, ticket_id: str, until: datetime) -> None:
        """Let the clocks of a ticket that are due be looked at later."""
        ...

    def renew(self, asked: str, now: datetime) -> bool:
        """Let every clock be looked at, once whenever other escalations are asked for; False when that was done."""
        ...

    def firings(self, ticket_id: str) -> Sequence[Firing]:
        """Return the escalations that fired for a ticket."""
        ...
