"""Slack's requests to us: proved, answered where they are a handshake, and read where a button of ours was pressed.

Slack is an outgoing channel here. Its Events API may be pointed at the gateway all the same (some apps need it), so
what else comes is verified and acknowledged.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import msgspec

from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Event,
    EventKind,
    Handshake,
    IncomingRequest,
    RawDelivery,
    RemotePerson,
    UnreadableError,
    body_digest,
    hmac_hex,
    read_object,
    require_equal,
    require_recent,
)
from connectors.slack import mapping
from connectors.slack.account import Account

SIGNATURE = "x-slack-signature"
TIMESTAMP = "x-slack-request-timestamp"
#: Slack asks receivers to refuse what is older [S1]
TOLERANCE = 300
#: of a message that is to be said otherwise, in bytes: more than ours ever have
MAX_SHOWN = 60_000
#: our buttons, and what a press of each says
_OURS = {
    mapping.ACKNOWLEDGE: EventKind.ACKNOWLEDGED,
    mapping.ACCEPT: EventKind.ANSWERED,
    mapping.DECLINE: EventKind.ANSWERED,
}


def verify(account: Account, request: IncomingRequest, now: datetime) -> None:
    """Raise AuthenticationError unless `v0=` HMAC-SHA256 of `v0:timestamp:body` holds and is 5 minutes old at most."""
    if not account.signing_secrets:
        msg = "this connection has no signing_secret, so nothing that comes for it can be trusted"
        raise AuthenticationError(msg)
    stamp = request.headers.get(TIMESTAMP, "").strip()
    if re.fullmatch(r"[0-9]{1,12}", stamp) is None:
        msg = f"missing or unreadable {TIMESTAMP}"
        raise AuthenticationError(msg)
    given = request.headers.get(SIGNATURE, "").strip()
    signed = f"v0:{stamp}:".encode() + request.body
    failure: AuthenticationError | None = None
    for secret in account.signing_secrets:
        try:
            require_equal(given, "v0=" + hmac_hex(secret, signed), SIGNATURE)
        except AuthenticationError as error:
            failure = error
        else:
            require_recent(TIMESTAMP, int(stamp), now, TOLERANCE)
            return
    raise failure or AuthenticationError(f"wrong {SIGNATURE}")


def envelope(request: IncomingRequest) -> Envelope | Handshake:
    """Answer `url_verification` with its challenge; name anything else by its own id or its digest.

    What a person pressed is answered with an empty body [S5].
    """
    body = _decode(request.body)
    if body is not None and body.get("type") == "url_verification" and isinstance(body.get("challenge"), str):
        return Handshake(200, body["challenge"].encode("utf-8", "replace"))
    payload = _payload(request.body) if body is None else None
    if payload is not None:
        return Envelope(_text(payload.get("trigger_id"))[:200] or body_digest(request.body), quiet=True)
    return Envelope(_text((body or {}).get("event_id"))[:200] or body_digest(request.body))


def parse(delivery: RawDelivery) -> tuple[Event, ...]:
    """Return the presses of our buttons; nothing else that Slack says is about a ticket.

    Raises UnreadableError for a body that is neither JSON nor a form.
    """
    if _decode(delivery.body) is not None:
        return ()
    payload = _payload(delivery.body)
    if payload is None:
        if re.match(rb"[\w.%+-]+=", delivery.body) is None:
            msg = "the body is neither a Slack event nor a Slack form"
            raise UnreadableError(msg)
        return ()
    if payload.get("type") != "block_actions":
        return ()
    pressed = payload.get("actions")
    actions = [each for each in pressed if isinstance(each, dict)] if isinstance(pressed, list) else []
    mine = [each for each in actions if _text(each.get("action_id")) in _OURS]
    return tuple(_press(payload, each, delivery) for each in mine)


def _press(payload: Mapping[str, Any], action: Mapping[str, Any], delivery: RawDelivery) -> Event:
    name, value = _text(action.get("action_id")), _text(action.get("value"))
    kind = _OURS[name]
    about = mapping.about(value) if kind is EventKind.ACKNOWLEDGED else mapping.offer(value)
    user = payload.get("user")
    account = _text(user.get("id")) if isinstance(user, dict) else ""
    if about is None or not account:
        msg = "the press of our button does not say what it is about, or who pressed"
        raise UnreadableError(msg)
    box = payload.get("container")
    place: Mapping[str, Any] = box if isinstance(box, dict) else {}
    channel, thread = _text(place.get("channel_id")), _text(place.get("message_ts"))
    stamp = _text(action.get("action_ts"))
    called = user.get("username") or user.get("name") if isinstance(user, dict) else ""
    word = {} if kind is EventKind.ACKNOWLEDGED else {"accept": name == mapping.ACCEPT}
    return Event(
        kind,
        f"{channel}:{thread}"[:200],
        f"press:{account}:{delivery.source_event_id}:{stamp}"[:250],
        mapping.moment(stamp) or delivery.received_at,
        actor=RemotePerson(account, name=_text(called), role="agent"),
        about={**about, **word, "channel": channel, "thread_ts": thread, **_shown(payload)},
    )


def _shown(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return the message as it stands there, to be said otherwise; nothing where it is not told, or too much."""
    message = payload.get("message")
    if not isinstance(message, dict) or not isinstance(message.get("blocks"), list):
        return {}
    found = {"text": _text(message.get("text")), "blocks": message["blocks"]}
    return {"message": found} if len(msgspec.json.encode(found)) <= MAX_SHOWN else {}


def _text(value: Any) -> str:
    return value.replace("\x00", "") if isinstance(value, str) else ""


def _payload(body: bytes) -> dict[str, Any] | None:
    """Return what a form carries in `payload`, as Slack sends what people press; None where it is none."""
    if not body.startswith(b"payload="):
        return None
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=20)
    except ValueError:
        return None
    return _decode(fields.get("payload", [""])[0].encode("utf-8", "replace"))


def _decode(body: bytes) -> dict[str, Any] | None:
    try:
        return read_object(body)
    except UnreadableError:
        return None
