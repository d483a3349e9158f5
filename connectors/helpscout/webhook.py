"""Help Scout's webhooks: proof of origin, name, and the facts in them.

The body is signed, and the name of the event is not: it stands in a header that anybody on the way could have written.
So what happened is not told by its word. A body is the conversation as it was, with its times, and is read again; a
body that is nothing but an id is that of something deleted, and which sort of thing it was, only the desk can tell.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from connectors.helpscout import mapping
from connectors.helpscout.account import Account
from connectors.helpscout.mapping import Json, ident, obj, objects, text
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    IncomingRequest,
    RawDelivery,
    RemoteComment,
    RemoteTicket,
    UnreadableError,
    body_digest,
    digest,
    hmac_base64,
    read_object,
    require_equal,
)

SIGNATURE = "x-helpscout-signature"
EVENT = "x-helpscout-event"
#: events about what is no conversation
OTHERS = ("customer.", "tag.", "satisfaction.", "beacon.", "message.", "organization.", "user.", "mailbox.")
#: what only a conversation has, in version 2 and in version 1
_MARKS = frozenset({"mailboxId", "mailbox", "subject", "threads", "threadCount", "primaryCustomer", "folderId"})
_LEAST_MARKS = 2
#: what only a customer has
_PERSONS = frozenset({"emails", "firstName", "socialProfiles"})
_LINK = re.compile(r"/conversations?/([0-9]{1,20})(?![0-9])")
#: ids of deleted things that are remembered
_MOST_ENDED = 10_000


def verify(account: Account, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless the signature is base64(HMAC-SHA1(secret, raw body)) (Webhooks, "Verifying")."""
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    given = request.headers.get(SIGNATURE, "").strip()
    failure: AuthenticationError | None = None
    for secret in account.webhook_secrets:
        try:
            require_equal(given, hmac_base64(secret, request.body, "sha1"), SIGNATURE)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure or AuthenticationError(f"wrong {SIGNATURE}")


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by what is signed of it, which is its body and nothing else."""
    kept = {EVENT: request.headers[EVENT][:200]} if EVENT in request.headers else {}
    try:
        ref = _id(_unwrapped(read_object(request.body)))
    except UnreadableError:
        ref = ""
    return Envelope(body_digest(request.body), ref, kept)


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; an empty tuple for what is about no conversation. Raises UnreadableError."""
    data = _unwrapped(read_object(delivery.body))
    said = delivery.headers.get(EVENT, "").strip().lower()
    number = _id(data)
    if _is_conversation(data) and number:
        return _state(account, data, said, delivery)
    if said.startswith(OTHERS) or _PERSONS & set(data):
        return ()
    linked = next((found[1] for value in _texts(data) if (found := _LINK.search(value))), "")
    if set(data) <= {"id", "uri", "url", "href", "_links", "mailboxId", "webhookId"} and (number or linked):
        if set(data) == {"id"}:
            _remember(account, number)
        return (_hint(linked or number, delivery),)
    if said.startswith("convo.") and (number or linked):
        return (_hint(linked or number, delivery),)
    if "customer" in data or "rating" in data or "ratingId" in data or number:
        return ()
    msg = "the body is neither a conversation nor the id of one"
    raise UnreadableError(msg)


def _remember(account: Account, number: str) -> None:
    """Note that something with this id was deleted: where the desk then has no such conversation, it was that."""
    if len(account.ended) >= _MOST_ENDED:
        account.ended.clear()
    account.ended[number] = None


def _state(account: Account, data: Json, said: str, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read a conversation as it was when the webhook was made; the word of the header decides nothing."""
    shot = mapping.ticket(data, account, at=delivery.received_at)
    if shot is None:  # pragma: no cover - it has an id
        return ()
    number, at = shot.remote_id, min(shot.updated_at, delivery.received_at)
    if shot.updated_at == mapping.EPOCH:
        at = delivery.received_at
    # version 2 counts them in `threads` and shows them beside it (Conversations, "Get"; `_embedded.threads`)
    shown = objects(data.get("threads")) or objects(obj(data.get("_embedded")).get("threads"))
    threads = mapping.in_order([each for each in shown if mapping.is_said(each)])
    if threads:
        spoken = [mapping.comment(each, account, number) for each in threads]
        first, comments = mapping.parted(spoken, shot.created_at)
        count, began = data.get("threadCount", data.get("threads")), shot.created_at
        if isinstance(count, int) and len(threads) < count and not _begins(first, began):
            # not all are shown: of what is at hand, what came well after the beginning is no description
            first, comments = None, [each for each in spoken if began is None or each.at - began > mapping.GRAIN]
        shot = msgspec.structs.replace(shot, comments=tuple(comments))
        if first is not None:
            shot = msgspec.structs.replace(
                shot, body=first.body, lost=first.lost, raw=first.raw, source_format=first.source_format,
                attachments=first.attachments,
            )  # fmt: skip
    said_of = [(ident(each.get("id")), text(each.get("state"))) for each in shown]
    key = f"state:{number}:{digest([shot.version, shot.version_token, *said_of])[:24]}"
    hint = Event(EventKind.OBSERVED, number, key=key, at=at, version=shot.version, snapshot=shot, needs_read=True)
    found = (*_newest(shot, hint), hint)
    if said == "convo.created":
        # of a ticket that is known already this says nothing new, whoever wrote the header
        actor = mapping.person(obj(data.get("createdBy")))
        made = min(shot.created_at or at, at)
        created = msgspec.structs.replace(hint, kind=EventKind.CREATED, key=f"created:{number}", at=made, actor=actor)
        return (created, *found)
    return found


def _begins(first: RemoteComment | None, began: datetime | None) -> bool:
    return first is not None and began is not None and first.at - began <= mapping.GRAIN


def _newest(shot: RemoteTicket, hint: Event) -> tuple[Event, ...]:
    """Tell of what was said last; a comment has one key, however often and beside whatever it is shown."""
    if not shot.comments:
        return ()
    last = shot.comments[-1]
    key = f"comment:{last.remote_id}"
    return (
        msgspec.structs.replace(hint, kind=EventKind.COMMENTED, key=key, at=last.at, comment=last, actor=last.author),
    )


def _hint(number: str, delivery: RawDelivery) -> Event:
    return Event(
        EventKind.OBSERVED,
        number,
        key=f"hint:{number}:{delivery.source_event_id}",
        at=delivery.received_at,
        snapshot=RemoteTicket(number, delivery.received_at, key=number, url=mapping.web_address(number, "")),
        needs_read=True,
    )


def _unwrapped(body: dict[str, Any]) -> Json:
    """Return the record of a body: version 1 of the API puts it into `item`."""
    inner = body.get("item") or body.get("conversation")
    return inner if isinstance(inner, dict) and "id" not in body else body


def _is_conversation(data: Json) -> bool:
    return len(_MARKS & set(data)) >= _LEAST_MARKS and not _PERSONS & set(data)


def _id(data: Json) -> str:
    return ident(data.get("id"))


def _texts(value: Any, depth: int = 4) -> Iterator[str]:
    if isinstance(value, str):
        yield text(value)
    elif isinstance(value, dict) and depth:
        for inner in value.values():
            yield from _texts(inner, depth - 1)
