"""Step one: an authentic delivery is stored durably before it is answered, and nothing slow happens here."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import msgspec

from gateway import crashpoint
from gateway.ports import Clock, Connector, Handshake, Ids, IncomingRequest, NewDelivery, PolledDelivery

#: Longer ids are cut by their digest's place in the key; real ones are far shorter.
MAX_ID = 300
MAX_REF = 200


class Intake(Protocol):
    """Stores a delivery durably (group commit in the web process)."""

    def accept(self, delivery: NewDelivery) -> bool:
        """Return once it is durable: True when it is new."""
        ...


class Received(msgspec.Struct, frozen=True):
    """What became of a request: stored as new, or known already."""

    delivery_id: str
    new: bool
    #: it is answered with an empty body
    quiet: bool = False
    #: or with this
    reply: Handshake | None = None


def receive(
    request: IncomingRequest, connector: Connector, intake: Intake, clock: Clock, ids: Ids, trace_id: str
) -> Received | Handshake:
    """Verify, name and store one delivery; the doorbell rings after the commit.

    Raises AuthenticationError (nothing is stored) and StoreError (the desk must send it again). What the body means is
    not looked at: an authentic delivery that cannot be understood is parked by apply, never refused here.
    """
    now = clock.now()
    connector.verify(request, now)
    envelope = connector.envelope(request)
    if isinstance(envelope, Handshake):
        return envelope
    identity = ids.new()
    named = f"hint:{identity}" if envelope.hint else envelope.source_event_id
    delivery = NewDelivery(
        id=identity,
        connection=connector.settings.name,
        source_event_id=_name(named, MAX_ID),
        ref=_name(envelope.ref, MAX_REF),
        received_at=now,
        headers=envelope.headers,
        body=request.body,
        trace_id=trace_id,
    )
    crashpoint.reach("receive.storing")
    new = intake.accept(delivery)
    crashpoint.reach("receive.stored")
    return Received(delivery.id, new, envelope.quiet, envelope.reply)


def message(connection: str, polled: PolledDelivery, ids: Ids, now: datetime) -> NewDelivery:
    """Return a message that a desk was asked for as a delivery, named alike whoever asks."""
    return NewDelivery(
        id=ids.new(),
        connection=connection,
        source_event_id=_name(polled.source_event_id, MAX_ID),
        ref=_name(polled.ref, MAX_REF),
        received_at=now,
        headers={},
        body=polled.body,
        trace_id=ids.new().replace("-", ""),
        origin="message",
    )


def _name(text: str, most: int) -> str:
    """Cut a desk's name for something to what every database can hold."""
    return text.replace("\x00", "")[:most]
