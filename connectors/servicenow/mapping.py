"""A record of the Table API to our model: pure, and lenient about the three ways in which a value may be written.

Every value is text; times are UTC without a zone (`2026-03-01 08:00:00`) as long as no display values are asked for. A
reference is `{link, value}`, its bare sys_id, or `{display_value, value}`. What is not known stays a word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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
    over_since,
)
from connectors.servicenow import texts
from connectors.servicenow.account import Account
from connectors.servicenow.tables import HOLD_REASONS, ON_HOLD, table_of

Json = Mapping[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: `correlation_id` of a record that we created: this and the effect key
MARKER_PREFIX = "gateway:"
COMMENTS, WORK_NOTES = "comments", "work_notes"
JOURNAL = frozenset({COMMENTS, WORK_NOTES})
#: users that are no people: the scheduler, the maintenance account, inbound mail
SYSTEM_USERS = frozenset({"system", "glide.maint", "guest"})
LEVELS = {"1": Level.P1, "2": Level.P2, "3": Level.P3, "4": Level.P4, "5": Level.P4}
PRIORITY_NUMBERS = {Level.P1: "1", Level.P2: "2", Level.P3: "3", Level.P4: "4"}

_SYS_ID = re.compile(r"[0-9a-f]{32}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
#: columns of every task that are read; those of the requester come on top
COLUMNS = (
    "sys_id", "number", "sys_class_name", "short_description", "description", "state", "hold_reason", "impact",
    "urgency", "priority", "contact_type", "assignment_group", "assigned_to", "assigned_to.name", "assigned_to.email",
    "assigned_to.user_name", "company", "company.name", "due_date", "correlation_id", "correlation_display",
    "sys_created_on", "resolved_at", "closed_at",
    "sys_created_by", "sys_updated_on", "sys_updated_by", "sys_mod_count",
)  # fmt: skip


def columns(account: Account) -> str:
    """Return `sysparm_fields`: what we read of a record."""
    who = account.requester
    return ",".join((*COLUMNS, who, f"{who}.name", f"{who}.email", f"{who}.phone", f"{who}.user_name",
                     *account.close, *account.column_names))  # fmt: skip


def text(value: Any) -> str:
    """Return a string without NUL (PostgreSQL cannot store it); anything that is not a string is empty."""
    return value.replace("\x00", "") if isinstance(value, str) else ""


def obj(value: Any) -> Json:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: Any) -> list[Json]:
    """Return the objects of a JSON array, or the one that stands in its place."""
    if isinstance(value, dict):
        return [value]
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def plain(value: Any) -> str:
    """Return the plain value of a column: text, or that of `{value, display_value}` and `{value, link}`."""
    found = value.get("value") if isinstance(value, dict) else value
    if isinstance(found, bool):
        return str(found).lower()
    return str(found) if isinstance(found, int) and abs(found) < 10**15 else text(found)


def is_sys_id(value: str) -> bool:
    """Say whether a text is a sys_id: 32 hexadecimal digits."""
    return _SYS_ID.fullmatch(value) is not None


def moment(value: Any) -> datetime | None:
    """Read a time as the API writes it, which is UTC; None when it is none."""
    found = plain(value).strip()
    if not _MOMENT.fullmatch(found):
        return None
    try:
        return datetime.strptime(found, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def stamp(at: datetime) -> str:
    """Write a time as the API takes it."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def count(value: Any) -> int | None:
    """Read a number that is kept as text."""
    found = plain(value).replace(",", "")
    return int(found) if found.isascii() and found.isdigit() and len(found) < 12 else None


def status(account: Account, table: str, state: str, hold_reason: str = "") -> Status:
    """Read a state by the names of the settings, else by what its table means; on hold says why."""
    reason: HoldReason | None
    if state in account.states:
        category, reason = account.states[state]
    else:
        known = table_of(table)
        category, reason = known.states.get(state, Category.UNKNOWN), None
        if known.holds and state == ON_HOLD:
            category, reason = HOLD_REASONS.get(hold_reason, (Category.ON_HOLD, HoldReason.OTHER))
    return Status(category, state, reason)


def priority(number: str) -> Priority:
    """Read a priority; 5 (planning) is the lowest that we have."""
    return Priority(LEVELS.get(number, Level.UNSET), number)


def person(record: Json, column: str) -> RemotePerson | None:
    """Read a reference to a user with what was dot-walked beside it; None where nobody stands there."""
    value = plain(record.get(column)).strip()
    if not value or len(value) > 100:
        return None
    shown = obj(record.get(column)).get("display_value")
    name = plain(record.get(f"{column}.name")) or text(shown)
    return RemotePerson(
        value, plain(record.get(f"{column}.email")).strip(), plain(record.get(f"{column}.phone")).strip(), name
    )


def user(record: Json) -> RemotePerson | None:
    """Read a record of sys_user; None without a sys_id."""
    sys_id, login = plain(record.get("sys_id")), plain(record.get("user_name"))
    if not sys_id and not login:
        return None
    role = "system" if login in SYSTEM_USERS else ""
    name = plain(record.get("name")) or login
    return RemotePerson(sys_id or login, plain(record.get("email")), plain(record.get("phone")), name, role)


def somebody(login: str, people: Mapping[str, RemotePerson], customer: str = "") -> RemotePerson | None:
    """Return who has that user name: with what is known, and as the customer where it is the requester."""
    if not login or len(login) > 100:
        return None
    found = people.get(login) or RemotePerson(login, name=login, role="system" if login in SYSTEM_USERS else "")
    return msgspec.structs.replace(found, role="customer") if customer and found.external_id == customer else found


def ticket(record: Json, account: Account, *, at: datetime) -> RemoteTicket | None:
    """Read a record as far as it says; None without a sys_id. `at` stands in where it has no `sys_updated_on`."""
    sys_id = plain(record.get("sys_id")).strip()
    if not is_sys_id(sys_id):
        return None
    table = _table(record, account)
    updated = moment(record.get("sys_updated_on"))
    changes = count(record.get("sys_mod_count"))
    external = plain(record.get("correlation_id"))
    said = record.__contains__
    body = texts.read(plain(record.get("description")))
    now = _status(record, account, table)
    return RemoteTicket(
        remote_id=sys_id,
        updated_at=updated or at,
        # how often it was changed, from 1: 0 would say that nothing is known
        version=changes + 1 if changes is not None else 0,
        version_token=plain(record.get("sys_updated_on"))[:40],
        key=plain(record.get("number")),
        url=f"{account.url}/{table}.do?sys_id={sys_id}",
        channel=plain(record.get("contact_type")).lower(),
        created_at=moment(record.get("sys_created_on")) or moment(record.get("opened_at")),
        resolved_at=over_since(now, moment(record.get("resolved_at")), moment(record.get("closed_at"))),
        marker=external.removeprefix(MARKER_PREFIX) if external.startswith(MARKER_PREFIX) else "",
        external_id=external,
        # the name of the system, or the number that its people know
        references=(plain(record["correlation_display"]),) if said("correlation_display") else msgspec.UNSET,
        title=plain(record.get("short_description")) if said("short_description") else msgspec.UNSET,
        body=body.markdown if said("description") else msgspec.UNSET,
        lost=body.lost,
        source_format="html" if body.lost else "",
        raw=plain(record.get("description")) if body.lost else "",
        status=now,
        priority=priority(plain(record["priority"]).strip()) if said("priority") else msgspec.UNSET,
        kind=table_of(table).kind if table_of(table).kind is not Kind.OTHER else msgspec.UNSET,
        queue=account.queue(plain(record["assignment_group"]).strip()) if said("assignment_group") else msgspec.UNSET,
        assignee=person(record, "assigned_to") if said("assigned_to") else msgspec.UNSET,
        requester=_requester(record, account),
        org=Org(plain(record["company"]), plain(record.get("company.name"))) if said("company") else msgspec.UNSET,
        custom=_custom(record, account),
        due=moment(record["due_date"]) if said("due_date") else msgspec.UNSET,
    )


def _table(record: Json, account: Account) -> str:
    """Return the table of a record: a connection to `task` has those of all."""
    found = plain(record.get("sys_class_name"))
    return found if re.fullmatch(r"[a-z][a-z0-9_]*", found) else account.table


def _status(record: Json, account: Account, table: str) -> Status | msgspec.UnsetType:
    state = plain(record.get("state")).strip()
    if "state" not in record or not state or len(state) > 40:
        return msgspec.UNSET
    return status(account, table, state, plain(record.get("hold_reason")).strip())


def _requester(record: Json, account: Account) -> RemotePerson | msgspec.UnsetType | None:
    for column in dict.fromkeys((account.requester, "caller_id", "requested_for", "opened_by")):
        if column in record:
            found = person(record, column)
            return msgspec.structs.replace(found, role="customer") if found is not None else None
    return msgspec.UNSET


def _custom(record: Json, account: Account) -> dict[str, Any] | msgspec.UnsetType:
    found = {name: plain(record[column]) for column, name in account.column_names.items() if column in record}
    return {name: value for name, value in found.items() if value} if found else msgspec.UNSET


def comment(
    record: Json, people: Mapping[str, RemotePerson], *, at: datetime, customer: str = ""
) -> RemoteComment | None:
    """Read an entry of a journal; None without a sys_id. Only what stands in `comments` is public."""
    sys_id = plain(record.get("sys_id")).strip()
    if not is_sys_id(sys_id):
        return None
    content = texts.read(plain(record.get("value")))
    return RemoteComment(
        remote_id=sys_id,
        at=moment(record.get("sys_created_on")) or at,
        body=content.markdown,
        visibility=Visibility.PUBLIC if plain(record.get("element")) == COMMENTS else Visibility.INTERNAL,
        author=somebody(plain(record.get("sys_created_by")), people, customer),
        lost=content.lost,
        raw=plain(record.get("value")) if content.lost else "",
    )


def attachment(record: Json) -> Attachment | None:
    """Read a row of sys_attachment; None without a sys_id. Whoever sees the record sees its files."""
    sys_id = plain(record.get("sys_id")).strip()
    if not is_sys_id(sys_id):
        return None
    return Attachment(
        plain(record.get("file_name")) or "attachment",
        plain(record.get("content_type")) or "application/octet-stream",
        count(record.get("size_bytes")) or 0,
        sys_id,
        text(record.get("download_link")),
        visibility=Visibility.PUBLIC,
    )
