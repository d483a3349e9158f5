"""What is asked of Slack: post a notification, look for one whose answer was lost, say who we are.

Slack has no idempotency key. The effect key travels in the message's metadata; where the app may read the channel's
history, a lost answer is looked up there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from connectors.sdk import (
    Absent,
    AuthenticationError,
    Call,
    CheckResult,
    Done,
    Effect,
    Finding,
    Found,
    HttpRequest,
    HttpResponse,
    Identity,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Receipt,
    Rejected,
    RemotePerson,
    TransportError,
    Unknown,
    Unsure,
    WriteContext,
    excerpt,
    retry_after,
)
from connectors.slack import mapping
from connectors.slack.account import Account
from gateway.errors import OutcomeUnknownError, ThrottledError

#: how far Slack's clock may stand from ours
GRAIN = timedelta(minutes=5)
PAGE = "200"
MAX_PAGES = 50
#: no more people are looked up for one notice: the method allows some twenty a minute and more
MOST_CALLED = 10
#: what Slack says of an address by which it finds nobody, or may not tell


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Post the comment (or title and body) of a notification to `params.channel` (name or id) or `params.thread_ts`."""
    if intent.operation is not Operation.NOTIFY:
        return Rejected(f"Slack is a channel for notifications; it cannot {intent.operation.value}")
    channel = str(intent.params.get("channel") or account.channel)
    if not channel:
        return Rejected("no channel: give `channel` where the notification is asked for")
    if intent.params.get("update"):
        return (yield from _update(account, intent, context, channel))
    body: dict[str, Any] = {
        "channel": channel,
        "text": text_of(intent, (yield from _called(account, intent))),
        "metadata": _metadata(context),
        "unfurl_links": False,
        "unfurl_media": False,
    }
    # without the secret nobody could tell who pressed
    buttons = mapping.buttons(intent.params) if account.signing_secrets else []
    shown = mapping.obj(intent.params.get("context"))
    if buttons or shown:
        body["blocks"] = mapping.blocks(body["text"], shown, buttons)
    if intent.params.get("thread_ts"):
        body["thread_ts"] = str(intent.params["thread_ts"])
    response = yield HttpRequest(
        "POST",
        f"{account.url}/api/chat.postMessage",
        Effect.WRITE,
        headers={"Content-Type": "application/json; charset=utf-8"},
        json=body,
        label="notify",
    )
    refused = mapping.refusal(response)
    if refused is not None:
        return refused
    found = mapping.decoded(response) or {}
    ts = found.get("ts")
    if not isinstance(ts, str) or not ts:
        return Unknown(f"Slack's answer names no message: {excerpt(response)}")
    return Done(_receipt(str(found.get("channel") or channel), ts))


def _update(account: Account, intent: Intent, context: WriteContext, channel: str) -> Call[Outcome]:
    """Say in a message of ours what came of its buttons; said twice it reads the same, so a lost answer is said again.

    A message that is gone, or that Slack does not let us change any more, has nothing left to say.
    """
    ts = str(intent.params["update"])
    text, blocks = mapping.settled(mapping.obj(intent.params.get("message")), str(intent.fields.get("body") or ""))
    try:
        response = yield HttpRequest(
            "POST",
            f"{account.url}/api/chat.update",
            Effect.WRITE,
            headers={"Content-Type": "application/json; charset=utf-8"},
            json={"channel": channel, "ts": ts, "text": text, "blocks": blocks, "metadata": _metadata(context)},
            label="update",
        )
    except OutcomeUnknownError as error:
        return NotSent(f"it is said again: {error}")
    outcome = mapping.refusal(response)
    if isinstance(outcome, Unknown):
        return NotSent(f"it is said again: {outcome.detail}")
    gone = isinstance(outcome, Rejected) and mapping.error_of(response) in mapping.UNCHANGEABLE
    return outcome if outcome is not None and not gone else Done(Receipt())


def _metadata(context: WriteContext) -> dict[str, Any]:
    return {"event_type": mapping.EVENT_TYPE, "event_payload": {mapping.PAYLOAD_KEY: context.effect_key}}


def _called(account: Account, intent: Intent) -> Call[dict[str, str]]:
    """Return the ids of those who are named by an address; who is not found is named by name, and the notice goes."""
    found: dict[str, str] = {}
    for email in list(mapping.obj(intent.params.get("people")))[:MOST_CALLED]:
        try:
            body = yield from _ask(account, "users.lookupByEmail", {"email": str(email)})
        except TransportError:
            # nobody has the address, or the app lacks the scope users:read.email [S8]
            continue
        number = str(mapping.obj(body.get("user")).get("id") or "")
        if number.isalnum() and number.isupper():
            found[str(email)] = number
    return found


def text_of(intent: Intent, found: Mapping[str, str] | None = None) -> str:
    """Return what a notification says, in mrkdwn; `found` are the ids of those who are named by an address."""
    title, body = str(intent.fields.get("title") or ""), str(intent.fields.get("body") or "")
    said = intent.comment.body if intent.comment else "\n".join(part for part in (title, body) if part)
    called = intent.params.get("mentions")
    known = dict(found or {})
    for email, name in mapping.obj(intent.params.get("people")).items():
        said = said.replace(f"<@{email}>", f"<@{known[email]}>" if email in known else str(name))
    calls = [*(called if isinstance(called, list | tuple) else ()), *known.values()]
    return mapping.mrkdwn(said, calls) or "(no text)"


def _receipt(channel: str, ts: str) -> Receipt:
    return Receipt(remote_id=f"{channel}:{ts}", comment_id=ts, change_ids=(ts,), at=mapping.moment(ts))


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for our metadata in the channel's history since a while before the first attempt."""
    try:
        channel = yield from _channel_id(account, str(intent.params.get("channel") or account.channel))
        if not channel:
            return Unsure("the channel is not among those that the app sees")
        return (yield from _search(account, intent, context, channel))
    except TransportError as error:
        return Unsure(str(error))


def _search(account: Account, intent: Intent, context: WriteContext, channel: str) -> Call[Finding]:
    params = {"channel": channel, "include_all_metadata": "true", "limit": PAGE}
    if context.first_sent_at:
        params["oldest"] = f"{int((context.first_sent_at - GRAIN).timestamp())}.000000"
    changed = str(intent.params.get("update") or "")
    thread = "" if changed else str(intent.params.get("thread_ts") or "")
    if changed:
        params |= {"oldest": changed, "latest": changed, "inclusive": "true"}
    elif thread:
        params["ts"] = thread
    for _ in range(MAX_PAGES):
        method = "conversations.replies" if thread else "conversations.history"
        body = yield from _ask(account, method, params)
        for message in body.get("messages") or ():
            if isinstance(message, dict) and mapping.effect_key(message) == context.effect_key:
                return Found(_receipt(channel, str(message.get("ts") or "")))
        cursor = _next(body)
        if not cursor:
            return Absent()
        params["cursor"] = cursor
    return Unsure("the channel has more messages than can be looked through")


def _channel_id(account: Account, channel: str) -> Call[str]:
    """Return the id of a channel given by id or by #name; empty when there is none."""
    if channel[:1] in {"C", "G", "D"} and channel.isalnum() and channel.isupper():
        return channel
    name = channel.removeprefix("#")
    params = {"types": "public_channel,private_channel", "exclude_archived": "true", "limit": PAGE}
    for _ in range(MAX_PAGES):
        body = yield from _ask(account, "conversations.list", params)
        for item in body.get("channels") or ():
            if isinstance(item, dict) and item.get("name") == name:
                return str(item.get("id") or "")
        cursor = _next(body)
        if not cursor:
            return ""
        params["cursor"] = cursor
    return ""


def _next(body: dict[str, Any]) -> str:
    paging = body.get("response_metadata")
    return str(paging.get("next_cursor") or "") if isinstance(paging, dict) else ""


def _ask(account: Account, method: str, params: dict[str, str]) -> Call[dict[str, Any]]:
    """Read; raises AuthenticationError, ThrottledError or TransportError naming Slack's error."""
    response = yield HttpRequest("GET", f"{account.url}/api/{method}", params=dict(params), label=method)
    return _read(response, method)


def _read(response: HttpResponse, method: str) -> dict[str, Any]:
    body = dict(mapping.decoded(response) or {})
    error = str(body.get("error") or "")
    if response.status == 429 or error == "ratelimited":
        msg = f"Slack asks us to wait before {method}"
        raise ThrottledError(msg, seconds=retry_after(response))
    if response.status == 401 or error in {"invalid_auth", "not_authed", "token_revoked", "account_inactive"}:
        msg = f"Slack does not accept our bot token: {error or response.status}"
        raise AuthenticationError(msg)
    if not response.ok or body.get("ok") is not True:
        msg = f"Slack did not answer {method}: {error or excerpt(response)}"
        raise TransportError(msg)
    return body


def whoami(account: Account) -> Call[Identity]:
    """Say which bot we are; raises AuthenticationError when the token does not hold."""
    body = yield from _ask(account, "auth.test", {})
    person = RemotePerson(str(body.get("user_id") or ""), name=str(body.get("user") or ""), role="agent")
    return Identity(person, f"{person.name} in {body.get('team') or body.get('url') or 'Slack'}")


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try the token and, where a channel is given, its history; nothing is posted."""
    try:
        us = yield from whoami(account)
    except AuthenticationError as error:
        return [CheckResult("credentials", ok=False, detail=str(error))]
    results = [CheckResult("credentials", ok=True, detail=us.detail)]
    if not account.channel:
        told = "no `channel` in gateway.yaml: a lost answer cannot be looked up, and is left to a person"
        return [*results, CheckResult("history", ok=False, detail=told, warning=True, facts={"history": False})]
    try:
        params = {"channel": account.channel, "limit": "1", "include_all_metadata": "true"}
        yield from _ask(account, "conversations.history", params)
    except TransportError as error:
        return [*results, CheckResult("history", ok=False, detail=str(error), warning=True, facts={"history": False})]
    told = "the channel's history can be read, so a lost answer is looked up there"
    return [*results, CheckResult("history", ok=True, detail=told, facts={"history": True})]
