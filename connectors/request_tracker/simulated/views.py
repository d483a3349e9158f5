"""RT's JSON: numbers are text except a record's own id, unset dates are 1970, custom fields are an array."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from connectors.request_tracker.simulated.records import Attachment, Records, Ticket, Transaction, User

#: RT's date that is none lies in it
UNSET_YEAR = 1970

Params = dict[str, str]


def iso(at: datetime) -> str:
    """Return a UTC time with a resolution of a second."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def due_of(kept: str) -> str | None:
    """Return a due time as RT reads what it was given: UTC, and unset where it can make nothing of it."""
    try:
        at = datetime.fromisoformat(kept.removesuffix("Z"))
    except ValueError:
        return None
    return iso(at.replace(tzinfo=UTC)) if at.tzinfo is None and at.year > UNSET_YEAR else None


def person(base: str, user: User | None, login: str, subfields: str = "") -> dict[str, Any]:
    """Return a user object; its id is the login, unless the number is asked for by name."""
    found: dict[str, Any] = {"id": login, "type": "user", "_url": f"{base}/user/{login}"}
    known = user or User(0, login, "", login if "@" in login else "", privileged=False)
    for name in filter(None, subfields.split(",")):
        found[name] = {
            "id": known.number, "Name": known.login, "EmailAddress": known.email, "RealName": known.name,
        }.get(name, "")  # fmt: skip
    return found


def fields_of(names: tuple[str, ...], held: dict[str, str]) -> list[dict[str, Any]]:
    """Return custom fields as RT reads them."""
    return [
        {"id": str(number), "type": "customfield", "name": name, "values": [held[name]] if held.get(name) else []}
        for number, name in enumerate(names, 2)
    ]


def ticket(base: str, records: Records, one: Ticket, params: Params) -> dict[str, Any]:
    """Return the whole ticket of GET /ticket/:id."""

    def who(login: str, field: str) -> dict[str, Any]:
        return person(base, records.users.get(login), login, params.get(f"fields[{field}]", ""))

    queue: dict[str, Any] = {"id": str(records.queues[one.queue]), "type": "queue"}
    if "Name" in params.get("fields[Queue]", ""):
        queue["Name"] = one.queue
    return {
        "id": one.number,
        "Type": "ticket",
        "EffectiveId": {"id": str(one.effective), "type": "ticket"},
        "Subject": one.subject,
        "Status": one.status,
        "Priority": str(one.priority),
        "Queue": queue,
        "Owner": who(one.owner, "Owner"),
        "Creator": who(one.creator, "Creator"),
        "LastUpdatedBy": who(one.updated_by, "LastUpdatedBy"),
        # roles are not expanded here, only in collections
        "Requestor": [person(base, None, login) for login in one.requestors],
        "Created": iso(one.created),
        "LastUpdated": iso(one.updated),
        "Due": due_of(one.due) or "1970-01-01T00:00:00Z",
        "CustomFields": fields_of(records.ticket_fields, one.fields),
        "_hyperlinks": [
            *({"ref": ref, "type": "external", "_url": address} for ref, address in one.links),
            *(
                {"ref": ref, "_url": f"{base}/ticket/{one.number}/{ref}"}
                for ref in ("correspond", "comment", "lifecycle")
            ),
        ],
    }


def transaction(base: str, records: Records, one: Transaction, params: Params) -> dict[str, Any]:
    """Return a row of a history with the fields that are asked for."""
    shown = {
        "Type": one.type,
        "Creator": person(base, records.users.get(one.creator), one.creator, params.get("fields[Creator]", "")),
        "Created": iso(one.created),
        "ObjectType": "RT::Ticket",
        "ObjectId": str(one.ticket),
        "Field": one.field,
        "OldValue": one.old,
        "NewValue": one.new,
        "CustomFields": fields_of(records.comment_fields, one.fields),
    }
    return {**_row(base, "transaction", one.number), **_asked(shown, params)}


def attachment(base: str, one: Attachment, params: Params) -> dict[str, Any]:
    """Return a row of attachments."""
    shown = {
        "TransactionId": str(one.transaction),
        "ContentType": one.content_type,
        "Content": one.content,
        "Filename": one.filename,
        "ContentLength": str(len(one.data or one.content.encode())),
    }
    return {**_row(base, "attachment", one.number), **_asked(shown, params)}


def ticket_row(base: str, records: Records, one: Ticket, params: Params) -> dict[str, Any]:
    """Return a row of a ticket search."""
    shown = {
        "LastUpdated": iso(one.updated),
        "Created": iso(one.created),
        "Subject": one.subject,
        "Status": one.status,
        "Creator": person(base, records.users.get(one.creator), one.creator, params.get("fields[Creator]", "")),
    }
    return {**_row(base, "ticket", one.number), **_asked(shown, params)}


def _row(base: str, kind: str, number: int) -> dict[str, Any]:
    return {"id": str(number), "type": kind, "_url": f"{base}/{kind}/{number}"}


def _asked(shown: dict[str, Any], params: Params) -> dict[str, Any]:
    return {name: shown[name] for name in params.get("fields", "").split(",") if name in shown}


def webhook(base: str, records: Records, one: Transaction) -> dict[str, Any]:
    """Return the body that the scrip sends for one transaction, with the ticket as it is now."""
    now = records.ticket(one.ticket) or records.tickets[one.ticket]
    parts = records.parts(one.number)
    words = [part for part in parts if not part.filename and part.content_type.startswith("text/")]
    said = next((part for part in words if part.content_type == "text/html"), words[0] if words else None)
    creator = records.users.get(one.creator)
    return {
        "event": one.type,
        "type": one.type,
        "transaction_id": one.number,
        "transaction_ticket_id": one.ticket,
        "ticket_id": now.number,
        "effective_id": now.number,
        "field": one.field or None,
        "old_value": one.old or None,
        "new_value": one.new or None,
        "created": iso(one.created),
        "creator": {
            "id": creator.number if creator else 0,
            "name": one.creator,
            "real_name": creator.name if creator else "",
            "email": creator.email if creator else "",
            "privileged": creator.privileged if creator else False,
        },
        "private": one.type == "Comment",
        "message": said.content if said else "",
        "content_type": said.content_type if said else None,
        "attachments": [
            {"id": part.number, "name": part.filename, "type": part.content_type, "size": len(part.content)}
            for part in parts
            if part.filename
        ],
        "transaction_custom_fields": dict(one.fields),
        "subject": now.subject,
        "status": now.status,
        "queue": now.queue,
        "priority": now.priority,
        "owner": now.owner,
        "requestors": list(now.requestors),
        "custom_fields": {name: now.fields.get(name) for name in records.ticket_fields},
        "due": due_of(now.due),
        "last_updated": iso(now.updated),
        "url": f"{base.removesuffix('/REST/2.0')}/Ticket/Display.html?id={now.number}",
    }
