"""Looking for the effect of a write whose answer was lost, and counting it: reads only.

Issues and comments are listed from GitHub's records, not from its search, and known by our key in their text.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.github import mapping, rendering
from connectors.github.asking import ask, ask_all, get, issue_path
from connectors.github.calls import own_login
from connectors.github.mapping import EPOCH, Json, label_names, moment, number, obj, text
from connectors.github.options import Options
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
from gateway.errors import ThrottledError, UnmappedError

#: how far GitHub's clock may stand from ours
GRAIN = timedelta(minutes=5)


def probe(options: Options, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure.

    Raises AuthenticationError when the token does not hold, ThrottledError when GitHub asks us to wait.
    """
    try:
        if intent.operation is Operation.CREATE:
            return (yield from _created(options, intent, context))
        if intent.comment is not None:
            for item in (yield from _comments(context)):
                if mapping.marker_of(item.get("body")) == context.effect_key:
                    return Found(_comment_receipt(context, item))
            return Absent()
        return (yield from _fields(options, intent, context, context.remote_id))
    except (AuthenticationError, ThrottledError):
        raise
    except UnmappedError:
        return Absent()
    except TransportError as error:
        return Unsure(str(error))


def status_alone(intent: Intent) -> Intent:
    """Return what is left of a create when the issue is there."""
    fields = {"status": intent.fields["status"]} if "status" in intent.fields else {}
    return msgspec.structs.replace(intent, operation=Operation.SET_FIELDS, fields=fields)


def _created(options: Options, intent: Intent, context: WriteContext) -> Call[Finding]:
    made = text(context.steps.get("issue"))
    if made:
        return (yield from _fields(options, status_alone(intent), context, made))
    repository = rendering.repository_of(options, intent)
    for item in (yield from _issues(repository, context)):
        if mapping.marker_of(item.get("body")) == context.effect_key:
            return Found(rendering.receipt_of(options, item, repository))
    return Absent()


def _issues(repository: str, context: WriteContext) -> Call[list[Json]]:
    """List the issues that may be from our first attempt or later: `since` is by the last change."""
    since = _since(context)
    path = f"/repos/{repository}/issues"
    params = {"state": "all", "sort": "created", "direction": "desc", **_bound(since)}
    found = yield from ask_all(path, "look for the issue", params)
    return [item for item in found if not obj(item.get("pull_request"))]


def _comments(context: WriteContext) -> Call[list[Json]]:
    since = _since(context)
    path = issue_path(context.remote_id)
    return (yield from ask_all(f"{path}/comments", "look for the comment", _bound(since))) if path else []


def _bound(since: datetime | None) -> dict[str, str]:
    return {"since": since.strftime("%Y-%m-%dT%H:%M:%SZ")} if since else {}


def _since(context: WriteContext) -> datetime | None:
    return context.first_sent_at - GRAIN if context.first_sent_at else None


def _comment_receipt(context: WriteContext, item: Json) -> Receipt:
    named = str(number(item.get("id")))
    return Receipt(
        remote_id=context.remote_id, comment_id=named, change_ids=(named,), at=moment(item.get("created_at"))
    )


# ---------------------------------------------------------------- fields


def _fields(options: Options, intent: Intent, context: WriteContext, remote_id: str) -> Call[Finding]:
    """Compare the issue with what was written; where it differs, its events tell whether we did set it."""
    path = issue_path(remote_id)
    data = (yield from ask(get(path, "look at the issue"), none=frozenset({301, 404, 410}))) if path else None
    if data is None:
        return Unsure(f"{remote_id} is not there, so it cannot be looked at")
    wanted = rendering.request_of(options, intent, data)
    if wanted and context.first_sent_at is not None:
        since = yield from set_since(options, path, context.first_sent_at)
        wanted = rendering.request_of(options, left_of(options, intent, data, since), data)
    if wanted:
        return Absent()
    return Found(rendering.receipt_of(options, data, remote_id.rpartition("#")[0]))


def set_since(options: Options, path: str, since: datetime) -> Call[Mapping[str, set[str]]]:
    """Return what our account has set on an issue since then, by its events: sort of event -> values."""
    us = yield from own_login(options)
    found: dict[str, set[str]] = {}
    for event in (yield from ask_all(f"{path}/events", "what did we change")):
        at = moment(event.get("created_at"))
        if at is None or at < since or _login(event.get("actor")) != us.lower():
            continue
        found.setdefault(text(event.get("event")), set()).add(_value(event))
    return found


def _value(event: Json) -> str:
    match text(event.get("event")):
        case "renamed":
            return text(obj(event.get("rename")).get("to"))
        case "labeled" | "unlabeled":
            return text(obj(event.get("label")).get("name"))
        case "assigned" | "unassigned":
            return _login(event.get("assignee"))
        case "closed":
            return text(event.get("state_reason")) or mapping.CLOSED_WORD
    return ""


def left_of(options: Options, intent: Intent, data: Json, since: Mapping[str, set[str]]) -> Intent:
    """Return an intent without the fields that our account has set since then, whatever became of them."""
    wish = rendering.wish_of(options, intent)
    labelled = since.get("labeled", set())
    there = set(label_names(data.get("labels")))
    assignee = text(obj(intent.fields.get("assignee")).get("external_id")).lower()
    was_set = {
        "title": rendering.title_of(intent.fields.get("title")) in since.get("renamed", ()),
        "assignee": bool(assignee) and assignee in since.get("assigned", ()),
        "priority": bool(wish.priority) and wish.priority in labelled,
        "kind": bool(wish.kind) and wish.kind in labelled,
        "tags": bool(set(wish.tags or ()) - there) and set(wish.tags or ()) - there <= labelled,
        "status": (
            (wish.reason or "") in since.get("closed", ()) if wish.state == "closed"
            else wish.status in labelled if wish.status else "reopened" in since
        ),
    }  # fmt: skip
    left = {name: value for name, value in intent.fields.items() if not was_set.get(name, False)}
    return msgspec.structs.replace(intent, fields=left)


def _login(user: Any) -> str:
    return text(obj(user).get("login")).lower()


# ---------------------------------------------------------------- counting


def effects(options: Options, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Say how often an update took effect. Raises what reads raise: a look that has no answer is taken again."""
    us = (yield from own_login(options)).lower()
    if intent.operation is Operation.SET_FIELDS:
        return (yield from _last(options, us, context))
    if intent.operation is Operation.CREATE:
        try:
            repository = rendering.repository_of(options, intent)
        except UnmappedError:
            return Sighting()
        listed = yield from _issues(repository, context)
        named = {mapping.name_of(repository, number(item.get("number"))): item for item in listed}
    else:
        named = {str(number(item.get("id"))): item for item in (yield from _comments(context))}
    copies = [
        Copy(name, moment(item.get("created_at")))
        for name, item in named.items()
        if mapping.marker_of(item.get("body")) == context.effect_key and _login(item.get("user")) == us
    ]
    return Sighting(
        copies=tuple(sorted(copies, key=lambda copy: (copy.at or EPOCH, len(copy.remote_id), copy.remote_id)))
    )


#: the sort of an event -> the field of ours that it changed
_FIELDS = {
    "renamed": "title",
    "closed": "status",
    "reopened": "status",
    "assigned": "assignee",
    "unassigned": "assignee",
}


def _last(options: Options, us: str, context: WriteContext) -> Call[Sighting]:
    """Read the issue, and in its events who changed each field last."""
    path = issue_path(context.remote_id)
    data = (yield from ask(get(path, "look at the issue"))) if path else None
    repository = context.remote_id.rpartition("#")[0]
    ticket = mapping.ticket(data, repository, options, at=EPOCH) if data is not None else None
    if ticket is None:
        return Sighting()
    last: dict[str, str] = {}
    for event in (yield from ask_all(f"{path}/events", "who changed it last")):
        field = _FIELDS.get(text(event.get("event"))) or _labelled(options, event)
        if field:
            last[field] = _login(event.get("actor"))
    return Sighting(ticket=ticket, ours=frozenset(field for field, who in last.items() if who == us))


def _labelled(options: Options, event: Json) -> str:
    """Return the field that the label of an event says."""
    if text(event.get("event")) not in {"labeled", "unlabeled"}:
        return ""
    label = text(obj(event.get("label")).get("name")).lower()
    words: dict[str, Mapping[str, object]] = {
        "status": options.statuses,
        "priority": options.priorities,
        "kind": options.kinds,
    }
    return next((field for field, labels in words.items() if label in labels), "tags")
