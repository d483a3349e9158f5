"""What a reply of ours did to the status: RT opens the ticket, and the same request puts back what we had read.

The ticket's history tells which of RT's own changes belong to the reply; one that follows a person's answer a moment
later is no echo of ours. It tells as well of an edit that a person made between our read and our reply: that one is
undone by it, its webhook may be lost, and so it is handed on with the receipt.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.request_tracker.calls.desk import PERSON, Desk, decoded, rows, ticket_path
from connectors.request_tracker.calls.reads import author, seen
from connectors.request_tracker.mapping import SYSTEM, instant, integer, text
from connectors.sdk import Call, Event, EventKind, FieldChange, Receipt, TransportError

#: a reply makes four transactions at most; what a busy ticket saw since our read stands right before them
NEWEST = 50

Row = dict[str, Any]


class Aftermath(msgspec.Struct, frozen=True):
    """What the history shows of a reply: its last transaction, the status that it left, the edit that it undid."""

    version: int
    left: str = ""
    undone: Event | None = None


def after_reply(desk: Desk, receipt: Receipt, kept: str) -> Call[Receipt]:
    """Look at the ticket after a reply; `kept` is the status that we sent along, where we did.

    The version of the receipt then covers RT's own changes, and no later ones. Where the ticket still shows the status
    that the reply left, that one is ours. A look that fails takes nothing back: the reply landed, at a version that is
    not known.
    """
    receipt = msgspec.structs.replace(receipt, since=integer(receipt.comment_id) or 0)
    after = yield from look_at_history(desk, receipt.remote_id, receipt.comment_id)
    if after is not None:
        receipt = msgspec.structs.replace(receipt, version=after.version)
    undone = after.undone if after is not None else None
    if not kept and undone is None:
        # a ticket that stood open is not opened: what is seen of its status beside our reply was somebody else
        none = after is not None and not after.left
        return msgspec.structs.replace(receipt, spared=("status",)) if none else receipt
    left = after.left if after is not None and after.left else kept
    try:
        response = yield desk.ticket(receipt.remote_id)
        if response.ok:
            ticket = seen(desk, response)
            status = ticket.status
            ours = status is not msgspec.UNSET and status.native.lower() == left.lower()
            return msgspec.structs.replace(
                receipt,
                kept={"status": msgspec.to_builtins(status)} if ours else {},
                undone=(undone,) if ours and undone is not None else (),
                version=receipt.version if after is not None else max(receipt.version, ticket.version),
                version_token=ticket.version_token if after is None or after.version >= ticket.version else "",
                observed=ticket,
                at=ticket.updated_at,
            )
    except TransportError:
        pass
    return receipt if after is not None else msgspec.structs.replace(receipt, version=0)


def look_at_history(desk: Desk, remote_id: str, number: str) -> Call[Aftermath | None]:
    """Return what the newest history shows of the reply with this transaction; None where it shows nothing of it."""
    request = desk.request(
        "GET",
        f"{ticket_path(remote_id)}/history",
        params={
            "fields": "Type,Creator,Created,ObjectId,Field,OldValue,NewValue",
            "fields[Creator]": PERSON,
            "orderby": "id",
            "order": "DESC",
            "per_page": str(NEWEST),
        },
        label="look at what the reply did",
    )
    try:
        response = yield request
        found = rows(decoded(response)) if response.ok else []
    except TransportError:
        return None
    mine = [row for row in found if text(row.get("ObjectId")) in {remote_id, ""}]
    return _aftermath(desk, sorted(mine, key=_number), remote_id, integer(number) or 0)


def _aftermath(desk: Desk, history: list[Row], remote_id: str, reply: int) -> Aftermath | None:
    """Compare the status that stood before the reply with the one that it left; `history` is in order."""
    if not any(_number(row) == reply for row in history):
        return None
    statuses = [row for row in history if row.get("Type") == "Status" and _number(row) < reply]
    left, version = "", reply
    for row in history:
        if _number(row) <= reply:
            continue
        if _by_person(desk, row) or row.get("Type") == "Correspond":
            # whatever RT does from here on belongs to somebody's answer
            break
        if row.get("Type") == "Status":
            left, version = text(row.get("NewValue")), _number(row)
    undone = _edit(desk, statuses[-1], remote_id, reply) if statuses and left else None
    if undone is not None and undone.changes[0].value == desk.options.words.status(left):
        undone = None
    return Aftermath(version, left, undone)


def _edit(desk: Desk, row: Row, remote_id: str, reply: int) -> Event | None:
    """Read a person's edit of the status; None for what we or RT did, and for a deletion."""
    value, old, at = text(row.get("NewValue")), text(row.get("OldValue")), instant(row.get("Created"))
    if at is None or value.lower() == "deleted" or not _by_person(desk, row):
        return None
    words = desk.options.words
    return Event(
        kind=EventKind.CHANGED,
        remote_id=remote_id,
        # not the name of the transaction: it may have been told of, but not that it was undone
        key=f"undone:{_number(row)}:{reply}",
        at=at,
        version=_number(row),
        actor=author(desk, row),
        changes=(FieldChange("status", words.status(value), words.status(old) if old else None),),
    )


def _number(row: Row) -> int:
    return integer(row.get("id")) or 0


def _by_person(desk: Desk, row: Row) -> bool:
    """Say whether somebody else made a transaction; on the way we learn our own login."""
    person = author(desk, row)
    return person is not None and person.external_id != SYSTEM and desk.account.is_us(person) is False
