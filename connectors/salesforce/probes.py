"""Looking for the effect of a write whose answer was lost, and counting what took effect: reads only.

SOQL answers from the records and not from an index, so what is not there has not happened (yet).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from connectors.salesforce import files, mapping, rendering
from connectors.salesforce.account import Account
from connectors.salesforce.asking import every, quoted, soql
from connectors.salesforce.changes import literal
from connectors.salesforce.ids import full_id, is_case_id
from connectors.salesforce.mapping import Json, moment, said_true, text
from connectors.salesforce.owners import owner_of
from connectors.salesforce.reads import case_fields, case_row, own_id
from connectors.sdk import (
    Absent,
    AuthenticationError,
    Call,
    Copy,
    Finding,
    Found,
    Intent,
    Operation,
    Receipt,
    Sighting,
    TransportError,
    Unsure,
    WriteContext,
)
from gateway.domain.shown import plain_shown
from gateway.errors import ThrottledError, UnmappedError

#: how far Salesforce's clock may stand from ours when comments are compared by time
GRAIN = timedelta(minutes=5)
#: field of a case -> ours, as CaseHistory names them
HISTORY = {
    "Subject": "title", "Description": "body", "Status": "status", "Priority": "priority", "Type": "kind",
    "Owner": "assignee", "OwnerId": "assignee",
}  # fmt: skip


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure.

    Raises AuthenticationError when the credentials do not hold, ThrottledError when the desk asks us to wait.
    """
    try:
        if intent.operation is Operation.CREATE:
            return (yield from _created(account, context))
        if not is_case_id(full_id(context.remote_id)):
            return Absent()
        if intent.operation is Operation.ATTACH:
            return (yield from files.probe(account, context))
        if intent.comment is not None:
            alike = yield from _alike(account, intent, context)
            return Found(comment_receipt(alike[0])) if alike else Absent()
        return (yield from _set(account, intent, context))
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


def comment_receipt(row: Json) -> Receipt:
    """Return what a comment says of the write that made it."""
    number = full_id(text(row.get("Id")))
    return Receipt(comment_id=number, change_ids=(number, f"comment:{number}"), at=moment(row.get("CreatedDate")))


def _created(account: Account, context: WriteContext) -> Call[Finding]:
    rows = yield from _ours(account, context)
    found = mapping.ticket(account, rows[0], at=mapping.EPOCH) if rows else None
    if found is None:
        return Absent()
    receipt = Receipt(
        remote_id=found.remote_id,
        key=found.key,
        url=found.url,
        version=found.version,
        version_token=found.version_token,
        observed=found,
        at=found.created_at,
    )
    return Found(receipt)


def _ours(account: Account, context: WriteContext) -> Call[list[Json]]:
    """Return every case that bears our key, the first one first."""
    where = f"{account.key_field} = {quoted(context.effect_key)}"
    query = soql(case_fields(account), "Case", where, "CreatedDate, Id")
    rows = yield from every(account, query, "look for the case", deleted=True)
    if rows is None:
        msg = f"Salesforce does not let us look for {account.key_field}"
        raise TransportError(msg)
    return [row for row in rows if text(row.get(account.key_field)) == context.effect_key]


def _alike(account: Account, intent: Intent, context: WriteContext) -> Call[list[Json]]:
    """Return the comments that read as the one that was written, are ours, new, and not known to be others."""
    us = yield from own_id(account)
    number = full_id(context.remote_id)
    since = f" AND CreatedDate >= {literal(context.first_sent_at - GRAIN)}" if context.first_sent_at else ""
    fields = "Id, CommentBody, IsPublished, CreatedById, CreatedDate"
    query = soql(fields, "CaseComment", f"ParentId = {quoted(number)}{since}", "CreatedDate, Id")
    rows = yield from every(account, query, "look for the comment")
    if rows is None:
        msg = f"the comments of case {number} cannot be looked at"
        raise TransportError(msg)
    wanted, public = rendering.comment_body(intent), rendering.is_public(intent)
    return [
        row
        for row in rows
        if full_id(text(row.get("CreatedById"))) == us
        and full_id(text(row.get("Id"))) not in context.known_comments
        and said_true(row.get("IsPublished")) is public
        and mapping.same_text(text(row.get("CommentBody")), wanted)
    ]


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the case with what was written; where it differs, somebody may have changed it since we wrote."""
    try:
        wanted = rendering.fields(account, intent) | (yield from owner_of(account, intent))
    except UnmappedError:
        return Absent()
    row = yield from case_row(account, full_id(context.remote_id))
    if row is None or said_true(row.get("IsDeleted")):
        return Absent()
    if all(_holds(row.get(name), value) for name, value in wanted.items()):
        found = mapping.ticket(account, row, at=mapping.EPOCH)
        return Found(Receipt(version=found.version, observed=found) if found else Receipt())
    history = yield from _history(account, context)
    if context.first_sent_at is None:
        return Absent()
    since = context.first_sent_at - GRAIN
    ours = {
        text(change.get("Field")): change
        for change in history
        if full_id(text(change.get("CreatedById"))) == account.account_id
        and (moment(change.get("CreatedDate")) or mapping.EPOCH) >= since
    }
    landed = [name for name, value in wanted.items() if name in ours and _holds(ours[name].get("NewValue"), value)]
    return Found(Receipt(at=moment(ours[landed[0]].get("CreatedDate")))) if landed else Absent()


def _holds(there: Any, wanted: Any) -> bool:
    if isinstance(wanted, str) and isinstance(there, str) and there.split() == wanted.split():
        return True
    return bool(plain_shown(there) == plain_shown(wanted))


def _history(account: Account, context: WriteContext) -> Call[list[Json]]:
    """Return the changes of a case's fields, oldest first; none where the org does not keep them."""
    yield from own_id(account)
    fields = "Id, Field, OldValue, NewValue, CreatedById, CreatedDate"
    query = soql(fields, "CaseHistory", f"CaseId = {quoted(full_id(context.remote_id))}", "CreatedDate, Id")
    return (yield from every(account, query, "who changed it last")) or []


# ---------------------------------------------------------------- counting


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Count the effects of an update that has landed."""
    if intent.operation is Operation.CREATE:
        rows = yield from _ours(account, context)
        return Sighting(copies=tuple(_copy(row) for row in rows if not said_true(row.get("IsDeleted"))))
    if not is_case_id(full_id(context.remote_id)):
        return Sighting()
    if intent.comment is not None:
        alike = yield from _alike(account, intent, context)
        return Sighting(copies=tuple(_copy(row) for row in alike))
    row = yield from case_row(account, full_id(context.remote_id))
    found = mapping.ticket(account, row, at=mapping.EPOCH) if row is not None else None
    if found is None:
        return Sighting()
    last: dict[str, str] = {}
    for change in (yield from _history(account, context)):
        field = HISTORY.get(text(change.get("Field")))
        if field is not None:
            last[field] = full_id(text(change.get("CreatedById")))
    us: str = account.account_id
    return Sighting(ticket=found, ours=frozenset(field for field, who in last.items() if us and who == us))


def _copy(row: Json) -> Copy:
    at: datetime | None = moment(row.get("CreatedDate"))
    return Copy(full_id(text(row.get("Id"))), at)
