"""What a desk says of its own clocks: entered into the log of the ticket, from which its clocks are then told.

Who is believed says the policy (`authority:`). Where it is the gateway, the desk's words stand in the log beside its
own and change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from gateway.domain.clock_desk import entry_of
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.desk_promise import DeskPromise
from gateway.domain.event import Event, RemoteTicket
from gateway.domain.ids import digest
from gateway.errors import DeferError
from gateway.flow.desks import LiveSite
from gateway.flow.plan import Cause, new_update
from gateway.flow.sla.following import view_of
from gateway.flow.sla.timekeeping import told
from gateway.ports import AuditEntry, ConnectionSettings, DeliveryRow, Ids, NewDelivery, Tx

#: origin of deliveries that hold an event in our own form, as a poll read it
ORIGIN = "told"
#: a ticket is told of by another way than its clocks, which may be slower
PATIENCE = timedelta(minutes=2)
AGAIN = 5.0


def delivery_of(event: Event, settings: ConnectionSettings, ids: Ids, cause: Cause) -> NewDelivery:
    """Return an event that a poll read as the inbox takes it."""
    return NewDelivery(
        id=ids.new(),
        connection=settings.name,
        source_event_id=event.key[:300],
        # each word takes its place by its own time: none waits for another
        ref="",
        received_at=cause.now,
        headers={},
        body=msgspec.json.encode(event),
        trace_id=cause.trace_id,
        origin=ORIGIN,
    )


class Hearing:
    """Enters what a desk says of its own clocks, in the transaction of its delivery."""

    def __init__(self, tx: Tx, site: LiveSite, row: DeliveryRow, *, ids: Ids, cause: Cause) -> None:
        self._tx, self._site, self._row = tx, site, row
        self._ids = ids
        self._cause = cause
        #: whether updates were planned
        self.planned = False

    def enter(self, event: Event, _read: RemoteTicket | None) -> str:
        """Enter one word; return what came of it. Raises DeferError while its ticket may still be on its way."""
        pair = (self._row.connection, event.remote_id)
        link = self._tx.links.by_remote([pair]).get(pair)
        promise = event.promise
        if link is None and self._cause.now - self._row.received_at < PATIENCE:
            raise DeferError("its ticket is not known yet", seconds=AGAIN)
        if link is None or promise is None:
            return "of a ticket that we do not have"
        log = self._tx.clocks.log(link.ticket_id)
        if not log:
            return "nothing is promised here"
        entry = self._entry(promise, log)
        if entry is None:
            return "known already"
        self._tx.clocks.add(link.ticket_id, [entry])
        self._follow(link.ticket_id, event, [*log, entry])
        outcome = f"{promise.metric} {promise.says}" + " withdrawn" * promise.withdrawn
        self._tx.tickets.add_event(
            event, delivery_id=self._row.id, connection=self._row.connection, ticket_id=link.ticket_id, outcome=outcome
        )
        return outcome

    def _entry(self, promise: DeskPromise, log: Sequence[LogEntry]) -> LogEntry | None:
        """Return what is to be added to the log; None where it is there already."""
        now, connection = self._cause.now, self._row.connection
        known = {entry.id for entry in log}
        number = digest("desk", connection, promise.id)[:32]
        if not promise.withdrawn:
            return None if number in known else entry_of(promise, number, connection, now)
        gone = digest("desk", connection, promise.id, "withdrawn")[:32]
        if gone in known:
            return None
        return LogEntry(
            id=gone, kind=EntryKind.RETRACT, at=min(promise.at, now), arrived=now, by=connection, replaces=number
        )

    def _follow(self, ticket_id: str, event: Event, log: list[LogEntry]) -> None:
        """Tell the clocks, and let the other desks show it; what it comes to is done by the next sweep."""
        now = self._cause.now
        kept = told(self._tx, ticket_id, now, self._site.rules, log=log)
        ticket = self._tx.tickets.get(ticket_id)
        if ticket is None:  # pragma: no cover - clocks without their ticket are a defect of the store
            return
        key = f"{self._row.connection}:{event.key}"
        for each in view_of(self._tx, ticket, kept, site=self._site, event_key=key, now=now):
            if self._site.observes(each.link.connection, now):
                told_ = {"at": each.link.connection, "what": each.summary}
                self._tx.audit.add([AuditEntry(now, "gateway", "withheld", ticket_id, told_, self._cause.trace_id)])
            else:
                self.planned = self._tx.outbox.add(new_update(each, self._ids.new(), self._cause)) or self.planned


def event_of(row: DeliveryRow) -> Event:
    """Read such a delivery; raises msgspec.MsgspecError."""
    return msgspec.json.decode(row.body, type=Event)
