"""Tickets that a sweep looks at: a few in each transaction, each in a savepoint of its own.

A fault in one of them undoes nothing of the others and keeps none of them waiting.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from gateway.flow.prepare import is_no_fault_of_it
from gateway.ports import Clock, Store, Tx
from gateway.telemetry import tell_defect

log = logging.getLogger(__name__)

#: a commit costs more than a ticket, and others wait
A_TRANSACTION = 10
#: a ticket that breaks the sweep is left alone for so long
AGAIN = timedelta(minutes=1)


class Looked(msgspec.Struct, frozen=True):
    """What came of it."""

    number: int
    #: updates were planned
    planned: bool
    #: none was left for want of time
    whole: bool


class OneByOne:
    """Looks at tickets: `look` says whether updates were planned, `postpone` leaves one alone that broke."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        look: Callable[[Tx, str, datetime], bool],
        postpone: Callable[[Tx, str, datetime], None],
        what: str,
    ) -> None:
        self._store = store
        self._clock = clock
        self._look = look
        self._postpone = postpone
        self._what = what

    def go(self, tickets: Sequence[str], *, until: float) -> Looked:
        """Look at tickets in their order, until an instant of the monotonic clock."""
        number, planned = 0, False
        for first in range(0, len(tickets), A_TRANSACTION):
            some = tickets[first : first + A_TRANSACTION]
            planned = any(self._store.write(lambda tx, these=some: self._some(tx, these))) or planned  # type: ignore[misc]
            number += len(some)
            if self._clock.monotonic() > until:
                break
        return Looked(number, planned, number == len(tickets))

    def _some(self, tx: Tx, tickets: Sequence[str]) -> list[bool]:
        tx.tickets.hold(tickets)
        return [self._one(tx, ticket_id) for ticket_id in tickets]

    def _one(self, tx: Tx, ticket_id: str) -> bool:
        now = self._clock.now()
        try:
            with tx.savepoint():
                return self._look(tx, ticket_id, now)
        except Exception as error:
            if is_no_fault_of_it(error):
                raise
            tell_defect(log, f"the {self._what} of a ticket broke", error, ticket=ticket_id)
            self._postpone(tx, ticket_id, now + AGAIN)
            return False
