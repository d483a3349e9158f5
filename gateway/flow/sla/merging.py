"""What a merge does to clocks: those of the ticket that goes end, and the one that stays answers for both.

Where its terms say `adopt_oldest`, the promise counts from the opening of the older one, and what was said in either
counts. A merge that is taken back never was: what it entered is retracted, and the clocks are told without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.clock_log import EntryKind, LogEntry, counting
from gateway.domain.terms import Merging
from gateway.domain.ticket import Ticket
from gateway.flow.routing.ending import end_way, resume_way
from gateway.flow.sla.entries import said_by, standing
from gateway.flow.sla.timekeeping import tell, told
from gateway.ports import CommentRow, Ids, Tx
from rules.decide import RuleSet

MERGED = "merged"
DELETED = "deleted"


class Merger:
    """Enters merges of tickets into the logs of their clocks, in a transaction that holds the one that goes.

    The other one is held here: a sweep may be waking its clocks at this moment.
    """

    def __init__(self, tx: Tx, *, rules: RuleSet, ids: Ids, now: datetime) -> None:
        self._tx = tx
        self._rules = rules
        self._ids = ids
        self._now = now

    def end(self, ticket_id: str, reason: str) -> None:
        """Promise nothing more of a ticket that is gone, and let nobody have it any more."""
        end_way(self._tx, ticket_id, self._now)
        log = self._tx.clocks.log(ticket_id)
        if standing(log, known_at=self._now, at=self._now).is_open:
            self._enter(ticket_id, [self._entry(EntryKind.ENDED, self._now, reason)])

    def join(self, ticket: Ticket, into: str) -> None:
        """Let a ticket be one with another from now on."""
        self._tx.tickets.hold([into], wait=False)
        self.end(ticket.id, MERGED)
        log = counting(self._tx.clocks.log(into), known_at=self._now, until=self._now)
        terms = [entry for entry in log if entry.kind is EntryKind.TERMS]
        opened = next((entry.at for entry in log if entry.kind is EntryKind.OPENED), None)
        if not terms or opened is None:
            return
        holds = tell(self._tx, into, self._now, log=log).terms[terms[-1].terms]
        if holds.merging is Merging.KEEP_OWN:
            return
        why = _of(ticket.id)
        taken: list[LogEntry] = []
        if ticket.created_at < opened:
            taken.append(self._entry(EntryKind.TERMS, ticket.created_at, why, terms=terms[0].terms))
            taken.append(self._entry(EntryKind.OPENED, ticket.created_at, why))
        else:
            # what the customer asked there, they have said here
            taken.append(self._entry(EntryKind.CUSTOMER, ticket.created_at, why))
        self._enter(into, [*taken, *self._said(ticket, self._tx.tickets.comments(ticket.id))])

    def hear(self, ticket: Ticket, comments: Sequence[CommentRow]) -> None:
        """Let what is said on a duplicate count for its original, where anything is promised of that."""
        if ticket.duplicate_of and self._tx.clocks.log(ticket.duplicate_of):
            self._tx.tickets.hold([ticket.duplicate_of], wait=False)
            self._enter(ticket.duplicate_of, self._said(ticket, comments))

    def part(self, ticket: Ticket, original: str) -> None:
        """Take a merge back."""
        resume_way(self._tx, ticket.id, self._now)
        self._tx.tickets.hold([original], wait=False)
        why = _of(ticket.id)
        theirs = [entry for entry in self._counts(original) if entry.reason == why]
        mine = [e for e in self._counts(ticket.id) if e.kind is EntryKind.ENDED and e.reason == MERGED][-1:]
        for ticket_id, entries in ((original, theirs), (ticket.id, mine)):
            self._enter(ticket_id, [self._entry(EntryKind.RETRACT, each.at, why, replaces=each.id) for each in entries])

    def _counts(self, ticket_id: str) -> list[LogEntry]:
        return counting(self._tx.clocks.log(ticket_id), known_at=self._now, until=self._now)

    def _said(self, ticket: Ticket, comments: Sequence[CommentRow]) -> list[LogEntry]:
        kinds = [(said_by(comment, ticket), min(comment.at, self._now)) for comment in comments]
        return [self._entry(kind, at, _of(ticket.id)) for kind, at in kinds if kind is not None]

    def _entry(self, kind: EntryKind, at: datetime, reason: str, **more: Any) -> LogEntry:
        return LogEntry(id=self._ids.new(), kind=kind, at=at, arrived=self._now, reason=reason, **more)

    def _enter(self, ticket_id: str, entries: Sequence[LogEntry]) -> None:
        if entries:
            self._tx.clocks.add(ticket_id, entries)
            told(self._tx, ticket_id, self._now, self._rules)
            self._rouse(ticket_id)

    def _rouse(self, ticket_id: str) -> None:
        """Let the next sweep look at a ticket: what its desks show of its clocks is not what they come to now."""
        for row in self._tx.clocks.rows(ticket_id)[-1:]:
            awake = msgspec.structs.replace(row, wake_at=self._now, revision=row.revision + 1)
            self._tx.clocks.save(ticket_id, [awake], [])


def _of(ticket_id: str) -> str:
    """Return by what entries that came with a ticket are known."""
    return f"with {ticket_id}"
