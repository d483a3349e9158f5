"""Writing by the requests that the settings describe, and finding again what was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec

from connectors.content import to_plain
from connectors.generic.asking import answer_of, decoded, is_json, is_missing, outcome_of, request_of
from connectors.generic.filing import attach, brought, carried, look, visible_of
from connectors.generic.options import CARRIES, COMMENTS, Options, Shape, body_of, fields_for, finds, reads_files
from connectors.generic.places import find, is_there
from connectors.generic.reading import EPOCH, Reader, ident
from connectors.generic.reads import MOST_PAGES, next_page, paged, read
from connectors.generic.rendering import Rendering
from connectors.generic.template import PLACEHOLDER, placeholders
from connectors.generic.webhook import by_us
from connectors.sdk import (
    Absent,
    Call,
    Copy,
    Done,
    Effect,
    Finding,
    Found,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Outcome,
    Progress,
    Receipt,
    Rejected,
    RemotePerson,
    RemoteTicket,
    Sighting,
    TransportError,
    Unknown,
    Unsure,
    Visibility,
    WriteContext,
    excerpt,
    wholly,
)
from gateway.domain.shown import CUSTOM

#: our clock and the desk's may differ by this much when a comment is looked for by its time
SKEW = timedelta(minutes=10)
#: step of a change that takes several requests: how many of them are done
SENT = "sent"


class Writer:
    """Writes to one desk; `learnt` is who we are there, once the desk has said it."""

    def __init__(self, options: Options, reader: Reader) -> None:
        self.options = options
        self.reader = reader
        self.rendering = Rendering(options, reader)
        self.learnt: RemotePerson | None = None
        self.given = {"calls": options.calls, "comment": options.comment, "ticket": options.ticket}

    # ------------------------------------------------------------ writing

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Send one update."""
        calls = self.options.calls
        operation = intent.operation
        if operation is Operation.CREATE and "create" in calls:
            told = partial(self._telling, (calls["create"],))
            return (yield from wholly(intent, told, self._create(intent, context)))
        if operation is Operation.SET_FIELDS and self.options.updates:
            told = partial(self._telling, self.options.updates)
            return (yield from wholly(intent, told, self._update(intent, context)))
        if operation is Operation.ATTACH and "attach" in calls:
            return (yield from self._attach(intent, context))
        name = COMMENTS.get(operation, "")
        if name in calls and intent.comment is not None:
            if operation is Operation.PUBLIC_REPLY and intent.comment.visibility is Visibility.INTERNAL:
                return Rejected("an internal comment is never written as a public reply")
            return (yield from self._say(name, intent, context))
        yield from ()
        return Rejected(f"the settings of this connection describe no request for: {operation.value}")

    def _create(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        shape = self.options.calls["create"]
        values = self.rendering.values(intent, context)
        files = yield from carried(self.options, shape, intent, values)
        if not isinstance(files, dict):
            return files
        response = yield request_of(
            self.options, "create", shape, values | files, effect=Effect.WRITE, key=context.effect_key
        )
        outcome = outcome_of(shape, response)
        if outcome is not None:
            return outcome
        number = self.new_id(shape, response, context)
        if not number and shape.get("find"):
            return (yield from self._read_back(intent, context, response))
        if not number:
            return Unknown(f"created, but nothing lies at the place of its id: {excerpt(response)}")
        return Done((yield from self._receipt(number, intent=intent)))

    def new_id(self, shape: Shape, response: HttpResponse, context: WriteContext) -> str:
        """Return the id of a new ticket: by its place in the answer or a header, or the one that we gave it."""
        place = shape.get("id")
        if isinstance(place, str) and PLACEHOLDER.search(place):
            return place.replace("{key}", context.effect_key)
        if place is False:
            # the answer names something else
            return ""
        answer = decoded(response)
        item = find(shape["answer"], answer) if "answer" in shape else answer
        if place is None:
            place = self.options.ticket.get("id")
        # a place that is the whole answer is a bare number: a page of some proxy is none
        return ident(find(place, answer if "id" in shape else item, response.headers))

    def _receipt(self, remote_id: str, comment_id: str = "", *, intent: Intent | None = None) -> Call[Receipt]:
        """Read what was written, where the desk can be asked; what it cannot tell now a later read will."""
        key = f"#{remote_id}"
        ids = (comment_id,) if comment_id else ()
        link = str(self.options.ticket.get("link") or "").replace("{ticket}", remote_id)
        bare = Receipt(remote_id=remote_id, key=key, url=link, comment_id=comment_id, change_ids=ids)
        if "read" not in self.options.calls:
            return bare
        try:
            ticket = yield from read(self.reader, remote_id)
        except TransportError:
            return bare
        return receipt_of(ticket, comment_id, intent) if ticket is not None else bare

    def _update(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Send the requests that these fields need, one an attempt."""
        shapes = self._telling(self.options.updates, intent)
        done = int(context.steps.get(SENT, 0))
        values = self.rendering.values(intent, context)
        if done >= len(shapes):
            return Done((yield from self._receipt(context.remote_id)))
        shape = shapes[done]
        etag = ""
        over = "body" in fields_for(shape) & set(intent.fields) and "body" in self.options.ticket
        if shape.get("if_match") or (over and "read" in self.options.calls):
            before = yield from self._before(context.remote_id)
            if not isinstance(before, RemoteTicket):
                return before
            etag = before.version_token if shape.get("if_match") else ""
            values |= self.rendering.over(intent, before) if over else {}
        values |= {"etag": etag} if etag else {}
        request = request_of(
            self.options, "update", shape, values, effect=Effect.WRITE,
            key=f"{context.effect_key}-{done}" if done else context.effect_key,
        )  # fmt: skip
        if etag and not any(name.lower() == "if-match" for name in request.headers):
            request = msgspec.structs.replace(request, headers={**request.headers, "If-Match": etag})
        response = yield request
        outcome = outcome_of(shape, response)
        if outcome is not None:
            return outcome
        if done + 1 < len(shapes):
            return Progress({SENT: done + 1})
        return (yield from self._landed(intent, context, response))

    def _telling(self, shapes: Sequence[Shape], intent: Intent) -> list[Shape]:
        """Return the requests in which a field of an intent says something."""
        values = self.rendering.values(intent, WriteContext(""))
        return [shape for shape in shapes if any(_tells(shape, name, values) for name in intent.fields)]

    def _before(self, remote_id: str) -> Call[RemoteTicket | Outcome]:
        try:
            ticket = yield from read(self.reader, remote_id)
        except TransportError as error:
            return NotSent(f"the ticket could not be read first: {error}")
        return ticket if ticket is not None else Rejected(f"there is no ticket {remote_id}")

    def _landed(self, intent: Intent, context: WriteContext, response: HttpResponse) -> Call[Outcome]:
        """Read back what was changed, where that can be: an answer that is no JSON proves nothing by itself."""
        if "read" not in self.options.calls:
            return Done(Receipt(remote_id=context.remote_id))
        try:
            ticket = yield from read(self.reader, context.remote_id)
        except TransportError as error:
            return Unknown(f"written, but it could not be read back: {error}")
        if ticket is None:
            return Unknown("written, but the ticket is not there to be read back")
        if not is_json(response) and response.body and self.rendering.differs(intent, ticket):
            return Unknown(f"the answer is not the desk's: {excerpt(response)}")
        return Done(receipt_of(ticket))

    def _attach(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Put a file there; a desk whose answer does not name it is asked for the ticket's files."""
        eyes = self.rendering.eyes(visible_of(intent))
        outcome = yield from attach(self.options, intent, context, eyes)
        if isinstance(outcome, Unknown) and reads_files(self.given):
            try:
                found = look((yield from read(self.reader, context.remote_id)), intent, context)
            except TransportError:
                return outcome
            return Done(found.receipt) if isinstance(found, Found) else outcome
        return outcome

    def _say(self, name: str, intent: Intent, context: WriteContext) -> Call[Outcome]:
        shape = self.options.calls[name]
        values = self.rendering.values(intent, context)
        files = yield from carried(self.options, shape, intent, values)
        if not isinstance(files, dict):
            return files
        response = yield request_of(
            self.options, name, shape, values | files, effect=Effect.WRITE, key=context.effect_key
        )
        outcome = outcome_of(shape, response)
        if outcome is not None:
            return outcome
        answer = decoded(response)
        item = find(shape["answer"], answer) if "answer" in shape else answer
        place = shape.get("id", self.options.comment.get("id"))
        if isinstance(place, str) and PLACEHOLDER.search(place):
            return Done(Receipt(remote_id=context.remote_id, comment_id=place.replace("{key}", context.effect_key)))
        number = ident(find(place, answer if "id" in shape else item, response.headers)) if place else ""
        if not number and finds(self.given, name):
            return (yield from self._read_back(intent, context, response))
        if not number and place is not None:
            return Unknown(f"written, but nothing lies at the place of the comment's id: {excerpt(response)}")
        return Done((yield from self._receipt(context.remote_id, number, intent=intent)))

    def _read_back(self, intent: Intent, context: WriteContext, response: HttpResponse) -> Call[Outcome]:
        """Find what was just written: the answer of this desk does not name it."""
        finding = yield from self.probe(intent, context)
        if isinstance(finding, Found):
            return Done(finding.receipt)
        return Unknown(f"written, but nothing lies at the place of its id, nor is it found yet: {excerpt(response)}")

    # ------------------------------------------------------------ finding

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an attempt; anything that keeps us from looking is Unsure."""
        try:
            match intent.operation:
                case Operation.CREATE:
                    found = yield from self._made(context)
                    return Found(receipt_of(found[0], intent=intent)) if found else Absent()
                case Operation.SET_FIELDS:
                    return (yield from self._stands(intent, context))
                case Operation.ATTACH:
                    return look((yield from read(self.reader, context.remote_id)), intent, context)
                case _:
                    return (yield from self._said(intent, context))
        except TransportError as error:
            return Unsure(str(error))

    def _made(self, context: WriteContext) -> Call[list[RemoteTicket]]:
        """Return the tickets that bear our mark. Raises where nothing searches for one."""
        shape = (self.options.calls.get("create") or {}).get("find")
        if not isinstance(shape, Mapping):
            msg = "the settings describe no search for our mark"
            raise TransportError(msg)
        found: list[RemoteTicket] = []
        page = ""
        for _ in range(MOST_PAGES):
            response = yield paged(self.options, "find", shape, {"key": context.effect_key}, page)
            if is_missing(shape, response) and response.status != 403:
                break
            answer = answer_of(shape, response)
            listed = find(shape["list"], answer) if "list" in shape else answer
            listed = listed if isinstance(listed, list) else [listed] if listed else []
            found += yield from self._bearing(context.effect_key, listed, response)
            before, page = page, next_page(shape, response, listed, page) if "paging" in shape else ""
            if not page or page == before:
                break
        return found

    def _bearing(self, key: str, listed: list[Any], response: HttpResponse) -> Call[list[RemoteTicket]]:
        """Return those of the listed tickets that bear a mark; one that is listed without any is read."""
        found = []
        marker = self.options.ticket.get("marker")
        for each in listed:
            ticket = self.reader.ticket(each, response.headers)
            told = isinstance(each, Mapping) and is_there(marker, each)
            if ticket is not None and not ticket.marker and not told and "read" in self.options.calls:
                ticket = yield from read(self.reader, ticket.remote_id)
            if ticket is not None and ticket.marker == key:
                found.append(ticket)
        return found

    def _stands(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        ticket = yield from read(self.reader, context.remote_id)
        if ticket is None:
            return Absent()
        return Absent() if self.rendering.differs(intent, ticket) else Found(receipt_of(ticket))

    def _said(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        ticket = yield from read(self.reader, context.remote_id)
        if ticket is None:
            return Absent()
        for comment in self._ours(ticket, intent, context):
            return Found(receipt_of(ticket, comment, intent))
        return Absent()

    def _ours(self, ticket: RemoteTicket, intent: Intent, context: WriteContext) -> list[str]:
        """Return the comments that this update wrote: by their mark, or by words, author and time."""
        by = finds(self.given, COMMENTS.get(intent.operation, ""))
        if by == "marker":
            return [each.remote_id for each in ticket.comments if each.marker == context.effect_key]
        if by != "words" or intent.comment is None:
            return []
        wanted = " ".join(to_plain(intent.comment.body).split())
        since = (context.first_sent_at or EPOCH) - SKEW
        return [
            each.remote_id
            for each in ticket.comments
            if " ".join(to_plain(each.body).split()) == wanted
            and each.at >= since
            and not each.marker
            and each.visibility is intent.comment.visibility
            and each.remote_id not in context.known_comments
            and by_us(self.options, self.learnt, each.author) is True
        ]

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count what bears the mark of an update."""
        if intent.operation is Operation.CREATE:
            made = yield from self._made(context)
            return Sighting(copies=tuple(Copy(each.remote_id, each.created_at) for each in made))
        ticket = yield from read(self.reader, context.remote_id)
        if ticket is None or intent.operation in {Operation.SET_FIELDS, Operation.ATTACH}:
            return Sighting()
        ours = self._ours(ticket, intent, context)
        at = {each.remote_id: each.at for each in ticket.comments}
        return Sighting(copies=tuple(Copy(each, at.get(each)) for each in ours))


def receipt_of(ticket: RemoteTicket, comment_id: str = "", intent: Intent | None = None) -> Receipt:
    """Return the receipt of a write after which the ticket looked like this."""
    return Receipt(
        remote_id=ticket.remote_id,
        key=ticket.key,
        url=ticket.url,
        version=ticket.version,
        version_token=ticket.version_token,
        observed=msgspec.structs.replace(ticket, comments=(), attachments=()),
        at=ticket.updated_at,
        comment_id=comment_id,
        change_ids=(comment_id,) if comment_id else (),
        file_ids=brought(ticket, intent, comment_id) if intent is not None else (),
    )


def _tells(shape: Shape, name: str, values: Mapping[str, Any]) -> bool:
    """Say whether a request says something of a field: its value, or by being sent for it (an address that closes)."""
    asked, is_custom = shape.get("for"), name.startswith(CUSTOM)
    if asked and ("custom" if is_custom else name) not in asked:
        return False
    places = {*CARRIES.get(name, (name,))} & {*placeholders(body_of(shape))}
    if places or is_custom:
        return bool(places & values.keys())
    return bool(asked) and (name in values or name not in {"status", "priority", "kind"})
