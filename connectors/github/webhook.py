"""GitHub's webhooks: proof of origin, name, and the facts in them.

The name of the event stands in a header that is not signed, so that what a body is about is told from the body alone:
an issue, or an issue and a comment. GitHub sends once and does not try again [I1]; polling brings what was missed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec

from connectors.github import mapping
from connectors.github.mapping import Json, moment, number, obj, objects, text
from connectors.github.options import Options
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    FieldChange,
    IncomingRequest,
    Kind,
    Priority,
    RawDelivery,
    RemoteTicket,
    Status,
    UnreadableError,
    body_digest,
    digest,
    hmac_hex,
    read_object,
    require_equal,
)

SIGNATURE = "x-hub-signature-256"
FORM = b"payload="
#: parts of bodies about something else, though they may name an issue, or have a comment
_OTHER = frozenset({"pull_request", "discussion", "zen", "sub_issue", "check_run", "commit", "workflow_run", "alert"})


def verify(options: Options, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless the signature is `sha256=hex(HMAC-SHA256(secret, raw body))` [I1].

    The older `X-Hub-Signature` (SHA-1) is not looked at: GitHub sends both.
    """
    if not options.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    given = request.headers.get(SIGNATURE, "").strip()
    failure: AuthenticationError | None = None
    for secret in options.webhook_secrets:
        try:
            require_equal(given, f"sha256={hmac_hex(secret, request.body)}", SIGNATURE)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure or AuthenticationError(f"wrong {SIGNATURE}")


def envelope(options: Options, request: IncomingRequest) -> Envelope:
    """Name a delivery by its signed body; `X-GitHub-Delivery` is not signed."""
    try:
        body = _decoded(request.body)
    except UnreadableError:
        return Envelope(body_digest(request.body))
    return Envelope(body_digest(request.body), _name(options, body))


def _name(options: Options, body: Json) -> str:
    said = text(obj(body.get("repository")).get("full_name"))
    issue = number(obj(body.get("issue")).get("number"))
    repository = options.repository(said)
    return mapping.name_of(repository, issue) if repository and issue else ""


def parse(options: Options, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; an empty tuple for what is not about issues, or those of other repositories.

    Raises UnreadableError where an event of an issue does not say which.
    """
    body = _decoded(delivery.body)
    issue = body.get("issue")
    if _OTHER & set(body) or "issue" not in body:
        if not body.get("action") and not _OTHER & set(body) and "repository" not in body and "hook" not in body:
            msg = "the body is no event of GitHub: it has neither an action nor a repository"
            raise UnreadableError(msg)
        return ()
    if obj(obj(issue).get("pull_request")):
        return ()
    said = text(obj(body.get("repository")).get("full_name"))
    if said and not options.repository(said):
        return ()
    remote = _name(options, body)
    if not remote:
        msg = "the event names no issue: repository.full_name and issue.number are missing or no such thing"
        raise UnreadableError(msg)
    found = _read(options, body, remote, delivery)
    came = _came_from(options, body, found)
    return (came, found) if came is not None else (found,)


class Said(msgspec.Struct, frozen=True):
    """The parts of an event that its readers share."""

    action: str
    remote: str
    repository: str
    at: datetime
    stamp: str
    body: Json
    snapshot: RemoteTicket
    labels: tuple[str, ...]


def _read(options: Options, body: Json, remote: str, delivery: RawDelivery) -> Event:
    repository = remote.rpartition("#")[0]
    issue = obj(body.get("issue"))
    at = moment(issue.get("updated_at")) or delivery.received_at
    snapshot = mapping.ticket(issue, repository, options, at=at)
    if snapshot is None:
        msg = f"the issue {remote} is not readable"
        raise UnreadableError(msg)
    said = Said(
        action=text(body.get("action")),
        remote=remote,
        repository=repository,
        at=at,
        stamp=body_digest(delivery.body)[:23],
        body=body,
        snapshot=snapshot,
        labels=mapping.label_names(issue.get("labels")),
    )
    if "comment" in body:
        return _commented(said, options)
    match said.action:
        case "opened" if "old_issue" in obj(body.get("changes")):
            # it was moved here, and shows its text only later
            said = msgspec.structs.replace(said, snapshot=msgspec.structs.replace(snapshot, body=msgspec.UNSET))
            return _event(said, EventKind.CREATED, f"created:{remote}", needs_read=True)
        case "opened":
            return _event(said, EventKind.CREATED, f"created:{remote}", at=snapshot.created_at or at)
        case "deleted":
            return _event(said, EventKind.DELETED, f"deleted:{remote}", needs_read=False)
        case "transferred":
            return _transferred(said, options)
    reread = {"needs_read": True} if _is_stale(said) else {}
    changes = _changes(said, options)
    if not changes:
        return _event(said, EventKind.OBSERVED, f"seen:{remote}:{said.stamp}", **reread)
    what = digest([(each.field, each.value, each.old) for each in changes])[:12]
    key = f"{said.action}:{remote}:{what}:{said.snapshot.version}"
    return _event(said, EventKind.CHANGED, key, changes=tuple(changes), **reread)


def _is_stale(said: Said) -> bool:
    """Say whether the issue does not look as its action left it: it was shown before that, or after the next one."""
    issue = obj(said.body.get("issue"))
    label = text(obj(said.body.get("label")).get("name")).lower()
    whom = mapping.person(said.body.get("assignee"))
    named = {each.lower() for each in said.labels}
    has_it = {text(each.get("login")) for each in objects(issue.get("assignees"))}
    match said.action:
        case "labeled" | "unlabeled":
            return bool(label) and "labels" in issue and (label in named) is (said.action == "unlabeled")
        case "assigned" | "unassigned":
            return (
                whom is not None
                and "assignees" in issue
                and (whom.external_id in has_it) is (said.action == "unassigned")
            )
        case "closed" | "reopened":
            return text(issue.get("state")) == ("open" if said.action == "closed" else "closed")
    return False


def _event(said: Said, kind: EventKind, key: str, **more: Any) -> Event:
    shot = said.snapshot
    thin = any(each is msgspec.UNSET for each in (shot.title, shot.body, shot.tags, shot.status))
    return Event(
        kind,
        said.remote,
        key=key,
        at=more.pop("at", said.at),
        version=shot.version,
        actor=more.pop("actor", None) or mapping.person(said.body.get("sender")),
        snapshot=shot,
        needs_read=more.pop("needs_read", thin),
        **more,
    )


def _commented(said: Said, options: Options) -> Event:
    """Read a comment; one that is edited or deleted asks for a read, and is no second one."""
    comment = mapping.comment_of(obj(said.body.get("comment")), options, at=said.at)
    if comment is None or said.action != "created":
        told = comment if said.action == "edited" else None
        return _event(said, EventKind.OBSERVED, f"hint:{said.remote}:{said.stamp}", needs_read=True, comment=told)
    return _event(
        said, EventKind.COMMENTED, f"comment:{comment.remote_id}", at=comment.at, comment=comment, actor=comment.author
    )


def _transferred(said: Said, options: Options) -> Event:
    """Read a move to another repository: there it is a new issue. Out of our repositories it is gone."""
    changes = obj(said.body.get("changes"))
    target = options.repository(text(obj(changes.get("new_repository")).get("full_name")))
    issue = number(obj(changes.get("new_issue")).get("number"))
    if not target or not issue:
        return _event(said, EventKind.DELETED, f"deleted:{said.remote}", needs_read=False)
    new = mapping.name_of(target, issue)
    return _event(said, EventKind.MERGED, f"merged:{said.remote}:{new}", merged_into=new, needs_read=False)


def _came_from(options: Options, body: Json, here: Event) -> Event | None:
    """Return the move of an issue that was opened by it: the webhook of the move comes before or after, or never."""
    changes = obj(body.get("changes"))
    source = options.repository(text(obj(changes.get("old_repository")).get("full_name")))
    issue = number(obj(changes.get("old_issue")).get("number"))
    if here.kind is not EventKind.CREATED or not source or not issue:
        return None
    old = mapping.name_of(source, issue)
    return Event(
        EventKind.MERGED,
        old,
        key=f"merged:{old}:{here.remote_id}",
        at=here.at,
        actor=here.actor,
        merged_into=here.remote_id,
    )


def _changes(said: Said, options: Options) -> list[FieldChange]:
    """Return what an action changed in our terms; empty where that is nothing of ours."""
    match said.action:
        case "edited":
            return _edited(said)
        case "closed" | "reopened":
            if said.snapshot.status is msgspec.UNSET:
                return []
            old = mapping.status("open" if said.action == "closed" else "closed", "", said.labels, options)
            return [FieldChange("status", said.snapshot.status, old)]
        case "labeled" | "unlabeled":
            return _labeled(said, options)
        case "assigned" | "unassigned":
            whom = mapping.person(said.body.get("assignee"))
            old_assignee = whom if said.action == "unassigned" else None
            now = None if said.snapshot.assignee is msgspec.UNSET else said.snapshot.assignee
            return [FieldChange("assignee", now, old_assignee)] if now != old_assignee else []
        case "typed" | "untyped":
            return [] if said.snapshot.kind is msgspec.UNSET else [FieldChange("kind", said.snapshot.kind, Kind.OTHER)]
    return []


def _edited(said: Said) -> list[FieldChange]:
    changes = obj(said.body.get("changes"))
    found = []
    if "title" in changes and isinstance(said.snapshot.title, str):
        found.append(FieldChange("title", said.snapshot.title, text(obj(changes["title"]).get("from"))))
    if "body" in changes and isinstance(said.snapshot.body, str):
        found.append(FieldChange("body", said.snapshot.body, mapping.body_of(obj(changes["body"]).get("from"))))
    return found


def _labeled(said: Said, options: Options) -> list[FieldChange]:
    """Return what one label changed: the field that it says, else the tags."""
    label = text(obj(said.body.get("label")).get("name"))
    if not label or msgspec.UNSET in (said.snapshot.status, said.snapshot.tags):
        return []
    rest = [each for each in said.labels if each.lower() != label.lower()]
    before = rest if said.action == "labeled" else [*rest, label]
    state = text(obj(said.body.get("issue")).get("state"))
    reason = text(obj(said.body.get("issue")).get("state_reason"))
    name = label.lower()
    pairs: list[tuple[str, Any, Any]] = []
    if name in options.statuses:
        old: Status = mapping.status(state, reason, before, options)
        pairs.append(("status", said.snapshot.status, old))
    if name in options.priorities:
        was: Priority = mapping.priority(before, options)
        pairs.append(("priority", said.snapshot.priority, was))
    if name in options.kinds:
        pairs.append(("kind", said.snapshot.kind, mapping.kind(before, options)))
    if not pairs:
        pairs.append(("tags", said.snapshot.tags, mapping.tags(before, options)))
    return [FieldChange(field, value, earlier) for field, value, earlier in pairs if value != earlier]


def _decoded(body: bytes) -> Json:
    """Decode a body: JSON, or JSON in a form, as a webhook sends it that was set up so."""
    if body.startswith(FORM):
        try:
            body = parse_qs(body.decode(), max_num_fields=5).get("payload", [""])[0].encode()
        except (UnicodeError, ValueError) as error:
            msg = f"the form cannot be read: {error}"
            raise UnreadableError(msg.splitlines()[0][:300]) from error
    return read_object(body)
