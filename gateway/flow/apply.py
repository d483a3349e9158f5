"""Step two: deliveries become events, events one ticket, decisions and updates, all in one transaction.

One drain at a time holds the lease of this step, so that deliveries of one remote ticket are applied in order of
arrival. It parses and, where a webhook says too little, reads the ticket at the desk, both outside of any transaction;
then it applies a batch, one savepoint a delivery, so that a poison event is parked alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from enum import Enum

import msgspec

from gateway import crashpoint
from gateway.domain.event import EventKind
from gateway.domain.update import Reason
from gateway.errors import (
    ClashError,
    DeferError,
    LostLeaseError,
    OtherReleaseError,
    UnreadableError,
)
from gateway.flow import unseen
from gateway.flow.conversations import placed
from gateway.flow.desks import LiveSite
from gateway.flow.ending import ENDED
from gateway.flow.enter import Entry
from gateway.flow.listening import Listener
from gateway.flow.moves import Mover
from gateway.flow.plan import Cause
from gateway.flow.portions import portions
from gateway.flow.prepare import READ_TRIES, READERS, Preparer, Ready, is_no_fault_of_it, names
from gateway.flow.sight import note_seen, note_unread
from gateway.flow.sla.desks import Hearing
from gateway.ports import Clock, DeliveryRow, Doorbell, Ids, Store, Transport, Tx
from gateway.telemetry import tell_defect
from rules.decide import RuleSet

log = logging.getLogger(__name__)

BATCH = 50
#: no more fit into a transaction; their tickets are locked together
TOGETHER = 10
#: how often a lingering drain looks
LOOK_SECONDS = 0.03
#: SQLite has one writer: a transaction that takes longer keeps a web process waiting
TRANSACTION_SECONDS = 0.02
#: and it ends after this long when another process waits to write
SLICE_SECONDS = 0.012
LEASE_SECONDS = 60
#: seconds between two looks at a delivery that waits for a write of ours
MOST_WAIT = 5.0
LEASE = "apply"


class _Settled(Enum):
    """What became of a delivery in a transaction."""

    WAITS = "waits"
    DONE = "done"
    #: updates were planned: a worker has something to do
    PLANNED = "planned"


class Applier:
    """Drains the inbox of one site. `rules_of` gives the rules of an older release, for a replay pinned to it."""

    def __init__(
        self,
        *,
        store: Store,
        site: LiveSite,
        transport: Transport,
        doorbell: Doorbell,
        clock: Clock,
        ids: Ids,
        rules_of: Callable[[str], RuleSet] | None = None,
    ) -> None:
        self._store = store
        self._site = site
        self._doorbell = doorbell
        self._clock = clock
        self._ids = ids
        self._listener = Listener()
        #: deliveries of this batch that were parked, before and in this transaction: no portion left of them counts
        self._over: set[str] = set()
        self._parked: set[str] = set()
        self._mover = Mover(store=store, site=site, transport=transport)
        self._preparer = Preparer(
            store=store, site=site, transport=transport, clock=clock, listener=self._listener, rules_of=rules_of
        )

    def drain(
        self, *, holder: str, seconds: float, linger: float = 0.0, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Apply what is due for at most `seconds`; return how many deliveries were settled. 0 when another drains.

        Raises OtherReleaseError, between two transactions, when another release of the site has become active.
        An empty inbox is looked at again for `linger` seconds before the drain ends: under load that saves a job.
        """
        end = self._clock.monotonic() + seconds
        idle_since = self._clock.monotonic()
        epoch = self._store.write(lambda tx: tx.leases.acquire(LEASE, holder, LEASE_SECONDS))
        if epoch is None:
            return 0
        crashpoint.reach("apply.claimed")
        settled = 0
        try:
            with ThreadPoolExecutor(READERS, thread_name_prefix="read") as pool:
                while self._clock.monotonic() < end and not stop():
                    with self._store.read() as tx:
                        rows = tx.inbox.due(BATCH, self._clock.now())
                    if rows:
                        settled += self._batch(rows, epoch, pool)
                        idle_since = self._clock.monotonic()
                    elif self._clock.monotonic() - idle_since >= linger:
                        break
                    else:
                        time.sleep(LOOK_SECONDS)
        finally:
            self._store.write(lambda tx: tx.leases.release(LEASE, epoch))
        return settled

    def _batch(self, rows: Sequence[DeliveryRow], epoch: int, pool: ThreadPoolExecutor) -> int:
        """Prepare a batch outside, then apply it in short transactions, in order."""
        ready = portions(self._store, self._mover.follow(self._preparer.prepare(rows, pool)))
        self._over = set()
        start = 0
        blocked: frozenset[tuple[str, str]] = frozenset()
        while start < len(ready):
            done, planned, waiting = self._store.write(
                lambda tx, first=start, held=blocked: self._transaction(
                    tx, ready[first : first + TOGETHER], epoch, held
                )  # type: ignore[misc]
            )
            start += done
            blocked = waiting
            self._over |= self._parked
            crashpoint.reach("apply.applied")
            if planned:
                self._doorbell.ring("deliver")
                crashpoint.reach("apply.rung")
        return len(rows)

    def _transaction(
        self, tx: Tx, ready: Sequence[Ready], epoch: int, held: frozenset[tuple[str, str]]
    ) -> tuple[int, bool, frozenset[tuple[str, str]]]:
        """Apply as many as fit in a short transaction; return how many, and whether updates were planned.

        `held` are the remote tickets of which an earlier delivery of this batch waits, returned with those that joined.
        """
        if not tx.leases.renew(LEASE, epoch, LEASE_SECONDS):
            msg = "another worker drains the inbox now"
            raise LostLeaseError(msg)
        if tx.releases.active() not in {"", self._site.release}:
            raise OtherReleaseError
        began = self._clock.monotonic()
        self._parked = set()
        pairs = {(each.row.connection, name) for each in ready for event in each.events for name in names(each, event)}
        locked = tx.tickets.lock(pairs | {(each.row.connection, name) for each in ready for name in each.hidden})
        planned = False
        blocked = set(held)
        for number, each in enumerate(ready, start=1):
            place = (each.row.connection, each.row.ref or each.row.id)
            if each.row.id in self._over | self._parked:
                continue
            if place in blocked:
                wait = self._clock.now() + timedelta(seconds=0.3)
                tx.inbox.defer(each.row.id, wait, "waits behind an earlier one", counts=False)
            else:
                settled = self._settle(tx, each, locked)
                planned = planned or settled is _Settled.PLANNED
                if settled is _Settled.WAITS:
                    blocked.add(place)
            crashpoint.reach("apply.applying")
            spent = self._clock.monotonic() - began
            if spent > TRANSACTION_SECONDS or (spent > SLICE_SECONDS and tx.is_waited_for()):
                return number, planned, frozenset(blocked)
        return len(ready), planned, frozenset(blocked)

    def _settle(self, tx: Tx, each: Ready, locked: Collection[str]) -> _Settled:
        """Settle one delivery."""
        now = self._clock.now()
        row = each.row
        settled = self._without_events(tx, each, now)
        if settled is not None:
            return settled
        try:
            with tx.savepoint():
                entry = Entry(
                    tx,
                    self._site_for(each),
                    row,
                    now=now,
                    ids=self._ids,
                    listener=self._listener,
                    held=locked,
                    read_at=each.read_at,
                )
                cause = Cause(self._site.release, row.trace_id, now, row.id, self._site.skipping)
                hearing = Hearing(tx, self._site_for(each), row, ids=self._ids, cause=cause)
                outcome = []
                ended = [said.remote_id for said in each.events if said.kind in ENDED]
                unseen.note_ended(tx, row.connection, ended, now)
                tx.inbox.add([unseen.hint(row.connection, name, self._ids, now) for name in each.hidden])
                revived = bool(each.reads) and note_seen(tx, row.connection, each.reads, self._ids, now)
                for said in each.events:
                    event = placed(tx, row.connection, said, now) if said.thread else said
                    if isinstance(event, str):
                        outcome.append(event)
                        continue
                    entering = hearing if event.kind is EventKind.PROMISED else entry
                    outcome.append(entering.enter(event, each.reads.get(event.remote_id)))
                if entry.unmapped and not each.goes_on:
                    self._park(tx, row, Reason.UNMAPPED, entry.unmapped)
                elif not each.goes_on:
                    tx.inbox.applied(row.id, now, "; ".join(dict.fromkeys(outcome)) or "nothing of ours")
            return _Settled.PLANNED if entry.planned or hearing.planned or revived else _Settled.DONE
        except DeferError as wait:
            # the longer it has waited, the more seldom it is looked at: many that wait must not keep the others waiting
            seconds = max(wait.seconds, min(MOST_WAIT, (now - row.received_at).total_seconds() / 20))
            tx.inbox.defer(row.id, now + timedelta(seconds=seconds), str(wait), counts=False)
            return _Settled.WAITS
        except UnreadableError as error:
            self._park(tx, row, Reason(error.reason), str(error))
        except Exception as error:
            if is_no_fault_of_it(error):
                raise
            if isinstance(error, ClashError) and row.tries < READ_TRIES:
                tx.inbox.defer(row.id, now + timedelta(seconds=0.1 * 2**row.tries), str(error), counts=True)
                return _Settled.WAITS
            tell_defect(log, "a delivery is poison", error, delivery=row.id, connection=row.connection)
            self._park(tx, row, Reason.POISON, f"applying it broke: {type(error).__name__}: {error}"[:500])
        return _Settled.DONE

    def _without_events(self, tx: Tx, each: Ready, now: datetime) -> _Settled | None:
        """Settle a delivery of which nothing is entered, at least for now; None where there are events to enter."""
        row = each.row
        if each.parked is not None:
            self._park(tx, row, *each.parked)
            return _Settled.DONE
        if each.hidden and not each.events:
            note_unread(tx, row, each.hidden[0], self._ids, now, self._site.release)
            tx.inbox.add([unseen.hint(row.connection, name, self._ids, now) for name in each.hidden[1:]])
            return _Settled.DONE
        if row.origin == unseen.ORIGIN:
            unseen.settle(tx, row, self._ids, now)
            return _Settled.DONE
        if each.aside:
            tx.inbox.set_aside(row.id, each.aside, now)
            return _Settled.DONE
        if each.deferred is not None:
            seconds, why = each.deferred
            tx.inbox.defer(row.id, now + timedelta(seconds=seconds), why, counts=not each.waits)
            return _Settled.WAITS
        return None

    def _site_for(self, each: Ready) -> LiveSite:
        """Return the site by whose rules a delivery is decided; what it may write to is always that of today."""
        if each.pinned is None:
            return self._site
        return msgspec.structs.replace(self._site, rules=each.pinned, release=each.row.release)

    def _park(self, tx: Tx, row: DeliveryRow, reason: Reason, detail: str) -> None:
        # not why: that is often in words of the desk, and sealed
        told = {"delivery": row.id, "connection": row.connection, "reason": reason.value}
        log.warning("delivery parked", extra=told)
        self._parked.add(row.id)
        tx.inbox.park(row.id, reason, detail, self._clock.now(), row.release or self._site.release)
