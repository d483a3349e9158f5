"""Slack's words: what an error means for a write, and our Markdown as Slack's mrkdwn. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
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
OURS = frozenset({ACKNOWLEDGE, ACCEPT, DECLINE})
#: names the block that stands where our buttons stood
SETTLED = "desk_gateway_settled"
#: divides a message's text from what was said of it since: WORD JOINER, nothing to see
UNSEEN = "\u2060"
#: a section block takes so many characters, so many fields, and each of these so many characters [S6]
MAX_SECTION = 3000
MAX_FIELDS = 10
MAX_FIELD = 2000
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
#: of a message of ours that is to be said otherwise: there is no way to, and none will come [S7]
UNCHANGEABLE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "is_inactive"})
_HINTS = {
    "thread_not_found": "the message that it answers was deleted",
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


def escaped(text: str) -> str:
    """Return words that do nothing: `&`, `<` and `>` are escaped, so that no text can call a whole channel."""
    return text.replace("\x00", "").replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def error_of(response: HttpResponse) -> str:
    """Return the word with which Slack refuses; empty where there is none."""
    return str((decoded(response) or {}).get("error") or "")


def mrkdwn(text: str, mentions: Collection[str] = ()) -> str:
    """Return Markdown as Slack's mrkdwn; nobody is called but the accounts `mentions`, where they stand as `<@…>`."""
    kept = escaped(text)
    kept = _LINK.sub(r"<\2|\1>", _BOLD.sub(r"*\1*", kept))
    for account in mentions:
        if re.fullmatch(r"[A-Z0-9]{2,30}", account):
            kept = kept.replace(f"&lt;@{account}&gt;", f"<@{account}>")
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


def blocks(text: str, context: Mapping[str, Any], elements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a message with facts, links and buttons below it, as far as there are any."""
    found = [_section(text)]
    facts = [each for each in context.get("facts") or () if isinstance(each, list | tuple) and len(each) == 2]
    if facts:
        shown = [f"*{escaped(str(label))}*\n{escaped(str(value))}" for label, value in facts]
        fields = [{"type": "mrkdwn", "text": _cut(each, MAX_FIELD)} for each in shown[:MAX_FIELDS]]
        found.append({"type": "section", "fields": fields})
    links = [_link(str(label), str(url)) for label, url in context.get("links") or ()]
    if runbook := str(context.get("runbook") or ""):
        links.append(_link("Runbook", runbook))
    if links:
        found.append(_section(" · ".join(links)))
    if elements:
        found.append({"type": "actions", "elements": elements})
    return found


def settled(shown: Mapping[str, Any], said: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the text and the blocks of a message of ours whose buttons have had their answer."""
    kept: list[dict[str, Any]] = []
    for block in shown.get("blocks") or ():
        if not isinstance(block, dict) or block.get("block_id") == SETTLED:
            continue
        if block.get("type") != "actions":
            kept.append(block)
        elif others := [each for each in block.get("elements") or () if obj(each).get("action_id") not in OURS]:
            kept.append({**block, "elements": others})
    words = escaped(said)
    answer = {"type": "context", "block_id": SETTLED, "elements": [{"type": "mrkdwn", "text": _cut(words, MAX_FIELD)}]}
    return f"{str(shown.get('text') or '').partition(f'{UNSEEN}')[0].rstrip()}\n{UNSEEN}{words}", [*kept[:49], answer]


def obj(value: Any) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one."""
    return value if isinstance(value, dict) else {}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, MAX_SECTION)}}


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _link(label: str, url: str) -> str:
    """Return a link where the address is one that Slack opens; else both as words."""
    if re.fullmatch(r"https?://[^\s<>|]{1,1500}", url) is None:
        return escaped(f"{label}: {url}")
    return f"<{url.replace('&', '&amp;')}|{escaped(label).replace('|', '/')}>"


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
