"""Redmine's webhooks: those of Redmine 7 itself, which are signed, and those of the plugin redmine_webhook.

Both try once and never again. The journal in Redmine's own says nothing of `private_notes`
(app/models/webhook_payload.rb), nor does that of an old plugin: what was said in it is internal until the read of the
issue, which follows, says more.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from connectors.redmine import mapping
from connectors.redmine.account import Account
from connectors.redmine.asking import Json, obj
from connectors.redmine.mapping import ident, moment, text
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
)

SIGNATURE = "x-redmine-signature-256"
#: the parameter of the address, for a plugin that signs nothing
IN_ADDRESS = "secret"
ISSUES = "issue."


def verify(account: Account, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless one of our secrets signed the body.

    Where the site says so, an unsigned webhook is taken with the secret in its address: only the plugin needs that.
    """
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    given = request.headers.get(SIGNATURE, "").strip()
    by_address = account.plugin_webhooks and not given
    failure: AuthenticationError | None = None
    for secret in account.webhook_secrets:
        try:
            if by_address:
                require_equal(request.query.get(IN_ADDRESS, ""), secret, "?secret= in the webhook's address")
            else:
                require_equal(given, f"sha256={hmac_hex(secret, request.body)}", SIGNATURE)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure or AuthenticationError(f"wrong {SIGNATURE}")


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by its content: Redmine sends each once, and a journal is told of once."""
    try:
        body = read_object(request.body)
    except UnreadableError:
        return Envelope(body_digest(request.body))
    return Envelope(body_digest(request.body), ident(_issue(body).get("id")))


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; an empty tuple for what is not about issues."""
    body = read_object(delivery.body)
    kind = text(body.get("type"))
    if kind and not kind.startswith(ISSUES):
        return ()
    plugin = obj(body.get("payload"))
    data = _issue(body)
    at = moment(body.get("timestamp")) or delivery.received_at
    snapshot = mapping.issue(data, account, at=at)
    if snapshot is None:
        if not kind and not plugin:
            msg = "neither a webhook of Redmine (`type`, `data`) nor of its plugin (`payload`)"
        else:
            msg = "the webhook names no issue: there is no id in it"
        raise UnreadableError(msg)
    action = kind.removeprefix(ISSUES) or text(plugin.get("action"))
    journal = obj(plugin.get("journal")) if plugin else obj(obj(body.get("data")).get("journal"))
    return (_event(account, action, snapshot, journal, data, at),)


def _issue(body: Json) -> Json:
    plugin = obj(body.get("payload"))
    return obj(plugin.get("issue")) if plugin else obj(obj(body.get("data")).get("issue"))


def _event(account: Account, action: str, snapshot: RemoteTicket, journal: Json, data: Json, at: datetime) -> Event:
    number = snapshot.remote_id
    if action == "deleted":
        return Event(EventKind.DELETED, number, key=f"deleted:{number}", at=at, version=snapshot.version)
    if action in {"created", "opened"}:
        when = snapshot.created_at or at
        actor = mapping.person(data.get("author"))
        # a custom field may name who asked, and say that we made it: where none is shown, a read knows
        hidden = bool(account.requester_field or account.ticket_marker) and not mapping.shows_fields(data)
        return _made(EventKind.CREATED, f"created:{number}", snapshot, when, actor=actor, needs_read=hidden)
    actor = mapping.person(journal.get("user")) or mapping.person(journal.get("author"))
    change = ident(journal.get("id"))
    known = isinstance(journal.get("private_notes"), bool)
    said = mapping.journal(journal, account, mapping.file_refs(data), at=at)
    # a note of ours is known by its words and its visibility: where that is not said, a read knows it
    if said is not None and said.body and (known or not account.is_us(actor)):
        said = msgspec.structs.replace(said, partial=not known)
        return _made(
            EventKind.COMMENTED, f"journal:{change}", snapshot, said.at, actor=actor, comment=said, needs_read=True
        )
    key = f"journal:{change}" if change else f"state:{number}:{snapshot.version}"
    when = moment(journal.get("created_on")) or snapshot.updated_at
    return _made(EventKind.OBSERVED, key, snapshot, when, actor=actor, needs_read=True)


def _made(kind: EventKind, key: str, snapshot: RemoteTicket, at: datetime, **more: Any) -> Event:
    # the files of an issue are not in a webhook: a text that shows one is read with the issue
    needs_read = more.pop("needs_read", False) or "](" in (snapshot.body if isinstance(snapshot.body, str) else "")
    shot = msgspec.structs.replace(snapshot, lost=(), raw="")
    return Event(
        kind, snapshot.remote_id, key=key, at=at, version=shot.version, snapshot=shot, needs_read=needs_read, **more
    )
