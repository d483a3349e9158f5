"""What Salesforce sends: outbound messages (SOAP), and change or platform events that something relays as JSON.

Neither is signed. Salesforce sends no header of ours with an outbound message, so the secret stands in the endpoint's
URL (`?key=…`); a relay may send it as a header. Where the org's id is configured, a message of another org is refused,
too. Messages come at least once, in any order, and show the record as it is when they leave, not as it was.
"""

from __future__ import annotations

from datetime import datetime

from connectors.salesforce import relayed, soap
from connectors.salesforce.account import Account
from connectors.salesforce.facts import case_event, comment_event, hint
from connectors.salesforce.ids import full_id, is_case_id
from connectors.salesforce.mapping import text
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    Handshake,
    IncomingRequest,
    RawDelivery,
    UnreadableError,
    body_digest,
    digest,
    require_equal,
)

#: the parameter of the endpoint's URL that holds the secret, and the header in which a relay may send it
KEY = "key"
HEADER = "x-gateway-secret"
#: the records that are about a case, and the field that says which
RECORDS = {
    "Case": "Id", "CaseComment": "ParentId", "EmailMessage": "ParentId", "Attachment": "ParentId",
    "ContentVersion": "FirstPublishLocationId", "ContentDocumentLink": "LinkedEntityId",
}  # fmt: skip
#: of others too: what is about no case is none of our business
SHARED = frozenset({"EmailMessage", "Attachment", "ContentVersion", "ContentDocumentLink"})


def verify(account: Account, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless the shared secret is there, and the org is the one that is configured."""
    if not account.webhook_secrets:
        msg = "this connection has no webhook_secret, so no message of it can be trusted"
        raise AuthenticationError(msg)
    given = request.query.get(KEY, "") or request.headers.get(HEADER, "")
    failure: AuthenticationError | None = None
    for secret in account.webhook_secrets:
        try:
            require_equal(given, secret, f"{KEY} in the URL (or header {HEADER})")
        except AuthenticationError as error:
            failure = error
        else:
            break
    else:
        raise failure or AuthenticationError(f"wrong {KEY}")
    if account.organization_id and soap.looks_like_xml(request.body):
        _verify_org(account, request.body)


def _verify_org(account: Account, body: bytes) -> None:
    try:
        org = full_id(soap.read_message(body).organization_id)
    except UnreadableError as error:
        msg = "the message does not say which org it is of"
        raise AuthenticationError(msg) from error
    if org[:15] != account.organization_id[:15]:
        msg = f"the message is of the org {org or 'without an id'}, which is not this connection's"
        raise AuthenticationError(msg)


def envelope(request: IncomingRequest) -> Envelope:
    """Name a delivery by what is in it: the ids of the notifications, the transaction of a change; never raises.

    An outbound message is answered by `Ack` in SOAP: any other 200 has Salesforce send it again for a day.
    """
    if not soap.looks_like_xml(request.body):
        name, ref = relayed.name_of(request.body)
        return Envelope(name or body_digest(request.body), ref)
    reply = Handshake(200, soap.ACK, "text/xml; charset=utf-8")
    try:
        found = soap.read_message(request.body).notifications
    except UnreadableError:
        return Envelope(body_digest(request.body), reply=reply)
    numbers = sorted({each.id for each in found if each.id})
    if not numbers:
        return Envelope(body_digest(request.body), reply=reply)
    cases = {number for each in found if (number := _case_of(each))}
    return Envelope(f"notifications:{digest(numbers)}", cases.pop() if len(cases) == 1 else "", reply=reply)


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Read the facts; an empty tuple for records that are no cases and not about any.

    Raises UnreadableError where it is neither an outbound message nor an event, or one of a case without its id.
    """
    if not soap.looks_like_xml(delivery.body):
        return relayed.parse(account, delivery)
    message = soap.read_message(delivery.body)
    ours = [each for each in message.notifications if each.kind in RECORDS]
    found = [event for each in ours if (event := _event(account, each, delivery.received_at)) is not None]
    if any(each.kind not in SHARED for each in ours) and not found:
        msg = f"the {ours[0].kind} in this outbound message has no id of a case: tick Id (and ParentId) in its fields"
        raise UnreadableError(msg)
    return tuple(found)


def _case_of(one: soap.Notification) -> str:
    number = full_id(text(one.fields.get(RECORDS.get(one.kind, ""))))
    return number if is_case_id(number) else ""


def _event(account: Account, one: soap.Notification, at: datetime) -> Event | None:
    """Read one notification; None for what is about no case (an e-mail of something else)."""
    number = _case_of(one)
    if not number:
        return None
    name = one.id or digest(one.fields)
    if one.kind == "CaseComment" and "CommentBody" in one.fields and "IsPublished" in one.fields:
        return comment_event(number, one.fields, at)
    if one.kind != "Case":
        return hint(account, number, f"notification:{name}", at)
    return case_event(account, one.fields, f"notification:{name}", at)
