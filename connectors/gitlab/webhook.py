"""GitLab's webhooks: proof of origin, name, and the facts in them.

Up to version 18 the secret token comes as it is in a header [L1]; from 19 on a signing token makes the signature of
Standard Webhooks [L2], over an id, a time and the body. Events about issues (`issue`, `work_item`, also confidential
ones) and about notes on them are read; everything else that one hook may be subscribed to is none of our business.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.gitlab import mapping
from connectors.gitlab.account import SIGNING, Account, signing_key
from connectors.gitlab.mapping import Json, ident, moment, obj, text
from connectors.gitlab.reads import customer
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    FieldChange,
    IncomingRequest,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    UnreadableError,
    body_digest,
    digest,
    hmac_base64,
    read_object,
    require_equal,
    require_recent,
)

TOKEN, IDEMPOTENCY, EVENT_UUID = "x-gitlab-token", "idempotency-key", "x-gitlab-event-uuid"
ID, STAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
#: seconds
TOLERANCE = 300
ISSUES = frozenset({"issue", "work_item", "confidential_issue"})
_ASSIGNEES = frozenset({"assignees", "assignee", "assignee_id", "assignee_ids"})
NOTEABLE = frozenset({"issue", "workitem", "work_item"})
_ADDRESS = re.compile(r"/(?:issues|work_items)/([1-9][0-9]{0,17})(?:#|$)")


#: an issue that is opened was made just now, unless it was made elsewhere
MOVED = timedelta(minutes=1)


def verify(account: Account, request: IncomingRequest, now: datetime) -> None:
    """Raise AuthenticationError unless one of our secrets proves the request.

    A signing token proves it by the signature only; a secret token by itself.
    """
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    signing = [one for one in account.webhook_secrets if one.startswith(SIGNING)]
    tokens = [one for one in account.webhook_secrets if not one.startswith(SIGNING)]
    failure = AuthenticationError(f"missing {SIGNATURE}" if signing else f"missing {TOKEN}")
    if signing and request.headers.get(SIGNATURE):
        try:
            _signed(signing, request, now)
        except AuthenticationError as error:
            failure = error
        else:
            return
    given = request.headers.get(TOKEN, "")
    for token in tokens if given else ():
        try:
            require_equal(given, token, TOKEN)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure


def _signed(secrets: list[str], request: IncomingRequest, now: datetime) -> None:
    """Check `v1,<base64>` of HMAC-SHA256 over `ID.TIME.BODY`; several signatures may stand there."""
    name, stamp = request.headers.get(ID, ""), request.headers.get(STAMP, "").strip()
    message = f"{name}.{stamp}.".encode("utf-8", "replace") + request.body
    given = [one.removeprefix("v1,") for one in request.headers[SIGNATURE].split() if one.startswith("v1,")]
    failure = AuthenticationError(f"wrong {SIGNATURE}")
    for secret in secrets:
        expected = hmac_base64(signing_key(secret), message)
        for each in given:
            try:
                require_equal(each, expected, SIGNATURE)
            except AuthenticationError as error:
                failure = error
                continue
            at = int(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) < 12 else 0
            if not name:
                msg = f"missing {ID}"
                raise AuthenticationError(msg)
            require_recent(STAMP, at, now, TOLERANCE)
            return
    raise failure


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by the signed id; without one by what GitLab keeps over retries, and the body with it."""
    try:
        body: Json = read_object(request.body)
    except UnreadableError:
        body = {}
    ref = _ref(body)
    signed = request.headers.get(ID, "").replace("\x00", "")[:200]
    if signed and request.headers.get(SIGNATURE):
        return Envelope(signed, ref)
    kept = request.headers.get(IDEMPOTENCY) or request.headers.get(EVENT_UUID) or ""
    name = kept.replace("\x00", "")[:100]
    return Envelope(f"{name}:{body_digest(request.body)}" if name else body_digest(request.body), ref)


def _ref(body: Json) -> str:
    about = obj(body.get("issue")) or obj(body.get("object_attributes"))
    return mapping.remote_id(_project(body, about), ident(about.get("iid")))


def _project(body: Json, about: Json) -> str:
    return ident(about.get("project_id")) or ident(obj(body.get("project")).get("id")) or ident(body.get("project_id"))


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; an empty tuple for what is about no issue of this connection's projects."""
    body = read_object(delivery.body)
    kind = text(body.get("object_kind"))
    if kind in ISSUES:
        return _issue(account, body, delivery.received_at)
    if kind == "note":
        return _note(account, body, delivery.received_at)
    if not kind and text(body.get("event_name")):
        # a system hook tells of the instance
        return ()
    if not kind:
        return _own(account, body, delivery)
    return ()


def _own(account: Account, body: Json, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read a body that an admin's own template made, as a hint to read its issue."""
    project, iid = ident(body.get("project_id")), ident(body.get("iid")) or ident(body.get("issue_iid"))
    number = mapping.remote_id(project, iid)
    if not number:
        msg = "the body has no object_kind: a template of your own needs project_id and iid"
        raise UnreadableError(msg)
    if not account.is_mine(project, text(body.get("project_path"))):
        return ()
    shot = RemoteTicket(number, delivery.received_at)
    key = f"template:{number}:{digest(delivery.source_event_id)[:16]}"
    return (Event(EventKind.OBSERVED, number, key=key, at=delivery.received_at, snapshot=shot, needs_read=True),)


def _elsewhere(account: Account, body: Json, note: Json, at: datetime) -> tuple[Event, ...]:
    """Read a note beside which its work item is not shown: its address names that. One of a group is not ours."""
    project, where = _project(body, note), _ADDRESS.search(text(note.get("url")))
    if not project:
        return ()
    if where is None:
        msg = "the webhook of a note names no issue"
        raise UnreadableError(msg)
    if not account.is_mine(project, text(obj(body.get("project")).get("path_with_namespace"))):
        return ()
    number = mapping.remote_id(project, where[1])
    key = f"note:{ident(note.get('id')) or number}:{digest(text(note.get('updated_at')), text(note.get('note')))[:16]}"
    shot = RemoteTicket(number, at)
    actor = _actor(account, body)
    return (Event(EventKind.OBSERVED, number, key=key, at=at, actor=actor, snapshot=shot, needs_read=True),)


def _ticket(account: Account, body: Json, data: Json, at: datetime) -> RemoteTicket | None:
    """Return the issue of a webhook; None where it is none of this connection's, or confidential and left alone."""
    project = obj(body.get("project"))
    number = _project(body, data)
    path = text(project.get("path_with_namespace"))
    if not account.is_mine(number, path):
        return None
    if account.skips_confidential and data.get("confidential") is True:
        return None
    if mapping.labels(data) is None and mapping.labels(body) is not None:
        data = {**data, "labels": body["labels"]}
    for name in ("assignees", "assignee"):
        if name not in data and name in body:
            data = {**data, name: body[name]}
    found = mapping.ticket(data, account, at=at, path=path, project=number)
    if found is None:
        msg = "the webhook names no issue: neither project_id nor iid can be read"
        raise UnreadableError(msg)
    return found


def _issue(account: Account, body: Json, received_at: datetime) -> tuple[Event, ...]:
    data = obj(body.get("object_attributes"))
    if not ident(data.get("iid")) and not _project(body, data):
        if ident(data.get("id")) and not obj(body.get("project")):
            # an epic lives in a group
            return ()
        msg = "the webhook names no issue: object_attributes has neither project_id nor iid"
        raise UnreadableError(msg)
    shot = _ticket(account, body, data, received_at)
    if shot is None:
        return ()
    at = shot.updated_at
    common: dict[str, Any] = {
        "at": at,
        "version": shot.version,
        "actor": _actor(account, body),
        "snapshot": shot,
    }
    number, action = shot.remote_id, text(data.get("action"))
    stamp = digest(text(data.get("updated_at")), body.get("changes"), action)[:16]
    if ident(data.get("moved_to_id")) or ident(data.get("duplicated_to_id")):
        # where to, a read finds out
        return (Event(EventKind.OBSERVED, number, key=f"gone:{number}:{stamp}", needs_read=True, **_late(common)),)
    if action == "open":
        if mapping.is_bot(obj(body.get("user"))):
            # a customer mailed: who, a read says, the webhook in part at most
            shot = msgspec.structs.replace(shot, requester=msgspec.UNSET)
        elif isinstance(shot.requester, RemotePerson) and shot.requester == RemotePerson(_id_of(common["actor"])):
            # the webhook knows more of who opened it than the id
            shot = msgspec.structs.replace(shot, requester=common["actor"])
        created = {**common, "at": shot.created_at or at, "snapshot": shot}
        thin = shot.title is msgspec.UNSET or shot.body is msgspec.UNSET or shot.requester is msgspec.UNSET
        # one that was moved here is as old as it was, and a read knows who asked
        thin = thin or at - (shot.created_at or at) > MOVED
        return (Event(EventKind.CREATED, number, key=f"created:{number}", needs_read=thin, **created),)
    changes = _changes(account, body, data, shot, action)
    if changes:
        key = f"changed:{number}:{stamp}"
        return (Event(EventKind.CHANGED, number, key=key, changes=changes, needs_read=True, **common),)
    return (Event(EventKind.OBSERVED, number, key=f"seen:{number}:{stamp}", needs_read=True, **_late(common)),)


def _id_of(who: RemotePerson | None) -> str:
    return who.external_id if who is not None else ""


def _late(common: dict[str, Any]) -> dict[str, Any]:
    """Return what an event says that is to be read in any case: of no version that could be known already."""
    shot: RemoteTicket = common["snapshot"]
    return {**common, "version": 0, "snapshot": msgspec.structs.replace(shot, version=0)}


def _actor(account: Account, body: Json) -> RemotePerson | None:
    """Return who did it; an old version names them by the user name only."""
    user = obj(body.get("user"))
    number = ident(user.get("id"))
    if not number and ident(body.get("user_id")):
        user = {**user, "id": body["user_id"]}
    if number and number == account.us.id:
        account.us.learn(number, text(user.get("username")))
    return mapping.person(user, "system" if mapping.is_bot(user) else "")


def _changes(account: Account, body: Json, data: Json, shot: RemoteTicket, action: str) -> tuple[FieldChange, ...]:
    """Return our fields that were changed, with what they were before."""
    said = obj(body.get("changes"))
    was = {name: obj(change).get("previous") for name, change in said.items()}
    kept = dict(data) if not _ASSIGNEES & set(said) else {
        name: value for name, value in data.items() if name not in _ASSIGNEES
    }  # fmt: skip
    before = {**kept, **was}
    if "state_id" in said or action in {"close", "reopen"}:
        before["state"] = mapping.CLOSED if action == "reopen" else mapping.OPENED
        if action not in {"close", "reopen"}:
            before["state"] = mapping.STATE_IDS.get(_number(before.get("state_id")), "")
    if "labels" not in said and mapping.labels(before) is None:
        before["labels"] = body.get("labels")
    old = mapping.ticket({**before, "updated_at": None}, account, at=shot.updated_at, project="0")
    watched: tuple[tuple[str, bool], ...] = (
        ("title", "title" in said),
        ("body", "description" in said),
        ("status", bool({"state_id", "state", "closed_at", "labels"} & set(said)) or action in {"close", "reopen"}),
        ("priority", "labels" in said),
        ("tags", "labels" in said),
        ("assignee", bool(_ASSIGNEES & set(said))),
    )
    found = []
    for field, touched in watched:
        value = getattr(shot, field)
        previous = getattr(old, field) if old is not None else msgspec.UNSET
        if touched and value is not msgspec.UNSET and value != previous:
            found.append(FieldChange(field, value, None if previous is msgspec.UNSET else previous))
    return tuple(found)


def _number(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 100 else 0


def _note(account: Account, body: Json, received_at: datetime) -> tuple[Event, ...]:
    """Read a note on an issue; notes on code, snippets and epics, and GitLab's own, are none of our business."""
    note, data = obj(body.get("object_attributes")), obj(body.get("issue")) or obj(body.get("work_item"))
    if text(note.get("noteable_type")).lower() not in NOTEABLE or note.get("system") is True:
        return ()
    if not data:
        return _elsewhere(account, body, note, received_at)
    shot = _ticket(account, body, data, received_at)
    if shot is None:
        return ()
    actor = _actor(account, body)
    number = shot.remote_id
    at = moment(note.get("created_at")) or received_at
    common: dict[str, Any] = {"at": at, "actor": actor, "snapshot": shot, "version": shot.version}
    project = (mapping.parts(number) or ("", ""))[0]
    bot = mapping.is_bot(obj(body.get("user")))
    author = customer({"author": body.get("user")}, shot) if bot else actor
    said = mapping.comment(note, account, project, at=at, author=author, event=text(body.get("event_type")))
    stamp = digest(text(note.get("updated_at")), text(note.get("note")))[:16]
    edited = text(note.get("action")) == "update"
    if said is None or not (said.body or said.attachments) or edited or bot:
        # a customer who mailed is named in the issue only, which the webhook shows in part
        key = f"note:{ident(note.get('id')) or number}:{stamp}"
        told = said if edited and not bot else None
        return (Event(EventKind.OBSERVED, number, key=key, needs_read=True, comment=told, **_late(common)),)
    key = f"comment:{said.remote_id}"
    return (Event(EventKind.COMMENTED, number, key=key, comment=said, needs_read=True, **common),)
