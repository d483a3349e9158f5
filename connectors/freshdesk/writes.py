"""Writing: create, set fields, reply, note, and a second copy taken back. Each attempt sends at most one write."""

from __future__ import annotations

from functools import partial
from typing import Any

from connectors.freshdesk import mapping, rendering
from connectors.freshdesk.account import Account
from connectors.freshdesk.asking import API, ask, decoded, get, is_ticket_id, own_id, ticket_path, unwrapped
from connectors.freshdesk.mapping import Json, ident, obj, objects, text
from connectors.sdk import (
    Call,
    Conflict,
    Done,
    Effect,
    HttpRequest,
    HttpResponse,
    Intent,
    Operation,
    Outcome,
    Rejected,
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
from gateway.domain.shown import CUSTOM, DUE
from gateway.errors import UnmappedError

#: fields as the desk's errors name them
OURS = {
    "subject": "title", "description": "body", "type": "kind", "responder_id": "assignee", "group_id": "queue",
    "due_by": DUE, "fr_due_by": DUE,
}  # fmt: skip
#: the tag of a second copy that was closed
COPY_TAG = "gateway_double"
CLOSED = 5


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    if intent.operation not in {Operation.CREATE, Operation.UNDO} and not is_ticket_id(context.remote_id):
        return Rejected(f"{context.remote_id!r} is not the id of a ticket")
    try:
        match intent.operation:
            case Operation.CREATE:
                creation = _create(account, intent, context)
                return (yield from wholly(intent, partial(rendering.fields, account), creation))
            case Operation.SET_FIELDS:
                writing = _set_fields(account, intent, context)
                return (yield from wholly(intent, partial(rendering.fields, account), writing, apart={"body", DUE}))
            case Operation.PUBLIC_REPLY | Operation.INTERNAL_NOTE:
                return (yield from _comment(account, intent, context))
            case Operation.UNDO:
                return (yield from _take_back(account, intent))
            case _:
                return Rejected(f"Freshdesk has no operation {intent.operation}")
    except UnmappedError as error:
        return unmapped(error)


def _request(method: str, path: str, given: dict[str, Any], intent: Intent) -> HttpRequest:
    """Return a write: JSON, or a form where files go with it."""
    headers, label = {"Accept": "application/json"}, intent.operation.value
    if intent.attachments:
        parts = rendering.parts(given, intent)
        return HttpRequest(method, path, Effect.WRITE, headers=headers, parts=parts, label=label)
    return HttpRequest(method, path, Effect.WRITE, headers=headers, json=given, label=label)


def _create(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    if not rendering.has_requester(intent) and not (yield from own_id(account)):
        return Rejected("a ticket needs a requester: give `create: {requester: …}` or account_id")
    given = rendering.creation(account, intent, context)
    response = yield _request("POST", f"{API}/tickets", given, intent)
    return _outcome(account, response, "")


def _set_fields(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    given = rendering.fields(account, intent)
    there: Json = {}
    if {"body", DUE} & set(intent.fields):
        response = yield from ask(get(ticket_path(context.remote_id), "read before"), none=(403, 404))
        there = unwrapped(account, decoded(response), "ticket") if response is not None else {}
        given |= rendering.due(intent, given, there)
    if "body" in intent.fields:
        given["description"] = rendering.description(text(there.get("description")), text(intent.fields["body"]))
    if not given:
        return Done()
    response = yield _request("PUT", ticket_path(context.remote_id), given, intent)
    return about_fields(_outcome(account, response, context.remote_id), refused_fields(account, intent, response))


def _comment(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    if intent.comment is None:
        return Rejected("this update has no comment")
    if intent.operation is Operation.PUBLIC_REPLY and intent.comment.visibility is not Visibility.PUBLIC:
        return Rejected("an internal comment is never sent to a requester")
    path, given = rendering.comment(account, intent, context)
    response = yield _request("POST", f"{ticket_path(context.remote_id)}/{path}", given, intent)
    refused = refusal(response)
    if refused is not None:
        return refused
    data = unwrapped(account, decoded(response), "conversation")
    if not ident(data.get("id")):
        return Unknown(f"the desk does not name the comment that it made: {excerpt(response)}")
    return Done(rendering.comment_receipt(data, context))


def _take_back(account: Account, intent: Intent) -> Call[Outcome]:
    """Close a second copy of a ticket and tag it; done already, or gone, is as good."""
    copy = str(intent.params.get("copy") or "")
    if intent.params.get("of") != Operation.CREATE.value or not is_ticket_id(copy):
        return Rejected("a comment that was sent cannot be taken back: that is left to a person")
    response = yield from ask(get(ticket_path(copy), "read the copy"))
    data = unwrapped(account, decoded(response), "ticket") if response is not None else {}
    if not data or data.get("deleted") is True or data.get("status") == CLOSED:
        return Done()
    tags = sorted({*mapping.tags(data.get("tags")), COPY_TAG})
    response = yield _request("PUT", ticket_path(copy), {"status": CLOSED, "tags": tags}, intent)
    return refusal(response) or Done()


def _outcome(account: Account, response: HttpResponse, remote_id: str) -> Outcome:
    refused = refusal(response)
    if refused is not None:
        return refused
    receipt = rendering.receipt_of(account, unwrapped(account, decoded(response), "ticket"))
    if not receipt.remote_id or (remote_id and receipt.remote_id != remote_id):
        return Unknown(f"the desk's answer is not the ticket that was written: {excerpt(response)}")
    return Done(receipt)


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table; a refusal names the fields and what is wrong with them.

    409 is a value that somebody else has already (API reference, "Errors"): we send no version that could be stale.
    """
    outcome = classify(response)
    return Rejected(complaint(response)) if isinstance(outcome, Rejected | Conflict) else outcome


def refused_fields(account: Account, intent: Intent, response: HttpResponse) -> tuple[str, ...]:
    """Return the fields of an intent of which the desk's `errors` complain, custom ones with or without their group."""
    faults = objects(obj(decoded(response)).get("errors"))
    named = [text(each.get("field")).removeprefix("custom_fields.") for each in faults]
    shown = (name.removeprefix(CUSTOM) for name in intent.fields if name.startswith(CUSTOM))
    return refused_of(intent, named, {**OURS, **{account.field(name): CUSTOM + name for name in shown}})


def complaint(response: HttpResponse) -> str:
    """Return why a write was refused, field by field (`errors`), else the first words of the answer."""
    body = obj(decoded(response))
    said = [
        f"{text(each.get('field'))}: {text(each.get('message'))}".strip(": ") for each in objects(body.get("errors"))
    ]
    title = text(body.get("description")) or text(body.get("message"))
    return (
        f"HTTP {response.status} {title}: {'; '.join(said)}".rstrip(": ")[:500] if title or said else excerpt(response)
    )
