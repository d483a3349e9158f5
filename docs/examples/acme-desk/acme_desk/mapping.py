"""Acme's JSON in our words, and back: pure. What is missing or of another type is not said, and never an error."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.sdk import (
    Attachment,
    Category,
    FieldChange,
    Level,
    Priority,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
)

Json = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: before our effect key in Acme's `external_id`, so that ids of other programs are not taken for ours
MARKER = "gateway:"
#: Acme cuts longer subjects off
LONGEST_SUBJECT = 250

STATUSES = {
    "new": Category.NEW,
    "open": Category.OPEN,
    "waiting": Category.PENDING_CUSTOMER,
    "paused": Category.ON_HOLD,
    "solved": Category.RESOLVED,
    "closed": Category.CLOSED,
}
STATUS_WORDS = {category: word for word, category in STATUSES.items()} | {Category.CANCELLED: "closed"}
PRIORITIES = {"urgent": Level.P1, "high": Level.P2, "normal": Level.P3, "low": Level.P4, "none": Level.UNSET}
PRIORITY_WORDS = {level: word for word, level in PRIORITIES.items()}


def text(value: Any) -> str:
    """Return a text, or an empty one."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def ident(value: Any) -> str:
    """Return an id as text; empty for what is none."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63:
        return str(value)
    return text(value)[:64]


def obj(value: Any) -> Json:
    """Return an object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """Read a time as Acme writes it (RFC 3339), in UTC; None for what is none."""
    try:
        found = datetime.fromisoformat(text(value))
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def count(value: Any) -> int:
    """Return a number that counts, 0 for what is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63 else 0


def status(word: Any) -> Status:
    """Read a status; a word that Acme gets in a later version stays a word."""
    return Status(STATUSES.get(text(word).lower(), Category.UNKNOWN), text(word))


def priority(word: Any) -> Priority:
    """Read a priority."""
    return Priority(PRIORITIES.get(text(word).lower(), Level.UNSET), text(word))


def tags(value: Any) -> tuple[str, ...]:
    """Read tags: Acme keeps them in lower case."""
    found = {text(each).strip().lower() for each in value} if isinstance(value, list) else set()
    return tuple(sorted(found - {""}))


def subject(title: str) -> str:
    """Return a title as Acme keeps it: white space is one blank, and what is too long is cut off."""
    return " ".join(title.split())[:LONGEST_SUBJECT].rstrip()


def person(data: Any) -> RemotePerson | None:
    """Read a person; None where nobody is named."""
    said = obj(data)
    number, email = ident(said.get("id")), text(said.get("email"))
    if not (number or email):
        return None
    return RemotePerson(number, email, name=text(said.get("name")), role=text(said.get("role")))


def attachment(data: Json) -> Attachment | None:
    """Read what is said of a file."""
    number = ident(data.get("id"))
    if not number:
        return None
    mime = text(data.get("type")) or "application/octet-stream"
    return Attachment(text(data.get("name")) or number, mime, count(data.get("size")), number)


def attachments(data: Any) -> tuple[Attachment, ...]:
    """Read the files of a comment or a ticket."""
    return tuple(found for each in objects(data) if (found := attachment(each)) is not None)


def marker(data: Json) -> str:
    """Return our effect key, where a ticket or a comment bears it."""
    said = text(data.get("external_id"))
    return said.removeprefix(MARKER) if said.startswith(MARKER) else ""


def comment(data: Any, at: datetime = EPOCH) -> RemoteComment | None:
    """Read a comment; one of which Acme does not clearly say that it is public is internal."""
    said = obj(data)
    number = ident(said.get("id"))
    if not number:
        return None
    return RemoteComment(
        number,
        moment(said.get("created_at")) or at,
        text(said.get("body")),
        Visibility.PUBLIC if said.get("public") is True else Visibility.INTERNAL,
        person(said.get("author")),
        marker(said),
        source_format="markdown",
        attachments=attachments(said.get("files")),
    )


#: Acme's name of a field -> ours, and how its value is read
FIELDS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "subject": ("title", text),
    "description": ("body", text),
    "status": ("status", status),
    "priority": ("priority", priority),
    "assignee": ("assignee", person),
    "tags": ("tags", tags),
}


def ticket(data: Any, url: str, at: datetime = EPOCH) -> RemoteTicket | None:
    """Read a ticket as far as it is said; None where it has no id."""
    said = obj(data)
    number = ident(said.get("id"))
    if not number:
        return None
    found: Json = {name: read(said[theirs]) for theirs, (name, read) in FIELDS.items() if theirs in said}
    if "requester" in said:
        found["requester"] = person(said["requester"])
    external = text(said.get("external_id"))
    return RemoteTicket(
        number,
        moment(said.get("updated_at")) or at,
        count(said.get("sequence")),
        key=f"ACME-{number}",
        url=f"{url}/tickets/{number}",
        created_at=moment(said.get("created_at")),
        marker=marker(said),
        external_id="" if marker(said) else external,
        attachments=attachments(said.get("files")),
        **found,
    )


def changes(data: Any) -> tuple[FieldChange, ...]:
    """Read which fields a webhook says were changed on purpose."""
    found = []
    for theirs, change in obj(data).items():
        if theirs in FIELDS and isinstance(change, dict) and "to" in change:
            name, read = FIELDS[theirs]
            found.append(FieldChange(name, read(change["to"]), read(change.get("from"))))
    return tuple(found)


def as_json(value: Any) -> Any:
    """Return a value as the ledger compares it."""
    return msgspec.to_builtins(value)
