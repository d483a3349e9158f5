"""Salesforce's records to our model: pure, and lenient about what an org or a message leaves out.

One shape serves the REST API (JSON), change events (JSON) and outbound messages (XML, where every value is text). A
field that is not there stays unsaid; a word that is not known stays a word, under `unknown`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors.content import Content, from_html
from connectors.salesforce.account import Account
from connectors.salesforce.ids import QUEUE, USER, full_id
from connectors.sdk import (
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
    our_mark,
    over_since,
)

Json = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Subject, Description and CommentBody hold so much (characters, characters, bytes)
MAX_SUBJECT, MAX_DESCRIPTION, MAX_COMMENT = 255, 32_000, 4_000
#: User.UserType of those who work there; the others are customers, partners or nobody in person
STAFF = frozenset({"Standard"})
MACHINES = frozenset({"AutomatedProcess", "CloudIntegrationUser"})
#: EmailMessage.Status of what was never sent
DRAFT = "5"
#: an e-mail with the words of the description, so soon after the case was made, is the one that made it
FIRST_EMAIL_WITHIN = timedelta(minutes=2)


def text(value: Any) -> str:
    """Return a string without NUL; anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def said_true(value: Any) -> bool:
    """Say whether a flag is set: a boolean in JSON, a word in XML."""
    return value is True or text(value).strip().lower() in {"true", "1"}


def moment(value: Any) -> datetime | None:
    """Read an instant: `2026-05-01T07:25:37.000+0000`, with `Z`, or milliseconds (change events); None for others."""
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return EPOCH + timedelta(milliseconds=value) if value > 0 else None
        found = datetime.fromisoformat(text(value).strip()) if value else None
        if found is None or "T" not in text(value):
            return None
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def version_of(at: datetime) -> int:
    """Return the order of a record's states: milliseconds."""
    return int(at.timestamp() * 1000)


def status(account: Account, word: Any) -> Status:
    """Read a status in any case; an unknown one keeps its word."""
    native = text(word).strip()
    category = account.statuses.get(native.lower(), Category.UNKNOWN)
    reason = HoldReason.OTHER if category is Category.ON_HOLD else None
    return Status(category, native, reason)


def priority(account: Account, word: Any) -> Priority:
    """Read a priority in any case; none is `unset`, an unknown one keeps its word."""
    native = text(word).strip()
    return Priority(account.priorities.get(native.lower(), Level.UNSET), native)


def kind(account: Account, word: Any) -> Kind | msgspec.UnsetType:
    """Read a type; one that says nothing of the kind says nothing."""
    return account.types.get(text(word).strip().lower(), msgspec.UNSET)


def user(record: Json, number: Any) -> RemotePerson | None:
    """Read a user by what a query says beside its id."""
    found = full_id(text(number))
    if not found:
        return None
    word = text(record.get("UserType"))
    role = "agent" if word in STAFF else "system" if word in MACHINES else "customer" if word else ""
    return RemotePerson(found, text(record.get("Email")), "", text(record.get("Name")), role)


def owner(account: Account, number: Any, record: Json) -> tuple[str | msgspec.UnsetType, RemotePerson | None]:
    """Return the queue and the assignee that an owner means: a case is owned by a queue or by a user, never by both.

    A queue whose name is not said is not named: its id would look like another queue.
    """
    found = full_id(text(number))
    name = text(record.get("Name"))
    if found.startswith(QUEUE):
        return account.queue_names.get(found) or name or msgspec.UNSET, None
    if found.startswith(USER):
        return msgspec.UNSET, RemotePerson(found, text(record.get("Email")), "", name, "agent")
    return msgspec.UNSET, None


def requester(data: Json) -> RemotePerson | msgspec.UnsetType:
    """Read the contact, else what a person wrote into a form (Supplied…); nothing where neither is said."""
    contact = obj(data.get("Contact"))
    number = full_id(text(data.get("ContactId")))
    email = text(contact.get("Email")) or text(data.get("ContactEmail")) or text(data.get("SuppliedEmail"))
    phone = text(contact.get("Phone")) or text(data.get("ContactPhone")) or text(data.get("SuppliedPhone"))
    name = text(contact.get("Name")) or text(data.get("SuppliedName"))
    if not (number or email or phone or name):
        return msgspec.UNSET
    return RemotePerson(number, email.strip().lower(), phone, name, "customer")


def ticket(account: Account, data: Json, *, at: datetime) -> RemoteTicket | None:
    """Read a case as far as it is said; None without an id. `at` stands in where it has no time."""
    number = full_id(text(data.get("Id")))
    if not number:
        return None
    stamp = moment(data.get("SystemModstamp")) or moment(data.get("LastModifiedDate"))
    queue: str | msgspec.UnsetType = msgspec.UNSET
    assignee: RemotePerson | msgspec.UnsetType | None = msgspec.UNSET
    if full_id(text(data.get("OwnerId"))):
        queue, assignee = owner(account, data.get("OwnerId"), obj(data.get("Owner")))
    key = text(data.get(account.key_field))
    now = status(account, data["Status"]) if text(data.get("Status")) else msgspec.UNSET
    return RemoteTicket(
        remote_id=number,
        updated_at=stamp or at,
        version=version_of(stamp) if stamp else 0,
        version_token=stamp.isoformat() if stamp else "",
        key=text(data.get("CaseNumber")) or number,
        url=case_url(account, number),
        channel=text(data.get("Origin")).lower(),
        created_at=moment(data.get("CreatedDate")),
        resolved_at=over_since(now, moment(data.get("ClosedDate"))),
        marker=our_mark(key),
        external_id=key,
        title=text(data.get("Subject")) if "Subject" in data else msgspec.UNSET,
        body=text(data.get("Description")) if "Description" in data else msgspec.UNSET,
        status=now,
        priority=priority(account, data["Priority"]) if "Priority" in data else msgspec.UNSET,
        kind=kind(account, data.get("Type")),
        queue=queue,
        assignee=assignee,
        requester=requester(data),
        org=_org(data),
        custom=_custom(account, data),
        deleted=said_true(data.get("IsDeleted")) and not full_id(text(data.get("MasterRecordId"))),
        merged_into=full_id(text(data.get("MasterRecordId"))),
    )


def case_url(account: Account, number: str) -> str:
    """Return where a case is shown to people."""
    return f"{account.url}/lightning/r/Case/{number}/view"


def _org(data: Json) -> Org | msgspec.UnsetType:
    number = full_id(text(data.get("AccountId")))
    return Org(number, text(obj(data.get("Account")).get("Name"))) if number else msgspec.UNSET


def _custom(account: Account, data: Json) -> dict[str, Any] | msgspec.UnsetType:
    """Return the custom fields that the site has named, and the case above this one; empty values are left out."""
    there = {name: data[field] for name, field in account.field_names.items() if field in data}
    above = full_id(text(data.get("ParentId")))
    if not there and not above:
        return msgspec.UNSET if not account.field_names else {}
    found = {name: value for name, value in there.items() if value not in (None, "")}
    return found | ({"parent_case": above} if above else {})


def comment(data: Json, *, at: datetime) -> RemoteComment | None:
    """Read a CaseComment; None without an id. One whose visibility is not said is internal."""
    number = full_id(text(data.get("Id")))
    if not number:
        return None
    return RemoteComment(
        remote_id=number,
        at=moment(data.get("CreatedDate")) or at,
        body=text(data.get("CommentBody")),
        visibility=Visibility.PUBLIC if said_true(data.get("IsPublished")) else Visibility.INTERNAL,
        author=user(obj(data.get("CreatedBy")), data.get("CreatedById")),
        edited_at=moment(data.get("SystemModstamp")),
    )


def email(data: Json, *, at: datetime) -> RemoteComment | None:
    """Read an e-mail of Email-to-Case as the comment that it is to people; None for drafts and without an id.

    What came from outside and what was sent there is public: customers have read it. `IsExternallyVisible` only says
    whether a portal shows it, and false is respected.
    """
    number = full_id(text(data.get("Id")))
    if not number or text(data.get("Status")) == DRAFT:
        return None
    incoming = said_true(data.get("Incoming"))
    hidden = data.get("IsExternallyVisible") is False or text(data.get("IsExternallyVisible")).lower() == "false"
    writer: RemotePerson | None
    if incoming:
        writer = RemotePerson("", text(data.get("FromAddress")).lower(), "", text(data.get("FromName")), "customer")
    else:
        writer = user(obj(data.get("CreatedBy")), data.get("CreatedById"))
    words = text(data.get("TextBody"))
    html = "" if words.strip() else text(data.get("HtmlBody"))
    said = from_html(html) if html else Content(words or text(data.get("Subject")))
    return RemoteComment(
        remote_id=number,
        at=moment(data.get("MessageDate")) or moment(data.get("CreatedDate")) or at,
        body=said.markdown,
        lost=said.lost,
        raw=html if said.lost else "",
        source_format="html" if html else "plain",
        visibility=Visibility.INTERNAL if hidden else Visibility.PUBLIC,
        author=writer,
    )


def without_the_first(comments: Iterable[RemoteComment], found: RemoteTicket) -> list[RemoteComment]:
    """Leave out the e-mail that made the case: its words are the description."""
    body, made = found.body, found.created_at
    if not isinstance(body, str) or made is None:
        return list(comments)
    return [
        one
        for one in comments
        if not (same_text(one.body, body) and body.split() and abs(one.at - made) <= FIRST_EMAIL_WITHIN)
    ]


def same_text(one: str, other: str) -> bool:
    """Compare two texts by their words only."""
    return one.split() == other.split()


def shortened(body: str, most: int) -> str:
    """Return a text that fits into so many bytes, and says so where it was cut: Salesforce would refuse the whole."""
    if len(body.encode()) <= most:
        return body
    said = "\n\n[… shortened: Salesforce takes no more; the whole text stands in the other desk]"
    room = most - len(said.encode())
    return body.encode()[:room].decode("utf-8", "ignore").rstrip() + said
