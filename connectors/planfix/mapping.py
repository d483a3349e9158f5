"""Planfix's JSON to our model: pure.

People are named with a prefix (`user:5`, `contact:7`). An instant is a `TimePoint`: `dateTimeUtcSeconds` has seconds,
`datetime` has minutes, `date` and `time` are of the account's zone and are not read. Texts are HTML, or plain where
somebody's program wrote them so.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.content import Content, from_html, from_plain
from connectors.planfix.account import Account
from connectors.planfix.asking import Json, obj, objects
from connectors.sdk import Attachment, RemoteComment, RemotePerson, RemoteTicket, Visibility, our_mark

#: stands in for an instant that the desk did not give
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: fields of a task that are asked for; custom ones come after them, by their ids
FIELDS = (
    "id,name,description,priority,status,processId,type,assigner,template,project,counterparty,dateTime,"
    "dateOfLastUpdate,dateOfLastComment,assignees,isDeleted,files,sourceObjectId"
)
COMMENT_FIELDS = "id,dateTime,type,fromType,description,owner,isDeleted,isHidden,files,sourceObjectId"
_HTML = re.compile(
    r"<(?:p|br|div|a|b|i|u|ul|ol|li|strong|em|span|table|h[1-6]|blockquote|pre|code|img|hr|s|del)\b[^>]*>"
)
_OFFSET = re.compile(r"([+-]\d\d)(\d\d)$")


def text(value: Any) -> str:
    """Return a string without NUL; anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def ident(value: Any) -> str:
    """Return a number given as integer or as digits; empty for everything else."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, (int, float)):
        return str(int(value)) if 0 < value < 10**15 else ""
    found = text(value).strip()
    return found.lstrip("0") if found.isascii() and found.isdigit() and len(found) < 19 else ""


def moment(value: Any) -> datetime | None:
    """Read a TimePoint; None when it is none, or says no zone."""
    point = obj(value)
    for name in ("dateTimeUtcSeconds", "datetime"):
        said = _OFFSET.sub(r"\1:\2", text(point.get(name)).strip())
        # minutes without seconds are no RFC 3339
        said = re.sub(r"(T\d\d:\d\d)(?=Z|[+-]\d\d:\d\d$)", r"\1:00", said)
        try:
            found = msgspec.convert(said, datetime, strict=False) if said else None
        except msgspec.ValidationError:
            continue
        if found is not None and found.tzinfo is not None:
            return found.astimezone(UTC)
    return None


def person(value: Any) -> RemotePerson | None:
    """Read somebody `{id: "user:5", name}`; None for nobody, and for a group."""
    said = obj(value)
    number = text(said.get("id")).strip()
    kind, _, digits = number.partition(":")
    if kind not in {"user", "contact"} or not ident(digits):
        return None
    return RemotePerson(number, name=text(said.get("name")), role="agent" if kind == "user" else "customer")


def words(value: Any) -> Content:
    """Read a text as Markdown: HTML where it has elements, else as it stands."""
    said = text(value)
    return from_html(said) if _HTML.search(said) else from_plain(said)


def mark_of(data: Json) -> str:
    """Return our effect key in `sourceObjectId`, where it is a uuid of its digits."""
    return our_mark(text(data.get("sourceObjectId")).replace("-", "").lower())


def as_uuid(key: str) -> str:
    """Return an effect key, 32 hexadecimal digits, in the form of a uuid."""
    return "-".join((key[:8], key[8:12], key[12:16], key[16:20], key[20:]))


def version_of(at: datetime) -> int:
    """Return the order of a task's states: microseconds, at the one second that Planfix shows."""
    return int(at.timestamp()) * 1_000_000


def task(data: Json, account: Account, *, at: datetime) -> RemoteTicket | None:
    """Read a task as far as it says; None without an id. `at` stands in where it does not say when it changed."""
    number = ident(data.get("id"))
    if not number:
        return None
    times = [found for name in ("dateOfLastUpdate", "dateOfLastComment") if (found := moment(data.get(name)))]
    created = moment(data.get("dateTime"))
    updated = max(times, default=created)
    state = text(obj(data.get("status")).get("name"))
    described = "description" in data
    body = words(data.get("description")) if described else None
    marker = mark_of(data)
    project = obj(data.get("project"))
    values = field_values(data)
    return RemoteTicket(
        remote_id=number,
        updated_at=updated or at,
        version=version_of(updated) if updated else 0,
        key=number,
        url=f"{account.base}/task/{number}",
        created_at=created,
        marker=marker,
        external_id=text(data.get("sourceObjectId")),
        title=text(data["name"]) if isinstance(data.get("name"), str) else msgspec.UNSET,
        body=body.markdown if body is not None else msgspec.UNSET,
        lost=body.lost if body is not None else (),
        source_format="html",
        raw=text(data.get("description")) if body is not None and body.lost else "",
        status=account.status(state) if state else msgspec.UNSET,
        priority=account.priority(text(data.get("priority"))) if text(data.get("priority")) else msgspec.UNSET,
        queue=text(project.get("name")) if project else msgspec.UNSET,
        assignee=assignee(data),
        requester=requester(data, account) or msgspec.UNSET,
        attachments=tuple(attachment(file) for file in objects(data.get("files"))),
        custom={name: values[field] for field, name in sorted(account.field_names.items()) if values.get(field)}
        if account.field_names and "customFieldData" in data
        else msgspec.UNSET,
        deleted=data.get("isDeleted") is True,
    )


def assignee(data: Json) -> RemotePerson | msgspec.UnsetType | None:
    """Return the first employee who has the task: Planfix knows many assignees, we know one."""
    if "assignees" not in data:
        return msgspec.UNSET
    people = [person(each) for each in objects(obj(data.get("assignees")).get("users"))]
    return next((each for each in people if each is not None and each.role == "agent"), None)


def requester(data: Json, account: Account) -> RemotePerson | None:
    """Return who asked: the address in the field kept for it, the counterparty, else who gave the task."""
    said = text(field_values(data).get(account.requester_field)).strip() if account.requester_field else ""
    if "@" in said:
        return RemotePerson(email=said, role="customer")
    return person(data.get("counterparty")) or person(data.get("assigner"))


def field_values(data: Json) -> dict[str, Any]:
    """Return the custom fields of a task by id, as they can be compared."""
    found: dict[str, Any] = {}
    for item in objects(data.get("customFieldData")):
        value = item.get("value")
        instant = moment(value)
        inner = obj(value)
        plain = instant or inner.get("value", inner.get("name", inner.get("id"))) if inner else value
        found[ident(obj(item.get("field")).get("id"))] = plain
    return found


def attachment(data: Json) -> Attachment:
    """Read a file; Planfix does not say what kind it is."""
    number = ident(data.get("id"))
    return Attachment(
        text(data.get("name")) or "file",
        size=int(ident(data.get("size")) or 0),
        remote_id=number,
        url=f"/rest/file/{number}/download",
    )


def comment(data: Json) -> RemoteComment | None:
    """Read a comment; None for one that is deleted, or says nothing. Only `isHidden: false` is public."""
    number = ident(data.get("id"))
    said = words(data.get("description"))
    public = data.get("isHidden") is False
    shown = Visibility.PUBLIC if public else Visibility.INTERNAL
    files = tuple(msgspec.structs.replace(attachment(file), visibility=shown) for file in objects(data.get("files")))
    if not number or data.get("isDeleted") is True or not (said.markdown or files):
        return None
    return RemoteComment(
        remote_id=number,
        at=moment(data.get("dateTime")) or EPOCH,
        body=said.markdown,
        visibility=shown,
        author=person(data.get("owner")),
        marker=mark_of(data),
        source_format="html" if _HTML.search(text(data.get("description"))) else "plain",
        attachments=files,
        lost=said.lost,
        raw=text(data.get("description")) if said.lost else "",
    )


def same_text(one: str, other: str) -> bool:
    """Compare two texts as a desk may reflow them: by their words only."""
    return one.split() == other.split()
