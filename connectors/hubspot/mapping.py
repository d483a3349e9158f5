"""HubSpot's JSON to our model: pure, and lenient about everything that HubSpot itself varies.

All values of properties are texts. Ids of owners are plain; those of contacts, users and apps stand in other number
ranges of the same account, so that they bear the name of theirs (`contact:7`): one number may be all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors.content import from_html
from connectors.hubspot.account import Account
from connectors.sdk import (
    Attachment,
    Kind,
    Level,
    Priority,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    Visibility,
    our_mark,
    over_since,
)

Json = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: an element around what we write has our key in this attribute
MARKER = "data-gateway-key"

PRIORITIES = {"URGENT": Level.P1, "HIGH": Level.P2, "MEDIUM": Level.P3, "LOW": Level.P4}
PRIORITY_WORDS = {level: word for word, level in PRIORITIES.items()}
KINDS = {"PRODUCT_ISSUE": Kind.INCIDENT, "FEATURE_REQUEST": Kind.REQUEST, "GENERAL_INQUIRY": Kind.QUESTION}
KIND_WORDS = {kind: word for word, kind in KINDS.items()}

#: properties of tickets that are asked for, beside the one that holds our key
PROPERTIES = (
    "subject", "content", "hs_pipeline", "hs_pipeline_stage", "hs_ticket_priority", "hs_ticket_category",
    "hubspot_owner_id", "createdate", "hs_lastmodifieddate", "source_type", "hs_conversations_originating_thread_id",
    "hs_merged_object_ids", "hs_file_upload", "hs_object_source", "hs_object_source_id", "closed_date",
)  # fmt: skip
#: kinds of engagements that are comments: the property with their text
BODIES = {"notes": "hs_note_body", "emails": "hs_email_html"}
NOTE_PROPERTIES = (
    "hs_note_body", "hs_timestamp", "hs_createdate", "hubspot_owner_id", "hs_attachment_ids", "hs_object_source",
    "hs_object_source_id", "hs_created_by_user_id",
)  # fmt: skip
EMAIL_PROPERTIES = (
    "hs_email_html", "hs_email_text", "hs_email_direction", "hs_email_from_email", "hs_email_from_firstname",
    "hs_email_from_lastname", "hs_timestamp", "hs_createdate", "hubspot_owner_id", "hs_attachment_ids",
    "hs_object_source", "hs_object_source_id", "hs_created_by_user_id",
)  # fmt: skip
ASKED = {"notes": NOTE_PROPERTIES, "emails": EMAIL_PROPERTIES}
INTEGRATION = "INTEGRATION"


def properties(account: Account) -> tuple[str, ...]:
    """Return the properties of a ticket that are asked for."""
    return (*PROPERTIES, account.key_property, *account.kept)


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
    """Read an instant: RFC 3339, or milliseconds since 1970 as number or text; None when it is none."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit() and len(value) < 20:
        value = int(value)
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return EPOCH + timedelta(milliseconds=value) if value > 0 else None
        found = msgspec.convert(text(value), datetime, strict=False) if value else None
        if found is None:
            return None
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (msgspec.ValidationError, OverflowError):
        return None


def millis(at: datetime) -> int:
    """Return an instant in milliseconds, as HubSpot counts."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def priority(word: Any) -> Priority:
    """Read a priority; none is `unset`, one of the account's own making keeps its word."""
    native = text(word).strip()
    return Priority(PRIORITIES.get(native.upper(), Level.UNSET), native)


def kind(word: Any) -> Kind | msgspec.UnsetType:
    """Read a category, of which there may be several (`A;B`); without one that we know nothing is said."""
    found = (KINDS.get(each.strip().upper()) for each in text(word).split(";"))
    return next((each for each in found if each is not None), msgspec.UNSET)


def owner(number: Any, owners: Mapping[str, RemotePerson]) -> RemotePerson | None:
    """Return the owner with that id, with what is known; None where there is none."""
    found = ident(number)
    return (owners.get(found) or RemotePerson(found, role="agent")) if found else None


def owner_of(data: Json) -> RemotePerson | None:
    """Read an owner of the owners API; None without an id."""
    number = ident(data.get("id"))
    if not number:
        return None
    name = f"{text(data.get('firstName'))} {text(data.get('lastName'))}".strip()
    return RemotePerson(number, text(data.get("email")), name=name, role="agent")


def contact(data: Json) -> RemotePerson | None:
    """Read a contact; None without an id."""
    number = ident(data.get("id"))
    if not number:
        return None
    given = obj(data.get("properties"))
    name = f"{text(given.get('firstname'))} {text(given.get('lastname'))}".strip()
    return RemotePerson(f"contact:{number}", text(given.get("email")), text(given.get("phone")), name, role="customer")


def app(number: Any) -> RemotePerson:
    """Return an app as somebody."""
    return RemotePerson(f"app:{ident(number)}", role="agent")


def ticket(
    data: Json,
    account: Account,
    *,
    owners: Mapping[str, RemotePerson] | None = None,
) -> RemoteTicket | None:
    """Read a ticket of the CRM API, as far as it says; None without an id."""
    number, given = ident(data.get("id")), obj(data.get("properties"))
    if not number:
        return None
    updated = moment(given.get("hs_lastmodifieddate")) or moment(data.get("updatedAt")) or EPOCH
    key = text(given.get(account.key_property))
    files = tuple(Attachment(each, remote_id=each) for each in _ids(given.get("hs_file_upload")))
    stage = text(given.get("hs_pipeline_stage"))
    now = account.status(stage) if stage else msgspec.UNSET
    return RemoteTicket(
        remote_id=number,
        updated_at=updated,
        version=millis(updated),
        key=number,
        url=link(account, number),
        channel=text(given.get("source_type")).lower(),
        created_at=moment(given.get("createdate")) or moment(data.get("createdAt")),
        resolved_at=over_since(now, moment(given.get("closed_date"))),
        marker=our_mark(key),
        external_id=key,
        title=text(given.get("subject")) if "subject" in given else msgspec.UNSET,
        body=text(given.get("content")) if "content" in given else msgspec.UNSET,
        status=now,
        priority=priority(given.get("hs_ticket_priority")) if "hs_ticket_priority" in given else msgspec.UNSET,
        kind=kind(given.get("hs_ticket_category")),
        queue=account.queue(text(given.get("hs_pipeline"))) if given.get("hs_pipeline") else msgspec.UNSET,
        assignee=owner(given.get("hubspot_owner_id"), owners or {}) if "hubspot_owner_id" in given else msgspec.UNSET,
        attachments=files,
        custom={name: given[name] for name in account.kept if given.get(name)} if account.kept else msgspec.UNSET,
        deleted=data.get("archived") is True,
    )


def link(account: Account, number: str) -> str:
    """Return the address of a ticket as people open it; empty where the account's id is not known."""
    return f"https://app.hubspot.com/contacts/{account.portal_id}/ticket/{number}" if account.portal_id else ""


def _ids(value: Any) -> list[str]:
    return [each.strip() for each in text(value).split(";") if each.strip()]


def engagement(kind: str, data: Json, owners: Mapping[str, RemotePerson]) -> RemoteComment | None:
    """Read a note or a logged e-mail; None without an id, or where it says nothing.

    A note is for colleagues. An e-mail went to the customer or came from there.
    """
    number, given = ident(data.get("id")), obj(data.get("properties"))
    if not number:
        return None
    html = text(given.get(BODIES[kind]))
    content = from_html(html)
    body = content.markdown or text(given.get("hs_email_text"))
    files = tuple(Attachment(each, remote_id=each) for each in _ids(given.get("hs_attachment_ids")))
    if not body and not files:
        return None
    author = _author(given, owners)
    public = kind == "emails" and text(given.get("hs_email_direction")).upper() in {
        "EMAIL", "INCOMING_EMAIL", "FORWARDED_EMAIL",
    }  # fmt: skip
    if kind == "emails" and text(given.get("hs_email_direction")).upper() == "INCOMING_EMAIL":
        name = f"{text(given.get('hs_email_from_firstname'))} {text(given.get('hs_email_from_lastname'))}".strip()
        author = RemotePerson(email=text(given.get("hs_email_from_email")), name=name, role="customer")
    at = moment(given.get("hs_createdate")) or moment(data.get("createdAt")) or moment(given.get("hs_timestamp"))
    return RemoteComment(
        remote_id=f"{kind.removesuffix('s')}:{number}",
        at=at or EPOCH,
        body=body,
        visibility=Visibility.PUBLIC if public else Visibility.INTERNAL,
        author=author,
        marker=marker_in(html),
        source_format="html",
        attachments=files,
        lost=content.lost,
        raw=html if content.lost else "",
        edited_at=moment(data.get("updatedAt")),
    )


def _author(given: Json, owners: Mapping[str, RemotePerson]) -> RemotePerson:
    """Say who made an engagement: an app, else the user behind it as an owner, else the owner that it names."""
    if text(given.get("hs_object_source")).upper() == INTEGRATION and ident(given.get("hs_object_source_id")):
        return app(given.get("hs_object_source_id"))
    return (
        user(given.get("hs_created_by_user_id"), owners)
        or owner(given.get("hubspot_owner_id"), owners)
        or RemotePerson(role="agent")
    )


def user(number: Any, owners: Mapping[str, RemotePerson]) -> RemotePerson | None:
    """Return the owner who is the user with that id (`owners` also knows them as `user:ID`)."""
    found = ident(number)
    return (owners.get(f"user:{found}") or RemotePerson(f"user:{found}", role="agent")) if found else None


def marker_in(html: str) -> str:
    """Return our key in what we wrote; empty in what others did."""
    _, found, rest = html.partition(f'{MARKER}="')
    key = rest.partition('"')[0] if found else ""
    return key if key.isascii() and key.isalnum() and len(key) <= 64 else ""


def message(data: Json, owners: Mapping[str, RemotePerson]) -> RemoteComment | None:
    """Read a message or a comment of a conversation; None for what HubSpot notes there by itself.

    Only what is called a MESSAGE is for the customer: a COMMENT, and whatever else may come, is not.
    """
    number, sort = ident(data.get("id")), text(data.get("type")).upper()
    if not number or sort not in {"MESSAGE", "COMMENT"} or data.get("archived") is True:
        return None
    html = text(data.get("richText"))
    listed = objects(data.get("attachments"))
    images = {text(each.get("url")): ident(each.get("fileId")) for each in listed if each.get("url")}
    content = from_html(html, images=images) if html else None
    body = (content.markdown if content else "") or text(data.get("text"))
    files = tuple(
        Attachment(
            text(each.get("name")) or "attachment",
            remote_id=ident(each.get("fileId")),
            url=text(each.get("url")),
            inline=f"](attachment:{ident(each.get('fileId'))})" in body,
        )
        for each in listed
        if ident(each.get("fileId"))
    )
    if not body and not files:
        return None
    lost = content.lost if content else ()
    if text(data.get("truncationStatus")).upper() == "TRUNCATED":
        lost = (*lost, "the rest of a message that HubSpot shows in part")
    return RemoteComment(
        remote_id=f"message:{number}",
        at=moment(data.get("createdAt")) or EPOCH,
        body=body,
        visibility=Visibility.PUBLIC if sort == "MESSAGE" else Visibility.INTERNAL,
        author=_sender(data, owners),
        source_format="html" if html else "plain",
        attachments=files,
        lost=lost,
        raw=html if lost else "",
    )


def is_incoming(data: Json) -> bool:
    """Say whether a message came from the customer."""
    return text(data.get("direction")).upper() == "INCOMING"


def _sender(data: Json, owners: Mapping[str, RemotePerson]) -> RemotePerson:
    """Say who wrote a message: actors are A-user, V-contact, I-app, S-system, E-address, B-bot [5]."""
    client = obj(data.get("client"))
    if text(client.get("clientType")).upper() == INTEGRATION and ident(client.get("integrationAppId")):
        return app(client.get("integrationAppId"))
    sender = next(iter(objects(data.get("senders"))), {})
    sort, _, number = (text(sender.get("actorId")) or text(data.get("createdBy"))).partition("-")
    delivery = obj(sender.get("deliveryIdentifier"))
    email = text(delivery.get("value")) if text(delivery.get("type")).upper() == "HS_EMAIL_ADDRESS" else ""
    name = text(sender.get("name"))
    if sort == "A" and number:
        found = user(number, owners)
        return found or RemotePerson(name=name, role="agent")
    if sort == "I" and number:
        return app(number)
    if sort in {"S", "B"}:
        return RemotePerson(name=name, role="system")
    if is_incoming(data):
        contact_id = f"contact:{number}" if sort == "V" and number else ""
        return RemotePerson(contact_id, email, name=name, role="customer")
    return RemotePerson(name=name, role="agent")


def same_text(one: str, other: str) -> bool:
    """Compare two texts as a desk may reflow them: by their words only."""
    return one.split() == other.split()
