"""Which field values an event brings: what was changed on purpose, and what is seen in passing. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from gateway.domain.event import Event, EventKind, FieldChange, RemoteComment, RemoteTicket
from gateway.domain.link import Link
from gateway.domain.person import RemotePerson
from gateway.domain.shown import CUSTOM, DUE, TAGS, plain_shown
from gateway.domain.ticket import SYNCED_FIELDS
from gateway.flow.edits import Seen, stands


def plain(field: str, value: Any) -> Any:
    """Return a field's value as plain JSON for comparing; of a person only the account: not every answer says more."""
    if field == "assignee" and isinstance(value, RemotePerson):
        return {"external_id": value.external_id}
    return msgspec.to_builtins(value)


def brought(event: Event, link: Link, own: frozenset[str]) -> list[Seen]:
    """Return the field values of an event: what was changed on purpose, and where its snapshot differs from ours."""
    found = [
        Seen(field, value, event.at, event.version, True)
        for change in event.changes
        for field, value in _parted(change, own)
    ]
    explicit = {seen.field for seen in found}
    snapshot = event.snapshot
    if snapshot is None:
        return found
    for field, value in _shown_in(snapshot, own):
        seen = link.observed.get(field)
        if field in explicit or (seen is not None and (seen.value == plain_shown(value) or stands(seen, snapshot))):
            continue
        found.append(Seen(field, value, snapshot.updated_at, snapshot.version, False))
    for field in SYNCED_FIELDS:
        value = getattr(snapshot, field)
        if value is msgspec.UNSET or field in explicit:
            continue
        seen = link.observed.get(field)
        if seen is not None and (is_seen(field, seen.value, snapshot) or stands(seen, snapshot)):
            continue
        found.append(Seen(field, value, snapshot.updated_at, snapshot.version, False))
    return found


def is_seen(field: str, value: Any, snapshot: RemoteTicket) -> bool:
    """Say whether what was seen of a field is what a snapshot shows: of a body, its words without their form will do.

    A connector that learned to read rich text has not seen an edit.
    """
    if field == "body" and snapshot.plain_body and value == snapshot.plain_body:
        return True
    return bool(value == plain(field, getattr(snapshot, field)))


def whole(event: Event, read: RemoteTicket | None) -> tuple[Event, RemoteTicket | None]:
    """Return an event with its comment as the desk shows it, where it told the words only; and the read beside it.

    What tells the moment more finely than a read counts, and nothing that was said after it is from before.
    """
    told = event.comment
    if told is None or not told.partial or read is None:
        return event, read
    shown: list[RemoteComment] = []
    for each in read.comments:
        at = told.at if each.remote_id == told.remote_id else each.at
        if shown and at < shown[-1].at and at.replace(microsecond=0) == shown[-1].at.replace(microsecond=0):
            at = shown[-1].at
        author = each.author or (told.author if each.remote_id == told.remote_id else None)
        shown.append(msgspec.structs.replace(each, at=at, author=author))
    mine = next((each for each in shown if each.remote_id == told.remote_id), None if told.unsaid else told)
    # what is not there any more was said to nobody that we know of
    kind = EventKind.OBSERVED if mine is None else event.kind
    return msgspec.structs.replace(event, kind=kind, comment=mine), msgspec.structs.replace(read, comments=tuple(shown))


def is_doubtful(event: Event, link: Link) -> bool:
    """Say whether a webhook shows a field otherwise than it was seen or written by us, at the very version of that.

    What people change a desk tells; what it does because of that (who replies has the ticket) it only shows.
    """
    shown = event.snapshot
    if shown is None or shown.complete or not shown.version:
        return False
    told = {change.field for change in event.changes}
    for field in SYNCED_FIELDS:
        seen, value = link.observed.get(field), getattr(shown, field)
        if seen is None or value is msgspec.UNSET or field in told:
            continue
        if seen.version == shown.version and seen.value != plain(field, value):
            return True
    return False


def _parted(change: FieldChange, own: frozenset[str]) -> list[tuple[str, Any]]:
    """Return a change by its fields: custom fields of ours apart from the others."""
    if change.field != "custom":
        return [(change.field, change.value)]
    mine = [(CUSTOM + name, value) for name, value in change.value.items() if CUSTOM + name in own]
    rest = {name: value for name, value in change.value.items() if CUSTOM + name not in own}
    return mine + ([("custom", rest)] if rest else [])


def _shown_in(snapshot: RemoteTicket, own: frozenset[str]) -> list[tuple[str, Any]]:
    """Return what a snapshot says of the fields in which we alone write, and of the desk's own due time."""
    found: list[tuple[str, Any]] = []
    if snapshot.due is not msgspec.UNSET:
        found.append((DUE, snapshot.due))
    if snapshot.own_tags is not msgspec.UNSET:
        found.append((TAGS, snapshot.own_tags))
    if isinstance(snapshot.custom, dict):
        # a field that a desk leaves out is empty
        found += [
            (name, snapshot.custom.get(name.removeprefix(CUSTOM))) for name in sorted(own) if name.startswith(CUSTOM)
        ]
    return found


def ended(event: Event, read: RemoteTicket | None) -> Event:
    """Return the event as a deletion or a merge where the desk shows that the ticket is no more."""
    shown = read or event.snapshot
    if shown is None or event.kind in {EventKind.DELETED, EventKind.MERGED}:
        return event
    if shown.merged_into:
        return msgspec.structs.replace(event, kind=EventKind.MERGED, merged_into=shown.merged_into)
    return msgspec.structs.replace(event, kind=EventKind.DELETED) if shown.deleted else event
