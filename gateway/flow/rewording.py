"""A comment whose words were changed at its desk reads here as it reads there: the record only, no copy elsewhere.

Only the desk where it was said changes it, and only where that desk says when: a text that is read in another form is
no edit (ADR 69). A copy at another desk stays what was said there, as a mail does that went out.
"""

from __future__ import annotations

from typing import Any

from gateway.domain.event import Event, RemoteComment
from gateway.domain.link import Link
from gateway.domain.ticket import Visibility
from gateway.flow import originals
from gateway.flow.files.hearing import named
from gateway.ports import CommentRow, Tx

#: of the trail
EDITED = "comment edited"


def hear_edits(tx: Tx, link: Link, event: Event) -> list[tuple[str, dict[str, Any]]]:
    """Take what comments say now that were changed at their desk; return (action, detail) of each for the trail.

    What Markdown cannot show of the new words is kept and said, as of new ones; of the old ones it goes. One that
    became internal is no longer public here, and never the other way round.
    """
    shown = {each.remote_id: each for each in _shown(event) if each.was_edited and not each.partial}
    if not shown:
        return []
    when = {remote_id: each.edited_at for remote_id, each in shown.items() if each.edited_at is not None}
    said: list[tuple[str, dict[str, Any]]] = []
    for remote_id, row in tx.tickets.said_before(link.id, when).items():
        if row.connection == link.connection:
            said += _reword(tx, link, row, shown[remote_id])
    return said


def _shown(event: Event) -> tuple[RemoteComment, ...]:
    """Return the comments as the desk shows them; the one that an event tells only where nothing is to be read."""
    shown = event.snapshot.comments if event.snapshot is not None else ()
    told = event.comment
    if told is None or event.needs_read or any(each.remote_id == told.remote_id for each in shown):
        return shown
    return (*shown, told)


def _reword(tx: Tx, link: Link, row: CommentRow, now: RemoteComment) -> list[tuple[str, dict[str, Any]]]:
    files = [each for each in tx.files.of_ticket(row.ticket_id) if each.link_id == link.id]
    body = named(now.body, files)
    hidden = row.visibility is Visibility.PUBLIC and now.visibility is Visibility.INTERNAL
    tx.tickets.reword(row.id, body, now.visibility if hidden else row.visibility, now.edited_at or row.at)
    known = tx.tickets.originals([row.id]).get(row.id)
    if not now.lost and known is not None:
        tx.tickets.drop_original(row.id)
    lost = originals.of_comment(tx, row, now).lost
    said: list[tuple[str, dict[str, Any]]] = []
    if body != row.body or hidden:
        more = {"now": "internal"} if hidden else {}
        said.append((EDITED, {"at": link.connection, "comment": now.remote_id, **more}))
    if lost and (known is None or known.lost != lost):
        said.append((originals.ACTION, originals.for_the_trail(link.connection, "an edited comment", lost)))
    return said
