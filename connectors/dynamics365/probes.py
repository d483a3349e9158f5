"""Looking for the effect of a write whose answer was lost, and counting what took effect: reads only, by id."""

from __future__ import annotations

from typing import Any

from connectors.dynamics365 import mapping, rendering
from connectors.dynamics365.account import Account
from connectors.dynamics365.asking import ask, get
from connectors.dynamics365.ids import guid, guid_of
from connectors.dynamics365.mapping import Json, moment
from connectors.dynamics365.people import OWNER, owner_of
from connectors.dynamics365.reads import NOTES, case_row, own_id
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
    RemoteTicket,
    Sighting,
    TransportError,
    Unsure,
    WriteContext,
)
from gateway.domain.shown import plain_shown
from gateway.errors import ThrottledError, UnmappedError


def receipt_of(case: RemoteTicket) -> Receipt:
    """Return what a case says of the write that it shows."""
    return Receipt(
        remote_id=case.remote_id,
        key=case.key,
        url=case.url,
        version=case.version,
        version_token=case.version_token,
        observed=case,
        at=case.updated_at,
    )


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure.

    Raises AuthenticationError when the credentials do not hold, ThrottledError when the desk asks us to wait.
    """
    try:
        if intent.operation is Operation.CREATE:
            row = yield from case_row(account, guid_of(context.effect_key))
            case = mapping.ticket(account, row or {}, at=mapping.EPOCH)
            return Found(receipt_of(case)) if case is not None else Absent()
        if not guid(context.remote_id):
            return Absent()
        if intent.operation is Operation.SET_FIELDS:
            return (yield from _set(account, intent, context))
        note = yield from _note(context)
        if note is None:
            return Absent()
        found = guid(note.get("annotationid"))
        ids = (found, f"comment:{found}")
        if intent.operation is Operation.ATTACH:
            return Found(Receipt(file_ids=(found,), change_ids=ids, at=moment(note.get("createdon"))))
        return Found(Receipt(comment_id=found, change_ids=ids, at=moment(note.get("createdon"))))
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


def _note(context: WriteContext) -> Call[Json | None]:
    found = guid_of(context.effect_key)
    return (yield from ask(get(f"annotations({found})", "look for the note", select=NOTES)))


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the case with what was written; where it differs it was not written, or somebody has changed it since.

    Then it is written again, to the case as it is now: who changed what is in Dataverse's audit, which is not for us.
    """
    try:
        wanted = rendering.fields(account, intent) | (yield from owner_of(account, intent))
    except UnmappedError:
        return Absent()
    row = yield from case_row(account, guid(context.remote_id))
    case = mapping.ticket(account, row or {}, at=mapping.EPOCH)
    if row is None or case is None:
        return Absent()
    return Found(receipt_of(case)) if all(_holds(row, name, value) for name, value in wanted.items()) else Absent()


def _holds(row: Json, name: str, value: Any) -> bool:
    if name == OWNER:
        return str(row.get("_ownerid_value")) in str(value)
    there = row.get(name)
    if isinstance(there, str) and isinstance(value, str) and there.split() == value.split():
        return True
    return bool(plain_shown(there) == plain_shown(value))


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Count the effects of an update that has landed: what is made under an id is there once, or not at all."""
    if intent.operation is Operation.CREATE:
        row = yield from case_row(account, guid_of(context.effect_key))
        found = guid((row or {}).get("incidentid"))
        return Sighting(copies=(Copy(found, moment((row or {}).get("createdon"))),) if found else ())
    if intent.operation is not Operation.SET_FIELDS:
        note = yield from _note(context)
        found = guid((note or {}).get("annotationid"))
        return Sighting(copies=(Copy(found, moment((note or {}).get("createdon"))),) if found else ())
    row = yield from case_row(account, guid(context.remote_id))
    case = mapping.ticket(account, row or {}, at=mapping.EPOCH)
    us = yield from own_id(account)
    last = guid((row or {}).get("_modifiedby_value"))
    ours = frozenset(intent.fields) if case is not None and us and last == us else frozenset[str]()
    return Sighting(ticket=case, ours=ours)
