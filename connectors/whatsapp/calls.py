"""What is asked of the Cloud API: send a reply or a file, fetch a file, say who we are.

There is no idempotency key, and no message can be read back: an answer that was lost stays unknown, and a person
decides. Each message carries its effect key (`biz_opaque_callback_data`), which WhatsApp says again with every status
of it; so a later status confirms one that was given up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import msgspec

from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    CheckResult,
    Done,
    Effect,
    Forbidden,
    HttpRequest,
    HttpResponse,
    Identity,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Part,
    Receipt,
    Rejected,
    RemotePerson,
    Throttled,
    TransportError,
    Unauthorized,
    Unknown,
    WriteContext,
    classify,
    excerpt,
    retry_after,
)
from connectors.whatsapp import mapping
from connectors.whatsapp.account import Account
from connectors.whatsapp.mapping import obj, objects, text

#: a customer's message opens the window for so long (Cloud API, "Customer service windows")
WINDOW = timedelta(hours=24)
#: a document; images take 5 MB, audio and video 16 MB (Cloud API, "Supported media types")
LARGEST = 100_000_000
_TYPES = {
    "image/jpeg": "image", "image/png": "image", "video/mp4": "video", "video/3gpp": "video", "audio/aac": "audio",
    "audio/mp4": "audio", "audio/mpeg": "audio", "audio/amr": "audio", "audio/ogg": "audio",
}  # fmt: skip
_LIMITS = {"image": 5_000_000, "video": 16_000_000, "audio": 16_000_000}

#: error codes (Cloud API, "Error codes")
_TOKEN = frozenset({0, 190})
_RIGHTS = frozenset({3, 10, 368, 131005, 131031, 131042, 131045, 133010, *range(200, 300)})
_PACE = frozenset({4, 80007, 130429, 131048, 131056, 131057, 133016})
_TROUBLE = frozenset({1, 2, 131000, 131016, 133004, 133005})


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Send one reply or one file into the conversation of a ticket."""
    if intent.operation not in {Operation.PUBLIC_REPLY, Operation.ATTACH}:
        return Rejected(f"WhatsApp knows messages only; it cannot {intent.operation.value}")
    to = context.remote_id.partition(":")[0]
    if not to or to.startswith(mapping.GROUP):
        return Rejected(_MANY if to else "the ticket names no conversation")
    late = is_late(context.version_token, context.now)
    if intent.operation is Operation.ATTACH:
        if late:
            return Rejected(f"the file was not sent: {_LATE}")
        return (yield from _file(account, intent, to, context))
    words = mapping.to_words(intent.comment.body if intent.comment else "")
    if not words.strip():
        return Rejected("there are no words to send")
    if late:
        return (yield from _template(account, words, to, context))
    if len(words) > mapping.MAX_TEXT:
        return Rejected(f"a message takes {mapping.MAX_TEXT} characters, this one has {len(words)}: send it in parts")
    message = {"type": "text", "text": {"preview_url": False, "body": words}}
    return (yield from _send(account, message, to, context))


_MANY = (
    "it was said in a group, where everybody would read the answer: nothing was sent; answer in the group yourself, or "
    "write to the customer"
)
_LATE = "more than 24 hours have passed since the customer last wrote"


def is_late(last: str, now: datetime | None) -> bool:
    """Say whether the window has closed; what is not known is WhatsApp's to refuse."""
    try:
        wrote = datetime.fromisoformat(last)
    except ValueError:
        return False
    return now is not None and wrote.tzinfo is not None and now - wrote >= WINDOW


def _template(account: Account, words: str, to: str, context: WriteContext) -> Call[Outcome]:
    """Send the words in the variable of the configured template, on one line; else say why nothing is sent."""
    if not account.template:
        told = "and then WhatsApp takes a template only: name one under `template:`, or wait until they write again"
        return Rejected(f"{_LATE}, {told}")
    line = " ".join(words.split())
    if len(line) > mapping.MAX_VARIABLE:
        return Rejected(f"{_LATE}, and a template's variable takes {mapping.MAX_VARIABLE} characters, not {len(line)}")
    message = {
        "type": "template",
        "template": {
            "name": account.template,
            "language": {"code": account.language},
            "components": [{"type": "body", "parameters": [{"type": "text", "text": line}]}],
        },
    }
    return (yield from _send(account, message, to, context))


def _file(account: Account, intent: Intent, to: str, context: WriteContext) -> Call[Outcome]:
    file = intent.attachments[0]
    kind = _TYPES.get(file.mime.partition(";")[0].strip().lower(), "document")
    if file.size > _LIMITS.get(kind, LARGEST):
        kind = "document"
    response = yield HttpRequest(
        "POST",
        f"{account.url}/{account.phone_number_id}/media",
        Effect.STAGE,
        parts=(
            Part("messaging_product", "whatsapp"),
            Part("type", file.mime),
            Part("file", Blob(file.sha256, file.size), file.name, file.mime),
        ),
        label="upload",
    )
    number = text((decoded(response) or {}).get("id"))
    if not response.ok or not number:
        outcome = refusal(response)
        if outcome is None or isinstance(outcome, Unknown):
            return NotSent(f"upload of {file.name!r}: {excerpt(response)}")
        return outcome
    media = {"id": number, **({"filename": file.name} if kind == "document" else {})}
    return (yield from _send(account, {"type": kind, kind: media}, to, context))


def _send(account: Account, message: dict[str, Any], to: str, context: WriteContext) -> Call[Outcome]:
    address = {"to": to} if to.isdigit() else {"recipient": to}
    response = yield HttpRequest(
        "POST",
        f"{account.url}/{account.phone_number_id}/messages",
        Effect.WRITE,
        json={
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            **address,
            **message,
            "biz_opaque_callback_data": context.effect_key,
        },
        label="send",
    )
    refused = refusal(response)
    if refused is not None:
        return refused
    sent = objects((decoded(response) or {}).get("messages"))
    number = text(sent[0].get("id")) if sent else ""
    if not number:
        return Unknown(f"WhatsApp's answer names no message: {excerpt(response)}")
    return Done(Receipt(comment_id=number, change_ids=(f"message:{number}",)))


def decoded(response: HttpResponse) -> dict[str, Any] | None:
    """Return the JSON object of an answer; None when it is something else."""
    try:
        found = response.json()
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def refusal(response: HttpResponse) -> Outcome | None:
    """Say what an answer to a write means by its error code; None for one that took effect."""
    body = decoded(response)
    error = obj((body or {}).get("error"))
    if not error:
        outcome = classify(response)
        if outcome is None and body is None:
            return Unknown(f"an answer that is not WhatsApp's: {excerpt(response)}")
        return outcome
    code, why = mapping.code_of(error), mapping.reason(error)
    if code in _TOKEN:
        return Unauthorized(why)
    if code in _PACE:
        return Throttled(why, retry_after(response))
    if code in _RIGHTS:
        return Forbidden(why)
    if code in _TROUBLE or response.status >= 500:
        return Unknown(why)
    return Rejected(why)


def fetch(account: Account, attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file in two steps: its address, which holds for minutes, then itself. Files go after some weeks."""
    response = yield HttpRequest("GET", f"{account.url}/{quote(attachment.remote_id, safe='')}", label="media")
    if response.status in {400, 404}:
        return None
    body = _required(response)
    address = text(body.get("url"))
    if not address:
        return None
    held = yield HttpRequest("GET", address, headers={"Accept": "*/*"}, label="fetch", keep=True)
    if held.status in {404, 410}:
        return None
    if held.blob is None:
        msg = f"fetching {attachment.name!r}: {excerpt(held)}"
        raise TransportError(msg)
    return held.blob


def _required(response: HttpResponse) -> dict[str, Any]:
    """Return the object of an answer to a read; raises AuthenticationError or TransportError for a refusal."""
    refused = refusal(response)
    if isinstance(refused, Unauthorized | Forbidden):
        raise AuthenticationError(refused.detail)
    body = decoded(response)
    if refused is not None or body is None:
        raise TransportError(excerpt(response))
    return body


def whoami(account: Account) -> Call[Identity]:
    """Say which number we are; raises AuthenticationError when the token does not hold."""
    params = {"fields": "display_phone_number,verified_name,quality_rating"}
    response = yield HttpRequest("GET", f"{account.url}/{account.phone_number_id}", params=params, label="whoami")
    body = _required(response)
    name = text(body.get("verified_name"))
    person = RemotePerson(account.phone_number_id, name=name, role="agent")
    return Identity(
        person, f"{name or 'a number'} at {text(body.get('display_phone_number')) or account.phone_number_id}"
    )


def check(account: Account) -> Call[Sequence[CheckResult]]:
    """Try the token and the number, and say what the settings leave out; nothing is sent."""
    results = []
    try:
        us = yield from whoami(account)
        results.append(CheckResult("credentials", ok=True, detail=us.detail))
    except AuthenticationError as error:
        results.append(CheckResult("credentials", ok=False, detail=str(error)))
    told = "the app's secret proves each delivery" if account.app_secrets else "no webhook_secret: nothing is taken"
    results.append(CheckResult("webhook_secret", ok=bool(account.app_secrets), detail=told))
    asked = "the webhook can be set up" if account.verify_token else "no verify_token: the webhook cannot be set up"
    results.append(CheckResult("verify_token", ok=bool(account.verify_token), detail=asked, warning=True))
    late = f"replies after 24 hours go by the template {account.template!r}"
    without = "no `template:`: replies after 24 hours of silence become dead letters"
    results.append(
        CheckResult("template", ok=bool(account.template), detail=late if account.template else without, warning=True)
    )
    return results
