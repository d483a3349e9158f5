"""What is written to Zendesk: each write is one POST or one PUT, and says how it can be found again.

A create carries `Idempotency-Key` (remembered two hours [Z12]) and our marker as `external_id`; a comment carries
our key in the audit's metadata (`ticket.metadata` is kept as `metadata.custom`). Setting fields is the same however
often it is done.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import msgspec

from connectors.sdk import (
    AuthenticationError,
    Call,
    Conflict,
    Done,
    Effect,
    Found,
    HttpRequest,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Progress,
    Reason,
    Receipt,
    Rejected,
    TransportError,
    Unknown,
    WriteContext,
    about_fields,
    classify,
    excerpt,
    refused_of,
    retry_after,
    unmapped,
    wholly,
)
from connectors.zendesk import files, probes, rendering, ticket_fields
from connectors.zendesk.account import Account
from connectors.zendesk.asking import API, ask, decoded, get, is_ticket_id, ticket_path
from connectors.zendesk.mapping import METADATA_KEY, ident, obj, objects, text
from gateway.domain.shown import CUSTOM, DUE, TAGS
from gateway.errors import UnmappedError

#: in the steps of a reply: its ticket is closed for good
CLOSED = "closed"
#: fields as Zendesk's errors name them
OURS = {
    "subject": "title",
    "type": "kind",
    "ticket_type": "kind",
    "assignee_id": "assignee",
    "group": "queue",
    "group_id": "queue",
    "due_at": DUE,
}
#: "Request parameters don't match the given idempotency key": the key was used, so something of it arrived
KEY_MISMATCH = "IdempotentRequestError"


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    yield from ticket_fields.resolve(account, rendering.custom_names(intent))
    writing = _write(account, intent, context)
    return (yield from wholly(intent, partial(rendering.fields, account), writing, apart={TAGS}))


def _write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    try:
        ticket = rendering.rendered(account, intent, context)
    except UnmappedError as error:
        return unmapped(error)
    if intent.operation is Operation.CREATE:
        return (yield from _create(account, intent, context, ticket))
    if intent.operation is Operation.NOTIFY:
        return Rejected("Zendesk is no channel for notifications")
    if not is_ticket_id(context.remote_id):
        return Rejected(f"{context.remote_id!r} is not the id of a Zendesk ticket")
    if context.steps.get(CLOSED):
        return (yield from _follow_up(account, intent, context))
    if TAGS in intent.fields or ("tags" in ticket and account.own_tags):
        body = yield from ask(get(ticket_path(context.remote_id), "read the tags"), none=frozenset({403, 404}))
        ticket = rendering.with_own_tags(account, intent, ticket, obj((body or {}).get("ticket")))
        ticket["metadata"] = {METADATA_KEY: context.effect_key}
    return (yield from _put(account, intent, context, ticket)) if ticket else Done()


def _put(account: Account, intent: Intent, context: WriteContext, ticket: dict[str, Any]) -> Call[Outcome]:
    ticket, refused = yield from _said(intent, ticket)
    if refused is not None:
        return refused
    response = yield HttpRequest(
        "PUT",
        ticket_path(context.remote_id),
        Effect.WRITE,
        headers={"Accept": "application/json"},
        json={"ticket": ticket},
        label=intent.operation.value,
    )
    refused = refusal(response)
    if isinstance(refused, Rejected) and is_closed(response):
        # what customers are told goes on in a follow-up, which is a write of its own
        follows = intent.operation is Operation.PUBLIC_REPLY
        return Progress({CLOSED: True}) if follows else Rejected(refused.detail, Reason.CLOSED)
    if refused is not None:
        return about_fields(refused, refused_fields(account, intent, response))
    receipt = _receipt(account, response, context.remote_id)
    if receipt is None:
        return Unknown(f"Zendesk's answer is not the ticket that was written: {excerpt(response)}")
    if intent.comment is not None and not receipt.comment_id:
        receipt = yield from _with_comment(account, intent, context, receipt)
    return Done(receipt)


def _said(intent: Intent, ticket: dict[str, Any]) -> Call[tuple[dict[str, Any], Outcome | None]]:
    """Upload the files of an intent and let its words take and show them; returns the request, or why it was no use."""
    if not intent.attachments or "comment" not in ticket:
        return rendering.with_text(ticket, intent, {}), None
    uploads, refused = yield from files.upload(intent.attachments)
    ticket = rendering.with_text(ticket, intent, {each.sha256: each.address for each in uploads if each.address})
    ticket["comment"]["uploads"] = [each.token for each in uploads]
    return ticket, refused


def _create(account: Account, intent: Intent, context: WriteContext, ticket: dict[str, Any]) -> Call[Outcome]:
    ticket, refused = yield from _said(intent, ticket)
    if refused is not None:
        return refused
    response = yield HttpRequest(
        "POST",
        f"{API}/tickets",
        Effect.WRITE,
        headers={"Accept": "application/json", "Idempotency-Key": context.effect_key},
        json={"ticket": ticket},
        label="create",
    )
    used = response.status == 400 and KEY_MISMATCH in text((decoded(response) or {}).get("error"))
    if used or response.status == 409:
        return (yield from _already(account, intent, context, response))
    refused = refusal(response)
    if refused is not None:
        return refused
    receipt = _receipt(account, response, "")
    return Done(receipt) if receipt else Unknown(f"Zendesk's answer is no ticket: {excerpt(response)}")


def _follow_up(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Begin the ticket that goes on with one that is closed for good: it bears our marker, and our key."""
    request = get(ticket_path(context.remote_id), "read the closed ticket")
    body = yield from ask(request, none=frozenset({403, 404}))
    if body is None:
        return Rejected(f"Zendesk does not show us the closed ticket {context.remote_id}")
    ticket = rendering.follow_up(intent, context, obj(body.get("ticket")))
    outcome = yield from _create(account, intent, context, ticket)
    return Done(msgspec.structs.replace(outcome.receipt, followed=True)) if isinstance(outcome, Done) else outcome


def _already(account: Account, intent: Intent, context: WriteContext, response: HttpResponse) -> Call[Outcome]:
    """Our key is taken or in use: an earlier attempt arrived, so look for what it made."""
    try:
        finding = yield from probes.probe(account, intent, context)
    except (TransportError, AuthenticationError):
        return Unknown(excerpt(response))
    return Done(finding.receipt) if isinstance(finding, Found) else Unknown(excerpt(response))


def _with_comment(account: Account, intent: Intent, context: WriteContext, receipt: Receipt) -> Call[Receipt]:
    """Ask for the comment's id where the answer had no audit. The write has landed, whatever this read says."""
    try:
        finding = yield from probes.probe(account, intent, context)
    except (TransportError, AuthenticationError):
        return receipt
    if not isinstance(finding, Found):
        return receipt
    number = finding.receipt.comment_id
    return msgspec.structs.replace(receipt, comment_id=number, change_ids=(*receipt.change_ids, number))


def is_closed(response: HttpResponse) -> bool:
    """Say whether a refusal is that of a ticket that is closed for good (422: "closed prevents ticket update")."""
    faults = objects(obj((decoded(response) or {}).get("details")).get("status"))
    return any("closed prevents" in text(fault.get("description")).lower() for fault in faults)


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table, but for two.

    409 is Zendesk's lock on a ticket that is being updated by somebody else: nothing took effect and it is worth
    another try; it is not a stale version, as we send none. A refusal names the fields and what is wrong with them.
    """
    if response.status in {409, 423}:
        return NotSent(excerpt(response), retry_after(response))
    outcome = classify(response)
    return Rejected(complaint(response)) if isinstance(outcome, (Rejected, Conflict)) else outcome


def refused_fields(account: Account, intent: Intent, response: HttpResponse) -> tuple[str, ...]:
    """Return the fields of an intent of which Zendesk's `details` complain.

    Of a custom field it complains under `base`, and names it by `ticket_field_id`.
    """
    details = obj((decoded(response) or {}).get("details"))
    faults = objects(details.get("base"))
    custom = {account.field_ids.get(name, name): CUSTOM + name for name in rendering.custom_names(intent)}
    named = [*details, *(ident(fault.get("ticket_field_id")) for fault in faults)]
    return refused_of(intent, named, {**OURS, **custom})


def complaint(response: HttpResponse) -> str:
    """Return why Zendesk refused, field by field (`details`), else the first words of its answer."""
    body = decoded(response) or {}
    said = []
    for field, faults in obj(body.get("details")).items():
        words = [text(fault.get("description")) or text(fault.get("error")) for fault in objects(faults)]
        said.append(f"{field}: {', '.join(word for word in words if word)}")
    error = body.get("error")
    title = text(error) or text(obj(error).get("title"))
    reason = "; ".join(said) or text(body.get("description")) or text(obj(error).get("message"))
    return f"HTTP {response.status} {title}: {reason}"[:500] if reason else excerpt(response)


def _receipt(account: Account, response: HttpResponse, remote_id: str) -> Receipt | None:
    """Read the answer to a write; None when it does not prove anything."""
    body = decoded(response) or {}
    data = obj(body.get("ticket"))
    number = ident(data.get("id"))
    if not number or (remote_id and number != remote_id):
        return None
    return rendering.receipt_of(account, data, obj(body.get("audit")), created=not remote_id)
