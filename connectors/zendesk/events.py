"""One event of a Zendesk event subscription, read into one of ours.

An event's key names the change itself, so that a webhook sent twice, or the poll that saw it first, is one event:
comments by their id, creation by the ticket's, a field by value and time.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.sdk import Event, EventKind, FieldChange, Kind, Org, RemotePerson, RemoteTicket, digest
from connectors.zendesk import mapping, texts
from connectors.zendesk.account import Account
from connectors.zendesk.mapping import Json, ident, obj, text

#: a comment that equals the description and was made this soon after the ticket is the description itself
FIRST_COMMENT_WITHIN = timedelta(seconds=10)

_DELETIONS = frozenset({"soft_deleted", "permanently_deleted", "deleted", "marked_as_spam"})


class Said(msgspec.Struct, frozen=True):
    """The parts of an event subscription's body."""

    #: the type after `zen:event-type:ticket.`
    name: str
    id: str
    at: datetime
    detail: Json
    event: Json
    #: the detail as a ticket
    snapshot: RemoteTicket


def read(said: Said, account: Account) -> Event:
    """Return the one fact of an event; types that mean nothing to us say how the ticket looks now."""
    if said.name == "created":
        return _event(said, EventKind.CREATED, f"created:{said.snapshot.remote_id}")
    if said.name in {"comment_added", "comment_created"}:
        return _commented(said)
    if said.name == "merged":
        return _merged(said)
    if said.name in _DELETIONS or (said.name == "status_changed" and _current(said).lower() in mapping.DELETED):
        return _event(said, EventKind.DELETED, f"deleted:{said.snapshot.remote_id}:{_stamp(said)}")
    change = _change(said, account)
    if change is None:
        return _observed(said)
    number = said.snapshot.remote_id
    key = f"{change.field}:{number}:{digest(change.value)[:12]}:{_stamp(said)}"
    field: dict[str, Any] = {} if change.field == "custom" else {change.field: change.value}
    snapshot = msgspec.structs.replace(said.snapshot, **field)
    return _event(said, EventKind.CHANGED, key, changes=(change,), snapshot=snapshot)


def _event(said: Said, kind: EventKind, key: str, **more: Any) -> Event:
    actor = mapping.someone(said.detail.get("actor_id"), {})
    snapshot: RemoteTicket = more.pop("snapshot", said.snapshot)
    return Event(
        kind,
        snapshot.remote_id,
        key=key,
        at=said.at,
        version=snapshot.version,
        actor=more.pop("actor", None) or actor,
        snapshot=snapshot,
        automatic=actor is not None and actor.role == "system",
        # no event shows how the words of a ticket look: one that is new to us is read
        needs_read=kind is not EventKind.DELETED,
        **more,
    )


def _observed(said: Said) -> Event:
    return _event(said, EventKind.OBSERVED, f"event:{said.id}")


def _commented(said: Said) -> Event:
    """Read a comment; the description, which Zendesk also keeps as the first comment, is none."""
    data = obj(said.event.get("comment"))
    comment = mapping.comment(data, {}, at=said.at)
    if comment is None or not (comment.body or comment.attachments):
        return _event(said, EventKind.OBSERVED, f"event:{said.id}")
    created = said.snapshot.created_at
    soon = created is not None and abs(comment.at - created) <= FIRST_COMMENT_WITHIN
    if soon and texts.same_text(text(said.detail.get("description")), comment.body):
        return _event(said, EventKind.OBSERVED, f"event:{said.id}")
    comment = msgspec.structs.replace(comment, partial=comment.source_format != "html")
    return _event(
        said, EventKind.COMMENTED, f"comment:{comment.remote_id}", comment=comment, actor=_actor(said, comment.author)
    )


def _actor(said: Said, author: RemotePerson | None) -> RemotePerson | None:
    """Prefer the author where it is the actor: the comment says more about that person."""
    actor = ident(said.detail.get("actor_id"))
    return author if author is not None and (not actor or actor == author.external_id) else None


def _merged(said: Said) -> Event:
    number = said.snapshot.remote_id
    target = ident(said.event.get("target_ticket_id")) or ident(obj(said.event.get("target_ticket")).get("id"))
    if not target:
        return _event(said, EventKind.OBSERVED, f"event:{said.id}")
    return _event(said, EventKind.MERGED, f"merged:{number}:{target}", merged_into=target)


def _current(said: Said) -> str:
    return text(said.event.get("current")).strip()


def _stamp(said: Said) -> str:
    return said.at.strftime("%Y%m%dT%H%M%S.%fZ")


def _change(said: Said, account: Account) -> FieldChange | None:
    """Return the change of a field that we sync; None where it is another field, or its value is not said."""
    if said.name in {"tags_changed", "tag_added", "tag_removed"}:
        return _tags(said, account)
    if said.name == "custom_field_changed":
        return _custom(said, account)
    known = _FIELDS.get(said.name)
    if known is None or "current" not in said.event:
        return None
    field, value = known
    return FieldChange(field, value(said.event["current"], account), value(said.event.get("previous"), account))


_Value = Callable[[Any, Account], Any]


def _plain_text(value: Any, _account: Account) -> str:
    return text(value)


def _status(value: Any, _account: Account) -> Any:
    return mapping.status(value)


def _priority(value: Any, _account: Account) -> Any:
    return mapping.priority(value)


def _kind(value: Any, _account: Account) -> Any:
    found = mapping.kind(value)
    return Kind.OTHER if found is msgspec.UNSET else found


def _someone(value: Any, _account: Account) -> RemotePerson | None:
    return mapping.someone(obj(value).get("id") if isinstance(value, dict) else value, {})


def _group(value: Any, account: Account) -> str:
    return account.queue(ident(obj(value).get("id") if isinstance(value, dict) else value))


def _org(value: Any, _account: Account) -> Org:
    return Org(ident(obj(value).get("id") if isinstance(value, dict) else value))


#: event type -> our field and how its `current` and `previous` are read
_FIELDS: dict[str, tuple[str, _Value]] = {
    "status_changed": ("status", _status),
    "priority_changed": ("priority", _priority),
    "subject_changed": ("title", _plain_text),
    "type_changed": ("kind", _kind),
    "ticket_type_changed": ("kind", _kind),
    "agent_assignment_changed": ("assignee", _someone),
    "assignee_changed": ("assignee", _someone),
    "group_assignment_changed": ("queue", _group),
    "group_changed": ("queue", _group),
    "requester_changed": ("requester", _someone),
    "organization_changed": ("org", _org),
}


def _tags(said: Said, account: Account) -> FieldChange | None:
    """Return all tags as they are now: the detail has them; the event has only what came and went.

    None where only tags of the gateway did.
    """
    if not isinstance(said.snapshot.tags, tuple):
        return None
    now = set(said.snapshot.tags)
    added = set(mapping.tags(said.event.get("tags_added"))) - account.own_tags
    removed = set(mapping.tags(said.event.get("tags_removed"))) - account.own_tags
    if account.own_tags and not added and not removed:
        return None
    return FieldChange("tags", tuple(sorted(now)), tuple(sorted((now - added) | removed)))


def _custom(said: Said, account: Account) -> FieldChange | None:
    """Return one custom field's change as {name: value}; the other custom fields are as they were."""
    field = obj(said.event.get("custom_field"))
    number = ident(field.get("id")) or ident(said.event.get("custom_field_id"))
    if not number or "current" not in said.event:
        return None
    name = account.field_names.get(number, number)
    return FieldChange("custom", {name: _value(said.event["current"])}, {name: _value(said.event.get("previous"))})


def _value(said: Any) -> Any:
    """Read a custom field's value: plain, or as {value}, {id, value} or {relationship_target}."""
    if isinstance(said, dict):
        return said.get("value", said.get("relationship_target", said.get("id")))
    return text(said) if isinstance(said, str) else said
