"""Edits of people that a write of ours undid: handed to the inbox with the outcome, in the same transaction.

They come back as a delivery in our own form, so that apply folds them in like any edit whose webhook comes late: what
stands then is written again. Their webhooks may be lost, and what the desk shows is our own value.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.domain.event import Event, FieldChange, RemoteTicket
from gateway.ports import AttemptEnd, DeliveryRow, Ids, NewDelivery

#: origin of such a delivery, beside webhook and poll
ORIGIN = "write"


def deliveries_of(end: AttemptEnd, ids: Ids, now: datetime) -> list[NewDelivery]:
    """Return what the outcome of a write tells of others."""
    return [
        NewDelivery(
            id=ids.new(),
            connection=end.connection,
            source_event_id=event.key,
            ref=event.remote_id,
            received_at=now,
            headers={},
            body=msgspec.json.encode(event),
            trace_id=ids.new().replace("-", ""),
            origin=ORIGIN,
        )
        for event in end.undone
    ]


def event_of(row: DeliveryRow) -> Event:
    """Read such a delivery; raises msgspec.MsgspecError."""
    event = msgspec.json.decode(row.body, type=Event)
    return msgspec.structs.replace(event, changes=tuple(_typed(change, event.at) for change in event.changes))


def _typed(change: FieldChange, at: datetime) -> FieldChange:
    """Give a value the type of its field back, which JSON does not tell."""

    def typed(value: object) -> object:
        ticket = msgspec.convert({"remote_id": "", "updated_at": at, change.field: value}, RemoteTicket)
        return getattr(ticket, change.field)

    return FieldChange(change.field, typed(change.value), None if change.old is None else typed(change.old))
