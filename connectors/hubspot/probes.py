"""Looking for the effect of a write whose answer was lost: reads of records, which do not lag, and never a guess.

A creation is looked up by our key. A note and a logged e-mail have our key around their text; because HubSpot may take
it off as it cleans what it is given, one without any key counts by its words, if it is our app's, new since the first
attempt, and not known to be another. A reply in a conversation has no place for a key, and counts by its words alone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from connectors.content import from_html
from connectors.hubspot import calls, mapping, rendering
from connectors.hubspot.account import Account
from connectors.hubspot.asking import TICKETS, ask, get, path_part
from connectors.hubspot.mapping import BODIES, Json, ident, moment, obj, objects, text
from connectors.sdk import (
    Absent,
    AuthenticationError,
    Call,
    Copy,
    Finding,
    Found,
    Intent,
    Operation,
    Receipt,
    RemoteComment,
    Sighting,
    TransportError,
    Unsure,
    WriteContext,
)
from gateway.errors import ThrottledError, UnmappedError

#: how far HubSpot's clock may stand from ours when times are compared
GRAIN = timedelta(minutes=5)
#: HubSpot's names of our fields
NAMES = {
    "subject": "title", "content": "body", "hs_pipeline_stage": "status", "hs_ticket_priority": "priority",
    "hs_ticket_category": "kind", "hubspot_owner_id": "assignee",
}  # fmt: skip


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure.

    Raises AuthenticationError when the token does not hold, ThrottledError when HubSpot asks us to wait.
    """
    try:
        if intent.operation is Operation.CREATE:
            return (yield from _created(account, context))
        if intent.comment is not None:
            found = yield from _said(account, intent, context)
            if found is None:
                return Unsure(f"ticket {context.remote_id} is not there, so what was said cannot be looked at")
            name = found[0].remote_id if found else ""
            return Found(Receipt(comment_id=name, change_ids=(name,), at=found[0].at)) if found else Absent()
        return (yield from _set(account, intent, context))
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Say how often an update took effect. Raises what reads raise: a look that has no answer is taken again."""
    if intent.operation is Operation.CREATE:
        data = yield from calls.record(account, context.effect_key, by_key=True)
        number = ident((data or {}).get("id"))
        made = moment(obj((data or {}).get("properties")).get("createdate"))
        return Sighting(copies=(Copy(number, made),) if number else ())
    if intent.comment is not None:
        found = yield from _said(account, intent, context)
        return Sighting(copies=tuple(Copy(each.remote_id, each.at) for each in found or ()))
    data = yield from _with_history(account, context)
    ticket = mapping.ticket(data, account) if data is not None else None
    if data is None or ticket is None:
        return Sighting()
    history = obj(data.get("propertiesWithHistory"))
    ours = frozenset(
        field for name, field in NAMES.items() if _is_ours(account, next(iter(objects(history.get(name))), {}))
    )
    return Sighting(ticket=ticket, ours=ours)


def _created(account: Account, context: WriteContext) -> Call[Finding]:
    """Look the ticket up by our key: HubSpot answers from its records, not from the search index."""
    data = yield from calls.record(account, context.effect_key, by_key=True)
    receipt = rendering.receipt_of(account, data) if data is not None else None
    return Found(receipt) if receipt is not None else Absent()


def _with_history(account: Account, context: WriteContext) -> Call[Json | None]:
    asked = {
        "properties": ",".join(mapping.properties(account)),
        "propertiesWithHistory": ",".join(NAMES),
    }
    path = f"{TICKETS}/{path_part(context.remote_id)}"
    return (yield from ask(get(path, "look at the fields", **asked), none=(404,)))


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Compare the ticket with what was written, then who set it: somebody may have changed it since we wrote."""
    data = yield from _with_history(account, context)
    if data is None:
        return Absent()
    try:
        wanted = rendering.properties(account, intent, context)
    except UnmappedError:
        return Absent()
    person = obj(intent.fields.get("assignee"))
    if "assignee" in intent.fields and (ident(person.get("external_id")) or not person):
        wanted["hubspot_owner_id"] = ident(person.get("external_id"))
    given, history = obj(data.get("properties")), obj(data.get("propertiesWithHistory"))
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    if all(
        text(given.get(name)) == value or _landed(account, objects(history.get(name)), value, since)
        for name, value in wanted.items()
    ):
        receipt = rendering.receipt_of(account, data)
        return Found(receipt) if receipt is not None else Absent()
    return Absent()


def _landed(account: Account, history: list[Json], value: str, since: datetime | None) -> bool:
    for entry in history:
        at = moment(entry.get("timestamp"))
        late = since is None or at is None or at >= since
        if late and _is_ours(account, entry) and text(entry.get("value")) == value:
            return True
    return False


def _is_ours(account: Account, entry: Json) -> bool:
    """Say whether our app made one entry of a property's history."""
    return text(entry.get("sourceType")).upper() == mapping.INTEGRATION and (
        ident(entry.get("sourceId")) == account.app_id
    )


def _said(account: Account, intent: Intent, context: WriteContext) -> Call[list[RemoteComment] | None]:
    """Return what was said with our key, else what reads like it; None where the ticket is not there."""
    data = yield from calls.record(account, context.remote_id)
    if data is None:
        return None
    thread = calls.thread_of(data)
    if intent.operation is Operation.PUBLIC_REPLY and thread:
        spoken = yield from calls.messages(thread)
        if spoken is None:
            msg = "the ticket's conversation cannot be read"
            raise TransportError(msg)
        read = (mapping.message(each, {}) for each in spoken)
        return _in_order([each for each in read if each is not None and _is_alike(account, each, intent, context)])
    kind = "emails" if intent.operation is Operation.PUBLIC_REPLY else "notes"
    records = yield from calls.engagement_records(context.remote_id, kind)
    marked, alike = [], []
    for each in records:
        comment = mapping.engagement(kind, each, {})
        if comment is None:
            continue
        if comment.marker == context.effect_key:
            marked.append(comment)
        elif not mapping.marker_in(text(obj(each.get("properties")).get(BODIES[kind]))) and _is_alike(
            account, comment, intent, context
        ):
            alike.append(comment)
    return _in_order(marked or alike)


def _is_alike(account: Account, comment: RemoteComment, intent: Intent, context: WriteContext) -> bool:
    """Say whether a comment reads as the one that was written, is our app's, and is not known to be another."""
    if comment.remote_id in context.known_comments:
        return False
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    if since is not None and comment.at < since:
        return False
    if comment.author is None or comment.author.external_id != f"app:{account.app_id}":
        return False
    wanted = {" ".join(each.split()) for each in (
        rendering.comment_text(intent), from_html(rendering.comment_html(intent)).markdown
    )}  # fmt: skip
    return " ".join(comment.body.split()) in wanted


def _in_order(found: list[RemoteComment]) -> list[RemoteComment]:
    return sorted(found, key=lambda each: (each.at, each.remote_id))
