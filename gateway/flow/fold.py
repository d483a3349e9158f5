"""What one event of one desk changes in the one ticket: pure, so that it can be read, tested and replayed.

Per field the newest real edit wins; what equals our own write is an echo and changes nothing; a field is only taken
from a desk that may change it; what no map covers is parked or noted, as the rule says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.echo import EchoEntry, Incoming, match, outdated, value_hash
from gateway.domain.event import Event, EventKind, RemoteComment, RemoteTicket
from gateway.domain.link import Link, Observed, Role
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import (
    SYNCED_FIELDS,
    Category,
    Kind,
    Level,
    Priority,
    Setter,
    Stamp,
    Status,
    Ticket,
    Unmapped,
    with_field,
)
from gateway.errors import ConflictError, UnmappedError
from rules.sync import ConflictChoice, Owner, SyncRule, UnmappedChoice, owner_allows


class Lost(msgspec.Struct, frozen=True):
    """An edit that was not taken, kept for the audit trail."""

    field: str
    value: Any
    why: str


class Fold(msgspec.Struct, frozen=True):
    """The ticket and the link after one event, and what happened on the way."""

    ticket: Ticket
    link: Link
    #: fields of the ticket that this event changed
    changed: tuple[str, ...] = ()
    #: comments that are new to us
    comments: tuple[RemoteComment, ...] = ()
    #: remote ids of comments that are our own, seen for the first time
    own_comments: tuple[str, ...] = ()
    #: ledger entries that are used up
    consumed: tuple[str, ...] = ()
    lost: tuple[Lost, ...] = ()
    echoes: tuple[str, ...] = ()


class _Seen(msgspec.Struct, frozen=True):
    """One field value that an event brings."""

    field: str
    value: Any
    at: datetime
    version: int
    explicit: bool


def new_ticket(ticket_id: str, source: str, remote: RemoteTicket, event: Event) -> Ticket:
    """Return the ticket that a remote ticket begins; its first values were filled in by the desk."""
    created = remote.created_at or event.at
    ticket = Ticket(
        id=ticket_id, source=source, created_at=created, updated_at=remote.updated_at, channel=remote.channel
    )
    stamp = Stamp(Setter.DESK, source, created, 0)
    for field in SYNCED_FIELDS:
        value = getattr(remote, field)
        if value is not msgspec.UNSET:
            ticket = with_field(ticket, field, value, stamp)
    return with_details(ticket, remote)


def with_details(ticket: Ticket, remote: RemoteTicket) -> Ticket:
    """Take over what is not synced but known of the remote ticket: requester, organisation, custom fields, channel."""
    changes: dict[str, Any] = {}
    if isinstance(remote.requester, msgspec.Struct):
        known = ticket.requester
        if known is None or (remote.requester.email and not known.email):
            changes["requester"] = remote.requester
    if remote.org is not msgspec.UNSET:
        changes["org"] = remote.org
    if remote.custom is not msgspec.UNSET:
        changes["custom"] = {**ticket.custom, **remote.custom}
    if remote.channel and not ticket.channel:
        changes["channel"] = remote.channel
    return msgspec.structs.replace(ticket, **changes) if changes else ticket


def observe(link: Link, remote: RemoteTicket, *, ours: bool = False) -> Link:
    """Note how a remote ticket reads now, for every field that it says."""
    observed = dict(link.observed)
    for field in SYNCED_FIELDS:
        value = getattr(remote, field)
        seen = observed.get(field)
        if value is msgspec.UNSET or (seen is not None and remote.version and seen.version > remote.version):
            continue
        observed[field] = Observed(plain(field, value), remote.updated_at, remote.version, ours)
    newer = remote.version >= link.version
    return msgspec.structs.replace(
        link,
        observed=observed,
        key=remote.key or link.key,
        url=remote.url or link.url,
        version=max(link.version, remote.version),
        version_token=remote.version_token or link.version_token if newer else link.version_token,
    )


def first_sight(ticket: Ticket, link: Link, remote: RemoteTicket, rules: Sequence[SyncRule]) -> Ticket:
    """Note a status that nothing maps on a ticket that just began; raises UnmappedError where a rule says `park`."""
    status = remote.status
    if not isinstance(status, Status) or status.category is not Category.UNKNOWN:
        return ticket
    _unmapped("status", status.native, link, None, rules)
    return _note_unmapped(ticket, link, "status", msgspec.to_builtins(status))


def fold(
    ticket: Ticket,
    link: Link,
    event: Event,
    *,
    rules: Sequence[SyncRule],
    ledger: tuple[EchoEntry, ...],
    by_us: bool | None,
    known_comments: frozenset[str],
    pending: Mapping[str, Any],
) -> Fold:
    """Fold one event into a ticket that exists.

    `rules` are the sync rules of the ticket's links; `pending` the fields that our open updates will still write to
    this link. Raises UnmappedError or ConflictError where the rule says `park`.
    """
    rule = next((each for each in rules if link.role is Role.TARGET and each.name == link.rule), None)
    entries = ledger
    changed: list[str] = []
    consumed: list[str] = []
    lost: list[Lost] = []
    echoed: list[str] = []
    observed = dict(link.observed)
    for seen in _brought(event, link):
        json = plain(seen.field, seen.value)
        incoming = Incoming(
            subject=seen.field,
            value_hash=value_hash(json),
            at=seen.at,
            version=seen.version,
            change_id=event.key if seen.explicit else "",
            by_us=by_us if seen.explicit else None,
            automatic=event.automatic and seen.explicit,
        )
        echo = match(incoming, entries)
        gone = {entry.id for entry in outdated(incoming, entries)} | ({echo.id} if echo else set())
        consumed += sorted(gone)
        entries = tuple(entry for entry in entries if entry.id not in gone)
        before = observed.get(seen.field)
        if before is None or not (before.version and seen.version and before.version > seen.version):
            observed[seen.field] = Observed(json, seen.at, seen.version, echo is not None)
        if echo is not None:
            echoed.append(seen.field)
            continue
        if before is None and not seen.explicit:
            continue
        refusal = _refusal(seen, ticket, link, rule, rules)
        if refusal:
            lost.append(Lost(seen.field, json, refusal))
            continue
        try:
            value = _ours(seen, ticket, link, rule, rules)
        except UnmappedError:
            if seen.explicit or event.kind is EventKind.OBSERVED:
                raise
            # seen in passing: the delivery that says it on purpose (or the poll) is the one to park
            _forget(observed, seen.field, before)
            continue
        if value is None:
            ticket = _note_unmapped(ticket, link, seen.field, json)
            continue
        if _same(getattr(ticket, seen.field), value):
            continue
        if not _newest(ticket.stamps.get(seen.field), seen, link, event):
            lost.append(Lost(seen.field, json, "a newer edit stands"))
            continue
        if rule is not None and seen.field in pending and rule.conflict_of(seen.field) is ConflictChoice.PARK:
            msg = f"{seen.field} was changed in both desks (rule {rule.name!r} says conflict: park)"
            raise ConflictError(msg)
        setter = Setter.DESK if event.automatic else Setter.PERSON
        ticket = with_field(ticket, seen.field, value, Stamp(setter, link.connection, seen.at, seen.version))
        changed.append(seen.field)
    if event.snapshot is not None and link.role is Role.SOURCE:
        ticket = with_details(ticket, event.snapshot)
    comments, own, used = _comments(event, entries, known_comments, by_us=by_us)
    link = msgspec.structs.replace(link, observed=observed)
    if event.snapshot is not None:
        link = _with_head(link, event.snapshot)
    return Fold(
        ticket,
        link,
        tuple(changed),
        comments,
        own,
        tuple(dict.fromkeys([*consumed, *used])),
        tuple(lost),
        tuple(echoed),
    )


def plain(field: str, value: Any) -> Any:
    """Return a field's value as plain JSON for comparing: of a person only the account, for not every answer says more."""
    if field == "assignee" and isinstance(value, RemotePerson):
        return {"external_id": value.external_id}
    return msgspec.to_builtins(value)


def _forget(observed: dict[str, Observed], field: str, before: Observed | None) -> None:
    if before is None:
        observed.pop(field, None)
    else:
        observed[field] = before


def _brought(event: Event, link: Link) -> list[_Seen]:
    """Return the field values of an event: what was changed on purpose, and where its snapshot differs from ours."""
    found = [_Seen(change.field, change.value, event.at, event.version, True) for change in event.changes]
    explicit = {seen.field for seen in found}
    snapshot = event.snapshot
    if snapshot is None:
        return found
    for field in SYNCED_FIELDS:
        value = getattr(snapshot, field)
        if value is msgspec.UNSET or field in explicit:
            continue
        seen = link.observed.get(field)
        if seen is not None:
            older = (
                seen.version > snapshot.version if seen.version and snapshot.version else seen.at > snapshot.updated_at
            )
            if older or seen.value == plain(field, value):
                continue
        found.append(_Seen(field, value, snapshot.updated_at, snapshot.version, False))
    return found


def _refusal(seen: _Seen, ticket: Ticket, link: Link, rule: SyncRule | None, rules: Sequence[SyncRule]) -> str:
    """Return why this desk may not change the field, or nothing."""
    del ticket
    if link.role is Role.TARGET:
        if rule is None:
            return "no sync rule joins this desk to the ticket any more"
        if not owner_allows(rule, seen.field, False):
            return f"rule {rule.name!r} does not let {link.connection} change it"
        return ""
    for each in rules:
        if each.source == link.connection and each.fields.get(seen.field) is Owner.TO:
            return f"rule {each.name!r} lets only {each.target} change it"
    return ""


def _ours(seen: _Seen, ticket: Ticket, link: Link, rule: SyncRule | None, rules: Sequence[SyncRule]) -> Any | None:
    """Translate a desk's value into ours by the rule's maps; None: not covered and the rule says ignore."""
    value = seen.value
    if seen.field == "status" and isinstance(value, Status):
        category: Category | None = value.category
        if rule is not None and rule.status_map is not None:
            category = rule.status_map.to_ours(value.native, ticket.status.category)
        if category is None or category is Category.UNKNOWN:
            _unmapped(seen.field, value.native, link, rule, rules)
            return None
        if rule is None:
            return value
        reason = value.hold_reason if category is Category.ON_HOLD else None
        return Status(
            category, "", reason or (ticket.status.hold_reason if category is ticket.status.category else None)
        )
    if seen.field == "priority" and isinstance(value, Priority) and rule is not None:
        level: Level | None = value.level
        if rule.priority_map is not None:
            level = rule.priority_map.to_ours(value.native, ticket.priority.level)
        if level is None:
            _unmapped(seen.field, value.native, link, rule, rules)
            return None
        return Priority(level)
    if seen.field == "kind" and isinstance(value, str) and rule is not None and rule.kind_map is not None:
        kind = rule.kind_map.to_ours(value, ticket.kind)
        if kind is None:
            _unmapped(seen.field, value, link, rule, rules)
        return kind
    if seen.field == "kind" and not isinstance(value, Kind):
        return Kind(value)
    return value


def _unmapped(field: str, native: str, link: Link, rule: SyncRule | None, rules: Sequence[SyncRule]) -> None:
    """Park by raising where a rule says so; else let the caller note it."""
    deciding = [rule] if rule is not None else [each for each in rules if each.source == link.connection]
    for each in deciding:
        if each.unmapped is UnmappedChoice.PARK and field in each.fields:
            msg = (
                f"{field} {native!r} of {link.connection} is not in the map of rule {each.name!r}: "
                f"add a line for it, then replay"
            )
            raise UnmappedError(msg)


def _note_unmapped(ticket: Ticket, link: Link, field: str, json: Any) -> Ticket:
    native = json.get("native", "") if isinstance(json, dict) else str(json)
    note = Unmapped(link.connection, field, native)
    if note in ticket.unmapped:
        return ticket
    return msgspec.structs.replace(ticket, unmapped=(*ticket.unmapped, note))


def _same(mine: Any, theirs: Any) -> bool:
    if isinstance(mine, Status) and isinstance(theirs, Status):
        return mine.category is theirs.category and mine.hold_reason is theirs.hold_reason
    if isinstance(mine, Priority) and isinstance(theirs, Priority):
        return mine.level is theirs.level
    if isinstance(mine, RemotePerson) and isinstance(theirs, RemotePerson):
        return mine.external_id == theirs.external_id or bool(mine.email and mine.email == theirs.email)
    return bool(mine == theirs)


def _newest(stamp: Stamp | None, seen: _Seen, link: Link, event: Event) -> bool:
    """Say whether an edit beats the one that stands: by the desk's own order, else by the time of the edit.

    A person's edit beats what a rule or the desk itself filled in, whenever it was made.
    """
    if stamp is None:
        return True
    if stamp.by is not Setter.PERSON and seen.explicit and not event.automatic:
        return stamp.name != link.connection or not (stamp.version and seen.version) or seen.version >= stamp.version
    if stamp.name == link.connection and stamp.version and seen.version:
        return seen.version >= stamp.version
    return seen.at >= stamp.at


def _comments(
    event: Event, entries: tuple[EchoEntry, ...], known: frozenset[str], *, by_us: bool | None
) -> tuple[tuple[RemoteComment, ...], tuple[str, ...], list[str]]:
    """Sort an event's comments into new ones and our own, by id, by marker, then by content."""
    brought = [event.comment] if event.comment is not None else []
    if event.snapshot is not None:
        brought += [each for each in event.snapshot.comments if all(each.remote_id != one.remote_id for one in brought)]
    new: list[RemoteComment] = []
    own: list[str] = []
    used: list[str] = []
    for comment in sorted(brought, key=lambda each: (each.at, each.remote_id)):
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


def comment_hash(body: str, visibility: str) -> str:
    """Hash a comment for the ledger: white space at line ends and the ends of the text does not count."""
    lines = [line.rstrip() for line in body.strip().replace("\r\n", "\n").split("\n")]
    return value_hash(["\n".join(lines), str(visibility)])


def _with_head(link: Link, snapshot: RemoteTicket) -> Link:
    if snapshot.version < link.version:
        return link
    return msgspec.structs.replace(
        link,
        key=snapshot.key or link.key,
        url=snapshot.url or link.url,
        version=snapshot.version,
        version_token=snapshot.version_token or link.version_token,
    )
