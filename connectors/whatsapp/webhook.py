"""Deliveries of the Cloud API: proved by the app's secret, then read message by message.

One delivery may hold many messages and statuses of many conversations; they come unordered, doubled and late (Cloud
API, "Webhooks"). A message is known by its `wamid`.
"""

from __future__ import annotations

from datetime import datetime

from connectors.content import from_plain
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    Handshake,
    IncomingRequest,
    RawDelivery,
    RemoteComment,
    RemotePerson,
    RemoteTicket,
    UnreadableError,
    Visibility,
    body_digest,
    hmac_hex,
    read_object,
    require_equal,
)
from connectors.whatsapp import mapping
from connectors.whatsapp.account import Account
from connectors.whatsapp.mapping import Json, obj, objects, text

SIGNATURE = "x-hub-signature-256"
SYSTEM = RemotePerson("whatsapp", name="WhatsApp", role="system")


def verify(account: Account, request: IncomingRequest) -> None:
    """Raise AuthenticationError unless a POST is signed with the app's secret, or a GET knows our word."""
    if request.method == "GET":
        if not account.verify_token or request.query.get("hub.mode") != "subscribe":
            msg = "this is no subscription, or the connection has no verify_token"
            raise AuthenticationError(msg)
        require_equal(request.query.get("hub.verify_token", ""), account.verify_token, "hub.verify_token")
        return
    if not account.app_secrets:
        msg = "this connection has no webhook_secret (the app's secret), so nothing that comes for it can be trusted"
        raise AuthenticationError(msg)
    given = request.headers.get(SIGNATURE, "").strip()
    failure: AuthenticationError | None = None
    for secret in account.app_secrets:
        try:
            require_equal(given, "sha256=" + hmac_hex(secret, request.body), SIGNATURE)
        except AuthenticationError as error:
            failure = error
        else:
            return
    raise failure or AuthenticationError(f"wrong {SIGNATURE}")


def envelope(account: Account, request: IncomingRequest) -> Envelope | Handshake:
    """Answer the challenge; name a delivery by its digest, and by its conversation where it has just one."""
    if request.method == "GET":
        return Handshake(200, request.query.get("hub.challenge", "").encode("utf-8", "replace"))
    name = body_digest(request.body)
    try:
        threads = {_thread(each, value) for value in _values(account, request.body) for each in _messages(value)}
    except UnreadableError:
        return Envelope(name)
    return Envelope(name, ref=threads.pop()[:200]) if len(threads) == 1 else Envelope(name)


def parse(account: Account, delivery: RawDelivery) -> tuple[Event, ...]:
    """Return what customers, colleagues and WhatsApp itself said; raises UnreadableError for what is none of its."""
    found: list[Event] = []
    for value in _values(account, delivery.body):
        for message in objects(value.get("messages")):
            found += _message(message, value, delivery.received_at)
        for message in objects(value.get("message_echoes")):
            found += _echo(message, value, delivery.received_at)
        for status in objects(value.get("statuses")):
            found += _status(status, value, delivery.received_at)
    return tuple(found)


def _values(account: Account, body: bytes) -> list[Json]:
    """Return what the changes of a delivery say about our number; other fields are none of our business."""
    given = read_object(body)
    if given.get("object") != "whatsapp_business_account" or not isinstance(given.get("entry"), list):
        msg = "it is not about a WhatsApp business account"
        raise UnreadableError(msg)
    found = []
    for entry in objects(given["entry"]):
        for change in objects(entry.get("changes")):
            value = obj(change.get("value"))
            number = text(obj(value.get("metadata")).get("phone_number_id"))
            if text(change.get("field")) in {"messages", "smb_message_echoes"} and number == account.phone_number_id:
                found.append(value)
    return found


def _messages(value: Json) -> list[Json]:
    return objects(value.get("messages")) + objects(value.get("message_echoes")) + objects(value.get("statuses"))


def _thread(message: Json, value: Json) -> str:
    """Return the conversation: a group, the customer's number, or the business-scoped id of one who shows no number."""
    return mapping.group(message) or _sender(message, value)


def _sender(message: Json, value: Json) -> str:
    """Return who a message is from, or who a status or an echo is for."""
    other = message.get("to") if "to" in message else message.get("from") or message.get("recipient_id")
    named = [text(each.get("user_id")) for each in objects(value.get("contacts"))]
    # who got another business-scoped id is named only there
    system = obj(message.get("system"))
    others = [message.get(name) for name in ("to_user_id", "from_user_id", "recipient_user_id")]
    ids = [*others, system.get("previous_user_id"), system.get("user_id")]
    found = text(other) or next(filter(None, map(text, ids)), "")
    return (found or (named[0] if len(named) == 1 else "")).replace(":", "").replace(";", "")


def _name(account: str, value: Json) -> str:
    """Return the name that a customer has given themselves."""
    contacts = objects(value.get("contacts"))
    mine = [each for each in contacts if account in {text(each.get("wa_id")), text(each.get("user_id"))}]
    known = mine or (contacts if len(contacts) == 1 else [])
    return text(obj(known[0].get("profile")).get("name")) if known else ""


def _message(message: Json, value: Json, received_at: datetime) -> list[Event]:
    number, thread, sender = text(message.get("id")), _thread(message, value), _sender(message, value)
    said = mapping.said({"errors": value.get("errors"), **message})
    if not number or not sender:
        msg = "a message in it has no id, or nobody who sent it"
        raise UnreadableError(msg)
    if said is None:
        return []
    at = mapping.instant(message.get("timestamp")) or received_at
    is_system = text(message.get("type")) == "system"
    who = SYSTEM if is_system else mapping.person(sender, _name(sender, value))
    comment = RemoteComment(
        number,
        at,
        said.markdown,
        Visibility.INTERNAL if is_system else Visibility.PUBLIC,
        who,
        attachments=said.attachments,
        lost=said.lost,
    )
    remote_id = f"{thread}:{number}"
    snapshot = None
    if said.opens:
        snapshot = RemoteTicket(
            remote_id,
            at,
            version=int(at.timestamp()),
            version_token=at.isoformat(),
            key=thread if mapping.group(message) else who.phone or thread,
            channel="whatsapp",
            created_at=at,
            title=mapping.title(said.markdown, who.name),
            body=said.markdown,
            requester=who,
            attachments=said.attachments,
            lost=said.lost,
        )
    return [_event(EventKind.COMMENTED, remote_id, f"message:{number}", at, thread, who, comment, snapshot)]


def _echo(message: Json, value: Json, received_at: datetime) -> list[Event]:
    """Return what a colleague wrote in the WhatsApp Business app; it begins no ticket."""
    number, thread = text(message.get("id")), _thread({**message, "from": ""}, value)
    said = mapping.said(message)
    if not number or not thread or said is None:
        return []
    at = mapping.instant(message.get("timestamp")) or received_at
    who = RemotePerson(f"app-{text(message.get('from'))}", name="WhatsApp Business app", role="agent")
    comment = RemoteComment(
        number, at, said.markdown, Visibility.PUBLIC, who, attachments=said.attachments, lost=said.lost
    )
    return [_event(EventKind.COMMENTED, f"{thread}:{number}", f"message:{number}", at, thread, who, comment, None)]


def _status(status: Json, value: Json, received_at: datetime) -> list[Event]:
    """Return what became of a message of ours: that it is there, or why it never will be.

    Only messages that carry an effect key are ours; those of other programs on the same number are not.
    """
    number, mark = text(status.get("id")), text(status.get("biz_opaque_callback_data"))
    word = text(status.get("status"))
    if not number or not mapping.KEY.fullmatch(mark) or word not in {"sent", "delivered", "read", "played", "failed"}:
        return []
    at = mapping.instant(status.get("timestamp")) or received_at
    thread = _sender(status, value) or "unknown"
    comment = None
    if word == "failed":
        why = "; ".join(filter(None, (mapping.reason(each) for each in objects(status.get("errors")))))
        body = from_plain(f"WhatsApp did not deliver the reply: {why or 'it does not say why'}").markdown
        comment = RemoteComment(f"{number}:failed"[:200], at, body, Visibility.INTERNAL, SYSTEM)
    shown = RemoteTicket(f"{thread}:{number}", at, marker=mark)
    kind = EventKind.COMMENTED if comment else EventKind.OBSERVED
    return [_event(kind, f"{thread}:{number}", f"status:{number}:{word}", at, thread, SYSTEM, comment, shown)]


def _event(
    kind: EventKind,
    remote_id: str,
    key: str,
    at: datetime,
    thread: str,
    who: RemotePerson,
    comment: RemoteComment | None,
    snapshot: RemoteTicket | None,
) -> Event:
    return Event(
        kind, remote_id[:200], key[:300], at, actor=who, comment=comment, snapshot=snapshot, thread=thread[:100]
    )
