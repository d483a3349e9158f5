"""Wakes the clocks that are due: says that they are near or broken, does what escalations ask for (`waking`)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime

from msgspec.json import encode

from gateway.flow.desks import LiveSite
from gateway.flow.listening import Listener
from gateway.flow.one_by_one import OneByOne
from gateway.flow.plan import Cause
from gateway.flow.sla.waking import Waking
from gateway.ports import Clock, Doorbell, Ids, Store

TOGETHER = 100


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
        one_by_one = OneByOne(
            self._store,
            self._clock,
            look=lambda tx, ticket_id, now: Waking(tx, ticket_id, site, self._ids, _cause(site, self._ids, now)).run(
                self._listener
            ),
            postpone=lambda tx, ticket_id, until: tx.clocks.postpone(ticket_id, until),
            what="clocks",
        )
        looked, planned = 0, False
        while self._clock.monotonic() < end:
            with self._store.read() as tx:
                due = tx.clocks.due(self._clock.now(), TOGETHER)
            if not due:
                break
            some = one_by_one.go(due, until=end)
            looked, planned = looked + some.number, planned or some.planned
        if planned:
            self._doorbell.ring("deliver")
            self._doorbell.ring("apply")
        return looked


def _cause(site: LiveSite, ids: Ids, now: datetime) -> Cause:
    return Cause(site.release, ids.new().replace("-", ""), now, skipping=site.skipping)
