"""Slack's words: what an error means for a write, and our Markdown as Slack's mrkdwn. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.sdk import (
    HttpResponse,
    Outcome,
    Rejected,
    Throttled,
    Unauthorized,
    Unknown,
    classify,
    excerpt,
    retry_after,
)

#: the type of our message metadata; its payload carries the effect key
EVENT_TYPE = "desk_gateway_notification"
PAYLOAD_KEY = "effect_key"
#: name our buttons, for their presses come to one address with those of every other
ACKNOWLEDGE = "desk_gateway_acknowledge"
ACCEPT = "desk_gateway_accept"
DECLINE = "desk_gateway_decline"
#: a section block takes so many characters [S6]
MAX_SECTION = 3000
#: Slack cuts a text after 40,000 characters
MAX_TEXT = 39_000

#: the token is no longer good, whatever is asked with it
_UNAUTHORIZED = frozenset(
    {
        "invalid_auth",
        "not_authed",
        "token_revoked",
        "token_expired",
        "account_inactive",
        "org_login_required",
        "team_access_not_granted",
    }
)
#: "It's possible some aspect of the operation succeeded before the error was raised"
_UNKNOWN = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
_THROTTLED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
_HINTS = {
    "channel_not_found": "no such channel, or the app does not see it: invite the app to a private channel",
    "not_in_channel": "invite the app to the channel",
    "is_archived": "the channel is archived",
    "missing_scope": "the app needs the scope chat:write",
    "restricted_action": "a setting of the workspace keeps the app from posting there",
}
_BOLD = re.compile(r"\*\*(\S(?:[^*\n]*\S)?)\*\*")
_LINK = re.compile(r"\[([^\]\n]{1,300})\]\((https?://[^\s)|]{1,2000})\)")


def decoded(response: HttpResponse) -> Mapping[str, Any] | None:
    """Return the JSON object of an answer; None when it is something else."""
    try:
        found = response.json()
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def refusal(response: HttpResponse) -> Outcome | None:
    """Classify the answer to a write; None when Slack says `ok`. Errors come with HTTP 200 [S4]."""
    outcome = classify(response)
    if outcome is not None:
        return outcome
    body = decoded(response)
    if body is None or not isinstance(body.get("ok"), bool):
        return Unknown(f"Slack's answer is not Slack's: {excerpt(response)}")
    if body["ok"]:
        return None
    error = str(body.get("error") or "")
    detail = f"Slack says {error or 'nothing'}" + (f": {_HINTS[error]}" if error in _HINTS else "")
    if error in _THROTTLED:
        return Throttled(detail, retry_after(response))
    if error in _UNAUTHORIZED:
        return Unauthorized(detail)
    if error in _UNKNOWN or not error:
        return Unknown(detail)
    return Rejected(detail)


def mrkdwn(text: str) -> str:
    """Return Markdown as Slack's mrkdwn: `&`, `<` and `>` are escaped, so that no text can call a whole channel."""
    kept = text.replace("\x00", "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    kept = _LINK.sub(r"<\2|\1>", _BOLD.sub(r"*\1*", kept))
    return kept if len(kept) <= MAX_TEXT else kept[:MAX_TEXT] + "…"


def moment(ts: Any) -> datetime | None:
    """Read the seconds of a message's `ts`, which is an id and never a float; None when it is none."""
    seconds = ts.partition(".")[0] if isinstance(ts, str) else ""
    return datetime.fromtimestamp(int(seconds), UTC) if re.fullmatch(r"[0-9]{1,11}", seconds) else None


def effect_key(message: Mapping[str, Any]) -> str:
    """Return the effect key in a message's metadata, or an empty string."""
    metadata = message.get("metadata")
    payload = metadata.get("event_payload") if isinstance(metadata, dict) else None
    return str(payload.get(PAYLOAD_KEY) or "") if isinstance(payload, dict) else ""


def buttons(params: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the buttons that a notification asks for; each says what it is about when it is pressed."""
    if about := params.get("acknowledge"):
        return [_button(ACKNOWLEDGE, "Acknowledge", [about.get("ticket"), about.get("metric"), about.get("cycle")])]
    if offer := params.get("handoff"):
        value = [offer.get("ticket"), offer.get("to"), offer.get("at")]
        return [_button(ACCEPT, "Accept", value) | {"style": "primary"}, _button(DECLINE, "Decline", value)]
    return []


def _button(action: str, label: str, value: list[Any]) -> dict[str, Any]:
    text = {"type": "plain_text", "text": label}
    return {"type": "button", "action_id": action, "text": text, "value": msgspec.json.encode(value).decode()}


def blocks(text: str, elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a message with buttons below it."""
    cut = text if len(text) <= MAX_SECTION else text[: MAX_SECTION - 1] + "…"
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": cut}},
        {"type": "actions", "elements": elements},
    ]


def offer(value: str) -> dict[str, Any] | None:
    """Read the value of the buttons below an offer; None where it is none of ours."""
    try:
        ticket, to, at = msgspec.json.decode(value, type=tuple[str, str, datetime])
    except (msgspec.MsgspecError, RecursionError):
        return None
    if not ticket or not to or at.tzinfo is None:
        return None
    return {"ticket": ticket, "to": to, "at": at.astimezone(UTC).isoformat()}


def about(value: str) -> dict[str, Any] | None:
    """Read the value of the button below a breach; None where it is none of ours."""
    try:
        ticket, metric, cycle = msgspec.json.decode(value, type=tuple[str, str, int])
    except (msgspec.MsgspecError, RecursionError):
        return None
    return {"ticket": ticket, "metric": metric, "cycle": cycle} if ticket and metric else None
