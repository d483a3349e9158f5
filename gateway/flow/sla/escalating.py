"""Wakes the clocks that are due: says that they are near or broken, does what escalations ask for (`waking`)."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from msgspec.json import encode

from gateway.flow.desks import LiveSite
from gateway.flow.listening import Listener
from gateway.flow.plan import Cause
from gateway.flow.prepare import is_no_fault_of_it
from gateway.flow.sla.waking import Waking
from gateway.ports import Clock, Doorbell, Ids, Store, Tx
from gateway.telemetry import tell_defect

log = logging.getLogger(__name__)

TOGETHER = 100
#: a commit costs more than a ticket
A_TRANSACTION = 10
#: a ticket that breaks the sweep is left alone for so long
AGAIN = timedelta(minutes=1)


class Waker:
    """Looks at the clocks of one site that are due."""

    def __init__(
        self, *, store: Store, site: Callable[[], LiveSite], doorbell: Doorbell, clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._site = site
        self._doorbell = doorbell
        self._clock = clock
        self._ids = ids
        self._listener = Listener()
        self._release = ""

    def wake(self, *, seconds: float) -> int:
        """Look for at most `seconds` at what is due; return how many tickets were looked at."""
        site = self._site()
        end = self._clock.monotonic() + seconds
        if site.release != self._release:
            # other escalations may be due earlier than those that the clocks were set for
            asked = hashlib.sha256(encode(site.rules.sections.get("escalations") or [], order="sorted")).hexdigest()
            self._store.write(lambda tx: tx.clocks.renew(asked, self._clock.now()))
            self._release = site.release
        looked = 0
        planned = False
        while self._clock.monotonic() < end:
            with self._store.read() as tx:
                due = tx.clocks.due(self._clock.now(), TOGETHER)
            if not due:
                break
            for first in range(0, len(due), A_TRANSACTION):
                some = due[first : first + A_TRANSACTION]
                planned = self._some(some, site) or planned
                looked += len(some)
                if self._clock.monotonic() > end:
                    break
        if planned:
            self._doorbell.ring("deliver")
            self._doorbell.ring("apply")
        return looked

    def _some(self, tickets: Sequence[str], site: LiveSite) -> bool:
        """Look at some tickets; say whether updates were planned."""

        def work(tx: Tx) -> list[bool]:
            tx.tickets.hold(tickets)
            return [self._one(tx, ticket_id, site) for ticket_id in tickets]

        return any(self._store.write(work))

    def _one(self, tx: Tx, ticket_id: str, site: LiveSite) -> bool:
        """Look at one ticket; a fault in it undoes nothing of the others and keeps none of them waiting."""
        now = self._clock.now()
        try:
            with tx.savepoint():
                return Waking(tx, ticket_id, site, self._ids, _cause(site, self._ids, now)).run(self._listener)
        except Exception as error:
            if is_no_fault_of_it(error):
                raise
            tell_defect(log, "the clocks of a ticket broke", error, ticket=ticket_id)
            tx.clocks.postpone(ticket_id, now + AGAIN)
            return False


def _cause(site: LiveSite, ids: Ids, now: datetime) -> Cause:
    return Cause(site.release, ids.new().replace("-", ""), now, skipping=site.skipping)
