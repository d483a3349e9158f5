"""An issue and its notes to our model, by webhook and by REST: pure.

Webhooks leave out what older versions did not have, and write times as `2026-03-01T08:00:00Z` or `2026-03-01 08:00:00
UTC`, the latter in whole seconds. What is absent stays unsaid; a note of which nothing says that it is not internal is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.content.tags import lost_in
from connectors.gitlab import texts
from connectors.gitlab.account import Account, scopes
from connectors.sdk import (
    Attachment,
    Category,
    Kind,
    Level,
    Priority,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
    over_since,
)

Json = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OPENED, CLOSED = "opened", "closed"
STATE_IDS = {1: OPENED, 2: CLOSED}
OPEN_CATEGORIES = frozenset({Category.NEW, Category.OPEN, Category.PENDING_CUSTOMER, Category.ON_HOLD})
KINDS = {"incident": Kind.INCIDENT, "task": Kind.TASK}
#: the account by which Service Desk writes what customers mail
_BOT = re.compile(r"(gitlab-)?support-bot\d*", re.IGNORECASE)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d(?:\.\d{1,6})?)\d*\s?(Z|UTC|[+-]\d\d:?\d\d)?")
_REMOTE = re.compile(r"(\d{1,18})-(\d{1,18})")
_MIMES = {
    "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "webp": "image/webp",
    "svg": "image/svg+xml", "pdf": "application/pdf", "txt": "text/plain", "log": "text/plain", "csv": "text/csv",
    "json": "application/json", "zip": "application/zip", "html": "text/html", "xml": "application/xml",
    "mp4": "video/mp4",
}  # fmt: skip


def text(value: Any) -> str:
    """Return a string without NUL (PostgreSQL cannot store it); anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def ident(value: Any) -> str:
    """Return an id given as a number or as digits; empty for everything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**18:
        return str(value)
    return value if isinstance(value, str) and value.isascii() and value.isdigit() and 0 < len(value) < 19 else ""


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """Read an instant in any of GitLab's ways; None when it is none. Without a zone it is UTC."""
    found = _TIME.fullmatch(text(value).strip())
    if found is None:
        return None
    day, time, zone = found.groups()
    try:
        at = datetime.fromisoformat(f"{day}T{time}{'+00:00' if zone in {None, 'Z', 'UTC'} else zone}")
        return at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def version(value: Any) -> int:
    """Return the order of an issue's states: microseconds; 0 where a webhook says whole seconds only."""
    at = moment(value)
    return int(at.timestamp() * 1000) * 1000 if at is not None and "." in text(value) else 0


def remote_id(project: str, iid: str) -> str:
    """Return our name for an issue: the id of its project and its number there."""
    return f"{project}-{iid}" if project and iid else ""


def parts(remote: str) -> tuple[str, str] | None:
    """Return project and number behind a name of ours; None where it is none."""
    found = _REMOTE.fullmatch(remote)
    return (found.group(1), found.group(2)) if found else None


def person(user: Json, role: str = "") -> RemotePerson | None:
    """Read a user; a webhook of an old version names one by the user name only."""
    number = ident(user.get("id")) or text(user.get("username"))[:100]
    if not number:
        return None
    email = text(user.get("email")) or text(user.get("public_email"))
    return RemotePerson(number, email if "@" in email else "", name=text(user.get("name")), role=role)


def is_bot(user: Json) -> bool:
    """Say whether a user is the account of Service Desk."""
    return _BOT.fullmatch(text(user.get("username"))) is not None


def labels(data: Json) -> tuple[str, ...] | None:
    """Return the titles of labels: texts by REST, objects by webhook; None where nothing is said."""
    given = data.get("labels")
    if not isinstance(given, list):
        return None
    found = (text(one.get("title")) if isinstance(one, dict) else text(one) for one in given)
    return tuple(dict.fromkeys(one for one in found if one))


def status(account: Account, state: str, named: tuple[str, ...] | None) -> Status:
    """Read a status: the label that the settings know, where it fits the state, else opened or closed."""
    known = account.status_labels
    for label in named or ():
        category, reason = known.get(label, (None, None))
        if category is not None and (category in OPEN_CATEGORIES) is (state == OPENED):
            return Status(category, label, reason)
    if state == CLOSED:
        return Status(Category.RESOLVED, CLOSED)
    if state != OPENED:
        return Status(Category.UNKNOWN, state)
    strange = [one for one in named or () if one not in known and _scope(one) in scopes(known)]
    return Status(Category.UNKNOWN, strange[0]) if strange else Status(Category.OPEN, OPENED)


def priority(account: Account, named: tuple[str, ...]) -> Priority:
    """Read a priority from the labels; one of the same scope that the settings do not know stays its word."""
    known = [one for one in named if one in account.priority_labels]
    if known:
        return Priority(account.priority_labels[known[0]], known[0])
    strange = [one for one in named if _scope(one) in scopes(account.priority_labels)]
    return Priority(Level.UNSET, strange[0] if strange else "")


def tags(account: Account, named: tuple[str, ...]) -> tuple[str, ...]:
    """Return the labels that mean neither a status nor a priority."""
    special = {**account.status_labels, **account.priority_labels}
    own = scopes(special)
    return tuple(sorted(one for one in named if one not in special and _scope(one) not in own))


def _scope(label: str) -> str:
    return label[: label.rindex("::") + 2] if "::" in label else label


def ticket(data: Json, account: Account, *, at: datetime, path: str = "", project: str = "") -> RemoteTicket | None:
    """Read an issue of REST or the one in a webhook, as far as it says; None without project and number.

    `path` and `project` are those of a webhook's project; `at` stands in where it has no `updated_at`.
    """
    where = ident(data.get("project_id")) or project
    iid = ident(data.get("iid"))
    number = remote_id(where, iid)
    if not number:
        return None
    full = text(obj(data.get("references")).get("full"))
    path = full.partition("#")[0] or path
    updated = moment(data.get("updated_at"))
    named = labels(data)
    description = text(data.get("description"))
    body, files = texts.read(description, where)
    said = data.__contains__
    state = _status(data, account, named)
    return RemoteTicket(
        remote_id=number,
        updated_at=updated or at,
        version=version(data.get("updated_at")),
        version_token=text(data.get("updated_at"))[:40],
        key=f"{path}#{iid}",
        url=text(data.get("web_url")) or text(data.get("url")),
        channel="email" if text(data.get("service_desk_reply_to")) else "",
        created_at=moment(data.get("created_at")),
        resolved_at=over_since(state, moment(data.get("closed_at"))),
        marker=texts.mark(description),
        title=text(data.get("title")) if said("title") else msgspec.UNSET,
        body=body if said("description") else msgspec.UNSET,
        lost=lost_in(description),
        source_format="markdown",
        raw=description if lost_in(description) else "",
        status=state,
        priority=priority(account, named) if named is not None else msgspec.UNSET,
        kind=KINDS.get((text(data.get("issue_type")) or text(data.get("type"))).lower(), msgspec.UNSET),
        queue=path or msgspec.UNSET,
        assignee=_assignee(data),
        requester=requester(data),
        tags=tags(account, named) if named is not None else msgspec.UNSET,
        private=data.get("confidential") is True if said("confidential") else msgspec.UNSET,
        custom={"confidential": True} if data.get("confidential") is True else msgspec.UNSET,
        attachments=attachments(files, Visibility.PUBLIC),
    )


def state_of(data: Json) -> str:
    """Return opened or closed; empty where neither is said."""
    word = text(data.get("state"))
    number = data.get("state_id")
    return word or STATE_IDS.get(number if isinstance(number, int) else 0, "")


def _status(data: Json, account: Account, named: tuple[str, ...] | None) -> Status | msgspec.UnsetType:
    state = state_of(data)
    if not state or len(state) > 40:
        return msgspec.UNSET
    if named is None and account.status_labels and state == OPENED:
        # a label may say more, and none was said
        return msgspec.UNSET
    return status(account, state, named)


def _assignee(data: Json) -> RemotePerson | msgspec.UnsetType | None:
    """Return the first assignee: GitLab has several in its paid editions."""
    listed = objects(data.get("assignees")) or objects([data.get("assignee")])
    numbers = data.get("assignee_ids")
    first = ident(numbers[0]) if isinstance(numbers, list) and numbers else ident(data.get("assignee_id"))
    found = person(listed[0]) if listed else None
    if first and (found is None or found.external_id != first):
        same = found is not None and not ident(objects(listed)[0].get("id"))
        return RemotePerson(first, name=found.name if same and found is not None else "")
    if found is not None:
        return found
    return None if {"assignees", "assignee", "assignee_ids", "assignee_id"} & set(data) else msgspec.UNSET


def requester(data: Json) -> RemotePerson | msgspec.UnsetType:
    """Return who asked: the customer of a Service Desk issue by e-mail, else the author.

    The address of a customer is shown in part only to who may not see it; that names nobody.
    """
    email = text(data.get("service_desk_reply_to")) or text(data.get("external_author"))
    if "@" in email and "*" not in email:
        return RemotePerson(email=email, role="customer")
    author = obj(data.get("author"))
    if author and not is_bot(author):
        return person(author) or msgspec.UNSET
    number = ident(data.get("author_id"))
    return RemotePerson(number) if number and not author else msgspec.UNSET


def visibility(note: Json, event: str = "") -> Visibility:
    """Say who may read a note: `internal`, once `confidential`; a webhook without either says it by its event.

    An event `note` is sent for what is confidential in no way; `confidential_note` also for any note on a confidential
    issue, so without a flag it stays internal.
    """
    flags = [note[name] for name in ("internal", "confidential") if name in note]
    if flags:
        return Visibility.PUBLIC if all(flag is False for flag in flags) else Visibility.INTERNAL
    return Visibility.PUBLIC if event == "note" else Visibility.INTERNAL


def comment(
    note: Json, account: Account, project: str, *, at: datetime, author: RemotePerson | None = None, event: str = ""
) -> RemoteComment | None:
    """Read a note; None without an id. A mark counts where we wrote it: anybody can type one."""
    number = ident(note.get("id"))
    if not number:
        return None
    raw = text(note.get("body")) or text(note.get("note"))
    body, files = texts.read(raw, project)
    lost = lost_in(raw)
    who = author or person(obj(note.get("author")))
    seen = visibility(note, event)
    ours = who is not None and who.external_id in {account.us.id, account.us.username} - {""}
    unknown = not account.us.id and not account.us.username
    return RemoteComment(
        remote_id=number,
        at=moment(note.get("created_at")) or at,
        body=body,
        visibility=seen,
        author=who,
        marker=texts.mark(raw) if ours or unknown else "",
        source_format="markdown",
        attachments=attachments(files, seen),
        lost=lost,
        raw=raw if lost else "",
        edited_at=moment(note.get("updated_at")),
    )


def attachments(files: tuple[tuple[str, str, bool], ...], seen: Visibility) -> tuple[Attachment, ...]:
    """Return the files that a text names; GitLab says neither size nor type of them."""
    found = []
    for remote, name, inline in files:
        mime = _MIMES.get(name.rpartition(".")[2].lower(), "application/octet-stream")
        found.append(Attachment(name, mime, 0, remote, inline=inline, visibility=seen))
    return tuple(found)
