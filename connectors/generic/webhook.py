"""Webhooks of a desk that the settings describe: proved, named by something that nobody else can change, read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from connectors.generic import signing
from connectors.generic.options import Options
from connectors.generic.places import find, headers_of, names_header, word
from connectors.generic.reading import EPOCH, Reader, ident
from connectors.sdk import (
    Envelope,
    Event,
    EventKind,
    FieldChange,
    IncomingRequest,
    RawDelivery,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    UnreadableError,
    body_digest,
    digest,
    read_object,
)
from gateway.domain.ticket import SYNCED_FIELDS

IGNORED = "ignored"
#: events of one delivery
MOST_EVENTS = 1000

_KINDS = {
    "created": EventKind.CREATED,
    "changed": EventKind.CHANGED,
    "commented": EventKind.COMMENTED,
    "observed": EventKind.OBSERVED,
    "deleted": EventKind.DELETED,
    "merged": EventKind.MERGED,
}


def verify(options: Options, request: IncomingRequest, now: datetime) -> None:
    """Raise AuthenticationError unless one of our secrets proves the request."""
    signing.verify(options.incoming.get("signature") or {}, options.webhook_secrets, request, now)


def envelope(options: Options, request: IncomingRequest) -> Envelope:
    """Name a delivery; never raises. The desk's id where it lies in what is signed, else a digest of the body.

    Where a webhook is a hint and has no id, the same again is another one: a desk that says `{"ticket": 7}` says so of
    each change of it.
    """
    incoming = options.incoming
    try:
        body = content(options, request.body, request.headers.get("content-type", ""))
    except UnreadableError:
        body = {}
    scheme = incoming.get("signature") or {}
    standard = str(scheme.get("kind") or signing.STANDARD) == signing.STANDARD
    # the header by which Standard Webhooks names a message is signed, whatever a sender calls it
    place = incoming.get("delivery") or (f"header:{signing.full(scheme)['id']}" if standard else None)
    name = ident(find(place, body, request.headers))
    events = _listed(incoming, body)
    first = events[0] if events else body
    ref = remote_id_of(Reader(options, *_places(options)), incoming, first, request.headers)
    kept = {each: request.headers[each] for each in wanted_headers(options) if each in request.headers}
    own = {"content-type": request.headers["content-type"]} if "content-type" in request.headers else {}
    scope = "id" if names_header(place) else "body"
    return Envelope(
        source_event_id=f"{scope}:{name}" if name else body_digest(request.body),
        ref=ref,
        headers={**kept, **own},
        hint=not name and _reads_first(options),
    )


def wanted_headers(options: Options) -> tuple[str, ...]:
    """Return the headers that reading needs; credentials are none of them."""
    incoming = options.incoming
    event = incoming.get("event") or {}
    places = [incoming.get(name) for name in ("delivery", "change", "at", "actor", "id", "ticket", "comment", "events")]
    ticket, comment = _places(options)
    named = headers_of(event.get("at"), *places, *ticket.values(), *comment.values())
    scheme = signing.full(incoming.get("signature") or {})
    secret = {"authorization", "cookie", "proxy-authorization", str(scheme.get("header") or "").lower()}
    return tuple(name for name in named if name not in secret)


def content(options: Options, body: bytes, content_type: str) -> dict[str, Any]:
    """Decode a body: JSON, or a form whose members are texts or hold JSON; raises UnreadableError.

    Many a script calls its JSON a form, because its tool does so where nothing else is said (`curl --data`).
    """
    incoming = options.incoming
    called = content_type.lower().startswith("application/x-www-form-urlencoded")
    form = incoming.get("format") == "form" or (
        "format" not in incoming and called and not body.lstrip().startswith((b"{", b"\xef\xbb\xbf{"))
    )
    if not form:
        return read_object(body)
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=1000)
    except (UnicodeDecodeError, ValueError) as error:
        msg = f"the body is not a form: {error}"
        raise UnreadableError(" ".join(msg.split())[:500]) from error
    found = {name.replace("\x00", ""): value.replace("\x00", "") for name, value in pairs}
    field = incoming.get("form_field")
    if field is None:
        return found
    if field not in found:
        msg = f"the form has no field {field}"
        raise UnreadableError(msg)
    return read_object(found[field].encode())


def parse(options: Options, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts of a delivery; raises UnreadableError where it says nothing of any ticket."""
    body = content(options, delivery.body, delivery.headers.get("content-type", ""))
    reader = Reader(options, *_places(options))
    found: list[Event] = []
    for number, each in enumerate(_listed(options.incoming, body)[:MOST_EVENTS]):
        event = _event(reader, each, delivery, number)
        if event is not None:
            found.append(event)
    return tuple({event.key: event for event in found}.values())


def _places(options: Options) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the places of a webhook: those of all tickets and comments, and what webhooks have elsewhere."""
    incoming = options.incoming
    return (
        {**options.ticket, **(incoming.get("ticket_fields") or {})},
        {**options.comment, **(incoming.get("comment_fields") or {})},
    )


def _listed(incoming: Mapping[str, Any], body: Any) -> list[Any]:
    if "events" not in incoming:
        return [body]
    found = find(incoming["events"], body)
    return found if isinstance(found, list) else [found] if isinstance(found, Mapping) else []


def kind_of(incoming: Mapping[str, Any], value: Any, headers: Mapping[str, str]) -> EventKind | None:
    """Return what happened; None for what is none of our business."""
    event = incoming.get("event") or {}
    if not event:
        return EventKind.OBSERVED
    said = word(find(event.get("at"), value, headers))
    name = (event.get("kinds") or {}).get(said, event.get("other") or "observed")
    return None if name == IGNORED else _KINDS.get(str(name), EventKind.OBSERVED)


def remote_id_of(reader: Reader, incoming: Mapping[str, Any], value: Any, headers: Mapping[str, str]) -> str:
    """Return the ticket that a webhook is about; empty where it does not say."""
    if "id" in incoming:
        found = ident(find(incoming["id"], value, headers))
        if found:
            return found
    return ident(find(reader.ticket_places.get("id"), _object(incoming, "ticket", value), headers))


def _object(incoming: Mapping[str, Any], name: str, value: Any) -> Any:
    return find(incoming[name], value) if name in incoming else value


def _spoken(reader: Reader, incoming: Mapping[str, Any], value: Any, headers: Mapping[str, str]) -> Any:
    """Return what holds the comment of a webhook: of several places the first in which the id of one lies."""
    places = incoming.get("comment")
    if isinstance(places, list):
        for place in places:
            found = find(place, value)
            if isinstance(found, Mapping) and ident(find(reader.comment_places.get("id"), found, headers)):
                return found
    return _object(incoming, "comment", value)


def _event(reader: Reader, value: Any, delivery: RawDelivery, number: int) -> Event | None:
    options, headers = reader.options, delivery.headers
    incoming = options.incoming
    kind = kind_of(incoming, value, headers)
    if kind is None:
        return None
    remote_id = remote_id_of(reader, incoming, value, headers)
    if not remote_id:
        msg = "the webhook does not say which ticket it is about: nothing lies at the place of its id"
        raise UnreadableError(msg)
    snapshot = reader.ticket(_object(incoming, "ticket", value) or {}, headers, remote_id=remote_id)
    said = _spoken(reader, incoming, value, headers)
    comment = reader.comment(said, headers, ticket=remote_id) if kind is EventKind.COMMENTED else None
    if kind is EventKind.COMMENTED and comment is None:
        if not reader.is_comment(said, headers):
            return None
        kind = EventKind.OBSERVED
    told = options.times.read(find(incoming.get("at"), value, headers))
    if comment is not None and comment.at == EPOCH:
        comment = msgspec.structs.replace(comment, at=told or delivery.received_at)
    at = told or (comment.at if comment else None)
    at = at or (snapshot.updated_at if snapshot and snapshot.updated_at > EPOCH else delivery.received_at)
    if snapshot is not None and snapshot.updated_at == EPOCH:
        snapshot = msgspec.structs.replace(snapshot, updated_at=at)
    actor = reader.person(find(incoming.get("actor"), value, headers)) or (comment.author if comment else None)
    merged = snapshot.merged_into if snapshot is not None else ""
    if kind is EventKind.MERGED and not merged:
        kind = EventKind.OBSERVED
    return Event(
        kind=kind,
        remote_id=remote_id,
        key=_key(reader, kind, remote_id, value, delivery, comment, snapshot, number),
        at=at,
        version=snapshot.version if snapshot is not None else 0,
        actor=actor,
        changes=_changes(options, kind, snapshot),
        comment=comment,
        snapshot=_seen(snapshot, kind),
        merged_into=merged if kind is EventKind.MERGED else "",
        needs_read=_is_hint(options, kind),
    )


def _seen(snapshot: RemoteTicket | None, kind: EventKind) -> RemoteTicket | None:
    return None if kind in {EventKind.DELETED, EventKind.MERGED} else snapshot


def _changes(options: Options, kind: EventKind, snapshot: RemoteTicket | None) -> tuple[FieldChange, ...]:
    """Return what a webhook says that holds only what changed: all of it was set on purpose, the first time, too.

    Of one that shows the ticket whole nobody knows which part is new, and what was never seen before is no change.
    """
    if kind is not EventKind.CHANGED or snapshot is None or options.incoming.get("partial") is not True:
        return ()
    held = ((field, getattr(snapshot, field)) for field in SYNCED_FIELDS)
    return tuple(FieldChange(field, value) for field, value in held if value is not msgspec.UNSET)


def _is_hint(options: Options, kind: EventKind) -> bool:
    """Say whether to read the ticket first, where that can be: a webhook may be old, or say only a part."""
    return _reads_first(options) and kind not in {EventKind.DELETED, EventKind.MERGED}


def _reads_first(options: Options) -> bool:
    return "read" in options.calls and options.incoming.get("trust") is not True


def _key(
    reader: Reader,
    kind: EventKind,
    remote_id: str,
    value: Any,
    delivery: RawDelivery,
    comment: RemoteComment | None,
    snapshot: RemoteTicket | None,
    number: int,
) -> str:
    """Name the change, whatever brought it: by the desk's id of it, by its comment, by the ticket's version."""
    change = ident(find(reader.options.incoming.get("change"), value, delivery.headers))
    if change:
        return f"{kind}:{change}"
    if comment is not None and "id" in reader.comment_places:
        return f"comment:{comment.remote_id}"
    if kind is EventKind.CREATED:
        return f"created:{remote_id}"
    if kind in {EventKind.DELETED, EventKind.MERGED}:
        return f"{kind}:{remote_id}"
    version = snapshot.version if snapshot is not None else 0
    return f"{kind}:{remote_id}:{version or digest('event', delivery.source_event_id, number)[:32]}"


def by_us(options: Options, learnt: RemotePerson | None, person: RemotePerson | None) -> bool | None:
    """Say whether a person is our own account; None where nobody has told us who we are."""
    us = learnt or options.us
    if person is None or us is None or not (us.external_id or us.email):
        return None
    if us.external_id and person.external_id:
        return us.external_id == person.external_id
    if us.email and person.email:
        return us.email.lower() == person.email.lower()
    return None
