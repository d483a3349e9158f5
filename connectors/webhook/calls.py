"""What is posted: one JSON body for each notification, with the name by which the receiver knows it again."""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.sdk import (
    Call,
    CheckResult,
    Done,
    Effect,
    HttpRequest,
    HttpResponse,
    Identity,
    Intent,
    Operation,
    Outcome,
    Receipt,
    Rejected,
    RemotePerson,
    WriteContext,
    classify,
    excerpt,
)
from connectors.webhook.account import Account

ID = "webhook-id"
#: the type of a message that no `data` comes with
NOTICE = "notice"


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Post one message."""
    if intent.operation is not Operation.NOTIFY:
        return Rejected(f"a webhook takes notifications; it cannot {intent.operation.value}")
    response = yield HttpRequest(
        "POST",
        account.url,
        Effect.WRITE,
        headers={
            "Content-Type": "application/json",
            ID: context.effect_key,
            "Idempotency-Key": context.effect_key,
        },
        body=msgspec.json.encode(message(intent, context.effect_key)),
        label="post",
    )
    return outcome(response, context.effect_key)


def message(intent: Intent, name: str) -> dict[str, Any]:
    """Return the body: its name, what it is, its words (`text`, as chats take it), and all that is known as values."""
    title, body = str(intent.fields.get("title") or ""), str(intent.fields.get("body") or "")
    data = intent.fields.get("data")
    found = dict(data) if isinstance(data, dict) else {}
    kind, at = str(found.pop("type", NOTICE)), found.pop("timestamp", None)
    said: dict[str, Any] = {"id": name, "type": kind}
    if at is not None:
        said["timestamp"] = at
    return {**said, "text": "\n".join(part for part in (title, body) if part), "data": found}


def outcome(response: HttpResponse, name: str) -> Outcome:
    """Say what an answer means: a redirect is not followed, 410 asks for no more."""
    if response.ok:
        return Done(Receipt(remote_id=name))
    if response.status in {300, 301, 302, 303, 307, 308}:
        where = response.header("location")[:200] or "elsewhere"
        return Rejected(f"it redirects to {where}: write that address in gateway.yaml")
    if response.status == 410:
        return Rejected("the receiver is gone (410) and wants nothing more: take the connection out, or mend its url")
    if response.status in {409, 412, 423}:
        return Rejected(f"the receiver refuses: {excerpt(response)}")
    return classify(response) or Done(Receipt(remote_id=name))


def whoami(account: Account) -> Call[Identity]:
    """Say where it goes: a receiver cannot be asked who we are."""
    yield from ()
    return Identity(RemotePerson(), repr(account))


def check(account: Account) -> Call[list[CheckResult]]:
    """Say what is claimed; nothing is posted, for that would be seen."""
    yield from ()
    told = "it knows a message again by its webhook-id" if account.idempotent else "a lost answer is left to a person"
    return [CheckResult("settings", ok=True, detail=f"signed, {told}; nothing is posted by a test")]
