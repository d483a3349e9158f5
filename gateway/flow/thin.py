"""Events that say too little: whether their ticket has to be read before they are applied. Pure."""

from __future__ import annotations

import msgspec

from gateway.domain.event import Event, EventKind
from gateway.domain.person import RemotePerson
from gateway.flow.desks import LiveSite


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


def is_nothing_without(event: Event) -> bool:
    """Say whether an event is worth nothing unless its ticket is read.

    A poll says that a ticket moved on, and not how: which comments it has is only to be read, and nobody asks again for
    a version that was dealt with.
    """
    if event.kind is EventKind.OBSERVED:
        return True
    said = event.changes or event.comment is not None or event.kind in {EventKind.MERGED, EventKind.DELETED}
    shown = event.snapshot
    if shown is None or shown.title is msgspec.UNSET:
        return not said
    return event.kind is EventKind.CREATED and shown.body is msgspec.UNSET


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
