"""The fields of an intent as RT's own, what RT will read back of them, and what a read shows to be different."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.request_tracker import mapping
from connectors.request_tracker.mapping import NOBODY, OPENED_BY_A_REPLY
from connectors.request_tracker.options import Options
from connectors.sdk import Category, Intent, Operation, RemoteTicket, Status
from gateway.domain.shown import CUSTOM, DUE, instant_text, is_shown, plain_shown

#: RT's names of our fields
NAMES = {"title": "Subject", "status": "Status", "priority": "Priority", "queue": "Queue", "assignee": "Owner"}


def ours(intent: Intent) -> dict[str, str]:
    """Return what RT's names of the fields of an intent are to us, custom fields included."""
    custom = {name.removeprefix(CUSTOM): name for name in intent.fields if name.startswith(CUSTOM)}
    return {**{theirs: name for name, theirs in NAMES.items()}, "Due": DUE, **custom}


def rendered(options: Options, intent: Intent) -> dict[str, Any]:
    """Return the fields of an intent by RT's names; what RT cannot hold is left out."""
    fields, words = intent.fields, options.words
    found: dict[str, Any] = {}
    if "title" in fields:
        found["Subject"] = mapping.subject(str(fields["title"] or ""))
    if isinstance(fields.get("status"), Mapping):
        native = words.native_status(fields["status"])
        if native:
            found["Status"] = native
    if isinstance(fields.get("priority"), Mapping):
        found["Priority"] = words.native_priority(fields["priority"])
    if fields.get("queue"):
        found["Queue"] = str(fields["queue"])
    if "assignee" in fields:
        owner = _owner(fields["assignee"])
        if owner:
            found["Owner"] = owner
    if DUE in fields:
        found["Due"] = mapping.rt_time(fields[DUE])
    custom = {
        name.removeprefix(CUSTOM): "" if value is None else str(value)
        for name, value in fields.items()
        if name.startswith(CUSTOM)
    }
    if custom:
        found["CustomFields"] = custom
    return found


def _owner(assignee: Any) -> str:
    """Return the account of an assignee; Nobody for none, empty for a person without an account there."""
    return str(assignee.get("external_id") or "") if isinstance(assignee, Mapping) and assignee else NOBODY


def differences(fields: Mapping[str, Any], ticket: RemoteTicket) -> set[str]:
    """Return RT's names of the fields whose value on the ticket is not the one that was written."""
    now = shown(ticket)
    wrong = {name for name, value in fields.items() if name in now and str(value).lower() != now[name].lower()}
    if isinstance(ticket.custom, dict):
        held = {name: plain_shown(value) for name, value in ticket.custom.items()}
        written = fields.get("CustomFields") or {}
        wrong |= {name for name, value in written.items() if held.get(name) != plain_shown(value)}
    return wrong


def shown(ticket: RemoteTicket) -> dict[str, str]:
    """Return a ticket's fields by RT's names, as text; names of accounts, queues and statuses have no case in RT."""
    found = {}
    if ticket.title is not msgspec.UNSET:
        found["Subject"] = ticket.title
    if ticket.status is not msgspec.UNSET:
        found["Status"] = ticket.status.native
    if ticket.priority is not msgspec.UNSET:
        found["Priority"] = ticket.priority.native
    if ticket.queue is not msgspec.UNSET:
        found["Queue"] = ticket.queue
    if ticket.assignee is not msgspec.UNSET:
        found["Owner"] = ticket.assignee.external_id if ticket.assignee else NOBODY
    if ticket.due is not msgspec.UNSET:
        found["Due"] = mapping.rt_time(instant_text(ticket.due) if ticket.due else None)
    return found


def as_read(options: Options, intent: Intent) -> dict[str, Any]:
    """Return the fields of an intent as plain JSON in the form in which RT's webhooks and reads give them."""
    written, words = rendered(options, intent), options.words
    found: dict[str, Any] = {}
    if "Subject" in written:
        found["title"] = written["Subject"]
    if "Status" in written:
        found["status"] = msgspec.to_builtins(words.status(written["Status"]))
    if "Priority" in written:
        found["priority"] = msgspec.to_builtins(words.priority(written["Priority"]))
    if "Queue" in written:
        found["queue"] = written["Queue"]
    if "Owner" in written:
        owner = mapping.person(written["Owner"])
        found["assignee"] = None if owner is None else msgspec.to_builtins(owner)
    found |= {name: plain_shown(value) for name, value in intent.fields.items() if is_shown(name)}
    if intent.operation is Operation.CREATE and "body" in intent.fields:
        found["body"] = mapping.plain(str(intent.fields["body"] or ""))
    return found


def side_effects(options: Options, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what RT does by itself because of a write: a reply opens a ticket that is not active.

    We put the status back in the same call (see calls.writes), so RT tells of two changes that are nobody's. What we
    remember of the status may be old (a webhook can be lost): then it may be put back to any that a reply opens.
    """
    if intent.operation is not Operation.PUBLIC_REPLY:
        return {}
    statuses, status = options.words.statuses, observed.get("status")
    if isinstance(status, Mapping) and Category(status.get("category") or Category.NEW) in OPENED_BY_A_REPLY:
        kept = [dict(status)]
    else:
        kept = [
            msgspec.to_builtins(Status(meaning, word))
            for word, meaning in statuses.items()
            if meaning in OPENED_BY_A_REPLY
        ]
    opened = options.words.native_status({"category": Category.OPEN.value})
    return {"status": (msgspec.to_builtins(Status(Category.OPEN, opened)), *kept)}
