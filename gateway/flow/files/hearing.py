"""What a desk says hangs on a ticket is noted, each file once, and the texts name it as we do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from gateway.domain.echo import EchoEntry, value_hash
from gateway.domain.event import Attachment, Event, RemoteComment, RemoteTicket
from gateway.domain.filing import safe_name
from gateway.domain.link import Link, Role
from gateway.domain.ticket import Visibility
from gateway.flow import originals
from gateway.flow.plan import comment_row
from gateway.ports import CommentRow, FileRow, FileState, Ids, Tx

#: of the ledger: a file that we have put on a ticket
FILE = "file"
#: a desk that names a file by nothing else names it so
_UNNAMED = "{name}:{size}:{url}"


def all_said(remote: RemoteTicket, event: Event) -> list[RemoteComment]:
    """Return the comments of a ticket that is new to us, and the one that an event brings."""
    told = event.comment
    known = told is None or any(each.remote_id == told.remote_id for each in remote.comments)
    return [*remote.comments, *([] if told is None or known else [told])]


def hear_comments(tx: Tx, ids: Ids, ticket_id: str, link: Link, said: Iterable[RemoteComment]) -> list[CommentRow]:
    """Store comments with their files; return those that are new at that link."""
    new = []
    for comment in said:
        row = comment_row(comment, ids.new(), ticket_id, link.connection)
        noted = [
            _row(each, ids, ticket_id, link, comment.at, comment.visibility, row.id) for each in comment.attachments
        ]
        row = msgspec.structs.replace(
            row, body=named(row.body, noted), attachments=tuple(carried(each) for each in noted)
        )
        if not tx.tickets.add_comment(row, link_id=link.id, remote_id=comment.remote_id):
            continue
        new.append(originals.of_comment(tx, row, comment))
        for each in noted:
            tx.files.add(each)
    return new


def hear_files(
    tx: Tx,
    ids: Ids,
    ticket_id: str,
    link: Link,
    remote: RemoteTicket | None,
    ledger: Sequence[EchoEntry],
    now: datetime,
) -> list[Attachment]:
    """Note the files of a ticket that belong to no comment; return those that are new, and none of ours."""
    if remote is None:
        return []
    ours = {entry.value_hash: entry for entry in ledger if entry.subject == FILE}
    new = [carried(row) for row in _late(tx, ids, ticket_id, link, remote) if tx.files.add(row)]
    made_here = any(each.opening for each in remote.attachments) and _is_made_here(tx, link, remote)
    for each in remote.attachments:
        row = _row(each, ids, ticket_id, link, remote.updated_at, each.visibility, "")
        if each.opening and made_here:
            # known from now on, so that it is no news when the name of the creation is forgotten
            tx.files.bind(link.id, row.attachment.remote_id, "")
            continue
        entry = ours.pop(file_hash(each), None)
        if entry is not None:
            if tx.files.bind(link.id, row.attachment.remote_id, ""):
                tx.ledger.consume([entry.id], now)
            continue
        if tx.files.add(row):
            new.append(carried(row))
    return new


def _is_made_here(tx: Tx, link: Link, remote: RemoteTicket) -> bool:
    """Say whether we made a remote ticket: a mark alone may be that of another gateway to the same desk."""
    if not remote.marker:
        return False
    # the names of updates are kept for some months
    is_copy = link.role is Role.TARGET and bool(link.rule)
    return is_copy or tx.links.by_effect_key(link.connection, remote.marker) is not None


def _late(tx: Tx, ids: Ids, ticket_id: str, link: Link, remote: RemoteTicket) -> list[FileRow]:
    """Return the files of comments that were heard before their files were: of ours, none."""
    bearing = {each.remote_id: each for each in remote.comments if each.attachments}
    if not bearing:
        return []
    said = tx.tickets.said_at(link.id, bearing)
    return [
        _row(each, ids, ticket_id, link, bearing[known].at, bearing[known].visibility, comment_id)
        for known, (comment_id, connection) in said.items()
        if connection == link.connection
        for each in bearing[known].attachments
    ]


def with_their_files(tx: Tx, ticket_id: str) -> tuple[list[CommentRow], list[Attachment]]:
    """Return the comments of a ticket with their files, and the files that belong to none."""
    of: dict[str, list[Attachment]] = {}
    for row in tx.files.of_ticket(ticket_id):
        of.setdefault(row.comment_id, []).append(carried(row))
    comments = [
        msgspec.structs.replace(each, attachments=tuple(of[each.id])) if each.id in of else each
        for each in tx.tickets.comments(ticket_id)
    ]
    return comments, of.get("", [])


def file_hash(attachment: Attachment) -> str:
    """Return by what a file of ours is known when its desk tells of it."""
    return value_hash(f"{safe_name(attachment.name)}:{attachment.size}")


def named(body: str, rows: Sequence[FileRow]) -> str:
    """Return a text whose images are named by our ids of them."""
    for row in rows:
        body = body.replace(f"](attachment:{row.attachment.remote_id})", f"](attachment:{row.id})")
    return body


def carried(row: FileRow) -> Attachment:
    """Return a file as an update names it until it leaves: by our id of it."""
    return msgspec.structs.replace(row.attachment, remote_id=row.id, url="", sha256="")


def _row(
    each: Attachment, ids: Ids, ticket_id: str, link: Link, at: datetime, visibility: Visibility, comment_id: str
) -> FileRow:
    remote_id = each.remote_id or _UNNAMED.format(name=each.name, size=each.size, url=each.url)[-180:]
    attachment = msgspec.structs.replace(
        each, name=safe_name(each.name), remote_id=remote_id, visibility=visibility, opening=False
    )
    state = FileState.PENDING
    return FileRow(ids.new(), ticket_id, comment_id, link.id, link.connection, at, attachment, state, size=each.size)
