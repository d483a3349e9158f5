"""Dynamics 365's webhooks: proof of origin, name, and the facts in them.

There is no signature: an admin gives the webhook a key (`?code=…`, *WebhookKey*), a header or a query value [D5]. A
synchronous step sends before its transaction is through; asynchronous ones, which the documentation of this connector
asks for, after it, once, and once more only after 502, 503 and 504.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from connectors.dynamics365 import context, mapping
from connectors.dynamics365.account import Account
from connectors.dynamics365.context import Said
from connectors.dynamics365.ids import guid
from connectors.dynamics365.mapping import Json, moment, number, obj, text
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    FieldChange,
    IncomingRequest,
    RawDelivery,
    RemotePerson,
    UnreadableError,
    body_digest,
    digest,
    read_object,
    require_equal,
)

#: where the secret may stand: the key of a webhook, a value of its query, a header
QUERY = ("code", "key")
HEADER = "x-gateway-secret"
CASE, NOTE, EMAIL, RESOLUTION = "incident", "annotation", "email", "incidentresolution"
#: column of a case -> our field
FIELDS = {
    "title": "title", "description": "body", "statuscode": "status", "prioritycode": "priority",
    "casetypecode": "kind", "_ownerid_value": "assignee",
}  # fmt: skip

#: columns that change with every change
SILENT = frozenset({"incidentid", "modifiedon", "_modifiedby_value", "_modifiedonbehalfby_value", "statecode"})


def verify(account: Account, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless the shared secret is there, and the organization is the one of the settings."""
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no webhook of it can be trusted"
        raise AuthenticationError(msg)
    told = [request.query.get(name, "") for name in QUERY] + [request.headers.get(HEADER, "")]
    given = next((each for each in told if each), "")
    failure: AuthenticationError | None = None
    for secret in account.webhook_secrets:
        try:
            require_equal(given, secret, f"{QUERY[0]} in the URL (or header {HEADER})")
        except AuthenticationError as error:
            failure = error
        else:
            break
    else:
        raise failure or AuthenticationError(f"wrong {QUERY[0]}")
    if account.organization_id:
        try:
            organization = guid(read_object(request.body).get("OrganizationId"))
        except UnreadableError:
            organization = ""
        if organization != account.organization_id:
            msg = f"the webhook is of the organization {organization or 'without an id'}, not of this connection's"
            raise AuthenticationError(msg)


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by the operation of its step, else by its content; never raises."""
    try:
        body = read_object(request.body)
        said = context.read(body)
    except (UnreadableError, RecursionError):
        return Envelope(body_digest(request.body))
    name = _name(said)
    ref = guid(_row(body).get("incidentid")) if not said.message else ""
    return Envelope(name or body_digest(request.body), said.id if said.table == CASE else ref)


def _name(said: Said) -> str:
    """Name it by the operation of an asynchronous step; a synchronous one has none, and is known by what it did."""
    what = (said.message, said.table, said.id)
    if said.operation:
        return f"operation:{digest(said.operation, *what)}"
    return f"change:{digest(said.correlation, said.at, said.changed, *what)}" if said.correlation and said.id else ""


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; an empty tuple for records that are no cases and not about one.

    Raises UnreadableError where it is no execution context, or one of a case without its id.
    """
    body = read_object(delivery.body)
    said = context.read(body)
    row = _row(body)
    if not said.message and row:
        return (_flow(account, row, delivery),)
    if not said.message or not said.table:
        msg = "the body is no RemoteExecutionContext: MessageName or PrimaryEntityName is missing"
        raise UnreadableError(msg)
    at = moment(said.changed.get("modifiedon")) or moment(said.at) or delivery.received_at
    name = _name(said) or delivery.source_event_id
    if said.table in {NOTE, EMAIL, RESOLUTION}:
        return _about(account, said, name, at)
    if said.table != CASE:
        return ()
    if not said.id:
        msg = f"the {said.message} of a case names none: PrimaryEntityId is missing"
        raise UnreadableError(msg)
    event = _case(account, said, name, at)
    others = {column for column in said.changed if column not in SILENT and column not in FIELDS and "@" not in column}
    if event.kind is EventKind.CHANGED and others:
        # columns of the site's own have changed, too: what they say is only to be read
        return (event, msgspec.structs.replace(event, kind=EventKind.OBSERVED, key=f"look:{name}", changes=()))
    return (event,)


def _row(body: Json) -> Json:
    """Return the row of a case in the shape of the Web API, as a flow passes it on: by itself, or as its `body`."""
    return next((each for each in (body, obj(body.get("body"))) if guid(each.get("incidentid"))), {})


def _flow(account: Account, row: Json, delivery: RawDelivery) -> Event:
    """Read what a flow sends: how a case looks, and that it is to be read."""
    number = guid(row.get("incidentid"))
    snapshot = mapping.ticket(account, {**row, "incidentid": number}, at=delivery.received_at)
    name = f"observed:{number}:{digest(delivery.source_event_id)[:16]}"
    return Event(EventKind.OBSERVED, number, name, delivery.received_at, snapshot=snapshot, needs_read=True)


def _case(account: Account, said: Said, name: str, at: datetime) -> Event:
    record = {**said.image, **said.changed, "incidentid": said.id}
    snapshot = mapping.ticket(account, record, at=at)
    actor = RemotePerson(said.actor) if said.actor else None
    message = said.message.lower()

    def event(kind: EventKind, number_: str = said.id, **more: Any) -> Event:
        shot = snapshot if number_ == said.id else None
        return Event(kind, number_, f"{kind.value}:{name}", at, actor=actor, snapshot=shot, **more)

    if message == "delete":
        return Event(EventKind.DELETED, said.id, f"deleted:{name}", at, actor=actor)
    if message == "merge":
        # the target lives on, the subordinate goes into it
        gone = context.reference(said.given.get("SubordinateId"))
        if gone:
            return event(EventKind.MERGED, gone, merged_into=said.id)
    if message == "close":
        code = number(obj(said.given.get("Status")).get("Value"))
        if code is not None and code >= 0:
            value = mapping.status(account, code)
            return event(EventKind.CHANGED, changes=(FieldChange("status", value),), needs_read=True)
        return event(EventKind.OBSERVED, needs_read=True)
    if message == "create" and said.changed:
        return event(EventKind.CREATED, needs_read=True)
    changes = _changes(account, said, snapshot) if message == "update" else ()
    if not changes:
        return event(EventKind.OBSERVED, needs_read=True)
    # what did not change is not there: of a case that is not known yet this is too little
    return event(EventKind.CHANGED, changes=changes, needs_read=True)


def _changes(account: Account, said: Said, snapshot: Any) -> tuple[FieldChange, ...]:
    """Return what an update has set, as far as the values say it by themselves."""
    found = []
    for column, field in FIELDS.items():
        if column not in said.changed:
            continue
        if field == "assignee":
            queue, assignee = mapping.owner(account, said.changed)
            team = said.changed.get(f"_ownerid_value{mapping.LOOKUP}") == "team"
            if isinstance(assignee, RemotePerson) or team:
                found.append(FieldChange("assignee", assignee if isinstance(assignee, RemotePerson) else None))
            if isinstance(queue, str):
                found.append(FieldChange("queue", queue))
            continue
        value = getattr(snapshot, field)
        if value is not msgspec.UNSET:
            found.append(FieldChange(field, value))
    return tuple(found)


def _about(account: Account, said: Said, name: str, at: datetime) -> tuple[Event, ...]:
    """Read a note, an e-mail or a resolution of a case: its words where it says them all, else the case is read."""
    record = {**said.image, **said.changed}
    above = next(
        (
            guid(record.get(f"_{column}_value"))
            for column in ("objectid", "regardingobjectid", "incidentid")
            if guid(record.get(f"_{column}_value"))
            and text(record.get(f"_{column}_value{mapping.LOOKUP}")) in {CASE, ""}
        ),
        "",
    )
    if not above:
        # of something else, or too large to say of what: the poll finds notes of cases
        return ()
    snapshot = mapping.ticket(account, {"incidentid": above}, at=at)
    whole = said.table == NOTE and said.message.lower() == "create" and "notetext" in said.changed
    if whole and said.changed.get("isdocument") is not True:
        note = {**record, "annotationid": said.id, "_createdby_value": record.get("_createdby_value") or said.actor}
        found = mapping.note(account, note, {}, at=at)
        if found is not None:
            return (
                Event(
                    EventKind.COMMENTED, above, f"comment:{found.remote_id}", found.at, actor=found.author,
                    comment=found, snapshot=snapshot, needs_read=True,
                ),
            )  # fmt: skip
    actor = RemotePerson(said.actor) if said.actor else None
    return (Event(EventKind.OBSERVED, above, f"observed:{name}", at, actor=actor, snapshot=snapshot, needs_read=True),)
