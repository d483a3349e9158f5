"""Files: how the bytes of one are read, how they get there, and how one is found again."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from connectors.generic.asking import decoded, is_missing, outcome_of, request_of, said
from connectors.generic.bodies import Sent, file_values
from connectors.generic.options import LARGEST, Options, Shape
from connectors.generic.places import find, word
from connectors.generic.reading import ident
from connectors.generic.template import MISSING, PLACEHOLDER, fill, texts
from connectors.sdk import (
    Absent,
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    Done,
    Effect,
    Finding,
    Found,
    HttpRequest,
    Intent,
    NotSent,
    Outcome,
    Receipt,
    Rejected,
    RemoteTicket,
    TransportError,
    Unauthorized,
    Unknown,
    Visibility,
    WriteContext,
    excerpt,
)

#: base64 has four signs for three bytes, and the answer around them has some more
ROUND = 2


# ---------------------------------------------------------------- reading


def fetch(options: Options, attachment: Attachment) -> Call[Blob | bytes | None]:
    """Read one file; None when it is not there or out of our sight."""
    if not attachment.url:
        yield from ()
        return None
    shape = options.call("fetch") or {}
    wrapped = "content" in shape
    headers = {"Accept": "application/json" if wrapped else "*/*", **texts(shape.get("headers") or {}, {})}
    most = int(options.file.get("largest_mb") or LARGEST) * 1_000_000 * ROUND if wrapped else 0
    response = yield HttpRequest(
        "GET", attachment.url, headers=headers, label="read a file", keep=not wrapped, most=most
    )
    if is_missing(shape, response):
        return None
    if response.status == 401:
        msg = f"the desk does not accept our credentials: {said(shape, response)}"
        raise AuthenticationError(msg)
    if not response.ok:
        msg = f"the desk did not give the file: {said(shape, response)}"
        raise TransportError(msg)
    if not wrapped:
        return response.blob if response.blob is not None else response.body
    text = find(shape["content"], decoded(response))
    if not isinstance(text, str):
        text = "-"
    try:
        # a desk may write an address of the kind data:image/png;base64,…
        return base64.b64decode("".join(text.rpartition("base64,")[2].split()), validate=True)
    except (binascii.Error, ValueError):
        msg = "the desk did not give the file: what lies at calls: fetch: content is no base64"
        raise TransportError(msg) from None


def with_files(ticket: RemoteTicket, files: list[tuple[Attachment, str]]) -> RemoteTicket:
    """Return a ticket with files that were listed beside its comments: each at the one that it belongs to."""
    known = {each.remote_id for each in ticket.comments}
    comments = tuple(
        msgspec.structs.replace(
            each, attachments=(*each.attachments, *(file for file, of in files if of and of == each.remote_id))
        )
        for each in ticket.comments
    )
    taken = {file.remote_id for each in comments for file in each.attachments}
    mine = [*ticket.attachments, *(file for file, of in files if of not in known)]
    own = {each.remote_id: each for each in mine if each.remote_id not in taken}
    return msgspec.structs.replace(ticket, comments=comments, attachments=tuple(own.values()))


def all_files(ticket: RemoteTicket) -> list[Attachment]:
    """Return the files of a ticket and of its comments."""
    return [*ticket.attachments, *(file for each in ticket.comments for file in each.attachments)]


# ---------------------------------------------------------------- writing


def carried(
    options: Options, shape: Shape, intent: Intent, values: Mapping[str, Any]
) -> Call[dict[str, Any] | Outcome]:
    """Return the placeholder {files} of a request: uploads first what nobody sees yet. An outcome: nothing was sent."""
    if not intent.attachments:
        yield from ()
        return {}
    upload = options.call("upload")
    found: list[Any] = []
    for file in intent.attachments:
        given = {**values, **file_values(file)}
        if upload is not None:
            response = yield request_of(options, "upload", upload, given, effect=Effect.STAGE)
            outcome = outcome_of(upload, response)
            if outcome is not None:
                return outcome if isinstance(outcome, Rejected | Unauthorized | NotSent) else NotSent(excerpt(response))
            answer = decoded(response)
            name = find(upload["id"], answer, response.headers)
            if not word(name):
                return Rejected(f"uploaded, but nothing lies at calls: upload: id: {excerpt(response)}")
            given["upload"] = name
        if "each_file" in shape:
            each = fill(shape["each_file"], given)
            found += [] if each is MISSING else [each]
        elif upload is not None:
            found.append(given["upload"])
        else:
            found.append(Sent(given["file"], file.name, file.mime))
    return {"files": found}


def attach(options: Options, intent: Intent, context: WriteContext, values: Mapping[str, Any]) -> Call[Outcome]:
    """Put one file on a ticket; `values` are those of who may see it."""
    if len(intent.attachments) != 1:
        yield from ()
        return Rejected("one file at a time can be put on a ticket")
    shape, file = options.calls["attach"], intent.attachments[0]
    given = {"ticket": context.remote_id, "key": context.effect_key, **values, **file_values(file)}
    response = yield request_of(options, "attach", shape, given, effect=Effect.WRITE, key=context.effect_key)
    outcome = outcome_of(shape, response)
    if outcome is not None:
        return outcome
    place = shape.get("id", options.file.get("id"))
    if isinstance(place, str) and PLACEHOLDER.search(place):
        return Done(_receipt(context, place.replace("{key}", context.effect_key)))
    answer = decoded(response)
    item = find(shape["answer"], answer) if "answer" in shape else answer
    number = ident(find(place, answer if "id" in shape else item, response.headers)) if place else ""
    if number:
        return Done(_receipt(context, number))
    return Unknown(f"written, but nothing lies at the place of the file's id: {excerpt(response)}")


def look(ticket: RemoteTicket | None, intent: Intent, context: WriteContext) -> Finding:
    """Find a file of ours on a ticket: by name and size, among those that are not known."""
    wanted = intent.attachments[0] if intent.attachments else None
    for each in all_files(ticket) if ticket is not None else []:
        same = wanted is not None and each.name == wanted.name and each.size in {0, wanted.size}
        if same and each.remote_id not in context.known_files:
            return Found(_receipt(context, each.remote_id))
    return Absent()


def brought(ticket: RemoteTicket, intent: Intent, comment_id: str) -> tuple[str, ...]:
    """Return the ids of the files that came with what we said: those of the comment, else of the ticket by name."""
    if not intent.attachments:
        return ()
    spoken = [each for each in ticket.comments if comment_id and each.remote_id == comment_id]
    mine = [file.remote_id for each in spoken for file in each.attachments]
    if mine:
        return tuple(mine)
    wanted = [(each.name, each.size) for each in intent.attachments]
    return tuple(
        each.remote_id
        for each in (ticket.attachments if comment_id else all_files(ticket))
        if any(each.name == name and each.size in {0, size} for name, size in wanted)
    )


def _receipt(context: WriteContext, number: str) -> Receipt:
    ids = (number,) if number else ()
    return Receipt(remote_id=context.remote_id, file_ids=ids, change_ids=ids)


def visible_of(intent: Intent) -> Visibility:
    """Return who may see a file that is to be written: nobody but us where that is not known."""
    return intent.attachments[0].visibility if intent.attachments else Visibility.INTERNAL
