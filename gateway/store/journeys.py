"""What became of the last events: when the desk says that it happened, when it came in, was applied, sent and done.

Asked for the tickets that changed last, so that every step goes through an index, however many events there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Connection, select

from gateway.store.tables import deliveries, events, updates


class Send(msgspec.Struct, frozen=True):
    """One update on a journey."""

    id: str
    connection: str
    operation: str
    state: str
    summary: str
    attempts: int
    created_at: datetime
    sent_at: datetime | None
    done_at: datetime | None


class Journey(msgspec.Struct, frozen=True):
    """One event, from the desk where it happened to the desks that heard of it."""

    event_key: str
    connection: str
    kind: str
    origin: str
    ticket_id: str
    outcome: str
    trace_id: str
    #: by the desk's clock
    at: datetime
    received_at: datetime | None
    applied_at: datetime
    sends: tuple[Send, ...]


class Journeys:
    """Reads journeys."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def latest(self, ticket_ids: Sequence[str], limit: int) -> list[Journey]:
        """Return the last events of some tickets, the newest first."""
        if not ticket_ids:
            return []
        rows = self._connection.execute(
            select(
                events.c.event_key,
                events.c.connection,
                events.c.kind,
                events.c.ticket_id,
                events.c.delivery_id,
                events.c.outcome,
                events.c.at,
                events.c.recorded_at,
                deliveries.c.received_at,
                deliveries.c.origin,
                deliveries.c.trace_id,
            )
            .join(deliveries, deliveries.c.id == events.c.delivery_id, isouter=True)
            .where(events.c.ticket_id.in_(list(ticket_ids)))
            .order_by(events.c.recorded_at.desc(), events.c.event_key)
            .limit(limit)
        ).all()
        sends = self._sends(sorted({row.ticket_id for row in rows}), {row.delivery_id for row in rows})
        return [
            Journey(
                event_key=row.event_key,
                connection=row.connection,
                kind=row.kind,
                origin=row.origin or "",
                ticket_id=row.ticket_id,
                outcome=row.outcome,
                trace_id=row.trace_id or "",
                at=row.at,
                received_at=row.received_at,
                applied_at=row.recorded_at,
                # a delivery of several events led to its updates once
                sends=tuple(sends.pop((row.ticket_id, row.delivery_id), ())),
            )
            for row in rows
        ]

    def _sends(self, ticket_ids: list[str], delivery_ids: set[str]) -> dict[tuple[str, str], list[Send]]:
        found: dict[tuple[str, str], list[Send]] = {}
        rows = self._connection.execute(
            select(updates)
            .where(updates.c.ticket_id.in_(ticket_ids), updates.c.delivery_id.in_(delivery_ids))
            .order_by(updates.c.created_at, updates.c.seq)
        ).mappings()
        for row in rows:
            send = Send(
                id=row["id"],
                connection=row["connection"],
                operation=row["operation"],
                state=row["state"],
                summary=row["summary"],
                attempts=row["attempts"],
                created_at=row["created_at"],
                sent_at=row["first_sent_at"],
                done_at=row["done_at"],
            )
            found.setdefault((row["ticket_id"], row["delivery_id"]), []).append(send)
        return found
