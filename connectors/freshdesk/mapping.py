"""Freshdesk's and Freshservice's JSON to our model: pure, and lenient about what the two products and their ages vary.

Old answers say `ticket_type`, `custom_field` and `description_html`, new ones `type`, `custom_fields` and `description`
(captured answers). A ticket's `unique_external_id` is its requester's and no name of the ticket.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parseaddr
from mimetypes import guess_type
from typing import Any

import msgspec

from connectors.content import Content, from_html
from connectors.freshdesk import words
from connectors.freshdesk.account import Account
from connectors.marks import mark_of
from connectors.sdk import (
    Attachment,
    Org,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Visibility,
    our_mark,
    over_since,
)

Json = Mapping[str, Any]

#: stands in for an instant that the desk did not give
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: how a ticket came in (API reference, "Ticket properties": source)
CHANNELS = {
    "1": "email", "2": "portal", "3": "phone", "4": "forum", "5": "twitter", "6": "facebook", "7": "chat",
    "8": "mobihelp", "9": "feedback_widget", "10": "outbound_email", "11": "ecommerce", "12": "bot", "13": "whatsapp",
}  # fmt: skip
_INLINE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_SOURCE = re.compile(r"\bsrc=\"([^\"]+)\"", re.IGNORECASE)
#: old texts name the vendor's files without TLS
_OLD_ADDRESS = re.compile(r"^http://(?=[a-z0-9.-]+\.fresh(?:desk|service)\.com/)")
_DATA_ID = re.compile(r"\bdata-id=\"([0-9]{1,20})\"", re.IGNORECASE)


def text(value: Any) -> str:
    """Return a string without NUL (PostgreSQL cannot store it); anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def ident(value: Any) -> str:
    """Return an id given as string or integer; empty for null, 0 and everything else."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if 0 < value < 10**20 else ""
    found = text(value).strip()
    return "" if found == "0" or len(found) > 100 else found


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def moment(value: Any) -> datetime | None:
    """Read an ISO 8601 instant with any offset; None when it is none. Without an offset it is UTC."""
    try:
        found = datetime.fromisoformat(text(value)) if value else None
    except ValueError:
        return None
    if found is None:
        return None
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        return None


def version_of(updated_at: datetime) -> int:
    """Return the order of a ticket's states in microseconds; the desk counts whole seconds."""
    return int(updated_at.timestamp() * 1_000_000)


def tags(value: Any) -> tuple[str, ...]:
    """Read tags given as list or, in templates, as one text; sorted, because their order means nothing."""
    given = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(sorted({text(tag).strip() for tag in given if text(tag).strip()}))


def web_address(account: Account, number: str) -> str:
    """Return where agents see a ticket; both products have one address for it."""
    return f"{account.url}/a/tickets/{number}"


def contact(data: Json, role: str) -> RemotePerson | None:
    """Read a requester, contact or agent; None without an id. An agent's own data stand in its `contact`."""
    number = ident(data.get("id"))
    if not number:
        return None
    inner = obj(data.get("contact")) or data
    name = text(inner.get("name")) or " ".join(
        part for part in (text(inner.get("first_name")), text(inner.get("last_name"))) if part
    )
    email = text(inner.get("email")) or text(inner.get("primary_email"))
    phone = text(inner.get("phone")) or text(inner.get("mobile"))
    return RemotePerson(number, email, phone, name, role)


def someone(number: Any, account: Account, role: str = "") -> RemotePerson | None:
    """Return the person with that id, with what is known."""
    found = ident(number)
    if not found:
        return None
    return account.people.get(found) or RemotePerson(found, role=role)


def ticket(data: Json, account: Account, *, at: datetime = EPOCH) -> RemoteTicket | None:
    """Read a ticket of the API as far as it says; None without an id. `at` stands in where it has no `updated_at`."""
    number = ident(data.get("id"))
    if not number:
        return None
    updated = moment(data.get("updated_at"))
    stamp = text(data.get("updated_at"))
    named = text(obj(data.get("custom_fields")).get(account.marker)) if account.marker else ""
    custom = data.get("custom_fields", data.get("custom_field"))
    body, lost = _body(data)
    now = account.words.status(data.get("status")) if ident(data.get("status")) else msgspec.UNSET
    stats = obj(data.get("stats"))
    gone = data.get("deleted") is True or data.get("spam") is True
    return RemoteTicket(
        remote_id=number,
        updated_at=updated or at,
        version=version_of(updated) if updated else 0,
        version_token=stamp,
        key=number,
        url=web_address(account, number),
        channel=CHANNELS.get(ident(data.get("source")), ""),
        created_at=moment(data.get("created_at")),
        resolved_at=over_since(now, moment(stats.get("resolved_at")), moment(stats.get("closed_at"))),
        due=moment(data.get("due_by")) if "due_by" in data else msgspec.UNSET,
        marker=our_mark(named),
        external_id=named,
        title=text(data.get("subject")) if "subject" in data else msgspec.UNSET,
        body=body,
        status=now,
        priority=words.priority(data.get("priority")) if ident(data.get("priority")) else msgspec.UNSET,
        kind=account.words.kind(data.get("type", data.get("ticket_type"))),
        queue=account.queue(ident(data.get("group_id"))) if "group_id" in data else msgspec.UNSET,
        assignee=someone(data.get("responder_id"), account, "agent") if "responder_id" in data else msgspec.UNSET,
        requester=_requester(data, account),
        org=_org(data),
        tags=tags(data.get("tags")) if isinstance(data.get("tags"), list) else msgspec.UNSET,
        custom=_custom(custom, account),
        attachments=tuple(attachments(data) + inline_images(_html(data))),
        lost=lost,
        source_format="html" if lost else "",
        raw=_html(data) if lost else "",
        deleted=gone,
    )


def _html(data: Json) -> str:
    return text(data.get("description_html")) or text(data.get("description"))


def _body(data: Json) -> tuple[str | msgspec.UnsetType, tuple[str, ...]]:
    """Read the description; the lists of newer accounts leave it out (`include=description`)."""
    if "description" not in data and "description_html" not in data:
        return (text(data["description_text"]).strip(), ()) if "description_text" in data else (msgspec.UNSET, ())
    found = read_html(_html(data))
    return found.markdown, found.lost


def _requester(data: Json, account: Account) -> RemotePerson | msgspec.UnsetType | None:
    embedded = contact(obj(data.get("requester")), "customer")
    if embedded is not None:
        return embedded
    if not ident(data.get("requester_id")):
        return msgspec.UNSET
    found = someone(data.get("requester_id"), account, "customer")
    name = text(data.get("requester_name"))
    return msgspec.structs.replace(found, name=name) if found is not None and name and not found.name else found


def _org(data: Json) -> Org | msgspec.UnsetType:
    """Read the company (Freshdesk) or the department (Freshservice)."""
    embedded = obj(data.get("company")) or obj(data.get("department"))
    number = ident(embedded.get("id")) or ident(data.get("company_id")) or ident(data.get("department_id"))
    if number:
        return Org(number, text(embedded.get("name")))
    return Org() if "company_id" in data or "department_id" in data else msgspec.UNSET


def _custom(fields: Any, account: Account) -> dict[str, Any] | msgspec.UnsetType:
    """Read custom fields by our names; empty ones are left out, and so is our mark."""
    if not isinstance(fields, dict):
        return msgspec.UNSET
    return {
        account.field_name(name): value
        for name, value in fields.items()
        if value not in (None, "", []) and name != account.marker
    }


def comment(data: Json, account: Account) -> RemoteComment | None:
    """Read a conversation; None without an id. What is not said to be public by `private: false` is internal.

    A mark counts only on what was not brought in from outside: mails quote our words with their mark.
    """
    number = ident(data.get("id"))
    if not number:
        return None
    incoming = data.get("incoming") is True
    body = text(data.get("body"))
    read = read_html(body) if body else None
    return RemoteComment(
        remote_id=number,
        at=moment(data.get("created_at")) or EPOCH,
        body=read.markdown if read else text(data.get("body_text")).strip(),
        visibility=Visibility.PUBLIC if data.get("private") is False else Visibility.INTERNAL,
        author=_author(data, account, incoming=incoming),
        marker="" if incoming else mark_of(body),
        source_format="html" if read else "plain",
        attachments=tuple(attachments(data) + inline_images(body)),
        lost=read.lost if read else (),
        raw=body if read and read.lost else "",
        edited_at=moment(data.get("updated_at")),
    )


def _author(data: Json, account: Account, *, incoming: bool) -> RemotePerson | None:
    found = someone(data.get("user_id"), account, "customer" if incoming else "agent")
    name, email = parseaddr(text(data.get("from_email"))) if incoming else ("", "")
    if found is None:
        return RemotePerson(email=email, name=name, role="customer") if email else None
    return msgspec.structs.replace(found, email=found.email or email, name=found.name or name)


def attachments(data: Json) -> list[Attachment]:
    """Read the files of a ticket or a conversation."""
    return [
        Attachment(
            text(item.get("name")) or "attachment",
            text(item.get("content_type")) or "application/octet-stream",
            size if isinstance(size := item.get("size"), int) and not isinstance(size, bool) and size >= 0 else 0,
            ident(item.get("id")),
            text(item.get("attachment_url")),
        )
        for item in objects(data.get("attachments"))
    ]


def inline_images(body: str) -> list[Attachment]:
    """Return the images that stand in a text: Freshdesk names them by `data-id` and lists them nowhere else."""
    found: list[Attachment] = []
    for address, number in _images(body).items():
        name = address.partition("?")[0].rpartition("/")[2] or "image"
        mime = guess_type(name)[0] or "application/octet-stream"
        secure = _OLD_ADDRESS.sub("https://", address)
        found.append(Attachment(name, mime, 0, number, secure, inline=True))
    return found


def read_html(body: str) -> Content:
    """Read a text; its inline images are named by their ids."""
    return from_html(body, images=_images(body))


def _images(body: str) -> dict[str, str]:
    """Return the ids of a text's inline images by their addresses."""
    found: dict[str, str] = {}
    for tag in _INLINE.findall(body)[:200]:
        number, source = _DATA_ID.search(tag), _SOURCE.search(tag)
        if number is not None and source is not None:
            found[html.unescape(source[1])] = number[1]
    return found


def shown_images(body: str) -> dict[str, str]:
    """Return the addresses of a text's inline images by their ids."""
    return {number: address for address, number in _images(body).items()}


def same_text(one: str, other: str) -> bool:
    """Compare two texts as a desk may reflow them: by their words only."""
    return one.split() == other.split()
