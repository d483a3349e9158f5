"""HubSpot's webhooks: proof of origin, name, and the facts in them.

One request brings up to a hundred events, in no order and some of them twice; `eventId` is not unique [2]. So the key
of an event is made of what it says: which ticket, what of it, which value, and when.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from connectors.hubspot import mapping
from connectors.hubspot.account import Account
from connectors.hubspot.mapping import Json, ident, moment, obj, text
from connectors.sdk import (
    AuthenticationError,
    Category,
    Envelope,
    Event,
    EventKind,
    FieldChange,
    IncomingRequest,
    Kind,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    Status,
    UnreadableError,
    body_digest,
    digest,
    hmac_base64,
    require_equal,
    require_recent,
)

V3, STAMP = "x-hubspot-signature-v3", "x-hubspot-request-timestamp"
OLDER, VERSION = "x-hubspot-signature", "x-hubspot-signature-version"
#: what is older is not taken [1]
#: seconds
FRESH = 300
#: tickets in webhooks that are about objects of any type
TICKET_TYPE = "0-5"
#: what HubSpot decodes in an address before it signs it [1]
SIGNED_AS = {
    "%3A": ":", "%2F": "/", "%3F": "?", "%40": "@", "%21": "!", "%24": "$", "%27": "'", "%28": "(", "%29": ")",
    "%2A": "*", "%2C": ",", "%3B": ";",
}  # fmt: skip
#: done by HubSpot itself, and by nobody [2]
AUTOMATIC = frozenset({
    "AUTOMATION_PLATFORM", "WORKFLOWS", "CALCULATED", "INTERNAL_PROCESSING", "BATCH_UPDATE", "BACKFILL", "BOT",
    "CRM_SYNC", "MERGE_OBJECTS", "MERGE_CONTACTS", "COPY", "DEFAULT",
})  # fmt: skip


def verify(account: Account, request: IncomingRequest, now: datetime) -> None:
    """Raise AuthenticationError unless the newest signature that the request carries holds [1].

    A request that has anything of version 3 needs all of it: an older signature, which covers no time, does not stand
    in for one that somebody took off. There is none of version 3 on old apps and on older kinds of requests.
    """
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    check = _newest if V3 in request.headers or STAMP in request.headers else _older
    failure: AuthenticationError | None = None
    for secret in account.webhook_secrets:
        try:
            check(account, secret, request, now)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure or AuthenticationError(f"wrong {V3}")


def _newest(account: Account, secret: str, request: IncomingRequest, now: datetime) -> None:
    stamp = request.headers.get(STAMP, "").strip()
    at = moment(stamp) if stamp.isascii() and stamp.isdigit() else None
    if at is None:
        msg = f"missing {STAMP}"
        raise AuthenticationError(msg)
    if "v3" not in account.signatures:
        msg = "signatures of version 3 are not among `signatures`"
        raise AuthenticationError(msg)
    signed = request.method.encode() + _address(account, request).encode("utf-8", "replace")
    expected = hmac_base64(secret, signed + request.body + stamp.encode())
    require_equal(request.headers.get(V3, "").strip(), expected, V3)
    require_recent(STAMP, at, now, FRESH)


def _older(account: Account, secret: str, request: IncomingRequest, _now: datetime) -> None:
    """Check version 1, of secret and body, or 2, of secret, method, address and body: both plain SHA-256 [1]."""
    version = request.headers.get(VERSION, "v1").strip().lower()
    if version not in {"v1", "v2"} or version not in account.signatures:
        msg = (
            f"missing {V3}" if account.signatures == {"v3"} else f"signatures of version {version[:20]!r} are not taken"
        )
        raise AuthenticationError(msg)
    signed = secret.encode()
    if version == "v2":
        signed += request.method.encode() + _address(account, request).encode("utf-8", "replace")
    expected = hashlib.sha256(signed + request.body).hexdigest()
    require_equal(request.headers.get(OLDER, "").strip(), expected, OLDER)


def _address(account: Account, request: IncomingRequest) -> str:
    """Return the address that HubSpot signed: as it stands in the app, else as the request says."""
    found = account.webhook_url
    if not found:
        proto = request.headers.get("x-forwarded-proto", "https").split(",")[0].strip()
        host = request.headers.get("x-forwarded-host") or request.headers.get("host", "")
        query = f"?{urlencode(request.query)}" if request.query else ""
        found = f"{proto}://{host.split(',')[0].strip()}{request.path}{query}"
    place, mark, query = found.partition("?")
    for code, sign in SIGNED_AS.items():
        place, query = (each.replace(code, sign).replace(code.lower(), sign) for each in (place, query))
    return place + mark + query


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by what it says, the number of the try aside; a batch of one ticket is named with it."""
    events = _decode(request.body)
    if events is None:
        return Envelope(body_digest(request.body))
    said = [{name: value for name, value in each.items() if name != "attemptNumber"} for each in events]
    try:
        name = "batch:" + hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()
    except (msgspec.EncodeError, UnicodeEncodeError, RecursionError, OverflowError):
        name = body_digest(request.body)
    tickets = {_subject(each) for each in events}
    return Envelope(name, tickets.pop() if len(tickets) == 1 else "")


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts of a batch; what is not about tickets of this account is none of our business."""
    body = delivery.body.removeprefix(b"\xef\xbb\xbf")
    events = _decode(body)
    if events is None:
        try:
            msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            msg = f"the body is not JSON: {error}"
            raise UnreadableError(msg) from error
        msg = "the body is no list of events"
        raise UnreadableError(msg)
    found: dict[str, Event] = {}
    for each in events:
        if account.portal_id and ident(each.get("portalId")) not in {"", account.portal_id}:
            continue
        for event in _read(account, each, delivery.received_at):
            found.setdefault(event.key, event)
    return tuple(sorted(found.values(), key=lambda event: event.at))


def _decode(body: bytes) -> list[dict[str, Any]] | None:
    try:
        found = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.DecodeError, RecursionError, ValueError):
        return None
    if isinstance(found, dict):
        found = _single(found)
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        return None
    return found


def _single(said: dict[str, Any]) -> Any:
    """Return what came as one object: an event, or a ticket that a workflow sends as it is [2], which is a hint."""
    if said.get("subscriptionType") or said.get("eventType"):
        return [said]
    if text(said.get("objectType")).upper() == "TICKET" or text(said.get("objectTypeId")) == TICKET_TYPE:
        number = said.get("objectId") or said.get("hs_object_id") or said.get("id")
        shown = {name: said[name] for name in ("properties", "createdAt", "updatedAt") if name in said}
        return [{"subscriptionType": "ticket.workflow", "objectId": number, "portalId": said.get("portalId"), **shown}]
    return said


def _what(said: Json) -> str:
    """Return what happened to a ticket (`creation`, `propertyChange` ...); empty where it is about something else.

    The documentation calls the type `eventType` and `subscriptionType` by turns [2]. Apps of the newer kind subscribe
    to `object.creation` and tell tickets by `objectTypeId`.
    """
    thing, _, what = (text(said.get("subscriptionType")) or text(said.get("eventType"))).strip().partition(".")
    if thing.lower() == "ticket":
        return what
    return what if thing.lower() == "object" and text(said.get("objectTypeId")) == TICKET_TYPE else ""


def _subject(said: Json) -> str:
    """Return the ticket that an event is about; of one about an association, the end that is a ticket."""
    what = _what(said)
    if not what:
        return ""
    if what == "associationChange":
        ends = text(said.get("associationType")).upper().partition("_TO_")
        if ends[2].startswith("TICKET") and not ends[0].startswith("TICKET"):
            return ident(said.get("toObjectId"))
        return ident(said.get("fromObjectId")) or ident(said.get("objectId"))
    if what == "merge":
        return ident(said.get("newObjectId")) or ident(said.get("primaryObjectId")) or ident(said.get("objectId"))
    return ident(said.get("objectId"))


def _read(account: Account, said: Json, received_at: datetime) -> list[Event]:
    """Read one event of a batch."""
    what, number = _what(said), _subject(said)
    if not what:
        return []
    if not (number.isascii() and number.isdigit()):
        msg = f"an event {what[:60]!r} names no ticket"
        raise UnreadableError(msg)
    at = moment(said.get("occurredAt")) or received_at
    about = _About(account, said, number, at)
    if what == "creation":
        return [about.event(EventKind.CREATED, f"created:{number}", needs_read=True)]
    if what in {"deletion", "privacyDeletion"}:
        return [about.event(EventKind.DELETED, f"deleted:{number}:{mapping.millis(at)}")]
    if what == "merge":
        return _merged(about)
    if what == "propertyChange":
        change = _change(account, said)
        if change is not None:
            return [about.changed(change)]
    # restore, associationChange, and what HubSpot may think of next: look how the ticket is now
    name = ident(said.get("propertyName")) or what[:40]
    value = digest([name, text(said.get("propertyValue")), ident(said.get("toObjectId"))])[:12]
    if what == "workflow":
        value = digest([name, said.get("properties")])[:12]
    key = f"hint:{number}:{value}:{mapping.millis(at)}"
    return [about.event(EventKind.OBSERVED, key, needs_read=True, snapshot=_shown(account, said, about))]


def _shown(account: Account, said: Json, about: _About) -> RemoteTicket:
    """Return how a ticket looks that a workflow sends: a property is its value, or an object that holds it [2]."""
    given = obj(said.get("properties"))
    plain = {name: value.get("value") if isinstance(value, dict) else value for name, value in given.items()}
    texts = {name: str(value) for name, value in plain.items() if isinstance(value, str | int)}
    found = mapping.ticket({**said, "id": about.number, "properties": texts}, account)
    if not texts or found is None:
        return about.snapshot()
    shot = about.snapshot()
    return msgspec.structs.replace(
        found, version=shot.version, updated_at=found.updated_at if found.version else shot.updated_at
    )


class _About:
    """One event of one ticket."""

    def __init__(self, account: Account, said: Json, number: str, at: datetime) -> None:
        self.account, self.said, self.number, self.at = account, said, number, at

    def snapshot(self, **fields: Any) -> RemoteTicket:
        return RemoteTicket(
            self.number,
            self.at,
            version=mapping.millis(self.at),
            key=self.number,
            url=mapping.link(self.account, self.number),
            **fields,
        )

    def event(self, kind: EventKind, key: str, **more: Any) -> Event:
        source = text(self.said.get("changeSource")).upper()
        return Event(
            kind,
            more.pop("number", self.number),
            key=key,
            at=self.at,
            version=mapping.millis(self.at),
            actor=actor(self.said),
            snapshot=more.pop("snapshot", None) or self.snapshot(),
            automatic=source in AUTOMATIC,
            **more,
        )

    def changed(self, change: FieldChange) -> Event:
        key = f"{change.field}:{self.number}:{digest(msgspec.to_builtins(change.value))[:12]}:{mapping.millis(self.at)}"
        shot = self.snapshot(**{change.field: change.value})
        return self.event(EventKind.CHANGED, key, changes=(change,), snapshot=shot, needs_read=True)


def actor(said: Json) -> RemotePerson | None:
    """Say who did it: an app by its id, a user by theirs (`userId:7`); None where HubSpot does not say [2]."""
    source, who = text(said.get("changeSource")).upper(), text(said.get("sourceId")).strip()
    if who.startswith("userId:"):
        return RemotePerson(f"user:{who.removeprefix('userId:')[:40]}", role="agent")
    number = who if who.isascii() and who.isdigit() and len(who) < 20 else ""
    if source in {mapping.INTEGRATION, "API"} and number:
        return mapping.app(number)
    return RemotePerson(role="system") if source in AUTOMATIC else None


def _merged(about: _About) -> list[Event]:
    """Every ticket that is no more is merged into the one that is left, which may be a new one [7]."""
    said, survivor = about.said, about.number
    listed = said.get("mergedObjectIds")
    gone = [ident(each) for each in listed] if isinstance(listed, list) else []
    gone.append(ident(said.get("primaryObjectId")))
    found = [
        about.event(
            EventKind.MERGED,
            f"merged:{each}:{survivor}",
            number=each,
            merged_into=survivor,
            snapshot=RemoteTicket(each, about.at, version=mapping.millis(about.at), key=each),
        )
        for each in dict.fromkeys(gone)
        if each and each != survivor and each.isascii() and each.isdigit()
    ]
    stamp = mapping.millis(about.at)
    return [*found, about.event(EventKind.OBSERVED, f"hint:{survivor}:merge:{stamp}", needs_read=True)]


def _change(account: Account, said: Json) -> FieldChange | None:
    """Return the change of a field that we sync; None where it is another, or its value has no meaning for us."""
    known = _FIELDS.get(text(said.get("propertyName")))
    if known is None or not isinstance(said.get("propertyValue"), str):
        return None
    field, value = known
    found = value(text(said.get("propertyValue")), account)
    unread = found is None and field != "assignee"
    return None if unread else FieldChange(field, found)


def _status(value: str, account: Account) -> Status | None:
    found = account.status(value)
    return None if found.category is Category.UNKNOWN and not value else found


def _kind(value: str, _account: Account) -> Kind | None:
    found = mapping.kind(value)
    return found if isinstance(found, Kind) else None


_FIELDS: Mapping[str, tuple[str, Callable[[str, Account], Any]]] = {
    "subject": ("title", lambda value, _: value),
    "content": ("body", lambda value, _: value),
    "hs_pipeline_stage": ("status", _status),
    "hs_pipeline": ("queue", lambda value, account: account.queue(value) if value else None),
    "hs_ticket_priority": ("priority", lambda value, _: mapping.priority(value)),
    "hs_ticket_category": ("kind", _kind),
    "hubspot_owner_id": ("assignee", lambda value, _: mapping.owner(value, {})),
}

__all__ = ["actor", "envelope", "parse", "verify"]
