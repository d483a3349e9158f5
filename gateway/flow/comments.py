"""Which comments of an event are new, and which are our own coming back: by id, by marker, then by content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from operator import attrgetter

from gateway.domain.echo import EchoEntry, Incoming, match, value_hash
from gateway.domain.event import Event, RemoteComment
from gateway.domain.link import Link
from gateway.ports import CommentRow, Tx


def sort_comments(
    event: Event, entries: tuple[EchoEntry, ...], known: frozenset[str], *, by_us: bool | None
) -> tuple[tuple[RemoteComment, ...], tuple[str, ...], list[str]]:
    """Sort an event's comments into new ones and our own, by id, by marker, then by content, in the desk's order."""
    new: list[RemoteComment] = []
    own: list[str] = []
    used: list[str] = []
    for comment in _in_order(event):
        if comment.remote_id in known:
            continue
        entry = _own_comment(comment, entries, by_us=by_us if comment is event.comment else None)
        if entry is None:
            new.append(comment)
            continue
        own.append(comment.remote_id)
        spent = [
            each.id for each in entries if each.update_id == entry.update_id and each.subject in {"comment", "marker"}
        ]
        used += spent
        entries = tuple(each for each in entries if each.id not in spent)
    return tuple(new), tuple(own), used


def named(event: Event) -> frozenset[str]:
    """Return the remote ids of the comments of an event, told or shown."""
    return frozenset(each.remote_id for each in _in_order(event))


def _in_order(event: Event) -> list[RemoteComment]:
    """Return the comment that an event tells of and those that the desk shows, each once, as they were said.

    Many desks count in seconds: those of one second stay in the order of the desk. Their ids are no numbers to us.
    """
    told = event.comment
    shown = event.snapshot.comments if event.snapshot is not None else ()
    if told is not None:
        shown = tuple(told if each.remote_id == told.remote_id else each for each in shown)
        shown = shown if told in shown else (*shown, told)
    return sorted(shown, key=attrgetter("at"))


def _own_comment(comment: RemoteComment, entries: tuple[EchoEntry, ...], *, by_us: bool | None) -> EchoEntry | None:
    if comment.marker:
        marked = value_hash(comment.marker)
        for entry in entries:
            if entry.subject == "marker" and entry.value_hash == marked:
                return entry
    return match(
        Incoming(
            subject="comment",
            value_hash=comment_hash(comment.body, comment.visibility),
            at=comment.at,
            change_id=comment.remote_id,
            by_us=by_us,
        ),
        entries,
    )


def first_copies(tx: Tx, link: Link, comments: Iterable[RemoteComment], now: datetime) -> list[RemoteComment]:
    """Return comments without those that are known already.

    What we wrote and what landed once more goes nowhere, and is looked into. What came along with a ticket that was
    moved to another place of its desk has another name there.
    """
    first = [comment for comment in comments if not _is_second_copy(tx, link.id, comment, now)]
    return _without_moved(tx, link, first) if first and _was_moved(tx, link) else first


def _was_moved(tx: Tx, link: Link) -> bool:
    return any(each.merged_into == link.id for each in tx.links.of_ticket(link.ticket_id))


def _without_moved(tx: Tx, link: Link, comments: Sequence[RemoteComment]) -> list[RemoteComment]:
    """Return comments without those that were heard at the old place: of one person and moment, each once."""
    heard: dict[tuple[datetime, str], list[str]] = {}
    for row in tx.tickets.comments(link.ticket_id):
        if row.connection == link.connection:
            heard.setdefault(_said_by(row), []).append(row.id)
    found = []
    for comment in comments:
        same = heard.get(_said_by(comment))
        if not same:
            found.append(comment)
        else:
            tx.tickets.bind_comment(link.id, comment.remote_id, same.pop(0))
    return found


def _said_by(comment: RemoteComment | CommentRow) -> tuple[datetime, str]:
    # a webhook may tell whole seconds where a read tells parts of them
    return comment.at.replace(microsecond=0), comment.author.external_id if comment.author is not None else ""


def _is_second_copy(tx: Tx, link_id: str, comment: RemoteComment, now: datetime) -> bool:
    if not comment.marker or not tx.looks.witness(comment.marker, now):
        return False
    tx.tickets.bind_comment(link_id, comment.remote_id, "")
    return True


def comment_hash(body: str, visibility: str) -> str:
    """Hash a comment for the ledger: white space at line ends and the ends of the text does not count."""
    lines = [line.rstrip() for line in body.strip().replace("\r\n", "\n").split("\n")]
    return value_hash(["\n".join(lines), str(visibility)])
