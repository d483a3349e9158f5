"""What a business rule or a flow of the instance sends: proof of origin, name, and facts.

ServiceNow has no webhooks of its own; an admin writes the body [S7]. The rule of docs/connectors/servicenow.md sends
what this reads in full: who, what was done, the record, what it was before, and the entries. Any other body with the
sys_id of a record, or an answer of the Table API passed on, says how a record looks, and that it is to be read.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Any

import msgspec

from connectors.content import damaged
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    FieldChange,
    IncomingRequest,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    UnreadableError,
    body_digest,
    digest,
    hmac_base64,
    hmac_hex,
    require_equal,
    require_recent,
)
from connectors.servicenow import mapping, tables
from connectors.servicenow.account import Account
from connectors.servicenow.mapping import JOURNAL, Json, is_sys_id, moment, obj, objects, plain, text

FILES = "sys_attachment"
SIGNATURE, TIMESTAMP = "x-gateway-signature", "x-gateway-timestamp"
#: headers in which the bare secret may come where the body is not signed
TOKENS = ("x-gateway-token", "x-webhook-secret", "x-webhook-token", "x-api-key", "x-auth-token", "x-servicenow-token")
#: seconds
TOLERANCE = 300
#: where admins put the record in a body of their own
_PLACES = (
    "record",
    "records",
    "result",
    "current",
    "data",
    "incident",
    "ticket",
    "task",
    "payload",
    "new_values",
    "fields",
)
_IDS = ("sys_id", "sysId", "sysid", "record_sys_id", "incident_sys_id", "record_id", "element_id", "table_sys_id", "id")
_BEFORE = ("previous", "old_values", "before")
_CHANGED = ("changed", "updated_fields", "changed_fields")
_HEX = re.compile(r"[0-9a-fA-F]{64}")
#: what bodies written for a bus put around their parts, and how deep that is looked through
_AROUND = (*_PLACES, "event", "body", "message")
_DEPTH = 4
#: the address of a record, also as a part of another's
_LINK = re.compile(r"\b([a-z][a-z0-9_]*)\.do(?:\?|%3[Ff])sys_id(?:=|%3[Dd])([0-9a-fA-F]{32})(?![0-9a-fA-F])")


def verify(account: Account, request: IncomingRequest, now: datetime) -> None:
    """Raise AuthenticationError unless one of our secrets signed time and body, or (where so set) came with it."""
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    if account.signed:
        _signed(account, request, now)
    else:
        _known(account, request)


def _signed(account: Account, request: IncomingRequest, now: datetime) -> None:
    """Check base64 or hex of HMAC-SHA256(secret, "TIME.BODY"), with TIME in seconds since 1970."""
    stamp = request.headers.get(TIMESTAMP, "").strip()
    given = request.headers.get(SIGNATURE, "").strip().removeprefix("sha256=")
    message = stamp.encode("utf-8", "replace") + b"." + request.body
    make = hmac_hex if _HEX.fullmatch(given) else hmac_base64
    if make is hmac_hex:
        given = given.lower()
    _one_of(given, [make(secret, message) for secret in account.webhook_secrets], SIGNATURE)
    at = int(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) < 12 else 0
    require_recent(TIMESTAMP, at, now, TOLERANCE)


def _known(account: Account, request: IncomingRequest) -> None:
    """Check a secret that comes as it is: in a header, as a bearer token, or as the password of Basic."""
    scheme, _, value = request.headers.get("authorization", "").strip().partition(" ")
    given = next((request.headers[name].strip() for name in TOKENS if request.headers.get(name)), "")
    if not given and scheme.lower() == "bearer":
        given = value.strip()
    if not given and scheme.lower() == "basic":
        try:
            given = base64.b64decode(value, validate=True).decode("utf-8", "replace").partition(":")[2]
        except (binascii.Error, ValueError):
            given = ""
    _one_of(given, list(account.webhook_secrets), "the secret of the webhook")


def _one_of(given: str, expected: list[str], what: str) -> None:
    failure = AuthenticationError(f"wrong {what}")
    for each in expected:
        try:
            require_equal(given, each, what)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by the id that the rule made for it, else by its content: another body has no other name."""
    try:
        body: Json = _read(request.body)
    except UnreadableError:
        body = {}
    name = text(body.get("delivery"))[:100].strip()
    found = _records(body)
    ref = _sys_id(found[0]) if len(found) == 1 else ""
    if plain(body.get("table")) == FILES and found:
        ref = plain(found[0].get("table_sys_id"))[:100]
    return Envelope(f"rule:{name}" if name else body_digest(request.body), ref)


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; raises UnreadableError in one line where no record's sys_id can be made out."""
    body = _read(delivery.body)
    if not delivery.body.strip():
        msg = "the body is empty: a webhook needs at least the record's sys_id"
        raise UnreadableError(msg)
    if isinstance(body.get("error"), dict) and body.get("status") == "failure":
        msg = "the body is an error of the Table API, not a record"
        raise UnreadableError(msg)
    found = _records(body)
    if not found:
        msg = 'no record can be made out: add "sys_id" (32 hexadecimal digits) to the body'
        raise UnreadableError(msg)
    if plain(body.get("table")) == FILES:
        return _file(account, body, obj(body.get("record")) or found[0], delivery.received_at)
    table = plain(body.get("table")) or plain(found[0].get("sys_class_name"))
    if table and account.table not in {table, "task"}:
        return ()
    if len(found) > 1 or "operation" not in body:
        return tuple(_looks(account, body, record, delivery) for record in found)
    return _rule(account, body, found[0], delivery)


def _read(body: bytes) -> Json:
    """Return what a body says; of one that had to be guessed, or is a list, which record or records it is about.

    A script that glues its JSON together forgets to escape a description sooner or later.
    """
    try:
        return damaged.object_in(body)
    except UnreadableError:
        found = damaged.read(body)
        said = found.content if found is not None else None
        if isinstance(said, list) and objects(said):
            return {"records": said}
        known = {name: said[name] for name in (*_IDS, "table") if name in said} if isinstance(said, dict) else {}
        if not _sys_id(known):
            raise
        return known


def _records(body: Json) -> list[Json]:
    """Return the record in a body, or the records: the answer to a list passed on."""
    for place in _PLACES:
        inner = [each for each in objects(body.get(place)) if _sys_id(each)]
        if inner:
            return inner
    if not _sys_id(body):
        return _inside(body) or _linked(body)
    for place in _PLACES:
        inner = objects(body.get(place))
        if len(inner) == 1:
            # the id stands outside, the columns inside
            return [{**inner[0], "sys_id": _sys_id(body)}]
    return [{**body, "sys_id": _sys_id(body)}]


def _inside(body: Json, depth: int = _DEPTH) -> list[Json]:
    """Return the one record that lies deeper inside a body."""
    for place in _AROUND if depth else ():
        inner = obj(body.get(place))
        found = [inner] if _sys_id(inner) else _inside(inner, depth - 1)
        if found:
            return found
    return []


def _linked(body: Json) -> list[Json]:
    """Return the one record to which a body links; which of several it is about, nobody knows."""
    found = set(_LINK.findall(msgspec.json.encode(body).decode()))
    return [{"sys_id": number, "sys_class_name": table} for table, number in found] if len(found) == 1 else []


def _sys_id(record: Json) -> str:
    for name in _IDS:
        found = plain(record.get(name)).strip().lower().replace("-", "") if name in record else ""
        if is_sys_id(found):
            return found
    return ""


def _snapshot(account: Account, record: Json, at: datetime) -> RemoteTicket:
    """Return how a record looks; values that can only be display values are left for the read."""
    given = {_column(name): value for name, value in record.items()} | dict(record) | {"sys_id": _sys_id(record)}
    state, number = plain(given.get("state")), plain(given.get("priority")).partition(" - ")[0]
    if account.table == "incident" and state.lower() in tables.INCIDENT_LABELS:
        state = given["state"] = tables.INCIDENT_LABELS[state.lower()]
    if number.isdigit():
        given["priority"] = number
    if state and not state.lstrip("-").isdigit():
        given.pop("state")
    if number and not number.isdigit():
        given.pop("priority")
    for name in ("assigned_to", "assignment_group", account.requester, "company"):
        if name in given and plain(given[name]) and not is_sys_id(plain(given[name])):
            given.pop(name)
    # what a body of one's own calls so need not be text
    given = {name: value for name, value in given.items() if value is None or isinstance(value, str | dict | int)}
    found = mapping.ticket(given, account, at=at)
    if found is None:
        msg = "the record has no readable sys_id"
        raise UnreadableError(msg)
    return found


def _column(name: str) -> str:
    """Return the column behind a name that a script wrote its own way: `shortDescription`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _file(account: Account, body: Json, record: Json, received_at: datetime) -> tuple[Event, ...]:
    """Read what the rule says of a file: its record is to be read, which the file does not touch."""
    number, file = plain(record.get("table_sys_id")).strip(), plain(record.get("sys_id")).strip()
    # a picture that is shown in a text hangs at the table's name with ZZ_YY before it
    if plain(record.get("table_name")).removeprefix("ZZ_YY") != account.table or not is_sys_id(number):
        return ()
    at = moment(record.get("sys_created_on")) or received_at
    shot = RemoteTicket(number, at)
    who = _actor(account, body, {"sys_updated_by": record.get("sys_created_by")})
    key = f"file:{file or digest(text(body.get('delivery')))[:32]}"
    return (Event(EventKind.OBSERVED, number, key=key, at=at, actor=who, snapshot=shot, needs_read=True),)


def _looks(account: Account, body: Json, record: Json, delivery: RawDelivery) -> Event:
    """Read a body of somebody's own: this is how the record looks, and it is to be read."""
    shot = _snapshot(account, record, delivery.received_at)
    login = plain(record.get("sys_updated_by")) or plain(body.get("updated_by"))
    return Event(
        EventKind.OBSERVED,
        shot.remote_id,
        key=f"seen:{shot.remote_id}:{digest(delivery.source_event_id, shot.version_token)[:16]}",
        at=shot.updated_at,
        version=shot.version,
        actor=mapping.somebody(login, {}),
        snapshot=shot,
        automatic=login in mapping.SYSTEM_USERS,
        needs_read=True,
    )


def _rule(account: Account, body: Json, record: Json, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read what the business rule says was done: insert, update or delete."""
    shot = _snapshot(account, record, delivery.received_at)
    who = _actor(account, body, record)
    at = moment(record.get("sys_updated_on")) or delivery.received_at
    common: dict[str, Any] = {
        "at": at,
        "version": shot.version,
        "actor": who,
        "automatic": who is not None and who.role == "system",
        "snapshot": shot,
    }
    order = shot.version or digest(delivery.source_event_id)[:16]
    operation = text(body.get("operation")).lower()
    number = shot.remote_id
    events: list[Event] = []
    if operation in {"delete", "deleted"}:
        return (Event(EventKind.DELETED, number, key=f"deleted:{number}", **common),)
    if operation in {"insert", "inserted", "create", "created"}:
        thin = shot.title is msgspec.UNSET or shot.body is msgspec.UNSET
        events.append(Event(EventKind.CREATED, number, key=f"created:{number}", needs_read=thin, **common))
    else:
        changes = _changes(account, body, record, shot)
        if changes:
            key = f"changed:{number}:{order}"
            events.append(Event(EventKind.CHANGED, number, key=key, changes=changes, needs_read=True, **common))
    said = [_entry(entry, shot, common) for entry in objects(body.get("journal"))]
    events += [entry for entry in said if entry is not None]
    spoke = bool(JOURNAL & _names(body))
    if not events or (spoke and not any(event.comment is not None for event in events)):
        events.append(Event(EventKind.OBSERVED, number, key=f"seen:{number}:{order}", needs_read=True, **common))
    unique = {event.key: event for event in events}
    return tuple(unique.values())


def _actor(account: Account, body: Json, record: Json) -> RemotePerson | None:
    """Return who did it, as the rule says, else by the user name in the record."""
    by = obj(body.get("by"))
    who = mapping.user(by) if is_sys_id(plain(by.get("sys_id"))) else None
    if who is None:
        return mapping.somebody(plain(record.get("sys_updated_by")) or plain(body.get("updated_by")), {})
    if plain(by.get("user_name")) and plain(by.get("user_name")) == account.us.user_name:
        account.us.learn(who.external_id, account.us.user_name)
    return who


def _names(body: Json) -> set[str]:
    """Return the columns that were changed, as the body lists them or shows them before the change."""
    found: set[str] = set()
    for place in _CHANGED:
        listed = body.get(place)
        found |= {text(name) for name in listed if isinstance(name, str)} if isinstance(listed, list) else set()
    for place in _BEFORE:
        found |= set(obj(body.get(place)))
    return found


def _changes(account: Account, body: Json, record: Json, shot: RemoteTicket) -> tuple[FieldChange, ...]:
    """Return our fields that were changed, with what they were before as far as the body says."""
    before: dict[str, Any] = {}
    for place in _BEFORE:
        before |= obj(body.get(place))
    names = _names(body)
    old = _snapshot(account, {**record, **before}, shot.updated_at)
    watched = {
        "title": {"short_description"},
        "body": {"description"},
        "status": {"state", "hold_reason", "incident_state"},
        "priority": {"priority"},
        "queue": {"assignment_group"},
        "assignee": {"assigned_to"},
        "requester": {account.requester},
        "custom": set(account.column_names),
    }
    found = []
    for field, columns in watched.items():
        if not columns & names:
            continue
        value, previous = getattr(shot, field), getattr(old, field)
        if value is msgspec.UNSET:
            continue
        said = bool(columns & set(before)) and previous is not msgspec.UNSET
        if said and value == previous:
            continue
        found.append(FieldChange(field, value, previous if said else None))
    return tuple(found)


def _entry(entry: Json, shot: RemoteTicket, common: dict[str, Any]) -> Event | None:
    """Read one entry of a journal that came along."""
    customer = shot.requester.external_id if isinstance(shot.requester, RemotePerson) else ""
    who: RemotePerson | None = common["actor"]
    login = plain(entry.get("sys_created_by"))
    people = {login: who} if who is not None and login else {}
    found = mapping.comment(entry, people, at=common["at"], customer=customer)
    if found is None or not found.body or plain(entry.get("element")) not in JOURNAL:
        return None
    more = {**common, "at": found.at, "actor": found.author or who}
    return Event(EventKind.COMMENTED, shot.remote_id, key=f"comment:{found.remote_id}", comment=found, **more)
