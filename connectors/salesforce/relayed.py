"""Change events and platform events, as something that subscribes to them passes them on in JSON.

Salesforce itself gives them over gRPC (Pub/Sub API), CometD or an event bus; a relay wraps them in its own way, so the
payload is looked for in the wrappings that are known: `payload`, `data.payload`, `detail.payload`, or nothing at all. A
change event has a `ChangeEventHeader` and the fields that changed; a platform event has whatever its makers gave it, of
which only the id of a case is dependable.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from connectors.salesforce import mapping
from connectors.salesforce.account import Account
from connectors.salesforce.asking import CLIENT
from connectors.salesforce.facts import comment_event, hint
from connectors.salesforce.ids import QUEUE, full_id, is_case_id
from connectors.salesforce.mapping import Json, moment, obj, objects, text
from connectors.sdk import (
    Event,
    EventKind,
    FieldChange,
    RawDelivery,
    RemotePerson,
    UnreadableError,
    digest,
    read_object,
)

HEADER = "ChangeEventHeader"
WRAPPINGS = ("payload", "data", "detail", "event", "message")
MAX_DEPTH = 5
#: fields that a change event can tell of by itself: the value is all there is to know
OF_CASE = {"Subject": "title", "Description": "body", "Status": "status", "Priority": "priority", "Type": "kind"}


def name_of(body: bytes) -> tuple[str, str]:
    """Return the name of a delivery and the case that it is about, each empty where nothing tells."""
    try:
        (one,) = _batch(body)
        payload = payload_of(one)
    except (UnreadableError, RecursionError, ValueError):
        return "", ""
    header = obj(payload.get(HEADER))
    numbers = _numbers(header)
    ref = numbers[0] if len(numbers) == 1 and is_case_id(numbers[0]) else ""
    transaction = text(header.get("transactionKey"))
    if not transaction:
        return "", ref
    return f"change:{digest(transaction, header.get('sequenceNumber'), text(header.get('entityName')), numbers)}", ref


def payload_of(body: Json) -> Json:
    """Return the innermost object that is an event: with a header, or the last of the known wrappings."""
    found = body
    for _ in range(MAX_DEPTH):
        if HEADER in found:
            return found
        inner = next((found[name] for name in WRAPPINGS if isinstance(found.get(name), dict)), None)
        if inner is None:
            return found
        # the wrapping beside the payload (`event.replayId`) is none
        found = inner
    return found


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; an empty tuple for changes of other objects. Raises UnreadableError where no case is named."""
    found = [event for each in _batch(delivery.body) for event in _parsed(account, each, delivery)]
    return tuple({event.key: event for event in found}.values())


def _batch(body: bytes) -> list[Json]:
    """Return the events of a body: one, or a list, as a relay sends that gathers them."""
    if not body.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"["):
        return [read_object(body)]
    listed = read_object(b'{"list":' + body.removeprefix(b"\xef\xbb\xbf") + b"}")["list"]
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        msg = "the body is a list of something else than events"
        raise UnreadableError(msg)
    return listed


def _parsed(account: Account, body: Json, delivery: RawDelivery) -> tuple[Event, ...]:
    payload = payload_of(body)
    if HEADER in payload:
        return _changed(account, payload, obj(payload.get(HEADER)), delivery)
    number = _case_in(payload) or _case_in(body)
    if not number:
        msg = "the body is no change event, and no field of it holds the id of a case (500…)"
        raise UnreadableError(msg)
    record = text(obj(payload.get("attributes")).get("type")) == "Case" and full_id(text(payload.get("Id"))) == number
    snapshot = mapping.ticket(account, payload if record else {"Id": number}, at=delivery.received_at)
    key = f"event:{number}:{delivery.source_event_id}"
    return (
        Event(
            EventKind.OBSERVED, number, key, delivery.received_at, snapshot=snapshot, needs_read=True,
            version=snapshot.version if snapshot else 0,
        ),
    )  # fmt: skip


def _case_in(payload: Json) -> str:
    """Return the id of a case that a platform event names: its own, else the first value that is one."""
    values = [payload.get("Id"), *payload.values()]
    for value in values:
        number = full_id(text(value))
        if is_case_id(number):
            return number
    for value in payload.values():
        for inner in (obj(value), *objects(value)):
            number = next((one for each in inner.values() if is_case_id(one := full_id(text(each)))), "")
            if number:
                return number
    return ""


def _numbers(header: Json) -> list[str]:
    given = header.get("recordIds")
    return [number for each in given if (number := full_id(text(each)))] if isinstance(given, list) else []


def _changed(account: Account, payload: Json, header: Json, delivery: RawDelivery) -> tuple[Event, ...]:
    entity, change = text(header.get("entityName")), text(header.get("changeType")).upper()
    at = moment(header.get("commitTimestamp")) or moment(payload.get("LastModifiedDate")) or delivery.received_at
    numbers = _numbers(header)
    if not entity:
        msg = "the change event does not say what changed: entityName is missing, or no text"
        raise UnreadableError(msg)
    if entity in {"CaseComment", "EmailMessage"}:
        return _about(account, payload, header, numbers, at)
    if entity != "Case":
        return ()
    if change.endswith("OVERFLOW"):
        # more changes at once than are told of one by one: the next poll finds them
        return ()
    cases = [number for number in numbers if is_case_id(number)]
    if not cases:
        msg = f"the change event {change or 'without a type'} of a case names none in recordIds"
        raise UnreadableError(msg)
    return tuple(event for number in cases for event in _one(account, payload, header, number, at))


def _one(account: Account, payload: Json, header: Json, number: str, at: datetime) -> tuple[Event, ...]:
    """Read what a change did to one case; a field that only a read shows asks for one beside it."""
    change = text(header.get("changeType")).upper()
    name = f"{text(header.get('transactionKey')) or digest(payload)}:{_sequence(header)}:{number}"
    actor = _actor(account, header)
    told = {field: value for field, value in payload.items() if field != HEADER and value is not None}
    told |= dict.fromkeys(_nulled(header), "")
    diffed = set(_names(header.get("diffFields")))
    given = {field: value for field, value in told.items() if field not in diffed}
    snapshot = mapping.ticket(account, {**given, "Id": number}, at=at)
    version = snapshot.version if snapshot is not None and snapshot.version else mapping.version_of(at)
    event = Event(
        EventKind.OBSERVED, number, f"change:{name}", at, version=version, actor=actor, snapshot=snapshot,
        needs_read=True,
    )  # fmt: skip
    if change in {"DELETE", "GAP_DELETE"}:
        return (msgspec.structs.replace(event, kind=EventKind.DELETED, key=f"deleted:{name}", needs_read=False),)
    if change == "CREATE":
        return (msgspec.structs.replace(event, kind=EventKind.CREATED, key=f"created:{name}"),)
    if change != "UPDATE" or snapshot is None:
        return (event,)
    changes = tuple(
        FieldChange(ours, getattr(snapshot, ours))
        for field, ours in OF_CASE.items()
        if field in given and getattr(snapshot, ours) is not msgspec.UNSET
    )
    changes += _owner(given, snapshot)
    if not changes:
        return (event,)
    # the fields that did not change are not there: of a case that is not known yet this is too little
    changed = msgspec.structs.replace(event, kind=EventKind.CHANGED, changes=changes)
    silent = {"LastModifiedDate", "LastModifiedById", "SystemModstamp", *OF_CASE, "OwnerId"}
    nameless = text(given.get("OwnerId")).startswith(QUEUE) and snapshot.queue is msgspec.UNSET
    if diffed or set(given) - silent or nameless:
        return (changed, msgspec.structs.replace(event, key=f"look:{name}"))
    return (changed,)


def _owner(given: Json, snapshot: Any) -> tuple[FieldChange, ...]:
    """Return what a new owner means for assignee and queue; a queue without a name is read."""
    if "OwnerId" not in given or snapshot.assignee is msgspec.UNSET:
        return ()
    found = [FieldChange("assignee", snapshot.assignee)]
    if snapshot.queue is not msgspec.UNSET:
        found.append(FieldChange("queue", snapshot.queue))
    return tuple(found)


def _about(account: Account, payload: Json, header: Json, numbers: list[str], at: datetime) -> tuple[Event, ...]:
    """Read a change of a comment or an e-mail: its words where it says them, else that its case is to be read."""
    above = full_id(text(payload.get("ParentId")))
    if not is_case_id(above):
        return ()
    said = {**payload, "Id": numbers[0] if numbers else "", "CreatedById": payload.get("CreatedById")}
    whole = text(payload.get("CommentBody")) and isinstance(payload.get("IsPublished"), bool)
    if text(header.get("entityName")) == "CaseComment" and text(header.get("changeType")) == "CREATE" and whole:
        said["CreatedById"] = payload.get("CreatedById") or header.get("commitUser")
        found = comment_event(above, dict(said), at)
        if found is not None:
            return (found,)
    name = f"{text(header.get('transactionKey')) or digest(payload)}:{_sequence(header)}:{above}"
    return (hint(account, above, f"change:{name}", at, version=mapping.version_of(at)),)


def _actor(account: Account, header: Json) -> RemotePerson | None:
    """Return who changed it; what our own client changed is ours, whoever it did it for."""
    number = full_id(text(header.get("commitUser")))
    if text(header.get("changeOrigin")).rpartition("client=")[2] == CLIENT and account.account_id:
        number = account.account_id
    return RemotePerson(number) if number else None


def _sequence(header: Json) -> str:
    number = header.get("sequenceNumber")
    return str(number) if isinstance(number, int) and not isinstance(number, bool) else ""


def _names(value: Any) -> list[str]:
    return [text(each) for each in value if text(each)] if isinstance(value, list) else []


def _nulled(header: Json) -> list[str]:
    """Return the fields that are empty now; the Pub/Sub API's bitmaps are no names."""
    return [name for name in _names(header.get("nulledFields")) if not name.startswith("0x")]
