"""Writing: create, set fields, reply, note, and a second copy closed.

Help Scout answers writes with 201 or 204 and an empty body: what was made is named by `Resource-ID`, and what was
changed is read back. A conversation takes one field a request, so several fields are several attempts; which of them
are done is kept, so that a person who changes one meanwhile is not overruled.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from connectors.helpscout import mapping, reads, rendering
from connectors.helpscout.account import Account
from connectors.helpscout.asking import (
    API,
    ask,
    conversation_path,
    decoded,
    embedded,
    get,
    moved_to,
    own_user,
    wait_of,
)
from connectors.helpscout.mapping import Json, ident, obj, objects, text
from connectors.sdk import (
    AuthenticationError,
    Call,
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
    Receipt,
    Rejected,
    Throttled,
    TransportError,
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
from gateway.errors import ThrottledError, UnmappedError

#: the desk's word for "this conversation has a hundred threads": it takes no more
FULL = 412
#: our fields, as their requests are called
OURS = {"subject": "title", "assignTo": "assignee", "mailboxId": "queue"}


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    if intent.operation not in {Operation.CREATE, Operation.UNDO} and ident(context.remote_id) != context.remote_id:
        return Rejected(f"{context.remote_id!r} is not the id of a conversation")
    try:
        match intent.operation:
            case Operation.CREATE:
                creation = _create(account, intent, context)
                return (yield from wholly(intent, partial(rendering.fields, account), creation))
            case Operation.SET_FIELDS:
                writing = _set_fields(account, intent, context)
                return (yield from wholly(intent, partial(rendering.fields, account), writing))
            case Operation.PUBLIC_REPLY | Operation.INTERNAL_NOTE:
                return (yield from _comment(account, intent, context))
            case Operation.UNDO:
                return (yield from _take_back(intent))
            case _:
                return Rejected(f"Help Scout has no operation {intent.operation}")
    except UnmappedError as error:
        return unmapped(error)


def _request(method: str, path: str, payload: Any, label: str) -> HttpRequest:
    return HttpRequest(method, path, Effect.WRITE, headers={"Accept": "application/json"}, json=payload, label=label)


def _create(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    if not rendering.has_customer(intent) and not (account.own_mail or (yield from own_user(account))):
        return Rejected("a conversation needs a customer: give `create: {customer: …}` in the sync rule")
    given = rendering.creation(account, intent, context)
    response = yield _request("POST", f"{API}/conversations", given, "create")
    refused = refusal(response)
    if refused is not None:
        return refused
    number = made(response)
    if not number:
        return Unknown(f"created, but the answer does not name the conversation: {excerpt(response)}")
    return Done((yield from _receipt(account, number)))


def _receipt(account: Account, number: str) -> Call[Receipt]:
    """Read a conversation that we wrote; what it cannot tell now a later read will: the write has landed."""
    bare = Receipt(remote_id=number, key=number, url=mapping.web_address(number, ""))
    try:
        found = yield from reads.read(account, number)
    except (AuthenticationError, ThrottledError, TransportError):
        return bare
    if found is None:
        return bare
    return rendering.receipt_of(found, file_ids=tuple(one.remote_id for one in found.attachments))


def _there(account: Account, remote_id: str) -> Call[Json | Outcome]:
    """Read a conversation before it is written, or say why it will not be."""
    response = yield get(conversation_path(remote_id), "look at the conversation")
    into = moved_to(response)
    if into:
        return Rejected(f"conversation {remote_id} was merged into {into}")
    if response.status == 404:
        return Rejected(f"there is no conversation {remote_id}: {excerpt(response)}")
    outcome = refusal(response)
    if isinstance(outcome, Unauthorized | Forbidden | Throttled):
        return outcome
    data = decoded(response) if response.ok else {}
    if mapping.ticket(data, account) is None:
        return NotSent(f"it could not be read first: {excerpt(response)}")
    return data


def _set_fields(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    wanted = rendering.fields(account, intent)
    if not wanted:
        return Done()
    there = yield from _there(account, context.remote_id)
    if not isinstance(there, dict):
        return there  # type: ignore[return-value]
    left = [step for step in rendering.steps(wanted, there, account) if step.name not in context.steps]
    if not left:
        return Done((yield from _receipt(account, context.remote_id)))
    step = left[0]
    request = _request(step.method, conversation_path(context.remote_id) + step.path, step.payload, f"set {step.name}")
    response = yield request
    refused = refusal(response)
    if refused is not None:
        # each request sets one field, whatever the answer names
        return about_fields(refused, refused_of(intent, [step.name], OURS))
    if response.status != 204:
        return Unknown(f"the answer to a change of {step.name} is none of Help Scout: {excerpt(response)}")
    receipt = yield from _receipt(account, context.remote_id)
    return Progress({step.name: True}, receipt) if len(left) > 1 else Done(receipt)


def _comment(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    if intent.comment is None:
        return Rejected("this update has no comment")
    if intent.operation is Operation.PUBLIC_REPLY and intent.comment.visibility is not Visibility.PUBLIC:
        return Rejected("an internal comment is never sent to a customer")
    there = yield from _there(account, context.remote_id)
    if not isinstance(there, dict):
        return there  # type: ignore[return-value]
    path, given = rendering.comment(intent, context, there)
    response = yield _request("POST", f"{conversation_path(context.remote_id)}/{path}", given, intent.operation.value)
    refused = refusal(response)
    if refused is not None:
        return refused
    number = made(response)
    if not number:
        return Unknown(f"the answer does not name the thread that it made: {excerpt(response)}")
    return Done((yield from _said(account, context, number)))


def _said(account: Account, context: WriteContext, number: str) -> Call[Receipt]:
    """Look at the thread that we made, for its files: the answer says only its id."""
    receipt = Receipt(remote_id=context.remote_id, comment_id=number, change_ids=(number,))
    try:
        response = yield from ask(
            get(f"{conversation_path(context.remote_id)}/threads", "look at our thread", page="1")
        )
    except (AuthenticationError, ThrottledError, TransportError):
        return receipt
    for thread in embedded(decoded(response), "threads") if response is not None else []:
        if ident(thread.get("id")) == number:
            said = mapping.comment(thread, account, context.remote_id)
            files = tuple(one.remote_id for one in said.attachments)
            return msgspec.structs.replace(receipt, file_ids=files, at=said.at)
    return receipt


def _take_back(intent: Intent) -> Call[Outcome]:
    """Close a second copy of a conversation; closed already, or gone, is as good."""
    copy = str(intent.params.get("copy") or "")
    if intent.params.get("of") != Operation.CREATE.value or not copy or ident(copy) != copy:
        return Rejected("a thread that was sent cannot be taken back: that is left to a person")
    response = yield from ask(get(conversation_path(copy), "read the copy"), none=(301, 404))
    data = decoded(response) if response is not None else {}
    if not data or text(data.get("status")) in {"closed", "spam"}:
        return Done()
    patch = {"op": "replace", "path": "/status", "value": "closed"}
    response = yield _request("PATCH", conversation_path(copy), patch, "undo")
    refused = refusal(response)
    if refused is not None:
        return refused
    return Done() if response.status == 204 else Unknown(excerpt(response))


def made(response: HttpResponse) -> str:
    """Return the id of what was made: in `Resource-ID`, else at the end of Location; empty where it is not 201."""
    if response.status != 201:
        return ""
    place = response.header("location").partition("?")[0].rstrip("/").rpartition("/")[2]
    return ident(response.header("resource-id").strip()) or ident(place)


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table; a refusal names the fields, a wait is also Help Scout's own."""
    outcome = classify(response)
    if isinstance(outcome, Throttled):
        return Throttled(outcome.detail, wait_of(response))
    if isinstance(outcome, Rejected) or response.status == FULL:
        return Rejected(complaint(response))
    return outcome


def complaint(response: HttpResponse) -> str:
    """Return why a write was refused, field by field (`_embedded.errors`), else the first words of the answer."""
    body = decoded(response)
    errors = objects(obj(body.get("_embedded")).get("errors"))
    said = [f"{text(each.get('path'))}: {text(each.get('message'))}".strip(": ") for each in errors]
    title = text(body.get("message"))
    return (
        f"HTTP {response.status} {title}: {'; '.join(said)}".rstrip(": ")[:500] if title or said else excerpt(response)
    )
