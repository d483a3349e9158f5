"""What is written to Acme: each write is one POST or one PATCH, and bears a mark by which it is found again.

From the (imaginary) documentation, "Safe retries": POST /tickets with an `Idempotency-Key` that was used within 24
hours answers with the first ticket. Of comments Acme keeps no keys: they carry our mark as `external_id`, which can
be asked for at once. Fields are the same however often they are set.
"""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

from acme_desk import calls, mapping
from acme_desk.account import Account
from acme_desk.asking import API, decoded, ticket_path
from acme_desk.mapping import Json, ident, obj, text
from connectors.sdk import (
    Absent,
    Attachment,
    Blob,
    Call,
    Category,
    Copy,
    Done,
    Effect,
    Finding,
    Found,
    HttpRequest,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Priority,
    Reason,
    Receipt,
    Rejected,
    Sighting,
    Status,
    TransportError,
    Unknown,
    Unsure,
    Visibility,
    WriteContext,
    classify,
    excerpt,
    wholly,
)
from gateway.errors import ThrottledError, UnmappedError

T = TypeVar("T")

#: Acme remembers an Idempotency-Key for a day; a minute less, so that ours never outlives it
KEY_TTL = 24 * 3600 - 60
#: Acme takes no empty text
NO_TEXT = "(no text)"
#: a file that a text shows: Acme shows files below the text, so that it is only named there
_SHOWN = re.compile(r"!\[([^\]]*)\]\(attachment:[^)\s]*\)")

# ---------------------------------------------------------------- our words in Acme's


def fields(intent: Intent) -> Json:
    """Return the fields of an intent in Acme's words; raises UnmappedError for a value that it has no word for."""
    found: Json = {}
    for name, value in intent.fields.items():
        match name:
            case "title":
                found["subject"] = mapping.subject(text(value)) or NO_TEXT
            case "status":
                found["status"] = _status(_converted(value, Status))
            case "priority":
                given = _converted(value, Priority)
                found["priority"] = _known(given.native, mapping.PRIORITIES, mapping.PRIORITY_WORDS[given.level])
            case "assignee":
                number = ident(obj(value).get("external_id"))
                if number.isdigit() or not value:
                    found["assignee_id"] = int(number) if number else None
            case "tags":
                found["tags"] = list(mapping.tags(list(value or ())))
            case _:
                pass
    return found


def _status(given: Status) -> str:
    if given.category is Category.UNKNOWN and not given.native:
        raise UnmappedError("a status of the category `unknown` has no word in Acme: map it in the sync rule")
    return _known(given.native, mapping.STATUSES, mapping.STATUS_WORDS.get(given.category, ""))


def _known(native: str, words: Any, default: str) -> str:
    """Return the desk's own word that the sync rule chose, else ours."""
    if native and native.lower() not in words:
        raise UnmappedError(f"Acme has no {native!r} (there are: {', '.join(words)})")
    return native.lower() or default


def _converted(value: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise UnmappedError(f"not a {kind.__name__.lower()}: {error}") from None


def body_of(said: str) -> str:
    """Return a text as it is sent."""
    return _SHOWN.sub(lambda match: f"[{match[1] or 'image'}]", said).strip() or NO_TEXT


def as_read(intent: Intent) -> Json:
    """Return the fields of an intent as `mapping` will read them back."""
    try:
        words = fields(intent)
    except UnmappedError:
        return {}
    if intent.operation is Operation.CREATE and "body" in intent.fields:
        words["description"] = body_of(text(intent.fields["body"]))
    if "assignee_id" in words:
        number = words.pop("assignee_id")
        words["assignee"] = {"id": number} if number is not None else None
    found = {mapping.FIELDS[theirs][0]: mapping.FIELDS[theirs][1](value) for theirs, value in words.items()}
    return {name: mapping.as_json(value) for name, value in found.items()}


# ---------------------------------------------------------------- writing


def write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Render and send one update; what Acme has no place or no word for is named before anything is sent."""
    return (yield from wholly(intent, fields, _write(account, intent, context)))


def _write(account: Account, intent: Intent, context: WriteContext) -> Call[Outcome]:
    try:
        asked = fields(intent)
    except UnmappedError as error:
        return Rejected(str(error), Reason.UNMAPPED)
    uploads, refused = yield from _upload(intent.attachments)
    if refused is not None:
        return refused
    mark = mapping.MARKER + context.effect_key
    if intent.operation is Operation.CREATE:
        who = obj(intent.fields.get("requester"))
        asked |= {"description": body_of(text(intent.fields.get("body"))), "external_id": mark, "upload_ids": uploads}
        asked |= {"requester": {"email": text(who.get("email")), "name": text(who.get("name"))}}
        key = {"Idempotency-Key": context.effect_key}
        return (yield from _send(account, "POST", f"{API}/tickets", {"ticket": asked}, key, ""))
    if intent.comment is not None:
        public = intent.operation is Operation.PUBLIC_REPLY and intent.comment.visibility is Visibility.PUBLIC
        said = {"body": body_of(intent.comment.body), "public": public, "external_id": mark, "upload_ids": uploads}
        path = f"{ticket_path(context.remote_id)}/comments"
        return (yield from _send(account, "POST", path, {"comment": said}, {}, context.remote_id))
    if not asked:
        return Done()
    path = ticket_path(context.remote_id)
    return (yield from _send(account, "PATCH", path, {"ticket": asked}, {}, context.remote_id))


def _upload(attachments: tuple[Attachment, ...]) -> Call[tuple[list[str], Outcome | None]]:
    """Upload files, which nobody sees until a comment takes them; returns their ids, or why it was no use."""
    found: list[str] = []
    for each in attachments:
        response = yield HttpRequest(
            "POST",
            f"{API}/uploads",
            Effect.STAGE,
            params={"name": each.name},
            headers={"Content-Type": each.mime},
            body=Blob(each.sha256, each.size),
            label="upload",
        )
        number = ident(obj(decoded(response).get("upload")).get("id"))
        if response.ok and number:
            found.append(number)
            continue
        outcome = classify(response)
        # nothing has been written yet, whatever became of the upload
        return [], NotSent(excerpt(response)) if outcome is None or isinstance(outcome, Unknown) else outcome
    return found, None


def _send(
    account: Account, method: str, path: str, content: Json, headers: dict[str, str], remote_id: str
) -> Call[Outcome]:
    response = yield HttpRequest(method, path, Effect.WRITE, headers=headers, json=content, label=method.lower())
    refused = classify(response)
    if refused is not None:
        return refused
    found = receipt(account, response)
    if found is None or (remote_id and found.remote_id != remote_id):
        return Unknown(f"Acme's answer is not what was written: {excerpt(response)}")
    return Done(found)


def receipt(account: Account, response: HttpResponse) -> Receipt | None:
    """Read the answer to a write; None when it proves nothing."""
    body = decoded(response)
    return of_ticket(account, body["ticket"], obj(body.get("comment"))) if "ticket" in body else None


def of_ticket(account: Account, data: Json, said: Json) -> Receipt | None:
    """Return what Acme says of a write: the ticket after it, and the comment that it made."""
    observed = mapping.ticket(data, account.url)
    if observed is None:
        return None
    comment = mapping.comment(said)
    return Receipt(
        observed.remote_id,
        observed.key,
        observed.url,
        observed.version,
        change_ids=(comment.remote_id,) if comment else (),
        comment_id=comment.remote_id if comment else "",
        file_ids=tuple(each.remote_id for each in comment.attachments) if comment else (),
        observed=observed,
        at=comment.at if comment else observed.updated_at,
    )


# ---------------------------------------------------------------- looking


def probe(account: Account, intent: Intent, context: WriteContext) -> Call[Finding]:
    """Look for the effect of an earlier attempt by its mark, which Acme answers for without lag."""
    try:
        if intent.operation is Operation.CREATE:
            tickets = yield from calls.by_mark(context.effect_key)
            found = of_ticket(account, tickets[0], {}) if tickets else None
            return Found(found) if found else Absent()
        said = yield from calls.comments_by_mark(context.remote_id, context.effect_key)
    except ThrottledError:
        raise
    except TransportError as error:
        return Unsure(str(error))
    if not said:
        return Absent()
    number = ident(said[0].get("id"))
    return Found(Receipt(comment_id=number, change_ids=(number,), at=mapping.moment(said[0].get("created_at"))))


def effects(intent: Intent, context: WriteContext) -> Call[Sighting]:
    """Count what bears our mark."""
    if intent.operation is Operation.CREATE:
        found = yield from calls.by_mark(context.effect_key)
    elif intent.comment is not None:
        found = yield from calls.comments_by_mark(context.remote_id, context.effect_key)
    else:
        return Sighting()
    return Sighting(tuple(Copy(ident(each.get("id")), mapping.moment(each.get("created_at"))) for each in found))
