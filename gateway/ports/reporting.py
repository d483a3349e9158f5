"""What reports read of the record: which tickets a period concerns, and what is stored of some of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from gateway.domain.clock_log import LogEntry
from gateway.domain.report.unseen import Told
from gateway.ports.clocks import ChangeRow, ClockRow


class TicketClocks(msgspec.Struct, frozen=True):
    """What is stored of the clocks of a ticket."""

    ticket_id: str
    #: in no order that matters
    log: Sequence[LogEntry]
    rows: Sequence[ClockRow]
    #: metric and cycle of the clocks for which an escalation fired
    escalated: frozenset[tuple[str, int]]


class Reporting(Protocol):
    """The clocks of many tickets."""

    def tickets(self, begin: datetime, end: datetime, standing_at: datetime) -> Iterator[str]:
        """Return, one after the other and each once, the tickets that may count in a period.

        Something happened to it from `begin` to before `end`, or one of its clocks, or it itself, was open at
        `standing_at`. More may be named than count.
        """
        ...

    def breaches(self, begin: datetime, end: datetime, known_at: datetime) -> Iterator[tuple[str, ChangeRow]]:
        """Return with its ticket each breach of a period that was noted or taken back by `known_at`, in that order."""
        ...

    def trail(self, ticket_ids: Collection[str], known_at: datetime) -> Sequence[Told]:
        """Return what the trail has of escalations of tickets, and of what was withheld there, by `known_at`."""
        ...

    def withheld(self, begin: datetime, end: datetime) -> Iterator[tuple[str, datetime, Mapping[str, Any]]]:
        """Return, in their order, what was decided in a period and not written: ticket, instant, detail."""
        ...

    def clocks(self, ticket_ids: Sequence[str], known_at: datetime) -> Sequence[TicketClocks]:
        """Return what is stored of the clocks of tickets, by id; those without a log are left out.

        Of escalations only what had fired by `known_at`.
        """
        ...
