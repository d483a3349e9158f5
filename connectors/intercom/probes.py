"""Looking for the effect of a write whose answer was lost: reads only, and never a guess.

A creation is searched for by our key in its attribute; the search runs behind, which the settle time allows for. What
we say has no place for a key: it counts by its words, if it is our teammate's, new since the first attempt, and not
known to be another. Who set a field stands in the parts of a ticket.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from connectors.content import from_html
from connectors.intercom import calls, mapping, rendering
from connectors.intercom.account import Account
from connectors.intercom.asking import PAGE, ask, post
from connectors.intercom.mapping import BODY, TITLE, Json, ident, obj, objects, text
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
    RemotePerson,
    RemoteTicket,
    Sighting,
    TransportError,
    Unsure,
    Visibility,
    WriteContext,
)
from gateway.errors import ThrottledError, UnmappedError

#: how far Intercom's clock may stand from ours, which shows whole seconds besides
GRAIN = timedelta(minutes=5)
MAX_PAGES = 100
#: parts that set the state of a conversation
ACTS = {"close": "closed", "open": "open", "snoozed": "snoozed", "unsnoozed": "open"}


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt; a desk that does not answer makes it Unsure.

    Raises AuthenticationError when the token does not hold, ThrottledError when Intercom asks us to wait.
    """
    try:
        if intent.operation is Operation.CREATE:
            found = yield from created(account, context)
            partly = bool(intent.attachments) and not context.steps.get("files")
            # without its files it is not whole: the next attempt finds it, and goes on with them
            return Absent() if isinstance(found, Found) and partly else found
        data = yield from calls.record(account, context.remote_id)
        if data is None:
            return Unsure(f"{context.remote_id} is not there, so nothing of it can be looked at")
        if intent.comment is not None:
            said = _alike(account, data, intent, context)
            if not said:
                return Absent()
            name = said[0].remote_id
            return Found(Receipt(comment_id=name, change_ids=(f"comment:{name}", name), at=said[0].at))
        return _set(account, data, intent, context)
    except (AuthenticationError, ThrottledError):
        raise
    except TransportError as error:
        return Unsure(str(error))


def effects(account: Account, intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Say how often an update took effect. Raises what reads raise: a look that has no answer is taken again."""
    if intent.operation is Operation.CREATE:
        found = yield from _marked(account, context)
        return Sighting(copies=tuple(Copy(each.remote_id, each.created_at) for each in found))
    data = yield from calls.record(account, context.remote_id)
    if data is None:
        return Sighting()
    if intent.comment is not None:
        return Sighting(copies=tuple(Copy(each.remote_id, each.at) for each in _alike(account, data, intent, context)))
    last: dict[str, str] = {}
    for part in mapping.parts_of(data):
        for field, _ in _set_by(account, data, part):
            last[field] = ident(obj(part.get("author")).get("id"))
    ours = frozenset(field for field, who in last.items() if who == account.admin_id and who)
    return Sighting(ticket=mapping.ticket(data, account, at=mapping.EPOCH), ours=ours)


def created(account: Account, context: WriteContext) -> Call[Finding]:
    """Search for the ticket that bears our key."""
    found = yield from _marked(account, context)
    if not found:
        return Absent()
    one = found[0]
    return Found(Receipt(one.remote_id, one.key, one.url, one.version, one.version_token, observed=one))


def _marked(account: Account, context: WriteContext) -> Call[list[RemoteTicket]]:
    since = context.first_sent_at - GRAIN if context.first_sent_at else mapping.EPOCH
    wanted = {"field": "created_at", "operator": ">", "value": max(1, int(since.timestamp()))}
    found: dict[str, RemoteTicket] = {}
    after = ""
    for _ in range(MAX_PAGES):
        page = {"per_page": PAGE, **({"starting_after": after} if after else {})}
        asked = {"query": {"operator": "AND", "value": [wanted]}, "pagination": page}
        body = (yield from ask(post("/tickets/search", "look for the ticket", asked), none=())) or {}
        for each in objects(body.get("tickets")):
            one = mapping.ticket(each, account, at=mapping.EPOCH)
            if one is not None and one.marker == context.effect_key:
                found[one.remote_id] = one
        after = text(obj(obj(body.get("pages")).get("next")).get("starting_after"))
        if not after:
            return [found[number] for number in sorted(found, key=lambda one: (len(one), one))]
    msg = "there are more new tickets than can be looked through"
    raise TransportError(msg)


def _set(account: Account, data: Json, intent: Intent, context: WriteContext) -> Finding:
    """Compare with what was written, then look who set it: somebody may have changed it since we wrote."""
    found = mapping.ticket(data, account, at=mapping.EPOCH)
    if found is None:
        return Unsure("what is there has no id")
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    landed = _landed(account, data, since)
    try:
        wanted = _wanted(account, data, intent)
    except UnmappedError:
        return Absent()
    if all(_there(found, field) == value or (field, value) in landed for field, value in wanted.items()):
        receipt = rendering.receipt_of(account, data)
        return Found(receipt) if receipt is not None else Absent()
    return Absent()


def _wanted(account: Account, data: Json, intent: Intent) -> dict[str, str]:
    """Return what was to be set, each as one text."""
    found: dict[str, str] = {}
    if mapping.is_ticket(data):
        given = rendering.attributes(account, intent)
        names = {TITLE: "title", BODY: "body", account.priority_attribute: "priority"}
        found |= {names[name]: value for name, value in given.items() if name in names}
        if "status" in intent.fields:
            found["status"] = rendering.status(account, intent.fields["status"]).native
    else:
        if "title" in intent.fields:
            found["title"] = text(intent.fields["title"])
        if "status" in intent.fields:
            found["status"] = rendering.DONE[rendering.action(intent.fields["status"])]
    person = obj(intent.fields.get("assignee"))
    if "assignee" in intent.fields and (ident(person.get("external_id")) or not person):
        found["assignee"] = ident(person.get("external_id"))
    if text(intent.fields.get("queue")):
        found["queue"] = account.team(text(intent.fields["queue"]))
    return found


def _there(found: RemoteTicket, field: str) -> str:
    value = getattr(found, field)
    if isinstance(value, RemotePerson):
        return value.external_id
    return value if isinstance(value, str) else getattr(value, "native", "")


def _landed(account: Account, data: Json, since: datetime | None) -> set[tuple[str, str]]:
    """Return what our teammate set since the first attempt, by the parts that tell of it."""
    found: set[tuple[str, str]] = set()
    for part in mapping.parts_of(data):
        at = mapping.moment(part.get("created_at"))
        who = ident(obj(part.get("author")).get("id"))
        if not who or who != account.admin_id or (since is not None and at is not None and at < since):
            continue
        found |= set(_set_by(account, data, part))
    return found


def _set_by(account: Account, data: Json, part: Json) -> Sequence[tuple[str, str]]:
    """Return what a part tells to have been set: field and value, each as one text."""
    sort = text(part.get("part_type")).lower()
    if sort.startswith("ticket_state_updated"):
        status = mapping.state({"ticket_state": part.get("ticket_state")}, account)
        return [("status", getattr(status, "native", ""))]
    if sort in ACTS and not mapping.is_ticket(data):
        return [("status", ACTS[sort])]
    if sort in mapping.ASSIGNING:
        to = obj(part.get("assigned_to"))
        return [("queue" if text(to.get("type")) == "team" else "assignee", ident(to.get("id")))]
    if sort.startswith("ticket_attribute_updated"):
        label, value = mapping.attribute_of(part)
        names = {TITLE: "title", BODY: "body", account.priority_attribute: "priority"}
        field = names.get(label)
        return [(field, value)] if field else []
    return []


def _alike(account: Account, data: Json, intent: Intent, context: WriteContext) -> list[RemoteComment]:
    """Return what reads as what was written, is our teammate's, and is not known to be another."""
    since = context.first_sent_at - GRAIN if context.first_sent_at else None
    return [
        each
        for each in mapping.comments(data)
        if each.remote_id not in context.known_comments
        and (since is None or each.at >= since)
        and each.author is not None
        and each.author.external_id == account.admin_id
        and (each.visibility is Visibility.PUBLIC) is rendering.is_public(intent)
        and reads_like(intent, each)
    ]


def reads_like(intent: Intent, comment: RemoteComment | None) -> bool:
    """Say whether a comment has the words of an intent."""
    if comment is None:
        return False
    wanted = (rendering.comment_text(intent), from_html(rendering.comment_html(intent)).markdown)
    return any(mapping.same_text(comment.body, each) for each in wanted)
