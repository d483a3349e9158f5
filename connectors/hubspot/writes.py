"""What is written to HubSpot: each attempt is at most one POST or PATCH with an effect.

A new ticket bears our key in a property whose values HubSpot keeps unique: a second creation with it is refused. The
batch upsert by that property [3] would not make a second ticket either, but it would write what we knew then over what
people changed since, and it takes no contact along; so a creation is a plain one. A reply goes out in the conversation
out of which the ticket was made. A ticket that we made has none: its customer is written to at the desk that it is a
copy of, and the reply is logged on the ticket as an e-mail, which sends nothing.
"""

from __future__ import annotations

from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any

import msgspec

from connectors.hubspot import calls, files, mapping, probes, rendering
from connectors.hubspot.account import Account
from connectors.hubspot.asking import OBJECTS, THREADS, TICKETS, ask, decoded, get, is_id, path_part, taken, wait_of
from connectors.hubspot.mapping import Json, ident, moment, obj, objects, text
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
    Receipt,
    Rejected,
    Throttled,
    TransportError,
    Unknown,
    WriteContext,
    about_fields,
    classify,
    excerpt,
    refused_of,
    unmapped,
    wholly,
)
from gateway.errors import UnmappedError

#: our fields behind HubSpot's properties
OURS = {
    "subject": "title",
    "content": "body",
    "hs_pipeline_stage": "status",
    "hs_ticket_priority": "priority",
    "hs_ticket_category": "kind",
    "hubspot_owner_id": "assignee",
}

#: HubSpot's own types of associations [3]
TICKET_TO_CONTACT, NOTE_TO_TICKET, EMAIL_TO_TICKET = 16, 228, 224
#: a record that is being written elsewhere is locked for this long [4]
LOCKED = 2
MIGRATING = 477
#: the fields of a conversation's message by which an answer goes back the way it came
NO_CONVERSATION = (
    "this ticket was not made out of a conversation, so HubSpot has no way to write to its customer: "
    "send the reply from HubSpot, or write an internal note"
)


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update."""
    try:
        rendered = partial(rendering.properties, account, context=context)
        if intent.operation is Operation.CREATE:
            creation = _create(account, intent, context)
            return (yield from wholly(intent, rendered, creation, apart={"assignee"}))
        if intent.operation is Operation.NOTIFY:
            return Rejected("HubSpot is no channel for notifications")
        if not is_id(context.remote_id):
            return Rejected(f"{context.remote_id!r} is not the id of a HubSpot ticket")
        if intent.comment is not None:
            return (yield from _comment(account, intent, context))
        return (yield from wholly(intent, rendered, _set(account, intent, context), apart={"assignee"}))
    except UnmappedError as error:
        return unmapped(error)
    except files.RefusedError as error:
        return error.outcome


def _create(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    given = rendering.properties(account, intent, context)
    given |= yield from _assignee(intent)
    contact = yield from _contact(account, intent)
    if isinstance(contact, HttpResponse):
        return refusal(contact) or Unknown(f"HubSpot's answer is no contact: {excerpt(contact)}")
    uploaded = yield from files.upload(intent, public=False)
    if uploaded:
        given["hs_file_upload"] = ";".join(uploaded)
    response = yield _writing("POST", TICKETS, "create", {
        "properties": given,
        "associations": [_association(contact, TICKET_TO_CONTACT)] if contact else [],
    })  # fmt: skip
    if response.status in {400, 409} and _is_taken(account, response, context):
        return (yield from _already(account, intent, context, response))
    refused = refusal(response)
    if refused is not None:
        return refused
    receipt = rendering.receipt_of(account, decoded(response) or {}, uploaded)
    return Done(receipt) if receipt else Unknown(f"HubSpot's answer is no ticket: {excerpt(response)}")


def _is_taken(account: Account, response: HttpResponse, context: WriteContext) -> bool:
    """Say whether a creation was refused because our key is there already."""
    said = response.body.decode("utf-8", "replace")
    named = account.key_property in said or context.effect_key in said
    return named and ("already has that value" in said or "already exist" in said)


def _already(account: Account, intent: Intent, context: WriteContext, response: HttpResponse) -> Call[Outcome]:
    """Our key is taken: an earlier attempt arrived, so look for what it made."""
    try:
        finding = yield from probes.probe(account, intent, context)
    except (TransportError, AuthenticationError):
        return Unknown(excerpt(response))
    return Done(finding.receipt) if isinstance(finding, Found) else Unknown(excerpt(response))


def _set(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    given = rendering.properties(account, intent, context)
    given |= yield from _assignee(intent)
    if not given:
        return Done()
    path = f"{TICKETS}/{path_part(context.remote_id)}"
    response = yield _writing("PATCH", path, "set fields", {"properties": given})
    refused = refusal(response)
    if refused is not None:
        return about_fields(refused, refused_fields(intent, response))
    body = decoded(response) or {}
    receipt = rendering.receipt_of(account, body)
    if receipt is None:
        return Unknown(f"HubSpot's answer is not the ticket that was written: {excerpt(response)}")
    return Done(receipt)


def _comment(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Write a note, or a reply on the way that the ticket has."""
    request = get(f"{TICKETS}/{path_part(context.remote_id)}", "read the ticket", properties=_asked(account))
    response = yield request
    data = taken(response, request, none=(403, 404))
    if data is None or data.get("archived") is True:
        return Rejected(f"HubSpot has no ticket {context.remote_id}, or does not show it to us")
    at = _time_of(response) or context.first_sent_at or _modified(data)
    if intent.operation is Operation.INTERNAL_NOTE:
        return (yield from _engage(intent, context, "notes", _note(intent, context, at)))
    if not rendering.is_public(intent):
        return Rejected("an internal comment is not written as a reply")
    thread = calls.thread_of(data)
    if thread:
        return (yield from _send(account, intent, thread))
    if not is_ours(account, data):
        return Rejected(NO_CONVERSATION)
    return (yield from _engage(intent, context, "emails", _email(intent, context, data, at)))


def _asked(account: Account) -> str:
    return f"subject,hs_lastmodifieddate,hs_conversations_originating_thread_id,{account.key_property}"


def is_ours(account: Account, data: Json) -> bool:
    """Say whether the gateway made a ticket: it bears our key."""
    return bool(text(obj(data.get("properties")).get(account.key_property)))


def _note(intent: Intent, context: WriteContext, at: datetime) -> dict[str, str]:
    return {
        "hs_timestamp": str(mapping.millis(at)),
        "hs_note_body": rendering.comment_html(intent, context.effect_key),
    }


def _email(intent: Intent, context: WriteContext, data: Json, at: datetime) -> dict[str, str]:
    return {
        "hs_timestamp": str(mapping.millis(at)),
        "hs_email_direction": "EMAIL",
        "hs_email_status": "SENT",
        "hs_email_subject": text(obj(data.get("properties")).get("subject")),
        "hs_email_html": rendering.comment_html(intent, context.effect_key),
        "hs_email_text": rendering.comment_text(intent),
    }


def _engage(intent: Intent, context: WriteContext, kind: str, given: dict[str, str]) -> Call[Outcome]:
    """Make a note or a logged e-mail."""
    uploaded = yield from files.upload(intent, public=kind == "emails")
    if uploaded:
        given["hs_attachment_ids"] = ";".join(uploaded)
    sort = NOTE_TO_TICKET if kind == "notes" else EMAIL_TO_TICKET
    content = {"properties": given, "associations": [_association(context.remote_id, sort)]}
    response = yield _writing("POST", f"{OBJECTS}/{kind}", intent.operation.value, content)
    refused = refusal(response)
    if refused is not None:
        return refused
    body = decoded(response) or {}
    number = ident(body.get("id"))
    if not number:
        return Unknown(f"HubSpot's answer is nothing that was said: {excerpt(response)}")
    name = f"{kind.removesuffix('s')}:{number}"
    receipt = Receipt(comment_id=name, change_ids=(name,), file_ids=uploaded, at=moment(body.get("createdAt")))
    return Done(receipt)


def _send(account: Account, intent: Intent, thread: str) -> Call[Outcome]:
    """Reply in a conversation, the way that the customer's last message came."""
    if not account.user_id:
        return Rejected("user_id is missing in gateway.yaml: HubSpot sends no reply that is in nobody's name")
    spoken = yield from calls.messages(thread)
    if spoken is None:
        return Rejected("the ticket's conversation is not for us: the app needs the scope `conversations.read`")
    incoming = [each for each in spoken if mapping.is_incoming(each) and text(each.get("type")).upper() == "MESSAGE"]
    last = max(incoming, key=lambda each: moment(each.get("createdAt")) or mapping.EPOCH, default=None)
    recipients = [
        {"deliveryIdentifier": {"type": text(delivery.get("type")), "value": text(delivery.get("value"))}}
        for sender in objects((last or {}).get("senders"))
        if (delivery := obj(sender.get("deliveryIdentifier"))) and text(delivery.get("value"))
    ]
    if last is None or not text(last.get("channelId")):
        return Rejected("the ticket's conversation has no message of its customer that could be answered")
    uploaded = yield from files.upload(intent, public=True)
    content: dict[str, Any] = {
        "type": "MESSAGE",
        "text": rendering.comment_text(intent),
        "richText": rendering.comment_html(intent),
        "senderActorId": f"A-{account.user_id}",
        "channelId": text(last.get("channelId")),
        "channelAccountId": text(last.get("channelAccountId")),
        "recipients": [{**each, "recipientField": "TO"} for each in recipients],
        "attachments": [{"type": "FILE", "fileId": each} for each in uploaded],
    }
    if text(last.get("subject")):
        content["subject"] = text(last.get("subject"))
    response = yield _writing("POST", f"{THREADS}/{path_part(thread)}/messages", "public_reply", content)
    refused = refusal(response)
    if refused is not None:
        return refused
    body = decoded(response) or {}
    if not ident(body.get("id")):
        return Unknown(f"HubSpot's answer is no message: {excerpt(response)}")
    status = obj(body.get("status"))
    if text(status.get("statusType")).upper() == "FAILED":
        why = text(obj(status.get("failureDetails")).get("errorMessage"))
        return Rejected(f"HubSpot took the reply and could not send it: {why or 'it does not say why'}")
    name = f"message:{ident(body.get('id'))}"
    receipt = Receipt(comment_id=name, change_ids=(name,), file_ids=uploaded, at=moment(body.get("createdAt")))
    return Done(receipt)


def _assignee(intent: Intent) -> Call[dict[str, str]]:
    """Return the owner to set: by id, else by e-mail; raises UnmappedError where nobody has that address."""
    if "assignee" not in intent.fields:
        return {}
    given = obj(intent.fields["assignee"])
    number, email = ident(given.get("external_id")), text(given.get("email")).strip()
    if number or not given:
        return {"hubspot_owner_id": number}
    if not email:
        return {}
    body = yield from ask(get("/crm/v3/owners", "look for the owner", email=email, limit="1"), none=(403, 404))
    found = next((ident(each.get("id")) for each in objects((body or {}).get("results"))), "")
    if not found:
        msg = f"HubSpot has no owner {email}"
        raise UnmappedError(msg, field="assignee")
    return {"hubspot_owner_id": found}


def _contact(account: Account, intent: Intent) -> Call[str | HttpResponse]:
    """Return the contact of the requester, empty where there is none; an answer that is a refusal as it is.

    A contact is made only where the site says so: they are what HubSpot's price goes by.
    """
    given = obj(intent.fields.get("requester"))
    known = text(given.get("external_id"))
    if known.startswith("contact:"):
        return known.removeprefix("contact:")
    email = text(given.get("email")).strip().lower()
    if not email:
        return ""
    path = f"{OBJECTS}/contacts/{path_part(email)}"
    body = yield from ask(get(path, "look for the contact", idProperty="email"), none=(400, 403, 404))
    found = ident((body or {}).get("id"))
    if found or not account.create_contacts:
        return found
    name = text(given.get("name")).strip()
    made = {"email": email, **({"firstname": name} if name else {})}
    response = yield HttpRequest(
        "POST",
        f"{OBJECTS}/contacts/batch/upsert",
        Effect.STAGE,
        json={"inputs": [{"idProperty": "email", "id": email, "properties": made}]},
        label="make the contact",
    )
    number = next((ident(each.get("id")) for each in objects((decoded(response) or {}).get("results"))), "")
    return number if response.ok and number else response


def _association(number: str, sort: int) -> Json:
    kinds = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": sort}]
    return {"to": {"id": number}, "types": kinds}


def _writing(method: str, path: str, label: str, content: Any) -> HttpRequest:
    return HttpRequest(method, path, Effect.WRITE, headers={"Accept": "application/json"}, json=content, label=label)


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify what is not 2xx by the default table, but for HubSpot's own.

    423 is a record that is being written elsewhere, 477 an account that is being moved [4]: nothing took effect, and it
    is worth another try. What it refuses it explains field by field. 207 of a batch is not among what we write.
    """
    if response.status == 423:
        return NotSent(excerpt(response), wait_of(response) or LOCKED)
    if response.status == MIGRATING:
        return NotSent(excerpt(response), wait_of(response))
    outcome = classify(response)
    if isinstance(outcome, Throttled):
        return Throttled(outcome.detail, wait_of(response))
    return Rejected(complaint(response)) if isinstance(outcome, (Rejected, Conflict)) else outcome


def refused_fields(intent: Intent, response: HttpResponse) -> tuple[str, ...]:
    """Return the fields of an intent of whose properties HubSpot complains.

    A property that there is none of is named in `errors[].context.propertyName`; of values it says in its message which
    are not valid, as JSON in the text.
    """
    body = decoded(response) or {}
    named = [each.get("name") for each in objects(_said_within(text(body.get("message"))))]
    for error in objects(body.get("errors")):
        told = obj(error.get("context")).get("propertyName")
        named += [error.get("name"), *(told if isinstance(told, list) else [told])]
    return refused_of(intent, [text(each) for each in named], OURS)


def _said_within(message: str) -> Any:
    """Return the JSON at the end of a message: `Property values were not valid: [{…}]`."""
    try:
        return msgspec.json.decode(message[message.index("[{") :])
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None


def complaint(response: HttpResponse) -> str:
    """Return why HubSpot refused: its message and those of the fields."""
    body = decoded(response) or {}
    said = [text(body.get("message")), *(text(each.get("message")) for each in objects(body.get("errors")))]
    words = "; ".join(dict.fromkeys(each for each in said if each))
    return f"HTTP {response.status} {text(body.get('category'))}: {words}"[:500] if words else excerpt(response)


def _time_of(response: HttpResponse) -> datetime | None:
    """Return HubSpot's clock, for the time that a note wants to be given."""
    said = response.header("date")
    try:
        return parsedate_to_datetime(said) if said else None
    except (TypeError, ValueError):
        return None


def _modified(data: Json) -> datetime:
    return moment(obj(data.get("properties")).get("hs_lastmodifieddate")) or mapping.EPOCH


__all__ = ["complaint", "is_ours", "refusal", "write"]
