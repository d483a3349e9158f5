"""Events about a case from one record of it, whichever way the record came: as XML or as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from connectors.salesforce import mapping
from connectors.salesforce.account import Account
from connectors.salesforce.ids import full_id
from connectors.salesforce.mapping import moment, said_true, text
from connectors.sdk import Event, EventKind, RemotePerson


def hint(account: Account, number: str, key: str, at: datetime, *, version: int = 0) -> Event:
    """Say that a case is to be read."""
    snapshot = mapping.ticket(account, {"Id": number}, at=at)
    return Event(EventKind.OBSERVED, number, key, at, version=version, snapshot=snapshot, needs_read=True)


def comment_event(number: str, fields: dict[str, Any], at: datetime) -> Event | None:
    """Read a CaseComment that says what it is and who may read it; of its case it says nothing, which may be new."""
    said = mapping.comment(fields, at=at)
    if said is None:
        return None
    gone = said_true(fields.get("IsDeleted"))
    kind = EventKind.OBSERVED if gone else EventKind.COMMENTED
    key = f"comment:{said.remote_id}" + (":deleted" if gone else "")
    return Event(kind, number, key, said.at, actor=said.author, comment=None if gone else said, needs_read=True)


def case_event(account: Account, fields: dict[str, Any], name: str, at: datetime) -> Event | None:
    """Read how a case looks now. What it does not say (who the contact is, what was said) is read."""
    given = {field: "" if value is None else value for field, value in fields.items()}
    snapshot = mapping.ticket(account, given, at=at)
    if snapshot is None:
        return None
    when = moment(fields.get("LastModifiedDate")) or moment(fields.get("SystemModstamp")) or at
    made = moment(fields.get("CreatedDate"))
    new = made is not None and made == moment(fields.get("LastModifiedDate"))
    kind = EventKind.CREATED if new else EventKind.OBSERVED
    if snapshot.merged_into:
        kind = EventKind.MERGED
    elif snapshot.deleted:
        kind = EventKind.DELETED
    who = full_id(text(fields.get("LastModifiedById")) or (text(fields.get("CreatedById")) if new else ""))
    return Event(
        kind,
        snapshot.remote_id,
        f"{kind.value}:{name}",
        when,
        version=snapshot.version,
        actor=RemotePerson(who) if who else None,
        snapshot=msgspec.structs.replace(snapshot, deleted=False, merged_into=""),
        merged_into=snapshot.merged_into,
        needs_read=kind in {EventKind.CREATED, EventKind.OBSERVED},
    )
