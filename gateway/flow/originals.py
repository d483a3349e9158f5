"""What of a desk's text Markdown cannot show is kept as the desk has it, and said: nothing is dropped in silence."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.domain.event import RemoteComment, RemoteTicket
from gateway.domain.link import Link
from gateway.ports import CommentRow, Tx
from gateway.ports.originals import Original
from gateway.telemetry import Redactor

#: so much is kept of a text, in characters, and so many words of what it lost
LONGEST = 65_536
MOST = 20
WORDS = 120

#: of the trail
ACTION = "text not shown whole"


def of_comment(tx: Tx, row: CommentRow, said: RemoteComment) -> CommentRow:
    """Keep the text of a new comment that has more than Markdown can show; return its row, which says so."""
    if not said.lost:
        return row
    kept = _original(row.id, row.ticket_id, row.connection, said)
    tx.tickets.keep_original(kept)
    return msgspec.structs.replace(row, lost=kept.lost)


def of_body(tx: Tx, was: Link | None, link: Link, remote: RemoteTicket | None) -> tuple[str, ...]:
    """Keep a new description as its desk has it where it has more than Markdown can show; return what that is.

    Empty where it is nothing, or where it was said of that link already.
    """
    if remote is None or remote.body is msgspec.UNSET:
        return ()
    seen, now = was.observed.get("body") if was is not None else None, link.observed.get("body")
    is_same = seen is not None and now is not None and seen.value == now.value
    if not remote.lost:
        if was is not None and not is_same:
            tx.tickets.drop_original(link.id)
        return ()
    known = tx.tickets.originals([link.id]).get(link.id) if was is not None else None
    if is_same and known is not None:
        return ()
    kept = _original(link.id, link.ticket_id, link.connection, remote)
    tx.tickets.keep_original(kept)
    return () if known is not None and known.lost == kept.lost else kept.lost


def for_the_trail(connection: str, what: str, lost: tuple[str, ...]) -> dict[str, Any]:
    """Return what the trail says of a text."""
    return {"at": connection, "of": what, "lost": list(lost)}


def _original(of: str, ticket_id: str, connection: str, said: RemoteComment | RemoteTicket) -> Original:
    lost = tuple(dict.fromkeys(" ".join(each.split())[:WORDS] for each in said.lost))[:MOST]
    at = said.at if isinstance(said, RemoteComment) else said.updated_at
    # addresses of images and files bear keys, which are nobody's to read here
    raw = Redactor().text(said.raw[:LONGEST])
    cut = len(said.raw) > LONGEST
    return Original(of, ticket_id, connection, at, said.source_format, lost, raw, cut)
