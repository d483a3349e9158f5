"""Acme's webhooks: proof of origin, name, and the facts in them.

From the (imaginary) documentation, "Webhooks": each is signed with X-Acme-Signature, `sha256=` and the hexadecimal
HMAC-SHA256 of `<delivery>.<timestamp>.<body>`; delivery and timestamp (Unix seconds) stand in X-Acme-Delivery and
X-Acme-Timestamp. A webhook is sent again, with the same delivery and a new timestamp, until it is answered by 2xx.
"""

from __future__ import annotations

from datetime import datetime

from acme_desk import mapping
from acme_desk.account import Account
from acme_desk.mapping import Json, ident, moment, obj, text
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    IncomingRequest,
    RawDelivery,
    RemoteTicket,
    UnreadableError,
    body_digest,
    hmac_hex,
    read_object,
    require_equal,
    require_recent,
)

SIGNATURE, DELIVERY, TIMESTAMP = "x-acme-signature", "x-acme-delivery", "x-acme-timestamp"
#: a webhook is fresh for so many seconds, to either side
FRESH = 300

KINDS = {
    "ticket.created": EventKind.CREATED,
    "ticket.updated": EventKind.CHANGED,
    "ticket.deleted": EventKind.DELETED,
    "comment.created": EventKind.COMMENTED,
}


def signature(secret: str, delivery: str, timestamp: str, body: bytes) -> str:
    """Return what stands in X-Acme-Signature."""
    return "sha256=" + hmac_hex(secret, f"{delivery}.{timestamp}.".encode("utf-8", "replace") + body)


def verify(account: Account, request: IncomingRequest, now: datetime) -> None:
    """Raise AuthenticationError unless one of our secrets signed name, time and body, within five minutes."""
    if not account.webhook_secrets:
        raise AuthenticationError("this connection has no webhook_secret, so no webhook of it can be trusted")
    given, delivery, stamp = (request.headers.get(name, "") for name in (SIGNATURE, DELIVERY, TIMESTAMP))
    failure: AuthenticationError | None = None
    for secret in account.webhook_secrets:
        try:
            require_equal(given, signature(secret, delivery, stamp, request.body), SIGNATURE)
        except AuthenticationError as error:
            failure = error
        else:
            break
    else:
        raise failure or AuthenticationError(f"wrong {SIGNATURE}")
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 15):
        raise AuthenticationError(f"{TIMESTAMP} is no time")
    require_recent(TIMESTAMP, int(stamp), now, FRESH)


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by its signed id, whatever its body."""
    name = request.headers.get(DELIVERY, "").replace("\x00", "").encode("utf-8", "replace").decode()[:200]
    try:
        body = read_object(request.body)
    except UnreadableError:
        body = {}
    return Envelope(name or body_digest(request.body), ident(obj(body.get("ticket")).get("id")))


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; what is not about tickets is none of our business. Raises UnreadableError."""
    body = read_object(delivery.body)
    name = text(body.get("event"))
    if not name:
        raise UnreadableError("the body names no event: is this a webhook of Acme Desk?")
    if not name.startswith(("ticket.", "comment.")):
        return ()
    at = moment(body.get("at")) or delivery.received_at
    shot = mapping.ticket(body.get("ticket"), account.url, at)
    if shot is None:
        raise UnreadableError(f"event {name[:80]!r} names no ticket")
    return (_event(body, shot, KINDS.get(name, EventKind.OBSERVED), at),)


def _event(body: Json, shot: RemoteTicket, kind: EventKind, at: datetime) -> Event:
    """Return what happened: a kind of event that is new to us is a hint to read its ticket."""
    said = mapping.comment(body.get("comment"), at) if kind is EventKind.COMMENTED else None
    changes = mapping.changes(body.get("changes")) if kind is EventKind.CHANGED else ()
    return Event(
        kind if said or kind is not EventKind.COMMENTED else EventKind.OBSERVED,
        shot.remote_id,
        # of the change, not of the delivery: the poll of the same change has the same ticket and sequence
        key=f"comment:{said.remote_id}" if said else f"ticket:{shot.remote_id}:{shot.version or at.timestamp()}",
        at=at,
        version=shot.version,
        actor=mapping.person(body.get("actor")),
        changes=changes,
        comment=said,
        snapshot=None if kind is EventKind.DELETED else shot,
        needs_read=kind is EventKind.OBSERVED or (kind is EventKind.COMMENTED and said is None),
    )
