"""Zendesk's JSON to our model and back: pure, and lenient about everything that Zendesk itself varies.

Webhooks write ids as strings and enums in capitals, the REST API ids as integers and enums in lower case (fixtures;
[Z5]). A value that is not known is kept as `native` under the category `unknown`, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.sdk import (
    Attachment,
    Category,
    HoldReason,
    Kind,
    Level,
    Org,
    Priority,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
)
from connectors.zendesk import texts
from connectors.zendesk.account import Account

Json = Mapping[str, Any]

#: stands in for an instant that the desk did not give
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: `external_id` of a ticket that we created: this and the effect key. A lookup by external id is exact.
MARKER_PREFIX = "gateway:"
#: our key in the audit's metadata; Zendesk returns what `ticket.metadata` said as `metadata.custom`
METADATA_KEY = "gateway_key"
#: agents' id of Zendesk itself: triggers, automations, the system
SYSTEM_ACTOR = "-1"

STATUSES = {
    "new": Status(Category.NEW, "new"),
    "open": Status(Category.OPEN, "open"),
    "pending": Status(Category.PENDING_CUSTOMER, "pending"),
    "hold": Status(Category.ON_HOLD, "hold", HoldReason.THIRD_PARTY),
    "solved": Status(Category.RESOLVED, "solved"),
    "closed": Status(Category.CLOSED, "closed"),
}
#: statuses that only webhooks show [Z5]: an archived ticket is a closed one that was moved away
ARCHIVED = "archived"
DELETED = frozenset({"deleted", "scrubbed"})

STATUS_WORDS = {
    Category.NEW: "new",
    Category.OPEN: "open",
    Category.PENDING_CUSTOMER: "pending",
    Category.ON_HOLD: "hold",
    Category.RESOLVED: "solved",
    Category.CLOSED: "closed",
    # Zendesk has no word for cancelled; solved can still be opened again, closed could not
    Category.CANCELLED: "solved",
}

PRIORITIES = {"urgent": Level.P1, "high": Level.P2, "normal": Level.P3, "low": Level.P4}
PRIORITY_WORDS = {level: word for word, level in PRIORITIES.items()}

KINDS = {"question": Kind.QUESTION, "incident": Kind.INCIDENT, "problem": Kind.PROBLEM, "task": Kind.TASK}
#: our kinds that Zendesk has; the others leave its type alone
KIND_WORDS = {kind: word for word, kind in KINDS.items()}


def text(value: Any) -> str:
    """Return a string without NUL (PostgreSQL cannot store it); anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def ident(value: Any) -> str:
    """Return an id given as string or integer; empty for null, 0, "0" and everything else."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if value else ""
    found = text(value).strip()
    return "" if found == "0" or len(found) > 100 else found


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """Read an RFC 3339 instant with up to nanoseconds; None when it is none. Without an offset it is UTC."""
    try:
        found = msgspec.convert(text(value), datetime, strict=False) if value else None
    except msgspec.ValidationError:
        return None
    if found is None:
        return None
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        return None


def version_of(updated_at: datetime) -> int:
    """Return the order of a ticket's states: microseconds, at the one second that the REST API shows."""
    return int(updated_at.timestamp()) * 1_000_000


def status(word: Any) -> Status:
    """Read a status in any case; an unknown one keeps its word."""
    native = text(word).strip().lower()
    if native == ARCHIVED:
        return STATUSES["closed"]
    return STATUSES.get(native) or Status(Category.UNKNOWN, native)


def priority(word: Any) -> Priority:
    """Read a priority in any case; none is `unset`, an unknown one keeps its word."""
    native = text(word).strip().lower()
    return Priority(PRIORITIES.get(native, Level.UNSET), native)


def kind(word: Any) -> Kind | msgspec.UnsetType:
    """Read a ticket type; without one nothing is said about the kind."""
    return KINDS.get(text(word).strip().lower(), msgspec.UNSET)


def tags(value: Any) -> tuple[str, ...]:
    """Read tags given as list or, in templates, as one string; sorted, because their order means nothing."""
    if isinstance(value, str):
        return tuple(sorted(set(text(value).split())))
    if isinstance(value, list):
        return tuple(sorted({text(tag) for tag in value if isinstance(tag, str) and tag}))
    return ()


def tag(word: str) -> str:
    """Return a tag as Zendesk keeps it: lower case, no white space."""
    return "_".join(word.lower().split())


def role(word: Any) -> str:
    """Return agent or customer for a user's role."""
    native = text(word).strip().lower().replace("_", "-")
    if native in {"agent", "admin"}:
        return "agent"
    return "customer" if native == "end-user" else ""


def person(user: Json) -> RemotePerson | None:
    """Read a user of the REST API; None without an id."""
    number = ident(user.get("id"))
    if not number:
        return None
    return RemotePerson(
        number, text(user.get("email")), text(user.get("phone")), text(user.get("name")), role(user.get("role"))
    )


def someone(number: Any, people: Mapping[str, RemotePerson]) -> RemotePerson | None:
    """Return the person with that id, with what is known; the system when it is Zendesk itself."""
    found = ident(number)
    if not found:
        return None
    if found == SYSTEM_ACTOR:
        return RemotePerson(found, role="system")
    return people.get(found) or RemotePerson(found)


def custom(fields: Any, account: Account) -> dict[str, Any] | msgspec.UnsetType:
    """Read `custom_fields` ([{id, value}]) by the names of the settings; empty values are left out."""
    if not isinstance(fields, list):
        return msgspec.UNSET
    found: dict[str, Any] = {}
    for field in objects(fields):
        number, value = ident(field.get("id")), field.get("value")
        if number and value not in (None, "", []):
            found[account.field_names.get(number, number)] = value
    return found


def ticket(
    data: Json,
    account: Account,
    *,
    at: datetime,
    people: Mapping[str, RemotePerson] | None = None,
    orgs: Mapping[str, Org] | None = None,
) -> RemoteTicket | None:
    """Read a ticket of the REST API or the `detail` of a webhook, as far as it says; None without an id.

    `at` stands in where it has no `updated_at`. What is absent stays UNSET, and so does the body: `description` has the
    words of the first comment without their form.
    """
    number = ident(data.get("id"))
    if not number:
        return None
    known = people or {}
    updated = moment(data.get("updated_at"))
    when = updated or at
    external = text(data.get("external_id"))
    count = data.get("comment_count")
    stamp = text(data.get("updated_at")) or ""
    # `via` is an object in REST and in events; older webhooks wrote "via.channel" flat [Z7]
    channel = text(obj(data.get("via")).get("channel")) or text(data.get("via.channel"))
    return RemoteTicket(
        remote_id=number,
        updated_at=when,
        version=version_of(updated) if updated else 0,
        version_token=f"{stamp}#{count}" if stamp and isinstance(count, int) else stamp,
        key=number,
        url=f"{account.url}/agent/tickets/{number}",
        channel=channel.lower(),
        created_at=moment(data.get("created_at")),
        marker=external.removeprefix(MARKER_PREFIX) if external.startswith(MARKER_PREFIX) else "",
        external_id=external,
        title=text(data.get("subject")) if "subject" in data else msgspec.UNSET,
        priority=priority(data.get("priority")) if "priority" in data else msgspec.UNSET,
        status=_status_said(data),
        # so the export and the events say it; the ticket itself is not shown any more
        deleted=text(data.get("status")).strip().lower() in DELETED,
        kind=kind(data.get("type")),
        queue=account.queue(ident(data.get("group_id"))) if "group_id" in data else msgspec.UNSET,
        assignee=someone(data.get("assignee_id"), known) if "assignee_id" in data else msgspec.UNSET,
        requester=someone(data.get("requester_id"), known) if ident(data.get("requester_id")) else msgspec.UNSET,
        org=_org(data, orgs or {}),
        tags=_theirs(tags(data.get("tags")), account) if "tags" in data else msgspec.UNSET,
        own_tags=_ours(tags(data["tags"]), account) if "tags" in data and account.own_tags else msgspec.UNSET,
        custom=custom(data.get("custom_fields"), account),
        due=moment(data.get("due_at")) if "due_at" in data else msgspec.UNSET,
        follows=_followed(obj(obj(data.get("via")).get("source"))),
    )


def _followed(source: Json) -> str:
    """Return the closed ticket that a ticket goes on with: `via.source` says so of a follow-up."""
    return ident(obj(source.get("from")).get("ticket_id")) if text(source.get("rel")) == "follow_up" else ""


#: what Zendesk puts before the text of `{{ticket.description}}`: a line of dashes, then who wrote it when
_HEADING = re.compile(r"-{20,}\s*\n\s*\n[^\n]{1,200}, [^\n]{1,60}\n\s*\n")


def told(facts: Mapping[str, str], number: str, account: Account, *, at: datetime) -> RemoteTicket:
    """Return what an admin's template says of a ticket; words in the account's language are kept as they are.

    `at` is when it was received: no placeholder says when it was true.
    """
    group = facts.get("group", "")
    word = facts.get("status", "").lower()
    return RemoteTicket(
        number,
        at,
        key=number,
        url=f"{account.url}/agent/tickets/{number}",
        channel=facts.get("channel", "").lower(),
        external_id=facts.get("external_id", ""),
        title=facts.get("title", msgspec.UNSET),
        body=_HEADING.sub("", text(facts["body"]), count=1).strip() if "body" in facts else msgspec.UNSET,
        status=status(word) if word and word not in DELETED else msgspec.UNSET,
        priority=priority(facts["priority"]) if "priority" in facts else msgspec.UNSET,
        kind=kind(facts.get("kind")),
        queue=account.queue(group) if group.isdigit() else msgspec.UNSET,
        assignee=_named(facts, "assignee", "agent") or msgspec.UNSET,
        requester=_named(facts, "requester", "") or msgspec.UNSET,
        tags=_theirs(tags(facts["tags"].replace(",", " ")), account) if "tags" in facts else msgspec.UNSET,
    )


def _named(facts: Mapping[str, str], whose: str, role: str) -> RemotePerson | None:
    """Return a person of a template who is known by an id or an address: by a name alone nobody is."""
    found, email = ident(facts.get(f"{whose}_id")), facts.get(f"{whose}_email", "")
    name = facts.get(f"{whose}_name", "")
    return RemotePerson(found, email if "@" in email else "", name=name, role=role) if found or "@" in email else None


def _theirs(found: tuple[str, ...], account: Account) -> tuple[str, ...]:
    """Return tags without those of the gateway: what it shows of its clocks is nobody's edit."""
    return tuple(tag for tag in found if tag not in account.own_tags)


def _ours(found: tuple[str, ...], account: Account) -> tuple[str, ...]:
    return tuple(tag for tag in found if tag in account.own_tags)


def _status_said(data: Json) -> Status | msgspec.UnsetType:
    word = text(data.get("status")).strip().lower()
    return status(word) if word and word not in DELETED else msgspec.UNSET


def _org(data: Json, orgs: Mapping[str, Org]) -> Org | msgspec.UnsetType:
    if "organization_id" not in data:
        return msgspec.UNSET
    number = ident(data.get("organization_id"))
    return orgs.get(number) or Org(number)


def org(data: Json) -> Org:
    """Read a side-loaded organisation; plan and account manager are organisation fields of those names, if any."""
    fields = obj(data.get("organization_fields"))
    return Org(
        ident(data.get("id")), text(data.get("name")), text(fields.get("plan")), text(fields.get("account_manager"))
    )


def marker_of(comment: Json) -> str | None:
    """Return the effect key in a comment's or audit's metadata; empty: another's; None: this desk does not say."""
    said = obj(comment.get("metadata")).get("custom")
    if not isinstance(said, dict):
        return None
    return text(said.get(METADATA_KEY))


def comment(data: Json, people: Mapping[str, RemotePerson], *, at: datetime) -> RemoteComment | None:
    """Read a comment of the REST API (`public`, `author_id`) or of a webhook (`is_public`, `author`).

    None without an id. Visibility that is not said, or not by true or false, is internal.
    """
    number = ident(data.get("id"))
    if not number:
        return None
    public = data.get("public") if "public" in data else data.get("is_public")
    author = obj(data.get("author"))
    if author:
        staff = author.get("is_staff")
        writer = someone(author.get("id"), people)
        if writer is not None and not writer.role:
            said = {True: "agent", False: "customer"}.get(staff, "") if isinstance(staff, bool) else ""
            writer = msgspec.structs.replace(writer, name=writer.name or text(author.get("name")), role=said)
    else:
        writer = someone(data.get("author_id"), people)
    files = _attachments(data)
    html = text(data.get("html_body"))
    rich = texts.read(html, files) if html.strip() else None
    return RemoteComment(
        remote_id=number,
        at=moment(data.get("created_at")) or at,
        body=rich.markdown if rich else text(data.get("body")) or text(data.get("plain_body")),
        visibility=Visibility.PUBLIC if public is True else Visibility.INTERNAL,
        author=writer,
        marker=marker_of(data) or "",
        source_format="html" if rich else "plain",
        attachments=tuple(_shown(each, rich.markdown) if rich else each for each in files),
        lost=rich.lost if rich else (),
        raw=html if rich and rich.lost else "",
    )


def _shown(each: Attachment, markdown: str) -> Attachment:
    inline = each.inline or f"](attachment:{each.remote_id})" in markdown
    return msgspec.structs.replace(each, inline=inline)


def _attachments(data: Json) -> Sequence[Attachment]:
    single = data.get("attachment")
    return [
        Attachment(
            text(item.get("file_name")) or text(item.get("filename")) or "attachment",
            text(item.get("content_type")) or "application/octet-stream",
            size if type(size := item.get("size")) is int and size >= 0 else 0,
            ident(item.get("id")),
            text(item.get("content_url")),
            inline=item.get("inline") is True,
        )
        for item in objects(data.get("attachments")) + objects([single])
    ]
