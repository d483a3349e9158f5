"""Step two: deliveries become events, events one ticket, decisions and updates, all in one transaction.

One drain at a time holds the lease of this step, so that deliveries of one remote ticket are applied in order of
arrival. It parses and, where a webhook says too little, reads the ticket at the desk, both outside of any transaction;
then it applies a batch, one savepoint a delivery, so that a poison event is parked alone.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import msgspec

from gateway import crashpoint
from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.update import Reason
from gateway.errors import (
    AuthenticationError,
    ClashError,
    DeferError,
    GatewayError,
    LostLeaseError,
    TransportError,
    UnreadableError,
)
from gateway.flow.calls import run_reads
from gateway.flow.desks import LiveSite
from gateway.flow.enter import Entry
from gateway.flow.receive import MAX_ID, MAX_REF
from gateway.ports import Clock, Connector, DeliveryRow, Doorbell, Ids, RawDelivery, Store, Transport, Tx

log = logging.getLogger(__name__)

BATCH = 50
#: no more fit into a transaction; their tickets are locked together
TOGETHER = 10
#: how often a lingering drain looks
LOOK_SECONDS = 0.03
#: SQLite has one writer: a transaction that takes longer keeps a web process waiting
TRANSACTION_SECONDS = 0.02
#: and it ends after this long when another process waits to write
SLICE_SECONDS = 0.006
LEASE_SECONDS = 60
READ_DEADLINE = 6.0
READERS = 16
#: tries of a delivery whose desk cannot be read before it is applied with what it says, or parked
READ_TRIES = 6
#: seconds between two looks at a delivery that waits for a write of ours
MOST_WAIT = 5.0
LEASE = "apply"


class Ready(msgspec.Struct, frozen=True):
    """A delivery with its facts, or with the reason why it has none (yet)."""

    row: DeliveryRow
    events: tuple[Event, ...] = ()
    reads: dict[str, RemoteTicket] = {}
    #: before the reads began
    read_at: datetime | None = None
    parked: tuple[Reason, str] | None = None
    #: seconds to wait before another try
    deferred: tuple[float, str] | None = None


class Applier:
    """Drains the inbox of one site."""

    def __init__(
        self, *, store: Store, site: LiveSite, transport: Transport, doorbell: Doorbell, clock: Clock, ids: Ids
    ) -> None:
        self._store = store
        self._site = site
        self._transport = transport
        self._doorbell = doorbell
        self._clock = clock
        self._ids = ids
        self._silent: dict[str, float] = {}

    def drain(
        self, *, holder: str, seconds: float, linger: float = 0.0, stop: Callable[[], bool] = lambda: False
    ) -> int:
        """Apply what is due for at most `seconds`; return how many deliveries were settled. 0 when another drains.

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
        parsed = [self._parse(row) for row in rows]
        wanted = self._wanted(parsed)
        read_at = self._clock.now()
        answers = list(pool.map(lambda want: self._read(*want), wanted)) if wanted else []
        joined = self._join(parsed, dict(zip(wanted, answers, strict=True)))
        ready = [msgspec.structs.replace(each, read_at=read_at) for each in joined]
        rang = False
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
            rang = rang or planned
            crashpoint.reach("apply.applied")
            if planned:
                self._doorbell.ring("deliver")
                crashpoint.reach("apply.rung")
        return len(ready)

    # ------------------------------------------------------------ before the transaction

    def _parse(self, row: DeliveryRow) -> Ready:
        connector = self._site.connectors.get(row.connection)
        if connector is None:
            return Ready(row, parked=(Reason.UNREADABLE, f"connection {row.connection!r} is no longer in gateway.yaml"))
        if row.origin == "poll":
            return self._parse_poll(row)
        try:
            events = connector.parse(RawDelivery(row.source_event_id, row.received_at, row.headers, row.body))
        except UnreadableError as error:
            return Ready(row, parked=(Reason(error.reason), str(error)))
        except Exception as error:
            if _is_no_fault_of_it(error):
                raise
            log.exception("a delivery broke its parser", extra={"delivery": row.id, "connection": row.connection})
            return Ready(
                row, parked=(Reason.POISON, f"the parser of {connector.spec.name} broke: {type(error).__name__}")
            )
        if any(not _is_name(event.remote_id, MAX_REF) or not _is_name(event.key, MAX_ID) for event in events):
            return Ready(row, parked=(Reason.UNREADABLE, "the id of a ticket or of an event in it is no id"))
        return Ready(row, events)

    @staticmethod
    def _parse_poll(row: DeliveryRow) -> Ready:
        """Read a polled change: a hint, or a whole ticket, in our own form."""
        try:
            remote = msgspec.json.decode(row.body, type=RemoteTicket)
        except msgspec.DecodeError as error:
            return Ready(row, parked=(Reason.POISON, f"a stored poll does not decode: {error}"))
        if not _is_name(remote.remote_id, MAX_REF):
            return Ready(row, parked=(Reason.UNREADABLE, "the id of the ticket is no id"))
        event = Event(
            kind=EventKind.OBSERVED,
            remote_id=remote.remote_id,
            key=row.source_event_id,
            at=remote.updated_at,
            version=remote.version,
            snapshot=remote,
            needs_read=not (remote.complete or remote.deleted or remote.merged_into),
        )
        return Ready(row, (event,))

    def _wanted(self, parsed: Sequence[Ready]) -> list[tuple[str, str, str]]:
        """Return (connection, remote id, trace id) of the tickets that must be read first, each once."""
        thin = {
            (each.row.connection, event.remote_id): each.row.trace_id
            for each in parsed
            for event in each.events
            if event.needs_read
        }
        if not thin:
            return []
        with self._store.read() as tx:
            known = tx.links.by_remote(list(thin))
            synced = {pair: tx.links.synced_version(link.id) for pair, link in known.items()}
        wanted = {}
        for each in parsed:
            for event in each.events:
                pair = (each.row.connection, event.remote_id)
                if event.needs_read and _must_read(event, synced.get(pair)):
                    wanted[pair] = thin[pair]
        return [(connection, remote_id, trace) for (connection, remote_id), trace in wanted.items()]

    def _read(self, connection: str, remote_id: str, trace_id: str) -> RemoteTicket | GatewayError | None:
        """Read one ticket in a thread; a desk that just did not answer is left alone for a few seconds."""
        if self._silent.get(connection, 0.0) > self._clock.monotonic():
            return TransportError(f"{connection} does not answer")
        connector = self._site.connectors[connection]
        try:
            return run_reads(
                connector.read(remote_id), connector, self._transport, deadline=READ_DEADLINE, trace_id=trace_id
            )
        except TransportError as error:
            self._silent[connection] = self._clock.monotonic() + 5.0
            return error
        except GatewayError as error:
            return error
        except Exception as error:
            log.exception("reading a ticket broke", extra={"connection": connection, "remote_id": remote_id})
            return UnreadableError(f"reading it from {connection} broke: {type(error).__name__}")

    def _join(
        self,
        parsed: Sequence[Ready],
        answers: dict[tuple[str, str, str], RemoteTicket | GatewayError | None],
    ) -> list[Ready]:
        """Put what was read beside the events, or decide to wait, to go on without, or to park."""
        by_pair = {(connection, remote_id): answer for (connection, remote_id, _), answer in answers.items()}
        ready: list[Ready] = []
        for each in parsed:
            reads: dict[str, RemoteTicket] = {}
            trouble = ""
            for event in each.events:
                pair = (each.row.connection, event.remote_id)
                if not event.needs_read or pair not in by_pair:
                    continue
                answer = by_pair[pair]
                if isinstance(answer, RemoteTicket):
                    reads[event.remote_id] = answer
                elif _thin(event) or each.row.tries < 2:
                    trouble = str(answer) if answer is not None else "the desk shows no such ticket"
            ready.append(msgspec.structs.replace(each, reads=reads) if not trouble else self._troubled(each, trouble))
        return ready

    @staticmethod
    def _troubled(each: Ready, trouble: str) -> Ready:
        tries = each.row.tries
        if tries >= READ_TRIES and "no such ticket" in trouble:
            return msgspec.structs.replace(each, parked=(Reason.UNREADABLE, f"{trouble}; replay it when it is back"))
        return msgspec.structs.replace(each, deferred=(min(60.0, 0.5 * 2**tries), trouble))

    # ------------------------------------------------------------ inside the transaction

    def _transaction(
        self, tx: Tx, ready: Sequence[Ready], epoch: int, held: frozenset[tuple[str, str]]
    ) -> tuple[int, bool, frozenset[tuple[str, str]]]:
        """Apply as many as fit in a short transaction; return how many, and whether updates were planned.

        `held` are the remote tickets of which an earlier delivery of this batch waits, returned with those that joined.
        """
        if not tx.leases.renew(LEASE, epoch, LEASE_SECONDS):
            msg = "another worker drains the inbox now"
            raise LostLeaseError(msg)
        began = self._clock.monotonic()
        pairs = {(each.row.connection, event.remote_id) for each in ready for event in each.events}
        tx.tickets.lock({link.ticket_id for link in tx.links.by_remote(pairs).values()})
        planned = False
        blocked = set(held)
        for number, each in enumerate(ready, start=1):
            place = (each.row.connection, each.row.ref)
            if each.row.ref and place in blocked:
                wait = self._clock.now() + timedelta(seconds=0.3)
                tx.inbox.defer(each.row.id, wait, "waits behind an earlier one", counts=False)
            elif not self._settle(tx, each):
                blocked.add(place)
            else:
                planned = True
            crashpoint.reach("apply.applying")
            spent = self._clock.monotonic() - began
            if spent > TRANSACTION_SECONDS or (spent > SLICE_SECONDS and tx.is_waited_for()):
                return number, planned, frozenset(blocked)
        return len(ready), planned, frozenset(blocked)

    def _settle(self, tx: Tx, each: Ready) -> bool:
        """Settle one delivery; False when it waits."""
        now = self._clock.now()
        row = each.row
        if each.parked is not None:
            self._park(tx, row, *each.parked)
            return True
        if each.deferred is not None:
            seconds, why = each.deferred
            tx.inbox.defer(row.id, now + timedelta(seconds=seconds), why, counts=True)
            return False
        try:
            with tx.savepoint():
                entry = Entry(tx, self._site, row, now=now, ids=self._ids, read_at=each.read_at)
                outcome = [entry.enter(event, each.reads.get(event.remote_id)) for event in each.events]
                tx.inbox.applied(row.id, now, "; ".join(dict.fromkeys(outcome)) or "nothing of ours")
        except DeferError as wait:
            # the longer it has waited, the more seldom it is looked at: many that wait must not keep the others waiting
            seconds = max(wait.seconds, min(MOST_WAIT, (now - row.received_at).total_seconds() / 20))
            tx.inbox.defer(row.id, now + timedelta(seconds=seconds), str(wait), counts=False)
            return False
        except UnreadableError as error:
            self._park(tx, row, Reason(error.reason), str(error))
        except Exception as error:
            if _is_no_fault_of_it(error):
                raise
            if isinstance(error, ClashError) and row.tries < READ_TRIES:
                tx.inbox.defer(row.id, now + timedelta(seconds=0.1 * 2**row.tries), str(error), counts=True)
                return False
            log.exception("a delivery is poison", extra={"delivery": row.id, "connection": row.connection})
            self._park(tx, row, Reason.POISON, f"applying it broke: {type(error).__name__}: {error}"[:500])
        return True

    def _park(self, tx: Tx, row: DeliveryRow, reason: Reason, detail: str) -> None:
        log.warning(
            "delivery parked",
            extra={"delivery": row.id, "connection": row.connection, "reason": reason.value, "detail": detail},
        )
        tx.inbox.park(row.id, reason, detail, self._clock.now())


def whoami(connector: Connector, transport: Transport, trace_id: str) -> bool | None:
    """Say whether the credentials of a connection hold; None when the desk does not answer."""
    try:
        run_reads(connector.whoami(), connector, transport, deadline=connector.settings.deadline, trace_id=trace_id)
    except AuthenticationError:
        return False
    except GatewayError:
        return None
    return True


def _is_name(text: str, most: int) -> bool:
    """Say whether a desk's name for something can be one: not empty, not longer than names are, no NUL in it."""
    return 0 < len(text) <= most and "\x00" not in text


def _thin(event: Event) -> bool:
    """Say whether an event holds nothing that could be applied by itself."""
    said = event.changes or event.comment is not None or event.kind in {EventKind.MERGED, EventKind.DELETED}
    return not said and (event.snapshot is None or event.snapshot.title is msgspec.UNSET)


def _must_read(event: Event, synced: int | None) -> bool:
    """Say whether a ticket must be read: it is unknown, or a poll says that it moved on since it was read whole."""
    if synced is None:
        return True
    if event.kind is not EventKind.OBSERVED:
        return False
    return event.snapshot is None or event.snapshot.version >= synced or not event.snapshot.version


def _is_no_fault_of_it(error: Exception) -> bool:
    """Deadlocks and busy databases are never poison (the store runs the transaction again), nor is a job's time-out."""
    return type(error).__module__.partition(".")[0] in {"sqlalchemy", "rq"}
