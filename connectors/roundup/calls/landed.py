"""Finding what an update of ours left behind: by the Message-ID that carries its effect key.

The search is of Roundup's database, without an index that lags. A message counts once an issue holds it: until then it
is staged, which nobody sees.
"""

from __future__ import annotations

import msgspec

from connectors.roundup.calls.desk import Desk, Row, collection, require
from connectors.roundup.calls.fields import differences, rendered
from connectors.roundup.calls.reads import item_of, ticket_of
from connectors.roundup.mapping import instant, mark, number
from connectors.sdk import (
    Absent,
    Call,
    Copy,
    Finding,
    Found,
    Intent,
    Operation,
    Receipt,
    RemoteTicket,
    Sighting,
    TransportError,
    Unsure,
    WriteContext,
)

TICKET, COMMENT = "ticket", "comment"

#: step of a reply that Roundup answered with another status: the message, and the status that is put back
SAID, STATUS = "said", "status"


def staged(desk: Desk, context: WriteContext, what: str) -> Call[list[str]]:
    """Return the ids of the messages that bear the mark of an update, oldest first."""
    params = {"messageid:": mark(context.effect_key, what, desk.options.host), "@fields": "id"}
    rows = yield from collection(desk, "/msg", params, "look for our message")
    return sorted((found for row in rows if (found := number(row.get("id")))), key=int)


def holders(desk: Desk, message: str) -> Call[list[Row]]:
    """Return the issues that hold a message."""
    params = {"messages": message, "@fields": "creation", "@protected": "true"}
    return (yield from collection(desk, desk.issues, params, "look for our issue"))


def made(desk: Desk, context: WriteContext) -> Call[tuple[str, list[str]]]:
    """Return the issue that this update made, empty where there is none yet, and its staged messages."""
    messages = yield from staged(desk, context, TICKET)
    for message in messages:
        for row in (yield from holders(desk, message)):
            return number(row.get("id")), messages
    return "", messages


def receipt_of(ticket: RemoteTicket, message: str = "") -> Receipt:
    """Return the receipt of a write after which the issue looked like this."""
    return Receipt(
        remote_id=ticket.remote_id,
        key=ticket.key,
        url=ticket.url,
        version=ticket.version,
        version_token=ticket.version_token,
        observed=ticket,
        at=ticket.updated_at,
        comment_id=message,
        change_ids=(message,) if message else (),
    )


def receipt_now(desk: Desk, remote_id: str, message: str = "") -> Call[Receipt]:
    """Read an issue that we have written; what it cannot tell now a later read will: the write has landed."""
    web = desk.options.web
    bare = Receipt(
        remote_id=remote_id,
        key=f"{desk.options.kind}{remote_id}",
        url=f"{web}/{desk.options.kind}{remote_id}",
        comment_id=message,
        change_ids=(message,) if message else (),
    )
    try:
        response = yield desk.issue(remote_id)
        return receipt_of(ticket_of(desk, item_of(response)), message) if response.ok else bare
    except TransportError:
        return bare


def probe(desk: Desk, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for an effect; anything that keeps us from looking is Unsure, but for our credentials."""
    try:
        match intent.operation:
            case Operation.CREATE:
                remote_id, _ = yield from made(desk, context)
                return Found((yield from receipt_now(desk, remote_id))) if remote_id else Absent()
            case Operation.SET_FIELDS:
                return (yield from _fields(desk, rendered(desk.options, intent), context.remote_id))
            case _:
                return (yield from _said(desk, context))
    except TransportError as error:
        return Unsure(str(error))


def _fields(desk: Desk, wanted: Row, remote_id: str) -> Call[Finding]:
    if not number(remote_id):
        return Absent()
    response = yield desk.issue(remote_id)
    if response.status in {403, 404}:
        return Absent()
    require(response)
    item = item_of(response)
    return Absent() if differences(wanted, item.attributes) else Found(receipt_of(ticket_of(desk, item)))


def _said(desk: Desk, context: WriteContext) -> Call[Finding]:
    if context.steps.get(SAID):
        wanted = {"status": context.steps[STATUS]}
        found = yield from _fields(desk, wanted, context.remote_id)
        return _named(found, str(context.steps[SAID]))
    for message in (yield from staged(desk, context, COMMENT)):
        for row in (yield from holders(desk, message)):
            if number(row.get("id")) == context.remote_id:
                return Found((yield from receipt_now(desk, context.remote_id, message)))
    return Absent()


def _named(found: Finding, message: str) -> Finding:
    if not isinstance(found, Found):
        return found
    receipt = msgspec.structs.replace(found.receipt, comment_id=message, change_ids=(message,))
    return Found(receipt)


def effects(desk: Desk, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Count what bears the mark of an update: issues that it made, messages of it that an issue holds."""
    if intent.operation is Operation.SET_FIELDS:
        return Sighting()
    what = TICKET if intent.operation is Operation.CREATE else COMMENT
    copies: dict[str, Copy] = {}
    for message in (yield from staged(desk, context, what)):
        for row in (yield from holders(desk, message)):
            identity = number(row.get("id")) if what == TICKET else message
            copies[identity] = Copy(identity, instant(row.get("creation")) if what == TICKET else None)
    return Sighting(copies=tuple(copies[one] for one in sorted(copies, key=int)))
