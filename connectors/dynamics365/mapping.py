"""Dataverse's records to our model: pure, and lenient about what a message leaves out.

One shape serves the Web API (OData: lookups as `_ownerid_value`, choices as numbers) and the messages of webhooks,
which are brought into that shape first. A number that is not known stays a word, under `unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from connectors.content import Content, from_html
from connectors.dynamics365.account import ORIGINS, PRIORITIES, STATUSES, TYPES, Account
from connectors.dynamics365.ids import guid, key_of
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

Json = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LOOKUP = "@Microsoft.Dynamics.CRM.lookuplogicalname"
#: incident.title holds so many characters, annotation.notetext so many
MAX_TITLE, MAX_NOTE = 200, 100_000
_DATE = re.compile(r"/Date\((-?\d{1,16})(?:[+-]\d{4})?\)/")
_HTML = re.compile(r"</?(?:div|p|br|span|ul|ol|li|a|b|i|strong|em|table|h[1-6]|font|body|html)\b[^<>]*>", re.IGNORECASE)
#: activitypointer.statecode of an e-mail that is a draft still
DRAFT = 0


def text(value: Any) -> str:
    """Return a string without NUL; anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def number(value: Any) -> int | None:
    """Return an integer; None for everything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def moment(value: Any) -> datetime | None:
    """Read an instant: `2026-03-01T09:30:00Z`, or `/Date(1506384247000-0700)/`, whose offset is for display."""
    said = text(value).strip()
    try:
        dated = _DATE.fullmatch(said)
        if dated is not None:
            return EPOCH + timedelta(milliseconds=int(dated[1]))
        found = datetime.fromisoformat(said) if "T" in said else None
        if found is None:
            return None
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def version(record: Json) -> int:
    """Return the row's version: Dataverse counts all changes of an environment in one line."""
    return max(number(record.get("versionnumber")) or 0, 0)


def status(account: Account, code: Any) -> Status:
    """Read a statuscode; an unknown one keeps its number as its word."""
    found = number(code)
    if found is None:
        return Status(Category.UNKNOWN, text(code))
    word, category, _ = STATUSES.get(found, (str(found), Category.UNKNOWN, 0))
    category = account.statuses.get(found, category)
    return Status(category, word, HoldReason.OTHER if category is Category.ON_HOLD else None)


def priority(account: Account, code: Any) -> Priority:
    """Read a prioritycode; none is `unset`."""
    found = number(code)
    if found is None:
        return Priority()
    word, level = PRIORITIES.get(found, (str(found), Level.UNSET))
    return Priority(account.priorities.get(found, level), word)


def kind(account: Account, code: Any) -> Kind | msgspec.UnsetType:
    """Read a casetypecode; one that is not known says nothing of the kind."""
    found = number(code)
    if found is None:
        return msgspec.UNSET
    known = TYPES.get(found)
    return account.types.get(found) or (known[1] if known else msgspec.UNSET)


def person(record: Json) -> RemotePerson | None:
    """Read a user; None without an id."""
    found = guid(record.get("systemuserid"))
    if not found:
        return None
    return RemotePerson(found, text(record.get("internalemailaddress")), "", text(record.get("fullname")), "agent")


def requester(data: Json) -> RemotePerson | msgspec.UnsetType:
    """Read the case's contact, else its customer where that is a person; nothing where neither is said."""
    named = obj(data.get("primarycontactid")) or obj(data.get("customerid_contact"))
    number_ = guid(named.get("contactid")) or guid(data.get("_primarycontactid_value"))
    if not number_ and data.get(f"_customerid_value{LOOKUP}") == "contact":
        number_ = guid(data.get("_customerid_value"))
    email = text(named.get("emailaddress1")) or text(data.get("emailaddress"))
    if not number_ and not email:
        return msgspec.UNSET
    phone = text(named.get("telephone1")) or text(named.get("mobilephone"))
    return RemotePerson(number_, email.strip().lower(), phone, text(named.get("fullname")), "customer")


def owner(account: Account, data: Json) -> tuple[str | msgspec.UnsetType, RemotePerson | msgspec.UnsetType | None]:
    """Return queue and assignee: a case is owned by a team or by a user, never by both."""
    found = guid(data.get("_ownerid_value"))
    if not found:
        return msgspec.UNSET, msgspec.UNSET
    team, user = obj(data.get("owningteam")), obj(data.get("owninguser"))
    if data.get(f"_ownerid_value{LOOKUP}") == "team" or team:
        return account.team_names.get(found) or text(team.get("name")) or msgspec.UNSET, None
    if data.get(f"_ownerid_value{LOOKUP}") == "systemuser" or user:
        known = person(user) or RemotePerson(found, role="agent")
        return msgspec.UNSET, msgspec.structs.replace(known, external_id=found)
    return msgspec.UNSET, msgspec.UNSET


def ticket(account: Account, data: Json, *, at: datetime) -> RemoteTicket | None:
    """Read a case as far as it is said; None without an id. `at` stands in where it has no time."""
    found = guid(data.get("incidentid"))
    if not found:
        return None
    queue, assignee = owner(account, data)
    master = guid(data.get("_masterid_value")) if number(data.get("statuscode")) == 2000 else ""
    words = text(data.get("description"))
    said = written(words)
    return RemoteTicket(
        remote_id=found,
        updated_at=moment(data.get("modifiedon")) or at,
        version=version(data),
        version_token=text(data.get("@odata.etag")),
        key=text(data.get("ticketnumber")) or found,
        url=case_url(account, found),
        channel=ORIGINS.get(number(data.get("caseorigincode")) or 0, ""),
        created_at=moment(data.get("createdon")),
        marker=key_of(found),
        title=text(data.get("title")) if "title" in data else msgspec.UNSET,
        body=said.markdown if "description" in data else msgspec.UNSET,
        lost=said.lost,
        source_format="html" if said.lost else "",
        raw=words if said.lost else "",
        status=status(account, data["statuscode"]) if number(data.get("statuscode")) is not None else msgspec.UNSET,
        priority=priority(account, data["prioritycode"]) if "prioritycode" in data else msgspec.UNSET,
        kind=kind(account, data.get("casetypecode")),
        queue=queue,
        assignee=assignee,
        requester=requester(data),
        org=_org(data),
        custom=_custom(account, data),
        merged_into=master,
    )


def case_url(account: Account, found: str) -> str:
    """Return where a case is shown to people."""
    return f"{account.url}/main.aspx?etn=incident&pagetype=entityrecord&id={found}"


def written(words: str) -> Content:
    """Read what stands in a column of text: HTML where the form has an editor for it, else the words themselves."""
    return from_html(words) if _HTML.search(words) else Content(words)


def _org(data: Json) -> Org | msgspec.UnsetType:
    named = obj(data.get("customerid_account"))
    found = guid(named.get("accountid"))
    return Org(found, text(named.get("name"))) if found else msgspec.UNSET


def _custom(account: Account, data: Json) -> dict[str, Any] | msgspec.UnsetType:
    there = {name: data[field] for name, field in account.field_names.items() if field in data}
    return {name: value for name, value in there.items() if value not in (None, "")} if there else msgspec.UNSET


def is_file(data: Json) -> bool:
    """Say whether a note holds a file."""
    return data.get("isdocument") is True


def is_bare_file(account: Account, data: Json) -> bool:
    """Say whether a note is nothing but a file."""
    return is_file(data) and not _words(account, data)[0].strip()


def _words(account: Account, data: Json) -> tuple[str, bool]:
    """Return the text of a note, and whether the portal shows it."""
    said = text(data.get("notetext"))
    bare = written(said).markdown.lstrip() if _HTML.search(said) else said.lstrip()
    prefix = account.web_prefix
    if not prefix or not bare.replace("\\*", "*").startswith(prefix):
        return said, False
    return said.replace(prefix, "", 1).lstrip(" \t\r\n"), True


def attachment(account: Account, data: Json) -> Attachment:
    """Read the file of a note."""
    size = number(data.get("filesize"))
    return Attachment(
        text(data.get("filename")) or "file",
        text(data.get("mimetype")) or "application/octet-stream",
        size if size is not None and size >= 0 else 0,
        guid(data.get("annotationid")),
        visibility=Visibility.PUBLIC if _words(account, data)[1] else Visibility.INTERNAL,
    )


def note(account: Account, data: Json, people: Mapping[str, RemotePerson], *, at: datetime) -> RemoteComment | None:
    """Read a note; None without an id. It is internal unless it begins as those that the portal shows."""
    found = guid(data.get("annotationid"))
    if not found:
        return None
    words, public = _words(account, data)
    said = written(words)
    author = guid(data.get("_createdby_value")) or guid(obj(data.get("createdby")).get("systemuserid"))
    return RemoteComment(
        remote_id=found,
        at=moment(data.get("createdon")) or at,
        body=said.markdown or text(data.get("subject")),
        visibility=Visibility.PUBLIC if public else Visibility.INTERNAL,
        author=person(obj(data.get("createdby"))) or people.get(author) or (RemotePerson(author) if author else None),
        marker=key_of(found),
        source_format="html" if _HTML.search(words) else "plain",
        attachments=(attachment(account, data),) if is_file(data) else (),
        lost=said.lost,
        raw=words if said.lost else "",
        edited_at=moment(data.get("modifiedon")),
    )


def email(data: Json, *, at: datetime) -> RemoteComment | None:
    """Read an e-mail as the comment that it is to people: what came in and what went out, no drafts."""
    found = guid(data.get("activityid"))
    outgoing = data.get("directioncode") is not False
    if not found or (outgoing and number(data.get("statecode")) == DRAFT):
        return None
    said = written(text(data.get("description")))
    author = person(obj(data.get("createdby"))) or RemotePerson(guid(data.get("_createdby_value")))
    if not outgoing:
        author = RemotePerson("", text(data.get("sender")).strip().lower(), role="customer")
    return RemoteComment(
        remote_id=found,
        at=moment(data.get("senton")) or moment(data.get("createdon")) or at,
        body=said.markdown or text(data.get("subject")),
        visibility=Visibility.PUBLIC,
        author=author,
        source_format="html",
        lost=said.lost,
        raw=text(data.get("description")) if said.lost else "",
    )


def same_text(one: str, other: str) -> bool:
    """Compare two texts by their words only."""
    return one.split() == other.split()


def shortened(body: str, most: int) -> str:
    """Return a text that fits into so many characters, and says so where it was cut."""
    if len(body) <= most:
        return body
    said = "\n\n[… shortened: the column takes no more; the whole text stands in the other desk]"
    return body[: most - len(said)].rstrip() + said
