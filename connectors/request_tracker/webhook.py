"""Webhooks of the RT scrip: one signed POST for each transaction of a ticket.

Verified over the raw bytes, named by the transaction (which is signed; the delivery header is not), read into events.
The snapshot in a webhook is the ticket as it was when RT sent it, and RT sends the transactions of one request in no
particular order: each event carries its transaction id as version.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from connectors.request_tracker import mapping
from connectors.request_tracker.mapping import Vocabulary, instant, integer, text
from connectors.request_tracker.options import Options
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    FieldChange,
    IncomingRequest,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    UnreadableError,
    Visibility,
    body_digest,
    hmac_hex,
    our_mark,
    read_object,
    require_equal,
)

SIGNATURE = "x-rt-signature"
DELIVERY = "x-rt-delivery"

Body = dict[str, Any]


def verify(request: IncomingRequest, secrets: tuple[str, ...]) -> None:
    """Raise AuthenticationError unless one of `secrets` signed the body (`sha256=` and hex digits)."""
    given = request.headers.get(SIGNATURE, "")
    if not secrets:
        msg = "this connection has no webhook_secret"
        raise AuthenticationError(msg)
    if not given:
        msg = "missing X-RT-Signature"
        raise AuthenticationError(msg)
    for secret in secrets[1:]:
        try:
            require_equal(given, "sha256=" + hmac_hex(secret, request.body), "X-RT-Signature")
        except AuthenticationError:
            continue
        return
    require_equal(given, "sha256=" + hmac_hex(secrets[0], request.body), "X-RT-Signature")


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by its transaction; else by its header; else by its bytes. Never raises."""
    try:
        body = read_object(request.body)
    except UnreadableError:
        body = {}
    transaction = integer(body.get("transaction_id"))
    ref = integer(body.get("effective_id")) or integer(body.get("ticket_id"))
    name = f"txn:{transaction}" if transaction else request.headers.get(DELIVERY, "") or body_digest(request.body)
    return Envelope(source_event_id=name, ref=str(ref or ""))


def read_events(body: Body, options: Options) -> tuple[Event, ...]:
    """Read the facts of one transaction; empty for types that say nothing of what we sync.

    Raises UnreadableError when the ticket, the transaction or its type is missing.
    """
    number = integer(body.get("effective_id")) or integer(body.get("ticket_id")) or 0
    transaction = integer(body.get("transaction_id")) or 0
    kind = text(body.get("type"))
    if number <= 0 or transaction <= 0 or not kind:
        missing = [
            name
            for name, there in (("ticket_id", number > 0), ("transaction_id", transaction > 0), ("type", bool(kind)))
            if not there
        ]
        msg = f"not the webhook of an RT transaction: without {', '.join(missing)}"
        raise UnreadableError(msg)
    event = _event(body, kind, number, options)
    return (event,) if event is not None else ()


def _event(body: Body, kind: str, number: int, options: Options) -> Event | None:
    if kind == "Create":
        return _build(body, EventKind.CREATED, number, options)
    if kind in {"Correspond", "Comment"}:
        comment = _comment(body, kind, options)
        return _build(body, EventKind.COMMENTED, number, options, comment=comment) if comment else None
    if kind == "AddLink" and text(body.get("field")) == "MergedInto":
        return _merged(body, number, options)
    if kind == "Status" and text(body.get("new_value")).lower() == "deleted":
        return _build(body, EventKind.DELETED, number, options)
    if kind == "CustomField":
        # the transaction names the field by a number of RT's own; the snapshot holds them all by name
        return _build(body, EventKind.CHANGED, number, options)
    change = _change(body, kind, options)
    return _build(body, EventKind.CHANGED, number, options, changes=(change,)) if change is not None else None


def _merged(body: Body, survivor: int, options: Options) -> Event | None:
    """Read a merge, which RT tells twice: on the ticket that went and, saying nothing, on the one that stays."""
    gone = integer(body.get("transaction_ticket_id"))
    target = integer(text(body.get("new_value")).rstrip("/").rpartition("/")[2]) or survivor
    if not gone or gone in {target, survivor}:
        return None
    event = _build(body, EventKind.MERGED, gone, options)
    return msgspec.structs.replace(event, merged_into=str(target), snapshot=None)


def _change(body: Body, kind: str, options: Options) -> FieldChange | None:
    """Read one changed field, from the transaction where it says the value and else from the ticket beside it.

    RT gives owner, queue and requestors as numbers of its own; their names stand in the ticket.
    """
    field, new, old = text(body.get("field")), body.get("new_value"), body.get("old_value")
    words: Vocabulary = options.words
    match kind, field:
        case "Status", _:
            return FieldChange("status", words.status(text(new)), words.status(text(old)) if text(old) else None)
        case "Set", "Subject":
            return FieldChange("title", mapping.subject(text(new)), text(old))
        case "Set", "Priority":
            return FieldChange("priority", words.priority(new), words.priority(old))
        case "Set", "Due":
            return FieldChange("due", instant(new), instant(old))
        case "Set", "Queue":
            return FieldChange("queue", text(body.get("queue")))
        case (("Set" | "Give" | "Take" | "Steal" | "Untake" | "Force"), ("Owner" | "")):
            return FieldChange("assignee", mapping.person(text(body.get("owner"))))
        case (("AddWatcher" | "DelWatcher"), "Requestor"):
            return FieldChange("requester", mapping.requester(body.get("requestors")))
    return None


def _build(
    body: Body,
    kind: EventKind,
    number: int,
    options: Options,
    *,
    changes: tuple[FieldChange, ...] = (),
    comment: RemoteComment | None = None,
) -> Event:
    actor = _actor(body)
    version = integer(body.get("transaction_id")) or 0
    return Event(
        kind=kind,
        remote_id=str(number),
        key=f"txn:{version}",
        at=_at(body),
        version=version,
        actor=actor,
        changes=changes,
        comment=comment,
        snapshot=_snapshot(body, number, version, options, created=kind is EventKind.CREATED),
        automatic=actor is not None and actor.role == "system",
    )


def _at(body: Body) -> datetime:
    return instant(body.get("created")) or instant(body.get("last_updated")) or mapping.EPOCH


def _actor(body: Body) -> RemotePerson | None:
    creator = body.get("creator")
    if not isinstance(creator, dict):
        return None
    return mapping.person(
        text(creator.get("name")),
        email=text(creator.get("email")),
        name=text(creator.get("real_name")),
        role="agent" if creator.get("privileged") is True else "customer",
    )


def _custom(body: Body, options: Options) -> dict[str, Any]:
    fields = mapping.custom_fields(body.get("custom_fields"))
    return {name: value for name, value in fields.items() if name != options.ticket_marker}


def _snapshot(body: Body, number: int, version: int, options: Options, *, created: bool) -> RemoteTicket:
    """Read how the ticket looked; a part that the body does not say stays UNSET. Only a creation carries the body."""
    words = options.words
    unset = msgspec.UNSET
    named = mapping.marker_in(mapping.custom_fields(body.get("custom_fields")), options.ticket_marker)
    return RemoteTicket(
        remote_id=str(number),
        key=f"#{number}",
        url=mapping.web_address(options.base, str(number)),
        updated_at=instant(body.get("last_updated")) or _at(body),
        created_at=instant(body.get("created")) if created else None,
        version=version,
        marker=our_mark(named),
        external_id=named,
        title=text(body.get("subject")) if "subject" in body else unset,
        status=words.status(text(body.get("status"))) if text(body.get("status")) else unset,
        priority=words.priority(body.get("priority")) if "priority" in body else unset,
        queue=text(body.get("queue")) if "queue" in body else unset,
        assignee=mapping.person(text(body.get("owner"))) if text(body.get("owner")) else unset,
        requester=mapping.requester(body.get("requestors")) if "requestors" in body else unset,
        due=instant(body.get("due")) if "due" in body else unset,
        custom=_custom(body, options) if "custom_fields" in body else unset,
        body=_words(body)[0] if created else unset,
    )


def _words(body: Body) -> tuple[str, str]:
    return mapping.markdown(text(body.get("message")), text(body.get("content_type")) or "text/plain")


def _comment(body: Body, kind: str, options: Options) -> RemoteComment | None:
    """Read a message; None for one without words and files. Only correspondence that is not private is public."""
    written, source = _words(body)
    files = _attachments(body)
    if not written and not files:
        return None
    public = kind == "Correspond" and body.get("private") is not True
    return RemoteComment(
        remote_id=str(integer(body.get("transaction_id")) or ""),
        at=_at(body),
        body=written,
        visibility=Visibility.PUBLIC if public else Visibility.INTERNAL,
        author=_actor(body),
        marker=mapping.marker_in(mapping.custom_fields(body.get("transaction_custom_fields")), options.comment_marker),
        source_format=source,
        attachments=files,
    )


def _attachments(body: Body) -> tuple[Attachment, ...]:
    found = body.get("attachments")
    return tuple(
        Attachment(
            name=text(file.get("name")),
            mime=text(file.get("type")) or "application/octet-stream",
            size=integer(file.get("size")) or 0,
            remote_id=str(integer(file.get("id")) or ""),
        )
        for file in (found if isinstance(found, list) else [])
        if isinstance(file, dict) and text(file.get("name"))
    )
