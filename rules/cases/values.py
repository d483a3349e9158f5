"""Values of a case as the model has them, and how a model value reads in a report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any

import msgspec

from gateway.domain.person import RemotePerson
from gateway.domain.recent import Recent
from gateway.domain.ticket import (
    SYNCED_FIELDS,
    Category,
    HoldReason,
    Kind,
    Priority,
    Stamp,
    Status,
    Ticket,
    with_field,
)
from rules.cases.words import Words
from rules.fields import LEVEL_NAMES
from rules.problem import Problem, nearest
from rules.source import Spot
from rules.yaml12 import Written

_STATUS = frozenset({"status", "hold_reason", "status.native"})


def _level(value: str) -> Priority:
    return Priority(LEVEL_NAMES[value])


def _custom(value: Any) -> Any:
    """Return a value of a custom field, without how its number was written."""
    return value.real if isinstance(value, Written) else value


_MADE: Mapping[str, Callable[[Any], Any]] = {
    "kind": Kind,
    "hold_reason": HoldReason,
    "priority": _level,
    "tags": tuple,
    "participants": tuple,
    "custom": _custom,
}


def instant(spot: Spot, problems: list[Problem]) -> datetime | None:
    """Read an instant; without a zone it is UTC."""
    try:
        at = datetime.fromisoformat(spot.value)
    except ValueError:
        message = f"'{spot.value[:40]}' is not an instant"
        problems.append(spot.error("wrong-value", message, "write 2026-03-10T09:00+01:00"))
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)


def read_fields(
    entries: Iterator[tuple[str, Spot]], words: Words, problems: list[Problem], *, theirs: bool = False
) -> dict[str, Any]:
    """Read fields that are given; `theirs`: a status is a word of another desk."""
    found = {}
    for name, spot in entries:
        value = _read(name, spot, words, problems, theirs=theirs)
        if value is not None:
            found[name] = value
    return found


def _read(name: str, spot: Spot, words: Words, problems: list[Problem], *, theirs: bool) -> Any:
    match name:
        case "status" if not theirs:
            return _one_of(spot, tuple(Category), "status", problems, Category)
        case "source":
            return _one_of(spot, words.connections, "connection", problems)
        case "stage":
            return _one_of(spot, words.stages, "stage", problems)
        case "created_at":
            return instant(spot, problems)
        case "requester" | "assignee":
            return _person(spot, words, problems)
    if name.startswith("recent."):
        return int(spot.value)
    made: Callable[[Any], Any] = _MADE.get("custom" if name.startswith("custom.") else name, as_words)
    return made(spot.value)


def as_words(value: Any) -> str:
    """Return a scalar of YAML as it was written."""
    if isinstance(value, Written):
        return value.text
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _one_of(spot: Spot, known: tuple[str, ...], what: str, problems: list[Problem], made: Any = str) -> Any:
    if spot.value not in known:
        message = f"there is no {what} '{str(spot.value)[:60]}'"
        problems.append(spot.error("unknown-value", message, nearest(str(spot.value), known)))
        return None
    return made(spot.value)


def _person(spot: Spot, words: Words, problems: list[Problem]) -> RemotePerson | None:
    who = spot.value.strip()
    if who not in words.people and "@" not in who:
        hint = nearest(who, words.people) or "write an e-mail address"
        problems.append(spot.error("unknown-person", f"there is nobody called '{who[:60]}' under people", hint))
        return None
    email, _ = words.account(who, "")
    return RemotePerson(email=email, name=str(words.people.get(who, {}).get("name", "")))


def status_of(fields: Mapping[str, Any], before: Status) -> Status | None:
    """Return the status that fields ask for; None when they say nothing of it."""
    if _STATUS.isdisjoint(fields):
        return None
    category = fields.get("status", before.category)
    if "hold_reason" in fields and "status" not in fields:
        category = Category.ON_HOLD
    kept = before.hold_reason if category is before.category else None
    return Status(Category(category), fields.get("status.native", ""), fields.get("hold_reason", kept))


def synced(fields: Mapping[str, Any], ticket: Ticket) -> dict[str, Any]:
    """Return the fields among those given that travel between desks, as a desk would say them."""
    found = {name: fields[name] for name in SYNCED_FIELDS if name in fields and name != "status"}
    status = status_of(fields, ticket.status)
    if status is not None:
        found["status"] = status
    assignee = _with_parts("assignee", fields, ticket.assignee)
    if assignee is not None:
        found["assignee"] = assignee
    return found


def _with_parts(name: str, fields: Mapping[str, Any], before: RemotePerson | None) -> RemotePerson | None:
    parts = {key.partition(".")[2]: value for key, value in fields.items() if key.startswith(f"{name}.")}
    if not parts and name not in fields:
        return None
    return msgspec.structs.replace(fields.get(name) or before or RemotePerson(), **parts)


def with_rest(ticket: Ticket, fields: Mapping[str, Any], stamp: Stamp) -> Ticket:
    """Return the ticket with the given fields that do not travel between desks, each with its stamp."""
    org = {key.partition(".")[2]: value for key, value in fields.items() if key.startswith("org.")}
    requester = _with_parts("requester", fields, ticket.requester)
    counts = {key.removeprefix("recent."): value for key, value in fields.items() if key.startswith("recent.")}
    custom = {key.removeprefix("custom."): value for key, value in fields.items() if key.startswith("custom.")}
    changes: dict[str, Any] = {}
    if org:
        changes["org"] = msgspec.structs.replace(ticket.org, **org)
    if counts:
        changes["recent"] = _with_counts(ticket.recent, counts)
    if requester is not None:
        changes["requester"] = msgspec.structs.replace(requester, role="customer")
        changes["requester_id"] = requester.email or requester.external_id
    if custom:
        changes["custom"] = {**ticket.custom, **custom}
        changes["stamps"] = {**ticket.stamps, **{f"custom.{key}": stamp for key in custom}}
    ticket = msgspec.structs.replace(ticket, **changes) if changes else ticket
    for name, value in fields.items():
        if name in _PLAIN:
            ticket = with_field(ticket, name, value, stamp)
    return ticket


def _with_counts(recent: Recent, counts: Mapping[str, int]) -> Recent:
    for name, number in counts.items():
        whose, _, what = name.partition(".")
        changed = msgspec.structs.replace(getattr(recent, whose), **{what: number})
        recent = msgspec.structs.replace(recent, **{whose: changed})
    return recent


_PLAIN = frozenset({"channel", "issue", "intent", "tier", "team", "stage", "region", "participants"})


def value_at(ticket: Ticket, name: str) -> Any:
    """Return the value of a field by the name that conditions use."""
    match name:
        case "status":
            return ticket.status.category
        case "hold_reason":
            return ticket.status.hold_reason
        case "status.native":
            return ticket.status.native
        case "priority":
            return ticket.priority.level
    outer, _, part = name.partition(".")
    if outer == "custom":
        return ticket.custom.get(part)
    if outer == "recent":
        return attrgetter(name)(ticket)
    value = getattr(ticket, outer)
    if part:
        return getattr(value, part, "") if value is not None else ""
    return value


def shown(value: Any) -> str:
    """Return a value as a report shows it: in the words of the files, `null` for nothing."""
    if isinstance(value, RemotePerson):
        return value.email or value.label
    if value is None or value in ("", (), [], {}):
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        return "[" + ", ".join(shown(each) for each in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {shown(each)}" for key, each in value.items()) + "}"
    text = str(value)
    return text if len(text) <= 200 else text[:199] + "…"
