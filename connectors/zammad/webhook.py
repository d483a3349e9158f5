"""Zammad's webhooks: who sent them, how they are named, and what they say.

The default payload is `{ticket, article}` as both are when it is *sent*: a retry shows the present state, and names no
event. An admin's own payload, and those that Zammad brings along for chats, are a hint to read the ticket that they
name. The signature is `sha1=` and the HMAC-SHA1 of the body (lib/user_agent.rb); it covers no time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import msgspec

from connectors.content import damaged
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    IncomingRequest,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    UnreadableError,
    body_digest,
    hmac_hex,
    require_equal,
)
from connectors.zammad import mapping
from connectors.zammad.account import MERGED, Account
from connectors.zammad.mapping import Json, ident, moment, name_of, obj, text

SIGNATURE = "x-hub-signature"
#: the id of the job that sends it, the same over its tries
DELIVERY = "x-zammad-delivery"
TRIGGER = "x-zammad-trigger"

#: where a template may name the ticket, in this order
_NAMES = ("ticket_id", "ticketId", "ticketid", "ticket-id", "id")
#: the address of a ticket, in the payloads that Zammad brings along for Slack, Teams, Mattermost and others
_LINK = re.compile(r"(?:#ticket/zoom/|/desktop/tickets/|/mobile/tickets/)(\d{1,18})")
#: texts of a body that are looked through for a link
_MOST_TEXTS = 500


def verify(account: Account, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless one of our secrets signed the body."""
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    given = request.headers.get(SIGNATURE, "").strip()
    failure: AuthenticationError | None = None
    for secret in account.webhook_secrets:
        try:
            require_equal(given, f"sha1={hmac_hex(secret, request.body, 'sha1')}", SIGNATURE)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure or AuthenticationError(f"wrong {SIGNATURE}")


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery: by the state that it shows, which is signed; a template by Zammad's delivery id and its digest.

    Two templates about one ticket may be the same byte for byte and yet tell of two changes; the id is not signed.
    """
    kept = {name: request.headers[name][:200] for name in (DELIVERY, TRIGGER) if name in request.headers}
    try:
        body = _read(request.body)
    except UnreadableError:
        return Envelope(_unsigned(request), headers=kept)
    data = obj(body.get("ticket"))
    number, stamp = ident(data.get("id")), text(data.get("updated_at"))
    if number and stamp and _is_default(body):
        article = obj(body.get("article"))
        parts = (number, stamp[:40], ident(article.get("id")), text(article.get("updated_at"))[:40])
        return Envelope("state:" + ":".join(parts), number, kept)
    return Envelope(_unsigned(request), ticket_id(body), kept)


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; raises UnreadableError where no ticket's id can be made out."""
    body = _read(delivery.body)
    data = obj(body.get("ticket"))
    snapshot = mapping.ticket(data, account, at=delivery.received_at)
    if snapshot is None or not _is_default(body):
        return (_hint(account, body, snapshot, delivery),)
    if name_of(data.get("state")).lower() == MERGED:
        # into which one, only the ticket's history says; its articles are the other one's by now
        return (_observed(data, snapshot, needs_read=True),)
    said = mapping.article(obj(body.get("article")), account, at=snapshot.updated_at)
    if said is None:
        return (_observed(data, snapshot, needs_read=True),)
    if said.remote_id == _first_article(data, said.remote_id):
        first = msgspec.structs.replace(
            snapshot, body=said.body, attachments=said.attachments, lost=said.lost, raw=said.raw,
            source_format=said.source_format,
        )  # fmt: skip
        at = snapshot.created_at or said.at
        actor = mapping.person(data.get("created_by_id"), data.get("created_by"))
        return (_event(EventKind.CREATED, f"created:{snapshot.remote_id}", first, at, actor=actor),)
    writer = _maker(obj(body.get("article"))) or said.author
    automatic = said.author is not None and said.author.role == "system"
    key = f"article:{said.remote_id}"
    spoken = _event(
        EventKind.COMMENTED, key, snapshot, said.at, actor=writer, comment=said, automatic=automatic, needs_read=True
    )
    return (spoken,)


def _read(body: bytes) -> Json:
    """Return what a body says; of a template that had to be guessed, which ticket it is about.

    Zammad escapes what it puts into a template, and what the template itself says is as its admin wrote it.
    """
    try:
        return damaged.object_in(body)
    except UnreadableError:
        found = damaged.read(body)
        said = found.content if found is not None else None
        known = {name: said[name] for name in _NAMES if name in said} if isinstance(said, dict) else {}
        if not known:
            raise
        return known


def _is_default(body: Json) -> bool:
    """Say whether this is Zammad's own payload: whole records, and nothing beside them."""
    data = obj(body.get("ticket"))
    return set(body) <= {"ticket", "article"} and "updated_at" in data and "group_id" in data


def _first_article(data: Json, article: str) -> str:
    """Return the id of the article that is the description: the first, or this one where it is the only one."""
    found = data.get("article_ids")
    if not isinstance(found, list) and data.get("article_count") == 1:
        return article
    numbers = [int(number) for each in found if (number := ident(each))] if isinstance(found, list) else []
    return str(min(numbers)) if numbers else ""


def _maker(article: Json) -> RemotePerson | None:
    """Return whose account made an article: an agent's, though a customer speaks in it."""
    return mapping.person(article.get("created_by_id"), article.get("created_by"))


def _observed(data: Json, snapshot: RemoteTicket, *, needs_read: bool) -> Event:
    actor = mapping.person(data.get("updated_by_id"), data.get("updated_by"))
    key = f"state:{snapshot.remote_id}:{snapshot.version}"
    return _event(EventKind.OBSERVED, key, snapshot, snapshot.updated_at, actor=actor, needs_read=needs_read)


def _event(kind: EventKind, key: str, snapshot: RemoteTicket, at: Any, **more: Any) -> Event:
    return Event(kind, snapshot.remote_id, key=key, at=at, version=snapshot.version, snapshot=snapshot, **more)


# ---------------------------------------------------------------- templates


def _hint(account: Account, body: Json, snapshot: RemoteTicket | None, delivery: RawDelivery) -> Event:
    number = ticket_id(body)
    if not number:
        msg = 'no ticket\'s id can be made out: a custom payload needs at least `"ticket_id": #{ticket.id}`'
        raise UnreadableError(msg)
    at = delivery.received_at
    shot = snapshot or _told(account, body, number, at)
    return Event(
        EventKind.OBSERVED,
        number,
        key=f"trigger:{number}:{delivery.source_event_id}",
        at=moment(obj(body.get("ticket")).get("updated_at")) or at,
        version=shot.version,
        snapshot=shot,
        needs_read=True,
    )


def _told(account: Account, body: Json, number: str, at: datetime) -> RemoteTicket:
    """Return what a template plainly says of its ticket beside the id, for people: the ticket is read."""
    names = {"title": "title", "state": "state", "status": "state", "priority": "priority", "number": "number",
             "group": "group"}  # fmt: skip
    given = {
        names[name]: value
        for key, value in body.items()
        if isinstance(value, str) and value and (name := key.lower().removeprefix("ticket").strip("_-.")) in names
    }
    shot = mapping.ticket({**given, "id": number}, account, at=at)
    return shot or RemoteTicket(number, at, key=number, url=mapping.web_address(account, number))


def ticket_id(body: Json) -> str:
    """Return the ticket's id of a template, or an empty string; its number is not its id."""
    inside = obj(body.get("ticket"))
    said_ids = [inside.get("id"), inside.get("ticket_id"), *(body.get(name) for name in _NAMES)]
    for value in (*said_ids, obj(body.get("article")).get("ticket_id")):
        found = ident(value)
        if found:
            return found
    for said in _texts(body):
        link = _LINK.search(unquote(said))
        if link:
            return link.group(1)
    return ""


def _texts(value: Any) -> Iterator[str]:
    waiting, seen = [value], 0
    while waiting and seen < _MOST_TEXTS:
        found = waiting.pop(0)
        seen += 1
        if isinstance(found, str):
            yield found[:10_000]
        elif isinstance(found, (dict, list)):
            waiting += list(found.values() if isinstance(found, dict) else found)[:_MOST_TEXTS]


def _unsigned(request: IncomingRequest) -> str:
    """Return what the unsigned header says, with a digest, so that nobody's header can hide a different body."""
    said = request.headers.get(DELIVERY, "").replace("\x00", "")[:100]
    return f"{said}:{body_digest(request.body)}" if said else body_digest(request.body)
