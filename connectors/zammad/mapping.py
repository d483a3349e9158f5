"""Zammad's JSON to our model: pure, and lenient about where it comes from.

The REST API with `expand=true` names what a ticket refers to (`state: open`, `group: Users`), the default webhook has
whole objects there (`group: {id, name, …}`; app/jobs/trigger_webhook_job/record_payload), and an admin's template has
texts only. Each is read alike. Instants have milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from html import unescape
from typing import Any
from urllib.parse import unquote

import msgspec

from connectors.content import from_html, from_plain
from connectors.sdk import (
    Attachment,
    Kind,
    Org,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Visibility,
    our_mark,
    over_since,
)
from connectors.zammad.account import Account

Json = Mapping[str, Any]

#: stands in for an instant that the desk did not give
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: user 1 is Zammad itself, and the owner of tickets that nobody owns (db/seeds/user_nr_1.rb)
NOBODY = "1"
#: our key in an article's `preferences`, which Zammad keeps and gives back as they are
KEY = "gateway_key"
#: the attribute `type` of tickets, as Zammad brings it along (inactive until an admin turns it on)
KINDS = {"incident": Kind.INCIDENT, "problem": Kind.PROBLEM, "request for change": Kind.CHANGE}
KIND_WORDS = {Kind.INCIDENT: "Incident", Kind.PROBLEM: "Problem", Kind.CHANGE: "Request for Change"}

_SHOWN_FILE = re.compile(r"^(?:https?://[^/]+)?/api/v1/ticket_attachment/(\d+)/(\d+)/(\d+)(?:\?|$)")
_IMAGE = re.compile(r"<img\b[^>]*?\bsrc\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)


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


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """Read an instant: RFC 3339, or `2020-11-13 14:34:35 UTC` as templates print it; None when it is none."""
    found = text(value).strip()
    if found.endswith(" UTC"):
        found = found.removesuffix(" UTC") + "Z"
    try:
        at = msgspec.convert(found, datetime, strict=False) if found else None
        if at is None:
            return None
        return at.astimezone(UTC) if at.tzinfo else at.replace(tzinfo=UTC)
    except (msgspec.ValidationError, OverflowError):
        return None


def version_of(at: datetime) -> int:
    """Return the order of a ticket's states: `updated_at` in milliseconds."""
    return int(at.timestamp() * 1000)


def name_of(value: Any) -> str:
    """Return a name given as text or in an object."""
    return text(value) or text(obj(value).get("name"))


def as_email(login: str) -> str:
    """Return a login that is an address: Zammad takes the address as login where no other is given."""
    found = login.strip()
    return found if "@" in found and " " not in found and not found.startswith("@") else ""


def person(number: Any, said: Any, role: str = "") -> RemotePerson | None:
    """Read somebody by the id of a reference and what stands beside it: a user object, or a login; None for nobody."""
    user = obj(said)
    found = ident(number) or ident(user.get("id"))
    if found == NOBODY:
        return None
    login = text(said) or text(user.get("login"))
    email = text(user.get("email")) or as_email(login)
    if not found and not email:
        return None
    name = " ".join(part for part in (text(user.get("firstname")), text(user.get("lastname"))) if part)
    return RemotePerson(found, email, text(user.get("phone")) or text(user.get("mobile")), name, role)


def ticket(data: Json, account: Account, *, at: datetime) -> RemoteTicket | None:
    """Read a ticket as far as it says; None without an id. `at` stands in where it has no `updated_at`."""
    number = ident(data.get("id"))
    if not number:
        return None
    updated = moment(data.get("updated_at"))
    state, priority = name_of(data.get("state")), name_of(data.get("priority"))
    kind = KINDS.get(text(data.get("type")).strip().lower())
    named = text(data.get(account.marker))
    customer = person(data.get("customer_id"), data.get("customer"), "customer")
    now = account.status(state) if state else msgspec.UNSET
    return RemoteTicket(
        remote_id=number,
        updated_at=updated or at,
        version=version_of(updated) if updated else 0,
        key=text(data.get("number")) or ident(data.get("number")) or number,
        url=web_address(account, number),
        channel=name_of(data.get("create_article_type")).lower(),
        created_at=moment(data.get("created_at")),
        resolved_at=over_since(now, moment(data.get("close_at"))),
        marker=our_mark(named),
        external_id=named,
        title=text(data["title"]) if isinstance(data.get("title"), str) else msgspec.UNSET,
        status=now,
        priority=account.priority(priority) if priority else msgspec.UNSET,
        kind=kind if kind is not None else msgspec.UNSET,
        queue=name_of(data.get("group")) or msgspec.UNSET,
        assignee=_assignee(data),
        requester=customer if customer is not None else msgspec.UNSET,
        org=_org(data),
        tags=tags(data["tags"]) if "tags" in data else msgspec.UNSET,
        custom={name: data[name] for name in sorted(account.custom) if data.get(name) not in (None, "", [])}
        if account.custom and updated
        else msgspec.UNSET,
    )


def web_address(account: Account, number: str) -> str:
    """Return where people open a ticket."""
    return f"{account.url}/#ticket/zoom/{number}"


def _assignee(data: Json) -> RemotePerson | msgspec.UnsetType | None:
    if "owner_id" not in data and not obj(data.get("owner")):
        return msgspec.UNSET
    return person(data.get("owner_id"), data.get("owner"), "agent")


def _org(data: Json) -> Org | msgspec.UnsetType:
    if "organization_id" not in data:
        return msgspec.UNSET
    return Org(ident(data.get("organization_id")), name_of(data.get("organization")))


def tags(value: Any) -> tuple[str, ...]:
    """Read tags given as a list, or as one text with commas; sorted, because their order means nothing."""
    given = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(sorted({found for each in given if (found := text(each).strip())}))


def tag(word: str) -> str:
    """Return a tag as Zammad keeps it; a comma would part it in two."""
    return " ".join(word.replace(",", " ").split())


# ---------------------------------------------------------------- articles


def article(data: Json, account: Account, *, at: datetime) -> RemoteComment | None:
    """Read an article; None without an id. Only `internal: false` is public."""
    number = ident(data.get("id"))
    if not number:
        return None
    body, lost, html = article_body(data, account)
    return RemoteComment(
        remote_id=number,
        at=moment(data.get("created_at")) or at,
        body=body,
        visibility=Visibility.PUBLIC if data.get("internal") is False else Visibility.INTERNAL,
        author=author(data),
        marker=text(obj(data.get("preferences")).get(KEY)),
        source_format="html" if html else "plain",
        attachments=files(data),
        lost=lost,
        raw=text(data.get("body")) if lost else "",
        edited_at=moment(data.get("updated_at")),
    )


def author(data: Json) -> RemotePerson | None:
    """Return who speaks: the customer on whose behalf an agent wrote it (`origin_by`), else who made it."""
    sender = name_of(data.get("sender")).lower()
    if sender == "system":
        return RemotePerson(NOBODY, role="system")
    role = {"customer": "customer", "agent": "agent"}.get(sender, "")
    found = person(data.get("origin_by_id"), data.get("origin_by"), role)
    if found is None:
        found = person(data.get("created_by_id"), data.get("created_by"), role)
    said = text(data.get("from")).strip()
    name, address = parseaddr(said) if "@" in said else (said, "")
    if found is None:
        return RemotePerson(email=address, name=name, role=role) if address else None
    return found if found.name else msgspec.structs.replace(found, name=name)


def article_body(data: Json, account: Account) -> tuple[str, tuple[str, ...], bool]:
    """Return an article's text as Markdown, what of it is lost, and whether it was HTML (`content_type`)."""
    body = text(data.get("body"))
    if "html" not in text(data.get("content_type")).lower():
        plain = from_plain(body)
        return plain.markdown, plain.lost, False
    rich = from_html(body, images=_own_images(body, account, data))
    return rich.markdown, rich.lost, True


def _own_images(html: str, account: Account, data: Json) -> dict[str, str]:
    """Return the files behind the images of the ticket's own: `…/ticket_attachment/TICKET/ARTICLE/FILE?view=inline`.

    Where Zammad has not put its address there, a mail's own name stands: `cid:` and the Content-ID of a file.
    """
    found: dict[str, str] = {}
    by_cid = _by_content_id(data)
    for image in _IMAGE.finditer(html):
        source = unescape(image.group(1) or image.group(2) or "")
        part = _SHOWN_FILE.match(source.removeprefix(account.url))
        if part:
            found[source] = "-".join(part.groups())
        elif (named := by_cid.get(_content_id(source))) is not None:
            found[source] = named
    return found


def _content_id(source: str) -> str:
    """Return the Content-ID that an image's `cid:` address names; empty for another address."""
    scheme, _, name = source.strip().partition(":")
    return unquote(name).strip("<> ") if scheme.lower() == "cid" else ""


def _by_content_id(data: Json) -> dict[str, str]:
    """Return our names of an article's files by their Content-ID, with or without its angle brackets."""
    found: dict[str, str] = {}
    for item in objects(data.get("attachments")):
        said = obj(item.get("preferences"))
        name = (text(said.get("Content-ID")) or text(said.get("content_id"))).strip("<> ")
        if name and ident(item.get("id")):
            found.setdefault(name, f"{_place(data)}-{ident(item.get('id'))}")
    return found


def _place(article: Json) -> str:
    return f"{ident(article.get('ticket_id'))}-{ident(article.get('id'))}"


def files(data: Json) -> tuple[Attachment, ...]:
    """Read the files of an article; Zammad leaves those that its text shows out of the list: they are found there."""
    place, by_cid = _place(data), _by_content_id(data)
    sources = [unescape(found[1] or found[2] or "") for found in _IMAGE.finditer(text(data.get("body")))]
    shown = {"-".join(part.groups()) for source in sources if (part := _SHOWN_FILE.match(source))}
    shown |= {by_cid[name] for source in sources if (name := _content_id(source)) in by_cid}
    internal = Visibility.PUBLIC if data.get("internal") is False else Visibility.INTERNAL
    found: dict[str, Attachment] = {}
    for item in objects(data.get("attachments")):
        number = ident(item.get("id"))
        if not number:
            continue
        said = obj(item.get("preferences"))
        mime = text(said.get("Mime-Type")) or text(said.get("Content-Type"))
        inline = f"{place}-{number}" in shown or text(said.get("Content-Disposition")).startswith("inline")
        found[f"{place}-{number}"] = Attachment(
            text(item.get("filename")) or "file",
            mime.partition(";")[0].strip() or "application/octet-stream",
            int(ident(item.get("size")) or 0),
            f"{place}-{number}",
            file_path(f"{place}-{number}"),
            inline=inline,
            visibility=internal,
        )
    for name in sorted(shown - set(found)):
        found[name] = Attachment(
            "image", "image/*", remote_id=name, url=file_path(name), inline=True, visibility=internal
        )
    return tuple(found.values())


def file_path(remote_id: str) -> str:
    """Return where a file is read: `TICKET-ARTICLE-FILE` is the name of a file with us; empty when it is none."""
    parts = remote_id.split("-")
    return f"/api/v1/ticket_attachment/{'/'.join(parts)}" if len(parts) == 3 and all(map(ident, parts)) else ""


def same_text(one: str, other: str) -> bool:
    """Compare two texts as a desk may reflow them: by their words only."""
    return one.split() == other.split()
