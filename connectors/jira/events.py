"""The facts of one webhook, whatever its age.

Old Jiras tell of everything as `jira:issue_updated` and say in `issue_event_type_name` what it was; newer ones have
events of their own for comments, too, and send both. An event's key names the change: a comment by its number, a set of
changed fields by the number of their entry in the issue's history.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import msgspec

from connectors.jira import mapping
from connectors.jira.mapping import Json, ident, moment, obj, objects, text
from connectors.jira.options import Options
from connectors.sdk import (
    Event,
    EventKind,
    FieldChange,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    UnreadableError,
    Visibility,
    body_digest,
    digest,
)

#: names of an event that is not about a ticket
_OTHER = re.compile(
    r"(jira:)?(worklog|version|project|user|sprint|board|option|jira_expression|issuelink|issue_property|filter"
    r"|permissionscheme|workflow|issue_type|field|expression|feature_flag|subtask|timetracking|voting|watching"
    r"|unassigned_issues|attachments_(allowed|option))"
)
_COMMENT_TOLD = frozenset({"comment_created", "issue_commented"})
_COMMENT_EDITED = frozenset({"comment_updated", "issue_comment_edited"})
_COMMENT_CHANGED = _COMMENT_EDITED | {"comment_deleted", "issue_comment_deleted"}
_ISSUE_OF = re.compile(r"/issue/(\d{1,20})(?:/|$)")
#: `issue_event_type_name` -> our field, where it says by itself which was changed
_TYPES = {
    "issue_assigned": "assignee", "issue_resolved": "status", "issue_closed": "status", "issue_reopened": "status",
    "issue_work_started": "status", "issue_work_stopped": "status",
}  # fmt: skip
#: entries of the history after which only a read shows what there is
_READ_AFTER = frozenset({"attachment", "comment"})


class Said(msgspec.Struct, frozen=True):
    """The parts of a webhook that its readers share."""

    #: `webhookEvent` without `jira:`, and what older Jiras say more precisely
    name: str
    type: str
    id: str
    at: datetime
    actor: RemotePerson | None
    body: Json
    issue: Json
    snapshot: RemoteTicket
    #: names the webhook where nothing in it names the change
    stamp: str


def issue_id(body: Json) -> str:
    """Return the number of the issue that a body is about, or an empty string.

    Some comment events have no issue: the address of the comment has its number.
    """
    issue = obj(body.get("issue"))
    found = ident(issue.get("id"))
    if not found:
        found = _in_address(issue.get("self")) or _in_address(obj(body.get("comment")).get("self"))
    if not found and "fields" in body and not obj(body.get("issue")):
        # an automation rule sends the issue alone
        found = ident(body.get("id"))
    return found


def read(body: Json, options: Options, delivery: RawDelivery) -> tuple[Event, ...]:
    """Return the facts of a decoded body; raises UnreadableError where it is about nothing that can be told."""
    event = text(body.get("webhookEvent")).strip()
    number = issue_id(body)
    if not number:
        if event and not event.startswith(("jira:issue_", "comment_")):
            return ()
        raise UnreadableError(_complaint(body, event))
    name = event.removeprefix("jira:")
    if _OTHER.match(event) and not name.startswith(("issue_created", "issue_updated", "issue_deleted")):
        return ()
    said = _said(body, options, delivery, name, number)
    queue = said.snapshot.queue
    moved = any(text(item.get("field")) == "project" for item in _items(said))
    if isinstance(queue, str) and not options.is_ours(queue) and not moved:
        return ()
    return _read(said, options)


def _said(body: Json, options: Options, delivery: RawDelivery, name: str, number: str) -> Said:
    issue = obj(body.get("issue")) or (body if "fields" in body else {})
    comment = obj(body.get("comment"))
    fields = obj(issue.get("fields"))
    at = (
        moment(body.get("timestamp"))
        or moment(comment.get("updated"))
        or moment(fields.get("updated"))
        or delivery.received_at
    )
    snapshot = mapping.ticket({**issue, "id": number}, options, at=at)
    if snapshot is None:
        msg = f"the number of the issue, {number!r}, is not readable"
        raise UnreadableError(msg)
    actor = mapping.person(body.get("user"))
    if actor is None and comment:
        actor = mapping.person(comment.get("updateAuthor")) or mapping.person(comment.get("author"))
    return Said(
        name=name,
        type=text(body.get("issue_event_type_name")),
        id=number,
        at=at,
        actor=actor,
        body=body,
        issue=issue,
        snapshot=snapshot,
        stamp=body_digest(delivery.body)[:23],
    )


def _read(said: Said, options: Options) -> tuple[Event, ...]:
    name = said.name
    if name == "issue_created":
        created = said.snapshot.created_at or said.at
        return (_event(said, EventKind.CREATED, f"created:{said.id}", at=created),)
    if name == "issue_deleted":
        return (_event(said, EventKind.DELETED, f"deleted:{said.id}", needs_read=False),)
    if name in _COMMENT_TOLD:
        return (_commented(said, options),)
    if name in _COMMENT_CHANGED:
        return (_changed_comment(said, options, name),)
    if not name and (moved := _transition(said, options)) is not None:
        return (moved,)
    if name != "issue_updated":
        return (_hint(said),)
    found: list[Event] = []
    if said.type in _COMMENT_CHANGED:
        found.append(_changed_comment(said, options, said.type))
    elif obj(said.body.get("comment")):
        edited = not said.type and _is_edited(obj(said.body["comment"]))
        found.append(_changed_comment(said, options, "comment_updated") if edited else _commented(said, options))
    elif said.type in _COMMENT_TOLD:
        found.append(_hint(said))
    found += _changed(said, options)
    # a link, a vote; of a Jira before 7 a comment that was deleted: nothing says which
    return tuple(found) or (_event(said, EventKind.OBSERVED, f"seen:{said.id}:{said.stamp}", needs_read=True),)


def _event(said: Said, kind: EventKind, key: str, **more: Any) -> Event:
    snapshot = said.snapshot
    thin = snapshot.title is msgspec.UNSET or snapshot.status is msgspec.UNSET or snapshot.body is msgspec.UNSET
    return Event(
        kind,
        said.id,
        key=key,
        at=more.pop("at", said.at),
        version=snapshot.version,
        actor=more.pop("actor", said.actor),
        snapshot=snapshot,
        needs_read=more.pop("needs_read", thin),
        **more,
    )


def _hint(said: Said) -> Event:
    """Ask for a read: the issue looks different in a way that only a read shows."""
    return _event(said, EventKind.OBSERVED, f"hint:{said.id}:{said.stamp}", needs_read=True)


def _commented(said: Said, options: Options) -> Event:
    """Read a comment.

    In a service project that does not say whether customers may read it, only the service desk's API knows; and of a
    file that it shows, only the issue: then it is read. Where the event does not tell the project, the comment waits
    for that.
    """
    data = obj(said.body.get("comment"))
    fields = obj(said.issue.get("fields"))
    service, attached = mapping.is_service(fields), objects(fields.get("attachment"))
    comment = mapping.comment_of(data, options, service=service, at=said.at, attached=attached)
    strange = mapping.named_in(data.get("body")) - set(mapping.files_of(fields))
    says = mapping.says_visibility(data)
    if comment is None or strange or (service and not says):
        return _hint(said)
    more = {}
    if not says and not obj(fields.get("project")):
        comment = msgspec.structs.replace(comment, visibility=Visibility.INTERNAL, partial=True, unsaid=True)
        more = {"needs_read": True}
    return _event(
        said,
        EventKind.COMMENTED,
        f"comment:{comment.remote_id}",
        at=comment.at,
        actor=comment.author or said.actor,
        comment=comment,
        **more,
    )


def _changed_comment(said: Said, options: Options, name: str) -> Event:
    """Ask for a read; a comment that was edited is told as it reads now, for whoever does not know it yet."""
    hint = _hint(said)
    told = _commented(said, options) if name in _COMMENT_EDITED else hint
    return hint if told.comment is None or told.comment.unsaid else msgspec.structs.replace(hint, comment=told.comment)


def _is_edited(comment: Json) -> bool:
    """Say whether a comment was changed after it was made: a Jira before 7 does not say it in any other way."""
    made, changed = moment(comment.get("created")), moment(comment.get("updated"))
    return made is not None and changed is not None and changed > made


def _transition(said: Said, options: Options) -> Event | None:
    """Read what the post function of a workflow sends: the status before and after; None where it has neither.

    It names no event, and gives the words of the transition's screen without a number: a read finds that comment.
    """
    step = obj(said.body.get("transition"))
    old, new = text(step.get("from_status")).strip(), text(step.get("to_status")).strip()
    if not new or old == new:
        return None
    now = said.snapshot.status
    same = now is not msgspec.UNSET and now.native == new
    change = FieldChange("status", now if same else mapping.status(new, options), mapping.status(old, options))
    return _event(said, EventKind.CHANGED, f"transition:{said.id}:{said.stamp}", changes=(change,), needs_read=True)


def _items(said: Said) -> list[Json]:
    return objects(obj(said.body.get("changelog")).get("items"))


def _changed(said: Said, options: Options) -> list[Event]:
    """Read the changed fields of the issue's history. A change of its files beside them asks for a read of its own."""
    items = _items(said)
    changes: dict[str, FieldChange] = {}
    reread = False
    for item in items:
        name = text(item.get("field")).strip().lower()
        reread = reread or name in _READ_AFTER
        known = _FIELDS.get(name)
        if known is not None:
            change = known(item, said.snapshot, options)
            changes[change.field] = change
    if not items:
        return _unlisted(said)
    entry = ident(obj(said.body.get("changelog")).get("id")) or digest(items, said.at.isoformat())[:16]
    key = f"change:{said.id}:{entry}"
    if not changes:
        return [_event(said, EventKind.OBSERVED, key, **({"needs_read": True} if reread else {}))]
    changed = _event(said, EventKind.CHANGED, key, changes=tuple(changes.values()))
    return [changed, _hint(said)] if reread else [changed]


def _unlisted(said: Said) -> list[Event]:
    """Read a change of which only the event's type tells, as of many issues at once: what it was before is not said."""
    field = _TYPES.get(said.type, "")
    if not field or getattr(said.snapshot, field) is msgspec.UNSET:
        return []
    change = FieldChange(field, getattr(said.snapshot, field))
    key = f"change:{said.id}:{said.stamp}"
    return [_event(said, EventKind.CHANGED, key, changes=(change,), needs_read=True)]


_Reader = Callable[[Json, RemoteTicket, Options], FieldChange]


def _words_of(item: Json) -> tuple[str, str]:
    return text(item.get("fromString")), text(item.get("toString"))


def _title(item: Json, _shot: RemoteTicket, _options: Options) -> FieldChange:
    old, new = _words_of(item)
    return FieldChange("title", new, old)


def _body(item: Json, shot: RemoteTicket, _options: Options) -> FieldChange:
    old, new = _words_of(item)
    now = shot.body if isinstance(shot.body, str) else mapping.content(new).markdown
    return FieldChange("body", now, mapping.content(old).markdown)


def _status(item: Json, shot: RemoteTicket, options: Options) -> FieldChange:
    """Read both by name; the category that Jira gives is in the snapshot alone."""
    old, new = _words_of(item)
    now = shot.status
    same = now is not msgspec.UNSET and now.native == new.strip()
    return FieldChange("status", now if same else mapping.status(new, options), mapping.status(old, options))


def _priority(item: Json, _shot: RemoteTicket, options: Options) -> FieldChange:
    old, new = _words_of(item)
    return FieldChange("priority", mapping.priority(new, options), mapping.priority(old, options))


def _kind(item: Json, _shot: RemoteTicket, options: Options) -> FieldChange:
    old, new = _words_of(item)
    return FieldChange("kind", mapping.kind(new, options), mapping.kind(old, options))


def _someone(account: Any, name: str) -> RemotePerson | None:
    """Read who stood there before; Data Center gives the key of an account here, which is not its name."""
    found = text(account).strip()[:255]
    return RemotePerson(found, name=name) if found else None


def _assignee(item: Json, shot: RemoteTicket, _options: Options) -> FieldChange:
    old, new = _words_of(item)
    now = _someone(item.get("to"), new) if shot.assignee is msgspec.UNSET else shot.assignee
    return FieldChange("assignee", now, _someone(item.get("from"), old))


def _requester(item: Json, shot: RemoteTicket, _options: Options) -> FieldChange:
    old, new = _words_of(item)
    now = _someone(item.get("to"), new) if shot.requester is msgspec.UNSET else shot.requester
    return FieldChange("requester", now, _someone(item.get("from"), old))


def _labels(item: Json, _shot: RemoteTicket, _options: Options) -> FieldChange:
    old, new = _words_of(item)
    return FieldChange("tags", tuple(sorted(set(new.split()))), tuple(sorted(set(old.split()))))


def _moved(item: Json, shot: RemoteTicket, _options: Options) -> FieldChange:
    """Read a move by the keys before and after: `Key` beside `project`, which has names for people."""
    old, new = (word.rpartition("-")[0] for word in _words_of(item))
    now = shot.queue if isinstance(shot.queue, str) else new
    return FieldChange("queue", now, old)


#: the field's name in the history -> ours
_FIELDS: dict[str, _Reader] = {
    "summary": _title,
    "description": _body,
    "status": _status,
    "priority": _priority,
    "issuetype": _kind,
    "assignee": _assignee,
    "reporter": _requester,
    "labels": _labels,
    "key": _moved,
}


def _in_address(value: Any) -> str:
    found = _ISSUE_OF.search(text(value)[:2000])
    return found.group(1) if found else ""


def _complaint(body: Json, event: str) -> str:
    issue = obj(body.get("issue")) or body
    if text(issue.get("key")):
        return "the body names an issue by its key alone, which changes when it moves: add issue.id to what is sent"
    what = f"event {event!r}" if event else "the body is no event of Jira and"
    return f"{what} names no issue: neither issue.id nor the address of its comment holds a number"[:500]
