"""Step four: what was lost is rung again, what is over is cleared away.

The sweep finds due lanes without a live lease, deliveries that wait, and polls that are due, and rings for them; it
seals the audit trail, wakes the clocks that are due, looks at the site's alerts and prunes what has lived its time. One
sweep leads by a lease, for economy only: every effect of it is a compare-and-set, so that two do no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from gateway import crashpoint
from gateway.flow import limits
from gateway.flow.agents import agents_due
from gateway.flow.desks import LiveSite
from gateway.flow.pace import open_to_reads
from gateway.ports import Clock, Connector, DeskState, Doorbell, Store, Tx

log = logging.getLogger(__name__)

LEASE = "sweep"
LEASE_SECONDS = 15.0
SEAL_BATCH = 200
#: no more of them in one sweep
SEALS = 10
PRUNE_EVERY = 60.0


class Sweeper:
    """Rings for what is due.

    `prune` clears for a moment what has lived its time (gateway.store); it returns how many rows went, and whether
    there is more, which the next sweep then goes on with. `watch` looks at the site's alerts (gateway.flow.alerts),
    `wake` at the clocks that are due (gateway.flow.sla.escalating).
    """

    def __init__(
        self,
        *,
        store: Store,
        site: Callable[[], LiveSite],
        doorbell: Doorbell,
        clock: Clock,
        holder: str,
        prune: Callable[[], tuple[int, bool]] = lambda: (0, False),
        watch: Callable[[], int] = lambda: 0,
        wake: Callable[[], int] = lambda: 0,
    ) -> None:
        self._store = store
        self._site = site
        self._doorbell = doorbell
        self._clock = clock
        self._holder = holder
        self._prune = prune
        self._watch = watch
        self._wake = wake
        self._pruned_at: float | None = None
        self._led_until = 0.0

    def sweep(self) -> tuple[str, ...]:
        """Look once; return the steps that were rung, empty when another sweep leads."""
        if not self._leads():
            return ()
        site = self._site()
        with self._store.read() as tx:
            steps = self._due(tx, site)
            unsealed = tx.audit.unsealed()
        for step in steps:
            self._doorbell.ring(step)
            crashpoint.reach("sweep.ringing")
        if unsealed:
            self._seal()
        self._wake()
        self._watch()
        self._housekeeping()
        return steps

    def _leads(self) -> bool:
        """Take or keep the lead; renewed well before it ends, not at every look."""
        now = self._clock.monotonic()
        if now < self._led_until - LEASE_SECONDS / 2:
            return True
        epoch = self._store.write(lambda tx: tx.leases.acquire(LEASE, self._holder, LEASE_SECONDS))
        self._led_until = now + LEASE_SECONDS if epoch is not None else 0.0
        return epoch is not None

    def _due(self, tx: Tx, site: LiveSite) -> tuple[str, ...]:
        now = self._clock.now()
        desks = tx.desks.all()
        steps = []
        if tx.inbox.has_due(now):
            steps.append("apply")
        open_to = [
            name
            for name, connector in site.connectors.items()
            if not site.observes(name, now)
            and limits.budget(desks.get(name, DeskState(connection=name)), connector.settings, now, 0) > 0
        ]
        if open_to and tx.outbox.has_due(now, open_to):
            steps.append("deliver")
        polls = any(poll_is_due(connector, desks.get(name), now) for name, connector in site.connectors.items())
        polls = polls or tx.feeds.due([feed.key for feed in site.rules.routing.feeds], now)
        looks = polls or tx.looks.has_due(now, open_to_reads(site.connectors, desks, now))
        files = any(tx.files.wanted(name, now, 1) for name in tx.files.waiting() & site.connectors.keys())
        asks = bool(site.rules.enrichment.sources and tx.answers.wanted(now, 1))
        if asks or looks or files or agents_due(tx, site, desks, now):
            steps.append("reconcile")
        return tuple(steps)

    def _seal(self) -> None:
        """Chain what waits, in short transactions."""
        for _ in range(SEALS):
            if self._store.write(_seal) < SEAL_BATCH:
                return

    def _housekeeping(self) -> None:
        now = self._clock.monotonic()
        if self._pruned_at is not None and now - self._pruned_at < PRUNE_EVERY:
            return
        gone, more = self._prune()
        self._pruned_at = None if more else now
        if gone:
            log.info("pruned", extra={"rows": gone})


def _seal(tx: Tx) -> int:
    sealed = tx.audit.seal(SEAL_BATCH)
    crashpoint.reach("sweep.sealing")
    return sealed


def poll_is_due(connector: Connector, state: DeskState | None, now: datetime) -> bool:
    """Say whether a connection is to be asked: what changed (`reconcile_every`), or, once, what it can do.

    A paused connection is left alone until a person has mended it, one that asked us to wait until then.
    """
    if state is None:
        return True
    waits = (state.poll_due, state.not_before)
    if state.paused or any(moment is not None and moment > now for moment in waits):
        return False
    return not state.facts or (connector.spec.polling and connector.settings.reconcile_every is not None)
