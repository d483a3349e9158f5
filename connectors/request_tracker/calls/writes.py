"""Writing: create, set fields, reply, note. RT's 2xx says little, so what counts is read back.

Measured on RT 5.0.3: PUT answers 200 with sentences even when it refused; an unknown owner on create gives 201 and
Nobody; a reply opens a new, resolved, rejected or even deleted ticket; a ticket may not be born stalled.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from connectors.content.references import without_references
from connectors.request_tracker import mapping
from connectors.request_tracker.calls.desk import Desk, etag, led_to, ticket_path, unauthorized
from connectors.request_tracker.calls.fields import differences, ours, rendered
from connectors.request_tracker.calls.files import with_files
from connectors.request_tracker.calls.landed import landed_before
from connectors.request_tracker.calls.reads import seen
from connectors.request_tracker.calls.replies import after_reply
from connectors.request_tracker.mapping import OPENED_BY_A_REPLY
from connectors.sdk import (
    Call,
    Category,
    Done,
    Effect,
    Forbidden,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Progress,
    Receipt,
    Rejected,
    RemoteTicket,
    TransportError,
    Unauthorized,
    Unknown,
    Visibility,
    WriteContext,
    classify,
    excerpt,
    refused_of,
    wholly,
)

#: step of a creation whose status RT allows only afterwards: the number of the new ticket
CREATED = "created"
#: RT's word for an answer to the requestor
REPLY = "correspond"


def write(desk: Desk, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Send one update: one write, with at most one read before or after it in the ordinary case."""
    match intent.operation:
        case Operation.CREATE:
            make = _finish_creation if CREATED in context.steps else _create
            return (yield from wholly(intent, partial(rendered, desk.options), make(desk, intent, context)))
        case Operation.SET_FIELDS:
            writing = _set_fields(desk, rendered(desk.options, intent), context.remote_id, intent)
            return (yield from wholly(intent, partial(rendered, desk.options), writing))
        case Operation.PUBLIC_REPLY if intent.comment is not None and intent.comment.visibility is Visibility.INTERNAL:
            return Rejected("an internal comment is never sent to a requestor")
        case Operation.PUBLIC_REPLY:
            return (yield from _reply(desk, intent, context))
        case Operation.INTERNAL_NOTE:
            return (yield from _message(desk, intent, context, "comment", context.remote_id, ""))
        case Operation.UNDO:
            return (yield from _take_back(desk, intent))
        case _:
            return Rejected(f"Request Tracker has no operation {intent.operation}")


def refused(response: HttpResponse) -> Outcome | None:
    """Classify the answer to a write; None for 2xx. A redirect is a login page or a wrong url: nothing took effect."""
    if response.status != 401 and unauthorized(response):
        return Unauthorized(f"{excerpt(response)} ({led_to(response)})")
    return classify(response)


def refused_read(response: HttpResponse) -> Outcome:
    """Say why a write was not tried: the ticket could not be read first."""
    if unauthorized(response):
        return Unauthorized(excerpt(response))
    if response.status == 403:
        return Forbidden(excerpt(response))
    return NotSent(f"the ticket could not be read first: {excerpt(response)}")


def _create(desk: Desk, intent: Intent, context: WriteContext) -> Call[Outcome]:
    options = desk.options
    fields = rendered(options, intent)
    queue = str(intent.params.get("queue") or fields.pop("Queue", ""))
    if not queue:
        return Rejected("a ticket of Request Tracker needs a queue: give `create: {queue: …}` in the sync rule")
    status = str(fields.get("Status", ""))
    later = bool(status) and status.lower() not in options.initial_statuses
    if later:
        del fields["Status"]
    payload: dict[str, Any] = {
        **fields,
        "Queue": queue,
        "Content": without_references(str(intent.fields.get("body") or "")),
        "ContentType": "text/plain",
        "CustomFields": {**dict(intent.params.get("custom") or {}), options.ticket_marker: context.effect_key},
    }
    asked = intent.fields.get("requester") or {}
    requestor = str(asked.get("email") or asked.get("external_id") or "")
    if requestor:
        payload["Requestor"] = requestor
    asked_for = desk.request("POST", "/ticket", payload=payload, effect=Effect.WRITE, label="create ticket")
    response = yield with_files(asked_for, intent)
    if response.status == 403:
        # RT says so of a queue that is not there and of one where we may not create; our account is not the matter
        return Rejected(excerpt(response))
    outcome = refused(response)
    if outcome is not None:
        return outcome
    number = _created_number(response)
    if not number:
        return Unknown(f"created, but the answer does not name the ticket: {excerpt(response)}")
    receipt = yield from _receipt(desk, number)
    return Progress({CREATED: number}, receipt) if later else Done(receipt, _not_taken(payload, receipt, context))


def _not_taken(payload: dict[str, Any], receipt: Receipt, context: WriteContext) -> str:
    """Say what of a new ticket RT left out: it answers 201 without a word, and takes what it likes of the rest.

    So it does with an owner that it does not know, with a custom field that is not of the queue, whose rules refuse
    the value or that our account may not set, and so with our mark.
    """
    ticket = receipt.observed
    if ticket is None:
        return ""
    held = ticket.custom if isinstance(ticket.custom, dict) else {}
    given = {name: value for name, value in payload["CustomFields"].items() if value != context.effect_key}
    missing = differences({**payload, "CustomFields": {}}, ticket) | {
        name for name, value in given.items() if value and not held.get(name)
    }
    marked = ticket.external_id == context.effect_key
    missing |= set() if marked else payload["CustomFields"].keys() - given.keys()
    if not missing:
        return ""
    names = ", ".join(sorted(missing))
    return f"RT left out {names}: look whether it takes the value there, and whether our account may set it"


def _created_number(response: HttpResponse) -> str:
    """Return the new ticket's number from the body, else from Location; empty when the answer is not RT's."""
    try:
        body = response.json()
    except msgspec.DecodeError:
        body = None
    number = str(body.get("id") or "") if isinstance(body, dict) else ""
    if not number:
        number = response.header("location").rstrip("/").rpartition("/")[2]
    return number if number.isascii() and number.isdigit() else ""


def _receipt(desk: Desk, number: str) -> Call[Receipt]:
    """Read a ticket that we made; what it cannot tell now a later read will: the creation landed."""
    bare = Receipt(remote_id=number, key=f"#{number}", url=mapping.web_address(desk.options.base, number))
    try:
        response = yield desk.ticket(number)
        if not response.ok:
            return bare
        return receipt_of(seen(desk, response))
    except TransportError:
        return bare


def receipt_of(ticket: RemoteTicket, **more: Any) -> Receipt:
    """Return the receipt of a write after which the ticket looked like this."""
    return Receipt(
        remote_id=ticket.remote_id,
        key=ticket.key,
        url=ticket.url,
        version=ticket.version,
        version_token=ticket.version_token,
        observed=ticket,
        at=ticket.updated_at,
        **more,
    )


def _finish_creation(desk: Desk, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Set the status with which the ticket could not be born."""
    fields = rendered(desk.options, intent)
    return (yield from _set_fields(desk, {"Status": fields["Status"]}, str(context.steps[CREATED])))


def _set_fields(desk: Desk, fields: dict[str, Any], remote_id: str, intent: Intent | None = None) -> Call[Outcome]:
    """Put the final state, if nothing was done to the ticket since it was read, and read it back.

    Each field is taken or refused by itself: what of an intent was refused is named, and the others are set.
    RT refuses what is behind by 412 (lib/RT/REST2/Resource/Record/WithETag.pm), and answers 200 whatever it did.
    """
    if not fields:
        return Done()
    before = yield desk.ticket(remote_id)
    if not before.ok and before.status not in {403, 404}:
        return refused_read(before)
    token = etag(before)[1] if before.ok else ""
    request = desk.request("PUT", ticket_path(remote_id), payload=fields, effect=Effect.WRITE, label="set fields")
    if token:
        # not atomic in RT: of writes in the same moment more than one may pass, and what stands is read back
        request = msgspec.structs.replace(request, headers={**request.headers, "If-Match": token})
    response = yield request
    outcome = refused(response)
    if outcome is not None:
        return outcome
    sentences = _sentences(response)
    check = yield desk.ticket(remote_id)
    if not check.ok:
        return Unknown(f"written, but it could not be read back: {excerpt(check)}")
    ticket = seen(desk, check)
    wrong = differences(fields, ticket)
    if wrong:
        wrong = yield from landed_before(desk, ticket.remote_id, fields, wrong, response)
    if wrong:
        said = " ".join(sentences) or "RT gave no reason"
        detail = f"RT refused {', '.join(sorted(wrong))}: {said}"[:600]
        named = refused_of(intent, wrong, ours(intent)) if intent is not None else ()
        sent = {*fields, *fields.get("CustomFields", ())} - {"CustomFields"}
        if len(named) < len(wrong) or wrong == sent:
            return Rejected(detail)
        return Done(receipt_of(ticket), detail, left_out=named)
    return Done(receipt_of(ticket))


def _take_back(desk: Desk, intent: Intent) -> Call[Outcome]:
    """Reject a second copy of a ticket: RT's own word for what nobody is to work on."""
    copy = str(intent.params.get("copy") or "")
    if intent.params.get("of") != Operation.CREATE.value or not copy.isdigit():
        return Rejected("RT has no way to take a message back: that is left to a person")
    word = desk.options.words.native_status({"category": Category.CANCELLED.value})
    return (yield from _set_fields(desk, {"Status": word}, copy))


def _sentences(response: HttpResponse) -> list[str]:
    """Return RT's sentences about a write, in its account's language; for people only."""
    try:
        said = response.json()
    except msgspec.DecodeError:
        return []
    return [str(one) for one in said if one] if isinstance(said, list) else []


def _reply(desk: Desk, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Correspond, and keep the status: RT opens a ticket by itself when our account replies.

    The status is ours to sync, by its own update. It is read first, because writing back one that we remember could
    undo a person's change; a deleted ticket would come back to life, so it gets no reply.
    """
    response = yield desk.ticket(context.remote_id)
    if response.status == 404:
        return Rejected(f"there is no ticket {context.remote_id} in RT: {excerpt(response)}")
    if not response.ok:
        return refused_read(response)
    ticket = seen(desk, response)
    status = ticket.status
    if status is msgspec.UNSET:
        return (yield from _message(desk, intent, context, REPLY, ticket.remote_id, ""))
    if status.native.lower() == "deleted":
        return Rejected(f"ticket {ticket.remote_id} is deleted in RT: a reply would bring it back to life")
    wanted = str(rendered(desk.options, intent).get("Status", ""))
    keep = wanted or (status.native if status.category in OPENED_BY_A_REPLY else "")
    return (yield from _message(desk, intent, context, REPLY, ticket.remote_id, keep))


def _message(
    desk: Desk, intent: Intent, context: WriteContext, kind: str, remote_id: str, status: str
) -> Call[Outcome]:
    """Send a message with our marker on its transaction (RT sets it after the message is committed)."""
    if intent.comment is None:
        return Rejected("this update has no comment")
    options = desk.options
    payload: dict[str, Any] = {
        "Content": without_references(intent.comment.body),
        "ContentType": "text/plain",
        "TxnCustomFields": {options.comment_marker: context.effect_key},
    }
    if status:
        payload["Status"] = status
    asked = desk.request("POST", f"{ticket_path(remote_id)}/{kind}", payload=payload, effect=Effect.WRITE, label=kind)
    response = yield with_files(asked, intent)
    outcome = refused(response)
    if outcome is not None:
        return outcome
    number = response.header("location").rstrip("/").rpartition("/")[2]
    if response.status != 201 or not number.isdigit():
        return Unknown(f"RT does not name the transaction that it made: {excerpt(response)}")
    receipt = Receipt(
        remote_id=remote_id,
        key=f"#{remote_id}",
        url=mapping.web_address(options.base, remote_id),
        version=int(number),
        change_ids=(f"txn:{number}", number),
        comment_id=number,
    )
    return Done((yield from after_reply(desk, receipt, status)) if kind == REPLY else receipt)
