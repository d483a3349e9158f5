"""Slack's requests to us: proved, answered where they are a handshake, and otherwise none of our business.

Slack is an outgoing channel here. Its Events API may be pointed at the gateway all the same (some apps need it), so
what comes is verified and acknowledged.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import msgspec

from connectors.sdk import (
    AuthenticationError,
    Envelope,
    Handshake,
    IncomingRequest,
    RawDelivery,
    UnreadableError,
    body_digest,
    hmac_hex,
    require_equal,
)
from connectors.slack.account import Account

SIGNATURE = "x-slack-signature"
TIMESTAMP = "x-slack-request-timestamp"
#: Slack asks receivers to refuse what is older [S1]
TOLERANCE = 300


def verify(account: Account, request: IncomingRequest, now: datetime) -> None:
    """Raise AuthenticationError unless `v0=` HMAC-SHA256 of `v0:timestamp:body` holds and is 5 minutes old at most."""
    if not account.signing_secrets:
        msg = "this connection has no signing_secret, so nothing that comes for it can be trusted"
        raise AuthenticationError(msg)
    stamp = request.headers.get(TIMESTAMP, "").strip()
    if re.fullmatch(r"[0-9]{1,12}", stamp) is None:
        msg = f"missing or unreadable {TIMESTAMP}"
        raise AuthenticationError(msg)
    if abs(now.timestamp() - int(stamp)) > TOLERANCE:
        msg = f"{TIMESTAMP} is more than {TOLERANCE} s away from our clock"
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
            return
    raise failure or AuthenticationError(f"wrong {SIGNATURE}")


def envelope(request: IncomingRequest) -> Envelope | Handshake:
    """Answer `url_verification` with its challenge; name anything else by `event_id` or its digest."""
    body = _decode(request.body)
    if body is not None and body.get("type") == "url_verification" and isinstance(body.get("challenge"), str):
        return Handshake(200, body["challenge"].encode("utf-8", "replace"))
    event_id = body.get("event_id") if body is not None else None
    name = event_id.replace("\x00", "") if isinstance(event_id, str) else ""
    return Envelope(name[:200] or body_digest(request.body))


def parse(delivery: RawDelivery) -> tuple[()]:
    """Return no events; raises UnreadableError for a body that is neither JSON nor a form."""
    if _decode(delivery.body) is None and re.match(rb"[\w.%+-]+=", delivery.body) is None:
        msg = "the body is neither a Slack event nor a Slack form"
        raise UnreadableError(msg)
    return ()


def _decode(body: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
