"""What a reply of ours did to the status: RT opens the ticket, and the same request puts back what we had read.

An edit that a person made between our read and our reply is undone by that, and its webhook may be lost: the ticket's
history tells, and so the edit is handed on with the receipt.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.request_tracker.calls.desk import PERSON, Desk, decoded, rows
from connectors.request_tracker.calls.reads import author, seen
from connectors.request_tracker.mapping import SYSTEM, instant, integer, text
from connectors.sdk import Call, Event, EventKind, FieldChange, Receipt, TransportError

#: a reply makes four transactions at most; what a busy ticket saw since our read stands right before them
NEWEST = 50

Row = dict[str, Any]


class Undone(msgspec.Struct, frozen=True):
    """A person's edit of the status that our reply undid, and the status that the reply left."""

    edit: Event
    left: str


def after_reply(desk: Desk, receipt: Receipt, kept: str) -> Call[Receipt]:
    """Look at the ticket after a reply; `kept` is the status that we sent along, where we did.

    The version of the receipt then covers RT's own changes. Where the ticket still shows the status that the reply
    left, that one is ours. A look that fails takes nothing back: the reply landed, at a version that is not known.
    """
    undone = yield from look_for_edit(desk, receipt.remote_id, receipt.comment_id)
    if not kept and undone is None:
        return receipt
    left = undone.left if undone is not None else kept
    try:
        response = yield desk.ticket(receipt.remote_id)
        if response.ok:
            ticket = seen(desk, response)
            status = ticket.status
            ours = status is not msgspec.UNSET and status.native.lower() == left.lower()
            return msgspec.structs.replace(
                receipt,
                kept={"status": msgspec.to_builtins(status)} if ours else {},
                undone=(undone.edit,) if ours and undone is not None else (),
                version=max(receipt.version, ticket.version),
                version_token=ticket.version_token,
                observed=ticket,
                at=ticket.updated_at,
            )
    except TransportError:
        pass
    return msgspec.structs.replace(receipt, version=0)


def look_for_edit(desk: Desk, remote_id: str, number: str) -> Call[Undone | None]:
    """Return the edit that the reply with this transaction undid, where the newest history shows one."""
    request = desk.request(
        "GET",
        f"/ticket/{remote_id}/history",
        params={
            "fields": "Type,Creator,Created,ObjectId,Field,OldValue,NewValue",
            "fields[Creator]": PERSON,
            "orderby": "id",
            "order": "DESC",
            "per_page": str(NEWEST),
        },
        label="look for what the reply undid",
    )
    try:
        response = yield request
        found = rows(decoded(response)) if response.ok else []
    except TransportError:
        return None
    return _undone(desk, sorted(found, key=_number), remote_id, integer(number) or 0)


def _undone(desk: Desk, history: list[Row], remote_id: str, reply: int) -> Undone | None:
    """Compare the status that stood before the reply with the one that it left; `history` is in order."""
    before: Row | None = None
    left = ""
    for row in history:
        by_person = _by_person(desk, row)
        if row.get("Type") != "Status" or text(row.get("ObjectId")) not in {remote_id, ""}:
            continue
        if _number(row) < reply:
            before = row
        elif by_person:
            break
        else:
            left = text(row.get("NewValue"))
    if before is None or not left or not _by_person(desk, before):
        return None
    value, old, at = text(before.get("NewValue")), text(before.get("OldValue")), instant(before.get("Created"))
    if at is None or value.lower() in {left.lower(), "deleted"}:
        return None
    words = desk.options.words
    edit = Event(
        kind=EventKind.CHANGED,
        remote_id=remote_id,
        # not the name of the transaction: it may have been told of, but not that it was undone
        key=f"undone:{_number(before)}:{reply}",
        at=at,
        version=_number(before),
        actor=author(desk, before),
        changes=(FieldChange("status", words.status(value), words.status(old) if old else None),),
    )
    return Undone(edit, left)


def _number(row: Row) -> int:
    return integer(row.get("id")) or 0


def _by_person(desk: Desk, row: Row) -> bool:
    """Say whether somebody else made a transaction; on the way we learn our own login."""
    person = author(desk, row)
    return person is not None and person.external_id != SYSTEM and desk.account.is_us(person) is False
