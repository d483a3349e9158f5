"""Our intents in ServiceNow's columns, and how they will read back: pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import msgspec

from connectors.sdk import (
    Category,
    HoldReason,
    Intent,
    Operation,
    Priority,
    Receipt,
    RemotePerson,
    Status,
    Visibility,
)
from connectors.servicenow import mapping, tables, texts
from connectors.servicenow.account import Account
from connectors.servicenow.mapping import Json, is_sys_id, moment, obj, plain, stamp, text
from gateway.domain.shown import CUSTOM, DUE, plain_shown
from gateway.errors import UnmappedError

T = TypeVar("T")

#: a description longer than this is cut by the platform without a word
BODY_LENGTH = 4000
CUT = "\n[…]"


def fields(account: Account, intent: Intent) -> dict[str, str]:
    """Return the columns of an intent; raises UnmappedError for a value that has no word there.

    An assignee or a requester who is known by e-mail only is looked up by the call that writes.
    """
    found: dict[str, str] = {}
    for name, value in intent.fields.items():
        match name:
            case "title":
                found["short_description"] = title(account, text(value))
            case "body":
                found["description"] = body(text(value))
            case "status":
                found |= status_columns(account, value)
            case "priority":
                found |= priority_columns(account, value)
            case "queue":
                found["assignment_group"] = group(account, text(value)) if value else ""
            case "assignee":
                found |= _assignee(value)
            case "custom":
                found |= {column(account, each): text(content) for each, content in obj(value).items()}
            case _ if name == DUE:
                found["due_date"] = _due(value)
            case _ if name.startswith(CUSTOM):
                shown = plain_shown(value)
                found[column(account, name.removeprefix(CUSTOM))] = "" if shown is None else str(shown)
            case _:
                pass
    return found


def title(account: Account, words: str) -> str:
    """Return a short description: one line, no longer than the column; the platform would cut it in silence."""
    return " ".join(words.split())[: account.title_length].rstrip() or texts.NO_TEXT


def body(words: str) -> str:
    """Return a description that fits its column, with a sign where it had to be cut."""
    found = texts.written(words)
    return found if len(found) <= BODY_LENGTH else found[: BODY_LENGTH - len(CUT)].rstrip() + CUT


def status_columns(account: Account, value: Any) -> dict[str, str]:
    """Return the state and what must stand beside it: a reason on hold, a code and a note when it is closed."""
    given = _converted(value, Status)
    native = given.native.strip()
    state, reason = native, ""
    if not native:
        state = _state(account, given)
    known = account.of_table
    if state not in known.states and state not in account.states:
        msg = f"no state {state!r} of {account.table} is known: name it under `states:` in gateway.yaml"
        raise UnmappedError(msg)
    found = {"state": state}
    if known.holds and state == tables.ON_HOLD and state not in account.states:
        reason = tables.AWAITING_PROBLEM
        if given.category is Category.PENDING_CUSTOMER or given.hold_reason is HoldReason.CUSTOMER:
            reason = tables.AWAITING_CALLER
        elif given.hold_reason in {HoldReason.THIRD_PARTY, None}:
            reason = tables.AWAITING_VENDOR
        found["hold_reason"] = reason
    if state in known.closing:
        found |= account.close
    return found


def _state(account: Account, given: Status) -> str:
    """Return the state for a category: one that the settings name for it, else the table's own."""
    wanted = (given.category, given.hold_reason)
    own = [state for state, meaning in account.states.items() if meaning == wanted]
    word = own[0] if own else account.of_table.words.get(given.category)
    if word is None or (word in account.states and account.states[word][0] is not given.category):
        own = [state for state, meaning in account.states.items() if meaning[0] is given.category]
        word = own[0] if own else None
    if word is None:
        msg = f"a status of the category `{given.category}` has no state in {account.table}: map it in the sync rule"
        raise UnmappedError(msg)
    return word


def priority_columns(account: Account, value: Any) -> dict[str, str]:
    """Return impact and urgency (or what the settings name), of which ServiceNow makes the priority."""
    number = priority_number(value)
    if not number:
        return {}
    if number not in account.priorities:
        msg = f"{account.table} has no priority {number!r} (there are: {', '.join(account.priorities)})"
        raise UnmappedError(msg)
    return account.priorities[number]


def priority_number(value: Any) -> str:
    """Return ServiceNow's number of a priority; empty: none, which it does not have."""
    given = _converted(value, Priority)
    return given.native.strip() or mapping.PRIORITY_NUMBERS.get(given.level, "")


def group(account: Account, queue: str) -> str:
    """Return the sys_id of a queue; raises UnmappedError where none is known."""
    found = account.group_ids.get(queue) or (queue if is_sys_id(queue) else "")
    if not found:
        msg = f"no assignment group is known for the queue {queue!r}: name its sys_id under `groups:` in gateway.yaml"
        raise UnmappedError(msg)
    return found


def column(account: Account, name: str) -> str:
    """Return the column of a custom field; raises UnmappedError for one that the settings do not name."""
    if name not in account.columns:
        msg = f"no column is known for the custom field {name!r}: name it under `custom_fields:` in gateway.yaml"
        raise UnmappedError(msg)
    return account.columns[name]


def _assignee(value: Any) -> dict[str, str]:
    given = obj(value)
    who = text(given.get("external_id"))
    if who:
        return {"assigned_to": who}
    return {} if given else {"assigned_to": ""}


def _due(value: Any) -> str:
    """Return a due time as a column of a time takes it: in UTC, without a zone."""
    if not value:
        return ""
    try:
        return stamp(datetime.fromisoformat(text(plain_shown(value))))
    except ValueError:
        msg = f"{value!r} is no due time"
        raise UnmappedError(msg) from None


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        msg = f"not a {kind.__name__.lower()}: {error}"
        raise UnmappedError(msg) from None


def is_public(intent: Intent) -> bool:
    """Say whether a comment may be seen by the requester: only when the operation and the comment both say so."""
    said = intent.comment
    return said is not None and said.visibility is Visibility.PUBLIC and intent.operation is Operation.PUBLIC_REPLY


def element(intent: Intent) -> str:
    """Return the journal into which a comment goes."""
    return mapping.COMMENTS if is_public(intent) else mapping.WORK_NOTES


def comment_text(intent: Intent) -> str:
    """Return the text of a comment as it is sent."""
    return texts.written(intent.comment.body if intent.comment else "") or texts.NO_TEXT


def as_read(account: Account, intent: Intent) -> dict[str, Any]:
    """Return the fields of `intent` as `mapping` will read them back, as canonical JSON."""
    found: dict[str, Any] = {}
    for name, value in intent.fields.items():
        try:
            words = fields(account, msgspec.structs.replace(intent, fields={name: value}))
        except UnmappedError:
            continue
        match name:
            case "title":
                found[name] = words["short_description"]
            case "body":
                found[name] = texts.read(words["description"]).markdown
            case "status":
                read = mapping.status(account, account.table, words["state"], words.get("hold_reason", ""))
                found[name] = msgspec.to_builtins(read)
            case "priority" if words:
                found[name] = msgspec.to_builtins(mapping.priority(priority_number(value)))
            case "queue":
                found[name] = account.queue(words["assignment_group"])
            case "assignee" if words:
                who = words["assigned_to"]
                found[name] = msgspec.to_builtins(RemotePerson(who)) if who else None
            case "custom":
                found[name] = {account.column_names[each]: content for each, content in words.items() if content}
            case _ if name == DUE or name.startswith(CUSTOM):
                found[name] = plain_shown(value)
            case _:
                pass
    return found


def receipt(account: Account, record: Json, *, comment_id: str = "", changes: tuple[str, ...] = ()) -> Receipt:
    """Return what a record says about a write that landed."""
    at = moment(record.get("sys_updated_on"))
    observed = mapping.ticket(record, account, at=at or mapping.EPOCH)
    if observed is None:
        return Receipt(comment_id=comment_id, change_ids=changes)
    return Receipt(
        remote_id=observed.remote_id,
        key=observed.key,
        url=observed.url,
        version=observed.version,
        version_token=observed.version_token,
        change_ids=changes,
        comment_id=comment_id,
        observed=observed,
        at=at,
    )


def differing(wanted: dict[str, str], record: Json) -> list[str]:
    """Return the columns that do not read as they were written.

    An account that may not write a column gets 200 and the old value. Priorities are left to the desk's own rules.
    """
    found = []
    for name, value in wanted.items():
        if name not in record or name in {"impact", "urgency", "priority"}:
            continue
        there = plain(record[name])
        if not texts.alike(there, value):
            found.append(name)
    return found
