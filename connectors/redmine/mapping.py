"""Redmine's JSON to our model: pure, and lenient about where it comes from.

The REST API and the webhooks of Redmine 7 show an issue alike (app/views/issues/show.api.rsb); the plugin
redmine_webhook has shapes of its own (`assignee`, `author.mail`, journals with `author`). Instants have whole seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.redmine.account import Account
from connectors.redmine.asking import Json, obj, objects
from connectors.redmine.texts import read_text
from connectors.sdk import (
    Attachment,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Visibility,
    our_mark,
    over_since,
)

#: stands in for an instant that the desk did not give
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OLD_TIMES = ("%Y/%m/%d %H:%M:%S %z", "%a %b %d %H:%M:%S %z %Y", "%Y-%m-%d %H:%M:%S UTC")


def text(value: Any) -> str:
    """Return a string without NUL; anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def ident(value: Any) -> str:
    """Return an id given as integer or as digits; empty for everything else."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if 0 < value < 10**18 else ""
    found = text(value).strip()
    return found.lstrip("0") if found.isascii() and found.isdigit() and len(found) < 19 else ""


def moment(value: Any) -> datetime | None:
    """Read an instant: RFC 3339, or as Redmine before 1.3 wrote it; None when it is none. Without an offset: UTC."""
    found = text(value).strip()
    if not found:
        return None
    try:
        at = msgspec.convert(found, datetime, strict=False)
    except msgspec.ValidationError:
        old = _old_time(found)
        if old is None:
            return None
        at = old
    try:
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except OverflowError:
        return None


def _old_time(found: str) -> datetime | None:
    for form in _OLD_TIMES:
        try:
            return datetime.strptime(found, form)  # noqa: DTZ007 - one form has no offset and is UTC
        except ValueError:
            continue
    return None


def version_of(at: datetime) -> int:
    """Return the order of an issue's states: microseconds, at the one second that Redmine shows."""
    return int(at.timestamp()) * 1_000_000


def name_of(value: Any) -> str:
    """Return the name in a reference."""
    return text(obj(value).get("name")) or text(value)


def person(value: Any, role: str = "") -> RemotePerson | None:
    """Read somebody: a reference `{id, name}`, a user of `/users`, or of the plugin; None for nobody."""
    user = obj(value)
    number = ident(user.get("id"))
    if not number:
        return None
    name = text(user.get("name")) or " ".join(
        part for part in (text(user.get("firstname")), text(user.get("lastname"))) if part
    )
    return RemotePerson(number, text(user.get("mail")), "", name, role)


def issue(data: Json, account: Account, *, at: datetime) -> RemoteTicket | None:
    """Read an issue as far as it says; None without an id. `at` stands in where it has no `updated_on`."""
    number = ident(data.get("id"))
    if not number:
        return None
    updated = moment(data.get("updated_on"))
    state, priority = name_of(data.get("status")), name_of(data.get("priority"))
    tracker, project = name_of(data.get("tracker")), name_of(data.get("project"))
    values = field_values(data)
    named = text(values.get(account.ticket_marker))
    files = file_refs(data)
    now = account.status(state) if state else msgspec.UNSET
    described = isinstance(data.get("description"), str) or ("description" in data and data["description"] is None)
    body = read_text(text(data.get("description")), account.formatting, files) if described else None
    return RemoteTicket(
        remote_id=number,
        updated_at=updated or at,
        version=version_of(updated) if updated else 0,
        key=f"#{number}",
        url=f"{account.url}/issues/{number}",
        created_at=moment(data.get("created_on")),
        resolved_at=over_since(now, moment(data.get("closed_on"))),
        private=data.get("is_private") is True if "is_private" in data else msgspec.UNSET,
        marker=our_mark(named),
        external_id=named,
        title=text(data["subject"]) if isinstance(data.get("subject"), str) else msgspec.UNSET,
        body=body.markdown if body is not None else msgspec.UNSET,
        lost=body.lost if body is not None else (),
        source_format=account.formatting,
        raw=text(data.get("description")) if body is not None and body.lost else "",
        status=now,
        priority=account.priority(priority) if priority else msgspec.UNSET,
        kind=account.kind(tracker) if tracker else msgspec.UNSET,
        queue=project or msgspec.UNSET,
        assignee=_assignee(data, whole=bool(state and tracker)),
        requester=requester(data, account) or msgspec.UNSET,
        custom={name: values[number] for number, name in sorted(account.field_names.items()) if values.get(number)}
        if account.field_names and shows_fields(data)
        else msgspec.UNSET,
    )


def _assignee(data: Json, *, whole: bool) -> RemotePerson | msgspec.UnsetType | None:
    """Return who has it. A whole issue without `assigned_to` is nobody's: Redmine leaves it out then."""
    for name in ("assigned_to", "assignee"):
        if name in data:
            return person(data.get(name), "agent")
    return None if whole else msgspec.UNSET


def requester(data: Json, account: Account) -> RemotePerson | None:
    """Return who asked: the address in the field that is kept for it, else the author."""
    said = text(field_values(data).get(account.requester_field)).strip() if account.requester_field else ""
    return RemotePerson(email=said, role="customer") if "@" in said else person(data.get("author"))


def field_values(data: Json) -> dict[str, Any]:
    """Return the custom fields of an issue by id; the plugin names them otherwise (custom_field_value_wrapper.rb)."""
    fields = objects(data.get("custom_fields")) or objects(data.get("custom_field_values"))
    return {ident(field.get("id", field.get("custom_field_id"))): field.get("value") for field in fields}


def shows_fields(data: Json) -> bool:
    """Say whether an issue comes with the values of its custom fields; an old plugin has their names at most."""
    listed = data.get("custom_fields", data.get("custom_field_values"))
    return isinstance(listed, list) and all("value" in field for field in objects(listed))


def file_refs(data: Json) -> dict[str, str]:
    """Return the files of an issue by name: a text shows a file by its name, of two alike the newer one."""
    return {text(file.get("filename")): ident(file.get("id")) for file in objects(data.get("attachments"))}


def attachment(data: Json, *, shown: bool) -> Attachment:
    """Read a file; whoever sees the issue sees it, also one that came with a private note."""
    size = data.get("filesize")
    number = ident(data.get("id"))
    return Attachment(
        text(data.get("filename")) or "file",
        text(data.get("content_type")) or "application/octet-stream",
        size if type(size) is int and size >= 0 else 0,
        number,
        f"/attachments/download/{number}",
        inline=shown,
        visibility=Visibility.PUBLIC,
    )


# ---------------------------------------------------------------- journals


def journal(data: Json, account: Account, files: Mapping[str, str], *, at: datetime) -> RemoteComment | None:
    """Read a journal that has notes; None for one that only changed something. What is not said is internal."""
    number = ident(data.get("id"))
    notes = text(data.get("notes"))
    if not number or not (notes.strip() or attached(data)):
        return None
    body = read_text(notes, account.formatting, files)
    return RemoteComment(
        remote_id=number,
        at=moment(data.get("created_on")) or at,
        body=body.markdown,
        visibility=Visibility.PUBLIC if data.get("private_notes") is False else Visibility.INTERNAL,
        author=person(data.get("user")) or person(data.get("author")),
        marker=mark_of(data, account),
        source_format=account.formatting,
        lost=body.lost,
        raw=notes if body.lost else "",
        edited_at=moment(data.get("updated_on")),
    )


def joined(journals: Iterable[Json]) -> list[Json]:
    """Return journals, oldest first, with a private note and what changed with it as one again.

    Redmine makes two of them: one for everybody with the changes and files but no notes, and right after it, in the
    same second and by the same user, the private note without details (app/models/journal.rb, split_private_notes).
    """
    found: list[Json] = []
    for each in sorted(journals, key=lambda each: int(ident(each.get("id")) or 0)):
        before = found[-1] if found else {}
        if each.get("private_notes") is True and _is_first_half(before, each):
            found[-1] = {**each, "details": objects(before.get("details"))}
        else:
            found.append(each)
    return found


def _is_first_half(before: Json, note: Json) -> bool:
    same = all(before.get(name) == note.get(name) for name in ("user", "created_on"))
    bare = not text(before.get("notes")).strip() and before.get("private_notes") is False
    return same and bare and bool(objects(before.get("details"))) and not objects(note.get("details"))


def details(data: Json) -> Iterable[tuple[str, str, Any]]:
    """Yield (property, name, new value): the API says `name` and `new_value`, webhooks `prop_key` and `value`."""
    for detail in objects(data.get("details")):
        new = detail.get("new_value", detail.get("value"))
        yield text(detail.get("property")), text(detail.get("name")) or text(detail.get("prop_key")), new


def attached(data: Json) -> list[str]:
    """Return the ids of files that came with a journal."""
    return [ident(name) for kind, name, new in details(data) if kind == "attachment" and new and ident(name)]


def mark_of(data: Json, account: Account) -> str:
    """Return our key, which a note of ours puts into a custom field: the journal of the note shows that change."""
    for kind, name, new in details(data):
        if kind == "cf" and account.comment_marker and name == account.comment_marker:
            return our_mark(text(new))
    return ""


def same_text(one: str, other: str) -> bool:
    """Compare two texts as a desk may reflow them: by their words only."""
    return one.split() == other.split()
