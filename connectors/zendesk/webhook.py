"""Zendesk's webhooks: proof of origin, name, and the facts in them.

Two sorts arrive at one address. *Event subscriptions* have Zendesk's fixed shape (`type` starts `zen:event-type:`)
[Z5]; *trigger-driven* ones have whatever an admin wrote [Z6] and are hints to read the ticket. Zendesk may
omit, double and reorder either [Z3].
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    IncomingRequest,
    RawDelivery,
    UnreadableError,
    body_digest,
    hmac_base64,
    require_equal,
)
from connectors.zendesk import events, mapping, template
from connectors.zendesk.account import Account
from connectors.zendesk.asking import is_ticket_id
from connectors.zendesk.mapping import Json, ident, moment, obj, text

SIGNATURE = "x-zendesk-webhook-signature"
TIMESTAMP = "x-zendesk-webhook-signature-timestamp"
INVOCATION = "x-zendesk-webhook-invocation-id"
EVENT_TYPE = "zen:event-type:"
TICKET_TYPE = "zen:event-type:ticket."
#: a message of a chat: `detail` holds the ticket's id alone, and who may read a message is only to be read
#: (developer.zendesk.com/api-reference/webhooks/event-types/messaging-events)
MESSAGE_TYPE = "zen:event-type:messaging_ticket."
_BOM = b"\xef\xbb\xbf"


def verify(account: Account, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless the signature is base64(HMAC-SHA256(secret, timestamp + raw body)) [Z1].

    The secret is used as ASCII, not decoded [Z2]. There is no freshness window: Zendesk documents none and
    retries with the old timestamp [Z3]; a replay has the same event id and is dropped as a duplicate.
    """
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    given = request.headers.get(SIGNATURE, "").strip()
    stamp = request.headers.get(TIMESTAMP, "").strip()
    signed = stamp.encode("utf-8", "replace") + request.body
    failure: AuthenticationError | None = None
    for secret in account.webhook_secrets:
        try:
            require_equal(given, hmac_base64(secret, signed), SIGNATURE)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure or AuthenticationError(f"wrong {SIGNATURE}")


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery, whatever its body: the signed event id, else Zendesk's invocation id, else a digest.

    The invocation id stays the same over the retries of one invocation, but is not signed [Z3]; the `id` in an
    admin's template is the ticket's, not the event's.
    """
    kept = {name: request.headers[name] for name in ("content-type", INVOCATION) if name in request.headers}
    body = _decode(request.body)
    if body is not None and text(body.get("type")).startswith(EVENT_TYPE):
        name = ident(body.get("id"))
        return Envelope(name or _unsigned_name(request), _subject_id(body), kept)
    try:
        ref = template.ticket_id(request.body, request.headers.get("content-type", ""))
    except (ValueError, RecursionError):
        ref = ""
    return Envelope(_unsigned_name(request), ref, kept)


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; an empty tuple for events that are not about tickets.

    Raises UnreadableError where neither an event nor a ticket's id can be made out.
    """
    body = _decode(delivery.body)
    name = text(body.get("type")) if body is not None else ""
    if body is None or not name.startswith(EVENT_TYPE):
        return (_hint(account, delivery),)
    if name.startswith(MESSAGE_TYPE):
        return (_subscribed(account, body, f"messaging_{name.removeprefix(MESSAGE_TYPE)}", delivery.received_at),)
    if not name.startswith(TICKET_TYPE):
        return ()
    return (_subscribed(account, body, name.removeprefix(TICKET_TYPE), delivery.received_at),)


def _subscribed(account: Account, body: Json, name: str, received_at: datetime) -> Event:
    """Read one event of a subscription."""
    number = _subject_id(body)
    if not is_ticket_id(number):
        msg = f"event {text(body.get('type'))!r} names no ticket: neither detail.id nor subject holds an id"
        raise UnreadableError(msg)
    at = moment(body.get("time")) or moment(obj(body.get("detail")).get("updated_at")) or received_at
    detail = {**obj(body.get("detail")), "id": number}
    snapshot = mapping.ticket(detail, account, at=at)
    if snapshot is None:
        msg = f"event {text(body.get('type'))!r} has a ticket id that is not readable"
        raise UnreadableError(msg)
    snapshot = msgspec.structs.replace(snapshot, plain_body=text(detail.get("description")))
    said = events.Said(
        name=name,
        id=ident(body.get("id")) or body_digest(msgspec.json.encode(body)),
        at=at,
        detail=detail,
        event=obj(body.get("event")),
        snapshot=snapshot,
    )
    return events.read(said, account)


def _hint(account: Account, delivery: RawDelivery) -> Event:
    """Read an admin's template as a hint that its ticket changed."""
    content_type = delivery.headers.get("content-type", "")
    number = template.ticket_id(delivery.body, content_type)
    if not number:
        raise UnreadableError(_complaint(delivery.body))
    return Event(
        EventKind.OBSERVED,
        number,
        key=f"trigger:{number}:{delivery.source_event_id}",
        at=delivery.received_at,
        snapshot=mapping.told(template.facts(delivery.body, content_type), number, account, at=delivery.received_at),
        needs_read=True,
    )


def _complaint(body: bytes) -> str:
    raw = body.removeprefix(_BOM).strip()
    if not raw:
        return "the body is empty: a trigger's webhook needs at least the ticket's id, as ticket_id"
    if raw.startswith((b"{", b"[")):
        try:
            msgspec.json.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return f"the body is not JSON: {error}"
        return "the body is neither a Zendesk event nor a template with a ticket's id (add ticket_id to the template)"
    return "the body is not JSON, and no ticket's id can be made out in it (add ticket_id to the template)"


def _decode(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(body.removeprefix(_BOM))
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _subject_id(body: Json) -> str:
    """Return the ticket's id from the detail, else from the subject `zen:ticket:35436`."""
    found = ident(obj(body.get("detail")).get("id"))
    if found:
        return found
    subject = text(body.get("subject"))
    return ident(subject.removeprefix("zen:ticket:")) if subject.startswith("zen:ticket:") else ""


def _unsigned_name(request: IncomingRequest) -> str:
    """Return what the unsigned header says, with a digest, so that nobody's header can hide a different body."""
    invocation = request.headers.get(INVOCATION, "").replace("\x00", "")[:200]
    return f"{invocation}:{body_digest(request.body)}" if invocation else body_digest(request.body)
