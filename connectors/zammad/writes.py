"""What is written to Zammad: each attempt is one POST, one PUT or, for tags, one POST or DELETE.

A 2xx is the ticket or the article that was written. Zammad drops attributes that it does not have, and takes a ticket
from an owner who may not work in its group, both without a word: what counts is read back.
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from connectors.sdk import (
    Call,
    Category,
    Done,
    Effect,
    Forbidden,
    HttpRequest,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Progress,
    Rejected,
    RemotePerson,
    Unauthorized,
    Unknown,
    Visibility,
    WriteContext,
    about_fields,
    classify,
    excerpt,
    refused_of,
    unmapped,
    wholly,
)
from connectors.zammad import calls, mapping, probes, rendering
from connectors.zammad.account import Account
from connectors.zammad.asking import API, HEADERS, ask, decoded, desk_time, get, is_ticket_id
from connectors.zammad.mapping import ident, obj, text
from gateway.domain.shown import CUSTOM
from gateway.errors import UnmappedError

#: step of an update: the fields are written, what is left are tags
FIELDS_DONE = "fields"
#: fields as Zammad's sentences name them
OURS = {"owner": "assignee", "owner_id": "assignee", "state": "status", "group": "queue", "type": "kind"}
#: "No lookup value found for 'owner': …" (association_name_to_id_convert), "… for field 'x'!" (core workflow)
_ABOUT = re.compile(r"\bfor (?:field )?'(\w+)'")


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    try:
        match intent.operation:
            case Operation.CREATE:
                creation = _create(account, intent, context)
                return (yield from wholly(intent, partial(rendering.fields, account), creation, apart={"tags"}))
            case Operation.SET_FIELDS if is_ticket_id(context.remote_id):
                writing = _set_fields(account, intent, context)
                return (yield from wholly(intent, partial(rendering.fields, account), writing, apart={"tags"}))
            case Operation.PUBLIC_REPLY | Operation.INTERNAL_NOTE if is_ticket_id(context.remote_id):
                return (yield from _comment(account, intent, context))
            case Operation.UNDO:
                return (yield from _take_back(account, intent))
            case Operation.NOTIFY | Operation.ATTACH:
                return Rejected(f"Zammad has no operation {intent.operation}")
            case _:
                return Rejected(f"{context.remote_id!r} is not the id of a ticket of Zammad")
    except UnmappedError as error:
        return unmapped(error)


def _request(method: str, path: str, payload: dict[str, Any], label: str) -> HttpRequest:
    return HttpRequest(method, API + path, Effect.WRITE, {"expand": "true"}, dict(HEADERS), json=payload, label=label)


def _create(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    ticket = rendering.creation(account, intent, context)
    if not ticket.get("group"):
        return Rejected("a ticket of Zammad needs a group: give `create: {group: …}` in the sync rule")
    if rendering.needs_time(account, ticket) or "customer_id" not in ticket:
        response = yield get("/users/me", "what time it is there")
        if not response.ok:
            return _unread(response)
        us = ident(obj(decoded(response)).get("id"))
        if "customer_id" not in ticket and us:
            # Zammad keeps no ticket without a customer: where nobody asked, it is our own account's
            ticket["customer_id"] = int(us)
        now = desk_time(response)
        if rendering.needs_time(account, ticket) and now is not None:
            ticket["pending_time"] = rendering.pending_time(account, now)
    response = yield _request("POST", "/tickets", ticket, "create")
    refused = refusal(response)
    if refused is not None:
        return refused
    data = obj(decoded(response))
    found = mapping.ticket(data, account, at=mapping.EPOCH)
    if found is None:
        return Unknown(f"Zammad's answer is no ticket: {excerpt(response)}")
    _learn(account, data)
    return Done(rendering.receipt_of(found, change_ids=(f"created:{found.remote_id}",)))


def _learn(account: Account, data: mapping.Json) -> None:
    """Note our own id: who made what we have just written."""
    account.account_id = account.account_id or ident(data.get("created_by_id"))


def _set_fields(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    wanted = rendering.fields(account, intent)
    if not wanted and "tags" not in intent.fields:
        return Done()
    if not wanted or FIELDS_DONE in context.steps:
        return (yield from _set_tags(intent, context))
    if rendering.needs_time(account, wanted):
        response = yield get(f"/tickets/{context.remote_id}", "what time it is there", expand="true")
        if response.status == 404:
            return Rejected(f"there is no ticket {context.remote_id} in Zammad: {excerpt(response)}")
        if not response.ok:
            return _unread(response)
        now = desk_time(response) or mapping.moment(obj(decoded(response)).get("updated_at"))
        until = mapping.moment(obj(decoded(response)).get("pending_time"))
        if now is not None and (until is None or until <= now):
            wanted["pending_time"] = rendering.pending_time(account, now)
    response = yield _request("PUT", f"/tickets/{context.remote_id}", wanted, "set fields")
    refused = refusal(response)
    if refused is not None:
        return about_fields(refused, refused_fields(intent, response))
    data = obj(decoded(response))
    found = mapping.ticket(data, account, at=mapping.EPOCH)
    if found is None or found.remote_id != context.remote_id:
        return Unknown(f"Zammad's answer is not the ticket that was written: {excerpt(response)}")
    wrong = probes.holds(account, wanted, data)
    lost = [name for name in wrong if name.startswith("owner") or name not in data]
    if lost:
        return Rejected(
            f"Zammad took it and left out {', '.join(lost)}: an owner needs to be an active agent of the ticket's "
            "group, a custom field an attribute of tickets"
        )
    receipt = rendering.receipt_of(found)
    return Progress({FIELDS_DONE: True}, receipt) if "tags" in intent.fields else Done(receipt)


def _set_tags(intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Add or take away one tag; the next attempt does the next, until none is left. Each is the same done twice."""
    body = yield from ask(get("/tags", "read the tags", object="Ticket", o_id=context.remote_id), none=(403, 404))
    there = set(mapping.tags(obj(body).get("tags")))
    wanted = {mapping.tag(text(word)) for word in intent.fields.get("tags") or ()} - {""}
    missing, surplus = sorted(wanted - there), sorted(there - wanted)
    if not missing and not surplus:
        return Done()
    path, word = ("/tags/add", missing[0]) if missing else ("/tags/remove", surplus[0])
    payload = {"object": "Ticket", "o_id": int(context.remote_id), "item": word}
    response = yield _request("POST" if missing else "DELETE", path, payload, "tag")
    refused = refusal(response)
    if refused is not None:
        return refused
    left = len(missing) + len(surplus) - 1
    return Progress({FIELDS_DONE: True, "tags_left": left}) if left else Done()


def _comment(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    said = intent.comment
    if said is None:
        return Rejected("this update has no comment")
    if intent.operation is Operation.PUBLIC_REPLY and said.visibility is not Visibility.PUBLIC:
        return Rejected("an internal comment is never written for customers")
    address = ""
    if rendering.is_public(intent) and account.reply_as == "email":
        ticket = yield from calls.read(account, context.remote_id)
        person = ticket.requester if ticket is not None else None
        address = person.email if isinstance(person, RemotePerson) else ""
        if not address:
            return Rejected(f"ticket {context.remote_id} has no customer with an e-mail address to reply to")
    payload = rendering.comment(account, intent, context, address)
    response = yield _request("POST", "/ticket_articles", payload, intent.operation.value)
    refused = refusal(response)
    if refused is not None:
        return refused
    data = obj(decoded(response))
    made = mapping.article(data, account, at=mapping.EPOCH)
    if made is None or ident(data.get("ticket_id")) != context.remote_id:
        return Unknown(f"Zammad's answer is not the article that was written: {excerpt(response)}")
    _learn(account, data)
    return Done(probes.receipt_of_article(made, context.remote_id))


def _take_back(account: Account, intent: Intent) -> Call[Outcome]:
    """Close a second copy of a ticket, with a note of why; closed already, or gone, is as good."""
    copy = str(intent.params.get("copy") or "")
    if intent.params.get("of") != Operation.CREATE.value or not is_ticket_id(copy):
        return Rejected("an article is left to a person: others may have read it already")
    data = obj((yield from ask(get(f"/tickets/{copy}", "read the copy", expand="true"), none=(403, 404))))
    found = mapping.ticket(data, account, at=mapping.EPOCH)
    word = account.words[Category.CANCELLED]
    state = mapping.name_of(data.get("state")).lower()
    if found is None or state in {word.lower(), account.words[Category.RESOLVED].lower(), "merged", "removed"}:
        return Done()
    note = {"body": "A second copy of a ticket; the gateway has closed it.", "type": "note", "internal": True}
    response = yield _request("PUT", f"/tickets/{copy}", {"state": word, "article": note}, "undo")
    return refusal(response) or Done()


def _unread(response: HttpResponse) -> Outcome:
    """Classify a read before a write that brought nothing: nothing was sent."""
    if response.status == 401:
        return Unauthorized(excerpt(response))
    if response.status == 403:
        return Forbidden(excerpt(response))
    return NotSent(f"Zammad did not answer what is read first: {excerpt(response)}")


def refused_fields(intent: Intent, response: HttpResponse) -> tuple[str, ...]:
    """Return the fields of an intent that Zammad names in its sentence; custom fields have their own names there."""
    said = obj(decoded(response))
    named = _ABOUT.findall(f"{text(said.get('error'))} {text(said.get('error_human'))}")
    custom = {name.removeprefix(CUSTOM): name for name in intent.fields if name.startswith(CUSTOM)}
    return refused_of(intent, named, {**OURS, **custom})


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table; a refusal has Zammad's own sentence."""
    outcome = classify(response)
    if not isinstance(outcome, Rejected):
        return outcome
    said = obj(decoded(response))
    reason = text(said.get("error_human")) or text(said.get("error"))
    return Rejected(f"HTTP {response.status}: {reason}"[:500] if reason else excerpt(response))
