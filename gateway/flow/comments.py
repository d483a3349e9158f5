"""Which comments of an event are new, and which are our own coming back: by id, by marker, then by content."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter

from gateway.domain.echo import EchoEntry, Incoming, match, value_hash
from gateway.domain.event import Event, RemoteComment
from gateway.ports import Tx


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


def first_copies(tx: Tx, link_id: str, comments: Iterable[RemoteComment], now: datetime) -> list[RemoteComment]:
    """Return comments without those that we wrote and that landed once more: they go nowhere, and are looked into."""
    return [comment for comment in comments if not _is_second_copy(tx, link_id, comment, now)]


def _is_second_copy(tx: Tx, link_id: str, comment: RemoteComment, now: datetime) -> bool:
    if not comment.marker or not tx.looks.witness(comment.marker, now):
        return False
    tx.tickets.bind_comment(link_id, comment.remote_id, "")
    return True


def comment_hash(body: str, visibility: str) -> str:
    """Hash a comment for the ledger: white space at line ends and the ends of the text does not count."""
    lines = [line.rstrip() for line in body.strip().replace("\r\n", "\n").split("\n")]
    return value_hash(["\n".join(lines), str(visibility)])
