"""Events that say too little: whether their ticket has to be read before they are applied. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

import msgspec

from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.person import RemotePerson
from gateway.errors import DeferError
from gateway.flow.desks import LiveSite
from gateway.ports import Connector

#: after so many reads without an answer a ticket begins with what is told of it
BEGIN_TRIES = 2
#: how soon a ticket is read that was to begin by an earlier delivery, and did not
UNBEGUN_WAIT = 0.25


def with_person(event: Event, connection: str, site: LiveSite) -> Event:
    """Let a new ticket be read whose desk names its requester by an account only.

    Rules that look for duplicates compare people across desks, and an account says nothing to another desk; nor can a
    mail be written to one.
    """
    who = event.snapshot.requester if event.snapshot is not None else None
    if not isinstance(who, RemotePerson) or who.email or event.thread:
        return event
    needed = bool(site.rules.duplicate_rules or site.rules.enrichment.sources) or _writes_to_people(connection, site)
    return msgspec.structs.replace(event, needs_read=True) if needed else event


def _writes_to_people(connection: str, site: LiveSite) -> bool:
    """Say whether tickets of a desk are begun at one that needs their requester's address."""
    targets = {rule.target for rule in site.rules.sync_rules if rule.source == connection}
    return any(name in targets and each.spec.needs_address for name, each in site.connectors.items())


def begins_thin(event: Event) -> bool:
    """Say whether a ticket that began with this alone would lack what its desk knows of it.

    A creation may tell all there is; what is told later of a ticket comes after words and values that it does not say.
    """
    shown = event.snapshot
    if event.thread or event.kind in {EventKind.MERGED, EventKind.DELETED, EventKind.PROMISED}:
        return False
    if shown is not None and (shown.complete or shown.deleted or shown.merged_into):
        return False
    return event.kind is not EventKind.CREATED or not _is_told(shown, "title", "body")


def _has_words(shown: RemoteTicket | None) -> bool:
    return shown is not None and _is_told(shown, "title") and (_is_told(shown, "body") or bool(shown.plain_body))


def _is_told(shown: RemoteTicket | None, *fields: str) -> bool:
    return shown is not None and all(getattr(shown, field) is not msgspec.UNSET for field in fields)


def with_first_reads(
    told: Sequence[tuple[str, tuple[Event, ...], bool]], linked: Collection[tuple[str, str]]
) -> list[tuple[Event, ...]]:
    """Return the events of each delivery of a batch; those that would begin a ticket thin need a read of it.

    `told` are connection, events, and whether its tickets can be read; `linked` are the tickets that are known (as
    connection and remote id). What an earlier delivery of the batch begins is known by then.
    """
    soon = set(linked)
    found = []
    for connection, events, readable in told:
        made = []
        for event in events:
            pair = (connection, event.remote_id)
            unread = readable and pair not in soon and begins_thin(event)
            if event.kind is EventKind.CREATED and not unread:
                soon.add(pair)
            made.append(msgspec.structs.replace(event, needs_read=True) if unread else event)
        found.append(tuple(made))
    return found


def require_whole(event: Event, tries: int, connector: Connector) -> None:
    """Raise DeferError where a ticket would begin thin of which no read was tried.

    It was not, because an earlier delivery was to begin the ticket, which then came to nothing.
    """
    tells = event.comment is not None or event.snapshot is not None
    if tells and tries < BEGIN_TRIES and connector.spec.reads and begins_thin(event):
        msg = "its ticket is to be read first"
        raise DeferError(msg, seconds=UNBEGUN_WAIT)


def is_nothing_without(event: Event, *, known: bool = True) -> bool:
    """Say whether an event is worth nothing unless its ticket is read.

    A poll says that a ticket moved on, and not how: which comments it has is only to be read, and nobody asks again for
    a version that was dealt with. Nor does a comment go anywhere of which nothing says who may read it. And no ticket
    begins that would have no title or no words: not every desk that it is copied to lets them be written later.
    """
    if event.comment is not None and event.comment.unsaid:
        return True
    if event.kind is EventKind.OBSERVED or (not known and begins_thin(event) and not _has_words(event.snapshot)):
        return True
    said = event.changes or event.comment is not None or event.kind in {EventKind.MERGED, EventKind.DELETED}
    shown = event.snapshot
    if shown is None or not _is_told(shown, "title"):
        return not said
    return event.kind is EventKind.CREATED and not _has_words(shown)


def parts(told: Iterable[tuple[str, Sequence[Event]]]) -> dict[tuple[str, str], set[str]]:
    """Return the comments of which events tell the words only: remote ids, by connection and ticket."""
    found: dict[tuple[str, str], set[str]] = {}
    for connection, events in told:
        for event in events:
            if event.comment is not None and event.comment.partial:
                found.setdefault((connection, event.remote_id), set()).add(event.comment.remote_id)
    return found


def must_read(event: Event, synced: int | None, heard: frozenset[str]) -> bool:
    """Say whether a ticket must be read: it is unknown, or a poll says that it moved on since it was read whole.

    Or it tells the words of a comment only, which is none of those that were heard already.
    """
    if synced is None:
        return True
    if event.comment is not None and event.comment.partial:
        return event.comment.remote_id not in heard
    if event.kind is not EventKind.OBSERVED:
        return False
    return event.snapshot is None or event.snapshot.version >= synced or not event.snapshot.version
