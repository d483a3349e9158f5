"""Writing: create, set fields, reply. Each is one request that counts, after what nobody sees.

A message and a file are items of their own, which nobody sees until an issue holds them: they are staged. What counts
is the post to an address that takes one post (create), or the PATCH or PUT with the ETag that was just read. Measured
on Roundup 2.6.0: a refusal by a detector comes as 409, as does a write to a retired issue; an empty text is refused.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from connectors.roundup.calls.desk import Desk, Row, complaint, maybe, require
from connectors.roundup.calls.fields import differences, first_words, rendered
from connectors.roundup.calls.landed import COMMENT, SAID, STATUS, TICKET, made, receipt_now, receipt_of, staged
from connectors.roundup.calls.reads import Item, item_of, ticket_of, whoami
from connectors.roundup.mapping import CHATTING, CHATTY, content, linked, mark, number, several, text
from connectors.roundup.options import POE_LIFETIME
from connectors.sdk import (
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    Conflict,
    Done,
    Effect,
    Forbidden,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Part,
    Progress,
    Rejected,
    TransportError,
    Unauthorized,
    Unknown,
    Visibility,
    WriteContext,
    classify,
    excerpt,
    wholly,
)


class _EndError(Exception):
    """A staging request was not answered as it should: what it was is what the attempt ends with."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__()
        self.outcome = outcome


def write(desk: Desk, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Send one update."""
    try:
        match intent.operation:
            case Operation.CREATE:
                return (yield from wholly(intent, partial(rendered, desk.options), _create(desk, intent, context)))
            case Operation.SET_FIELDS:
                writing = _set_fields(desk, rendered(desk.options, intent), context)
                return (yield from wholly(intent, partial(rendered, desk.options), writing))
            case Operation.PUBLIC_REPLY | Operation.INTERNAL_NOTE:
                return (yield from _message(desk, intent, context))
            case _:
                return Rejected(f"Roundup has no operation {intent.operation}")
    except _EndError as end:
        return end.outcome


def refused(response: HttpResponse) -> Outcome | None:
    """Classify the answer to a write; None for 2xx.

    412 is a stale ETag; 409 a detector's or the database's no, also of a retired issue: the same again would not help.
    """
    if response.ok:
        return None
    if response.status in {400, 404, 405, 409, 413, 415, 422}:
        return Rejected(complaint(response))
    return classify(response)


def _create(desk: Desk, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Make an issue with its first message by an address that takes one post.

    An earlier attempt is looked for first: its address is known to the flow alone, which posts to that one again.
    """
    remote_id, messages = yield from made(desk, context)
    if remote_id:
        return Done((yield from receipt_now(desk, remote_id)))
    files = yield from _uploads(desk, intent)
    message = messages[0] if messages else (
        yield from _stage_message(desk, first_words(intent), context, TICKET, files)
    )  # fmt: skip
    payload: Row = {**dict(intent.params.get("properties") or {}), **_filled(rendered(desk.options, intent))}
    payload |= {"messages": [message], **({"files": files} if files else {})}
    if desk.options.ticket_marker:
        payload[desk.options.ticket_marker] = context.effect_key
    asked = yield from _requester(desk, intent)
    if asked:
        payload["nosy"] = [asked]
    response = yield desk.request(
        "POST", (yield from _once(desk)), payload=payload, effect=Effect.WRITE, label="create issue"
    )
    if response.status == 400 and "poe token" in complaint(response).lower():
        # it was used, or is too old: the one that used it was ours
        remote_id, _ = yield from made(desk, context)
        return Done((yield from receipt_now(desk, remote_id))) if remote_id else Unknown(complaint(response))
    outcome = refused(response)
    if outcome is not None:
        return outcome
    remote_id = number((maybe(response) or {}).get("id"))
    if not remote_id:
        return Unknown(f"created, but the answer does not name the issue: {excerpt(response)}")
    return Done((yield from receipt_now(desk, remote_id)))


def _filled(properties: Row) -> Row:
    """Return what a new issue is given: nothing that is empty."""
    return {name: value for name, value in properties.items() if value not in ("", [], None)}


def _once(desk: Desk) -> Call[str]:
    """Ask for an address that takes one post; it names the tracker's own web address, of which the path counts."""
    payload = {"lifetime": str(POE_LIFETIME)}
    response = yield desk.request(
        "POST", f"{desk.issues}/@poe", payload=payload, effect=Effect.STAGE, label="ask for address"
    )
    path, found, key = text(_staged(response).get("link")).rpartition("/@poe/")
    if not path or not found or not key:
        raise _EndError(Unknown(f"Roundup gave no address for one post: {excerpt(response)}"))
    return f"{desk.issues}/@poe/{key}"


def _staged(response: HttpResponse) -> Row:
    """Return the answer to what nobody sees; ends the attempt with what another answer means."""
    outcome = refused(response)
    if outcome is not None:
        raise _EndError(outcome)
    answer = maybe(response)
    if answer is None:
        raise _EndError(Unknown(f"the answer is not Roundup's: {excerpt(response)}"))
    return answer


def _stage_message(
    desk: Desk, words: str, context: WriteContext, what: str, files: list[str], *, private: bool = False
) -> Call[str]:
    """Make a message that no issue holds yet, with the mark by which it is found again."""
    try:
        identity = yield from whoami(desk)
    except AuthenticationError as error:
        raise _EndError(Unauthorized(str(error))) from error
    payload: Row = {
        "content": words,
        "author": identity.person.external_id,
        "date": ".",
        "messageid": mark(context.effect_key, what, desk.options.host),
    }
    if files:
        payload["files"] = files
    if private:
        payload[desk.options.private] = "yes"
    response = yield desk.request("POST", "/msg", payload=payload, effect=Effect.STAGE, label="stage message")
    identity_of = number(_staged(response).get("id"))
    if not identity_of:
        raise _EndError(Unknown(f"the answer does not name the message: {excerpt(response)}"))
    return identity_of


def _uploads(desk: Desk, intent: Intent) -> Call[list[str]]:
    """Upload the files of an intent; each is an item that no issue holds yet."""
    found = []
    for file in intent.attachments:
        parts = _parts(file)
        response = yield desk.request("POST", "/file", parts=parts, effect=Effect.STAGE, label="stage file")
        found.append(number(_staged(response).get("id")))
    return [one for one in found if one]


def _parts(file: Attachment) -> tuple[Part, ...]:
    return (
        Part("name", file.name),
        Part("type", file.mime),
        Part("content", Blob(file.sha256, file.size), filename=file.name, mime=file.mime),
    )


def _requester(desk: Desk, intent: Intent) -> Call[str]:
    """Return the user with the requester's address, to hear of the issue; empty: none, or our role may not search."""
    asked = intent.fields.get("requester")
    email = text(asked.get("email")) if isinstance(asked, dict) else ""
    if not email:
        return ""
    params = {"address:": email, "@fields": "username", "@verbose": "2"}
    response = yield desk.request("GET", "/user", params=params, label="look for requester")
    rows = several((maybe(response) or {}).get("collection")) if response.ok else []
    return number(rows[0].get("id")) if len(rows) == 1 else ""


def _before(desk: Desk, remote_id: str) -> Call[Item]:
    """Read the issue that is to be written; ends the attempt where it cannot be."""
    if not number(remote_id):
        raise _EndError(Rejected(f"{remote_id!r} is not the number of an issue"))
    response = yield desk.issue(remote_id)
    if response.status == 404:
        raise _EndError(Rejected(f"there is no issue {remote_id}: {complaint(response)}"))
    if response.status == 403:
        raise _EndError(Forbidden(complaint(response)))
    try:
        require(response)
        return item_of(response)
    except TransportError as error:
        raise _EndError(NotSent(f"the issue could not be read first: {error}")) from error


def _set_fields(desk: Desk, wanted: Row, context: WriteContext) -> Call[Outcome]:
    """Put what differs, on the condition that the issue is still as it was just read, and read it back."""
    if not wanted:
        return Done()
    item = yield from _before(desk, context.remote_id)
    changed = differences(wanted, item.attributes)
    if not changed:
        return Done(receipt_of(ticket_of(desk, item)))
    response = yield desk.request(
        "PUT",
        f"{desk.issues}/{item.remote_id}",
        payload=changed,
        effect=Effect.WRITE,
        etag=item.etag,
        label="set fields",
    )
    outcome = refused(response)
    if outcome is not None:
        return outcome
    if maybe(response) is None:
        return Unknown(f"the answer is not Roundup's: {excerpt(response)}")
    check = yield desk.issue(item.remote_id)
    if not check.ok:
        return Unknown(f"written, but it could not be read back: {excerpt(check)}")
    after = item_of(check)
    wrong = differences(changed, after.attributes)
    took = linked((maybe(response) or {}).get("attribute"))
    refusals = sorted(name for name in wrong if name not in took)
    if refusals:
        return Rejected(f"Roundup answered 200 and changed nothing of: {', '.join(refusals)}")
    return Done(receipt_of(ticket_of(desk, after)))


def _message(desk: Desk, intent: Intent, context: WriteContext) -> Call[Outcome]:
    """Add a message that is staged first, with its files."""
    comment, private = intent.comment, desk.options.private
    if comment is None or not content(comment.body):
        return Rejected("this update has no comment: Roundup keeps no message without a text")
    internal = comment.visibility is Visibility.INTERNAL or intent.operation is Operation.INTERNAL_NOTE
    if internal and (not private or intent.operation is Operation.PUBLIC_REPLY):
        return Rejected("an internal comment is never written where all who see the issue would read it")
    if SAID in context.steps:
        return (yield from _put_back(desk, context))
    item = yield from _before(desk, context.remote_id)
    messages = yield from staged(desk, context, COMMENT)
    held = next((one for one in messages if one in item.messages), "")
    if held:
        return Done(receipt_of(ticket_of(desk, item), held))
    files = yield from _uploads(desk, intent)
    message = messages[0] if messages else (
        yield from _stage_message(desk, content(comment.body), context, COMMENT, files, private=internal)
    )  # fmt: skip
    added: dict[str, Any] = {"@op": "add", "messages": [message], **({"files": files} if files else {})}
    response = yield desk.request(
        "PATCH",
        f"{desk.issues}/{item.remote_id}",
        payload=added,
        effect=Effect.WRITE,
        etag=item.etag,
        label="add message",
    )
    outcome = refused(response)
    if outcome is not None:
        return outcome
    if maybe(response) is None:
        return Unknown(f"the answer is not Roundup's: {excerpt(response)}")
    receipt = yield from receipt_now(desk, item.remote_id, message)
    after = receipt.observed
    status = getattr(after.status, "native", "") if after is not None else ""
    if item.status in CHATTY and status == CHATTING:
        return Progress({SAID: message, STATUS: item.status}, receipt)
    return Done(receipt)


def _put_back(desk: Desk, context: WriteContext) -> Call[Outcome]:
    """Set the status again that a detector changed because of our message, unless somebody else has set one since."""
    item = yield from _before(desk, context.remote_id)
    message, kept = str(context.steps[SAID]), str(context.steps[STATUS])
    ticket = ticket_of(desk, item)
    if item.status != CHATTING:
        return Done(receipt_of(ticket, message))
    response = yield desk.request(
        "PUT", f"{desk.issues}/{item.remote_id}", payload={"status": kept}, effect=Effect.WRITE, etag=item.etag,
        label="keep status",
    )  # fmt: skip
    outcome = refused(response)
    if isinstance(outcome, Rejected | Forbidden):
        # the message is there, and the status is the detector's: that is what the read will say
        return Done(receipt_of(ticket, message))
    if outcome is not None:
        return outcome if not isinstance(outcome, Conflict) else Conflict("the issue changed while its status was kept")
    if maybe(response) is None:
        return Unknown(f"the answer is not Roundup's: {excerpt(response)}")
    receipt = yield from receipt_now(desk, item.remote_id, message)
    return Done(receipt)
