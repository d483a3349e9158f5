"""Planfix's webhooks: requests that an admin's scenario sends, in a form of the admin's making.

Nothing is signed: the scenario has a secret in a header. Planfix takes any status but 200 for a failure, tries again
after 15 minutes and later, and sends nothing else of the account for three minutes: what is told is only a hint.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from connectors.content import damaged, from_html
from connectors.planfix import mapping
from connectors.planfix.account import Account
from connectors.planfix.asking import obj
from connectors.planfix.mapping import ident, text
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
    require_equal,
)

HEADER = "x-webhook-secret"
#: where a scenario that cannot set headers may have it
IN_ADDRESS = "secret"
_NAMES = ("task_id", "taskId", "taskid", "task", "task_number", "taskNumber", "number", "id", "номер", "задача")
_TITLES = ("task_name", "name", "title", "subject")
_LINK = re.compile(r"/task/(\d{1,18})(?!\d)")
_GONE = frozenset({"deleted", "task.deleted", "removed", "удалена"})


def verify(account: Account, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless the request has one of our secrets."""
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    given = request.headers.get(HEADER, "") or request.query.get(IN_ADDRESS, "")
    failure: AuthenticationError | None = None
    for secret in account.webhook_secrets:
        try:
            require_equal(given, secret, HEADER)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure or AuthenticationError(f"wrong {HEADER}")


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by its content: a try again has the same."""
    kept = {"content-type": request.headers["content-type"][:100]} if "content-type" in request.headers else {}
    try:
        number = task_id(_body(request.body, kept.get("content-type", "")))
    except UnreadableError:
        number = ""
    return Envelope(body_digest(request.body), number, kept)


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read which task it is about; raises UnreadableError where that cannot be made out."""
    body = _body(delivery.body, delivery.headers.get("content-type", ""))
    number = task_id(body)
    if not number:
        msg = "no task's number can be made out: the scenario's request needs it as `task_id`"
        raise UnreadableError(msg)
    at = delivery.received_at
    told = text(body.get("event")).strip().lower()
    if told in _GONE:
        return (Event(EventKind.DELETED, number, key=f"deleted:{number}", at=at),)
    shot = _told(account, body, number, at)
    actor = mapping.person({"id": _prefixed(body.get("author") or body.get("user"))})
    key = f"hint:{number}:{delivery.source_event_id}"
    return (Event(EventKind.OBSERVED, number, key=key, at=at, actor=actor, snapshot=shot, needs_read=True),)


def _told(account: Account, body: dict[str, Any], number: str, at: datetime) -> RemoteTicket:
    """Return what a scenario's template plainly says of its task, for people: the task is read."""
    inside = {**obj(body.get("task")), **body}
    said = {
        field: text(inside[name]).strip()
        for field, names in (("title", _TITLES), ("body", ("description", "task_description")))
        for name in reversed(names)
        if text(inside.get(name)).strip() and "{{" not in text(inside.get(name))
    }
    shot = RemoteTicket(number, at, key=number, url=f"{account.base}/task/{number}")
    return msgspec.structs.replace(
        shot,
        title=said.get("title", msgspec.UNSET),
        body=from_html(said["body"]).markdown if "body" in said else msgspec.UNSET,
    )


def _prefixed(value: Any) -> str:
    return text(value if not isinstance(value, dict) else value.get("id"))


def _body(body: bytes, content_type: str) -> dict[str, Any]:
    """Read JSON, or a form: a scenario sends either, and escapes nothing that it fills in.

    Of a body that had to be guessed only what names the task is taken.
    """
    if "form" in content_type.lower():
        said = body[:1_000_000].decode("utf-8", "replace").replace("\x00", "")
        return dict(parse_qsl(said, keep_blank_values=True))
    try:
        return damaged.object_in(body)
    except UnreadableError:
        found = damaged.read(body)
        content = found.content if found is not None and isinstance(found.content, dict) else {}
        known = {name: content[name] for name in _NAMES if name in content}
        if not known:
            raise
        return known


def task_id(body: dict[str, Any]) -> str:
    """Return the number of the task, or an empty string."""
    small = {name.lower(): value for name, value in body.items()}
    for name in _NAMES:
        value = small.get(name.lower())
        found = ident(value) or ident(obj(value).get("id")) or ident(obj(value).get("number"))
        if found:
            return found
    for value in body.values():
        link = _LINK.search(text(value)[:10_000])
        if link:
            return link.group(1)
    return ""
