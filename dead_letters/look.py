"""Looking before acting: the very request that a replay would send, and how the desk stands now. Reads only."""

from __future__ import annotations

from typing import Any

import msgspec

from dead_letters.model import DeadLetterError, Letter
from dead_letters.replay import Replay
from gateway.domain.event import RemoteTicket
from gateway.domain.link import COMMENT
from gateway.domain.ticket import SYNCED_FIELDS
from gateway.domain.update import Found, Unsure
from gateway.errors import GatewayError, TransportError
from gateway.flow.attempt import context_for
from gateway.flow.calls import run_reads
from gateway.flow.comments import comment_hash
from gateway.flow.fold import plain
from gateway.ports import Connector, Effect, HttpRequest, HttpResponse, Transport
from gateway.ports.http import unpacked


class Looked(msgspec.Struct, frozen=True):
    """A letter with what else its request depends on."""

    letter: Letter
    #: the rendered request of its last attempt
    stored: bytes | None = None
    known_comments: frozenset[str] = frozenset()


class Preview(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a replay would send first, or why nothing can be said about that."""

    request: HttpRequest | None = None
    note: str = ""


class Difference(msgspec.Struct, frozen=True):
    """One field, or the comment: what the update wants, how the desk shows it now, how we saw it last."""

    field: str
    ours: Any
    theirs: Any
    seen: Any
    same: bool


class Comparison(msgspec.Struct, frozen=True):
    """An update beside its remote ticket."""

    remote_id: str
    url: str
    differences: tuple[Difference, ...]
    note: str = ""

    @property
    def is_there(self) -> bool:
        """Say whether the desk shows all that the update wants."""
        return bool(self.differences) and all(each.same for each in self.differences)


def preview(looked: Looked, replay: Replay, connector: Connector, transport: Transport) -> Preview:
    """Render an update up to its first request with an effect, which is not sent; reads before it are made."""
    letter = looked.letter
    if replay.stored and looked.stored is not None:
        return Preview(unpacked(looked.stored))
    update = letter.update
    if replay.how.effect_key:
        update = msgspec.structs.replace(update, effect_key=replay.how.effect_key)
    context = context_for(update, letter.link, looked.known_comments)
    call = connector.write(replay.how.intent or update.intent, context)
    try:
        request = next(call)
        while request.effect is Effect.READ:
            request = _read(call, request, letter, connector, transport)
    except StopIteration as end:
        return Preview(note=f"nothing would be sent: {getattr(end.value, 'detail', '') or type(end.value).__name__}")
    except GatewayError as error:
        return Preview(note=f"it cannot be rendered now: {error}")
    finally:
        call.close()
    note = "an upload goes before it" if request.effect is Effect.STAGE else ""
    return Preview(request, note)


def _read(call: Any, request: HttpRequest, letter: Letter, connector: Connector, transport: Transport) -> HttpRequest:
    deadline = connector.settings.deadline
    try:
        response: HttpResponse = transport.send(connector, request, deadline=deadline, trace_id=letter.update.trace_id)
    except TransportError as error:
        after: HttpRequest = call.throw(error)
    else:
        after = call.send(response)
    return after


def find_remote(letter: Letter, connector: Connector, transport: Transport, remote_id: str = "") -> RemoteTicket | None:
    """Read the remote ticket that a creation made: the one that a person names, else the one that bears our mark.

    Returns None when no ticket bears it; raises DeadLetterError when the named one is not there, or nobody can tell.
    """
    trace = letter.update.trace_id
    deadline = connector.settings.deadline
    if not remote_id:
        context = context_for(letter.update, letter.link, frozenset())
        probing = connector.probe(letter.update.intent, context)
        finding = run_reads(probing, connector, transport, deadline=deadline, trace_id=trace)
        if isinstance(finding, Unsure):
            raise DeadLetterError(f"{connector.settings.name} cannot tell now: {finding.detail}; try again")
        if not isinstance(finding, Found) or not finding.receipt.remote_id:
            return None
        remote_id = finding.receipt.remote_id
    remote = run_reads(connector.read(remote_id), connector, transport, deadline=deadline, trace_id=trace)
    if remote is None or remote.deleted or remote.merged_into:
        gone = "is not there" if remote is None or remote.deleted else f"was merged into {remote.merged_into}"
        raise DeadLetterError(f"the ticket {remote_id} {gone} at {connector.settings.name}")
    return remote


def compare(letter: Letter, connector: Connector, transport: Transport) -> Comparison:
    """Compare what an update wants with the remote ticket as it stands now."""
    update, link = letter.update, letter.link
    try:
        remote = find_remote(letter, connector, transport, link.remote_id)
    except DeadLetterError as error:
        return Comparison(link.remote_id, link.url, (), str(error))
    if remote is None:
        return Comparison("", "", (), f"no ticket at {update.connection} bears our mark")
    wanted = dict(connector.as_read(update.intent))
    words = wanted.pop(COMMENT, "")
    rows = []
    for field, ours in sorted(wanted.items()):
        value = getattr(remote, field, msgspec.UNSET) if field in SYNCED_FIELDS else msgspec.UNSET
        theirs = None if value is msgspec.UNSET else plain(field, value)
        seen = link.observed.get(field)
        rows.append(Difference(field, ours, theirs, seen.value if seen else None, theirs == ours))
    for field, ours in sorted(update.intent.ours.items()):
        if field not in update.intent.fields and field in SYNCED_FIELDS:
            # in our words, for there is none of the desk's yet
            theirs = plain(field, value) if (value := getattr(remote, field)) is not msgspec.UNSET else None
            seen = link.observed.get(field)
            rows.append(Difference(field, ours, theirs, seen.value if seen else None, same=False))
    comment = update.intent.comment
    if comment is not None:
        mine = comment_hash(words or comment.body, comment.visibility)
        found = [
            each
            for each in remote.comments
            if each.marker == update.effect_key or comment_hash(each.body, each.visibility) == mine
        ]
        there = found[0].body if found else None
        rows.append(Difference("comment", comment.body, there, None, bool(found)))
    return Comparison(remote.remote_id, remote.url or link.url, tuple(rows))
