"""Whether one desk's edit of one field counts: may this desk make it, is it news, is it the newest. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.event import Event, RemoteTicket
from gateway.domain.link import Link, Observed, Role
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Priority, Setter, Stamp, Status, Ticket
from rules.sync import Owner, SyncRule, owner_allows


class Seen(msgspec.Struct, frozen=True):
    """One field value that an event brings."""

    field: str
    value: Any
    at: datetime
    version: int
    explicit: bool


class Lost(msgspec.Struct, frozen=True):
    """An edit that was not taken, kept for the audit trail."""

    field: str
    #: as the desk says it
    value: Any
    why: str
    #: of one that was heard of after a newer one: what it says in our words, and from when to when it stood
    ours: Any = None
    at: datetime | None = None
    until: datetime | None = None


def stands(seen: Observed, snapshot: RemoteTicket) -> bool:
    """Say whether what was seen of a field is as new as a snapshot.

    A desk that counts in seconds gives one version to several states. What a webhook or a poll showed when it was made
    may be the state before our own write of that second: it proves nothing, while a read of the ticket does.
    """
    if not (seen.version and snapshot.version):
        return seen.at > snapshot.updated_at
    return seen.version > snapshot.version if snapshot.complete else seen.version >= snapshot.version


def refusal(seen: Seen, link: Link, rule: SyncRule | None, rules: Sequence[SyncRule]) -> str:
    """Return why this desk may not change the field, or nothing."""
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


def same(mine: Any, theirs: Any) -> bool:
    """Say whether two values of a field mean the same, however a desk words them."""
    if isinstance(mine, Status) and isinstance(theirs, Status):
        return mine.category is theirs.category and mine.hold_reason is theirs.hold_reason
    if isinstance(mine, Priority) and isinstance(theirs, Priority):
        return mine.level is theirs.level
    if isinstance(mine, RemotePerson) and isinstance(theirs, RemotePerson):
        return mine.external_id == theirs.external_id or bool(mine.email and mine.email == theirs.email)
    return bool(mine == theirs)


def set_again(ticket: Ticket, field: str, seen: Seen, setter: Setter) -> Ticket:
    """Note that a desk gave a field the value that it has: what it filled in by itself may be a person's word now."""
    before = ticket.stamps[field]
    by = setter if before.by is Setter.DESK else before.by
    stamp = msgspec.structs.replace(before, by=by, at=seen.at, version=seen.version)
    return msgspec.structs.replace(ticket, stamps={**ticket.stamps, field: stamp})


def is_told_again(seen: Seen, json: Any, before: Observed | None, stamp: Stamp | None) -> bool:
    """Say whether an edit was seen in passing already, with another of the same update, and a rule has answered it.

    A desk that tells of each field by itself shows all of them with the first: what a rule has set since stands.
    """
    if stamp is None or stamp.by is not Setter.RULE or before is None or before.ours:
        return False
    return bool(seen.version) and before.version == seen.version and before.value == json


def newest(stamp: Stamp | None, seen: Seen, link: Link, event: Event) -> bool:
    """Say whether an edit beats the one that stands: by the desk's own order, else by the time of the edit.

    A person's edit beats what a rule or the desk itself filled in, whenever it was made.
    """
    if stamp is None:
        return True
    if stamp.by is not Setter.PERSON and seen.explicit and not event.automatic:
        return stamp.name != link.connection or not (stamp.version and seen.version) or seen.version >= stamp.version
    if stamp.name == link.connection and stamp.version and seen.version:
        return seen.version >= stamp.version
    # a desk that tells whole seconds says nothing of the order within one: what is heard last was made last
    return seen.at >= (stamp.at if seen.at.microsecond else stamp.at.replace(microsecond=0))


def with_head(link: Link, snapshot: RemoteTicket) -> Link:
    """Note how far a ticket has come at its desk, and where it is."""
    if snapshot.version < link.version:
        return link
    return msgspec.structs.replace(
        link,
        key=snapshot.key or link.key,
        url=snapshot.url or link.url,
        version=snapshot.version,
        version_token=snapshot.version_token or link.version_token,
    )


def forget(observed: dict[str, Observed], field: str, before: Observed | None) -> None:
    """Let a field be as it was seen before."""
    if before is None:
        observed.pop(field, None)
    else:
        observed[field] = before
