"""What a desk does not say clearly: a comment is then internal, a status unknown and a priority none.

The desk's own webhooks and answers, and the samples, with each of their members named otherwise, each value of another
type, and each word one that nobody knows: as another version of the desk, or another setting, may send them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec
import yaml

from connectors.sdk import (
    Category,
    Connector,
    Envelope,
    Event,
    IncomingRequest,
    Level,
    Priority,
    RemoteComment,
    RemoteTicket,
    Status,
    UnreadableError,
    Visibility,
)
from connectors.testing.altered import (
    NOTHING,
    UNKNOWN_NUMBER,
    UNKNOWN_WORD,
    OtherwiseError,
    Path,
    Record,
    alike,
    at,
    bodies,
    content,
    leaves,
    put,
    renamed,
    words,
)
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.samples import Samples, written
from connectors.testing.conformance.stand import raw
from connectors.testing.driver import Driver
from gateway.errors import GatewayError

SECRET = "For colleagues only"
#: a body larger than this is not altered at every place
MOST = 60_000
#: "no", in another type than a desk says it
DENIED = ("false", 0)
#: what says nothing of a status or a priority
NO_WORDS = frozenset({None, Category.UNKNOWN, Level.UNSET})


class Unsaid(Samples):
    """Webhooks, reads and samples."""

    def test_an_unclear_visibility_is_internal_in_webhooks(
        self, there: Bench, sink: Sink, connector: Connector
    ) -> None:
        """A comment that was not said to be public never is, whatever is missing, misnamed or mistyped."""
        self.need("webhooks", "internal")
        said = {}
        for public in (False, *(() if self.lacks("public") else (True,))):
            ticket = there.open_ticket("Printer", "It is on fire")
            self.arrived(there, sink)
            there.say(ticket, SECRET, public=public)
            said[public] = self.arrived(there, sink)
        for request in said[False]:
            for what, body in bodies(request.body):
                shown = _public(parsed(connector, msgspec.structs.replace(request, body=body)), SECRET)
                assert not shown, f"an internal comment is public when {what}"
        for public, internal in zip(said.get(True, ()), said[False], strict=False):
            heard = partial(_heard, connector, public)
            for what, body in unclear(public.body, internal.body, heard):
                assert heard(body) is not Visibility.PUBLIC, f"a comment is public although {what}"

    def test_an_unclear_visibility_is_internal_in_reads(self, there: Bench, driver: Driver) -> None:
        """As in webhooks: in each answer of a read."""
        self.need("internal")
        internal = self.recorded(there, driver, public=False)
        connector = driver.connector
        for place, (_, response) in enumerate(internal[1].answers):
            for what, body in bodies(response.body) if len(response.body) < MOST else ():
                found = answered(internal[1].altered(place, body), connector, internal[0])
                shown = found is not None and [each for each in found.comments if _is_public(each, SECRET)]
                assert not shown, f"answer {place + 1}: an internal comment is public when {what}"
        if self.lacks("public"):
            return
        ticket, record = self.recorded(there, driver, public=True)

        def read(place: int, body: bytes) -> Visibility | None:
            found = answered(record.altered(place, body), connector, ticket)
            return _visibility(found.comments if found is not None else ())

        for place, ((_, ours), (_, theirs)) in enumerate(zip(record.answers, internal[1].answers, strict=False)):
            for what, body in unclear(ours.body, theirs.body, partial(read, place)):
                assert read(place, body) is not Visibility.PUBLIC, f"answer {place + 1}: public although {what}"

    def test_a_sample_says_no_more_than_it_says(self, there: Bench) -> None:
        """An internal comment of a sample never becomes public, an unknown word never a status or a level."""
        for path in sorted(self.samples.glob("*.yaml")):
            facts = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
            request = written(path, facts)
            if "events" not in facts or len(request.body) > MOST:
                continue
            connector = self.plugin.factory(there.settings(**facts.get("options", {})))
            whole = parsed(connector, request)
            hidden = {each.comment.body for each in whole if each.comment and not _is_public(each.comment, "")} - {""}
            for text in hidden if not _public(whole, "") else ():
                for what, body in bodies(request.body):
                    shown = _public(parsed(connector, msgspec.structs.replace(request, body=body)), text)
                    assert not shown, f"{path.stem}: an internal comment is public when {what}"
            no_new_word(request.body, partial(heard_words, connector, request))

    def test_unknown_words_stay_unknown_in_webhooks(self, there: Bench, sink: Sink, connector: Connector) -> None:
        """A status or a priority of another version of the desk is not taken for one that we know."""
        self.need("webhooks")
        ticket = there.open_ticket("Printer", "It is on fire")
        requests = self.arrived(there, sink)
        for change in self.changed_words(there, ticket):
            change()
            requests += self.arrived(there, sink, 0)
        for request in requests:
            if len(request.body) < MOST:
                no_new_word(request.body, partial(heard_words, connector, request))

    def test_unknown_words_stay_unknown_in_reads(self, there: Bench, driver: Driver) -> None:
        """Of a ticket as it is opened, and of one whose status and priority people have set."""
        connector = driver.connector
        for touched in (False, True):
            ticket = there.open_ticket("Printer", "It is on fire")
            for change in self.changed_words(there, ticket) if touched else ():
                change()
            record = Record()
            whole = record.take(driver, connector.read(ticket))
            assert whole is not None
            for place, (_, response) in enumerate(record.answers):
                if len(response.body) < MOST:
                    no_new_word(response.body, partial(self.read_words, connector, ticket, record, place))

    # ------------------------------------------------------------ what is altered

    def changed_words(self, there: Bench, ticket: str) -> Iterator[Callable[[], None]]:
        """Yield what people do to the status and the priority of a ticket, as far as the desk has them."""
        for level in (Level.P2, Level.P3):
            if not self.lacks("priority") and level in there.levels:
                yield partial(there.set_priority, ticket, level)
                break
        for category in (Category.PENDING_CUSTOMER, Category.ON_HOLD, Category.RESOLVED):
            if not self.lacks("status") and category in there.categories:
                yield partial(there.set_status, ticket, category)
                break

    def recorded(self, there: Bench, driver: Driver, *, public: bool) -> tuple[str, Record]:
        """Return a ticket with one comment, and the answers to its read."""
        ticket = there.open_ticket("Printer", "It is on fire")
        there.say(ticket, SECRET, public=public)
        record = Record()
        found = record.take(driver, driver.connector.read(ticket))
        assert found is not None
        assert [each.visibility is Visibility.PUBLIC for each in found.comments] == [public]
        return ticket, record

    def read_words(self, connector: Connector, ticket: str, record: Record, place: int, body: bytes) -> list[Any]:
        """Return the status and the priority of a ticket in whose read one answer is another."""
        found = answered(record.altered(place, body), connector, ticket)
        return [] if found is None else [found.status, found.priority]


def parsed(connector: Connector, request: IncomingRequest) -> tuple[Event, ...]:
    """Parse a webhook; one that is refused tells nothing."""
    named = connector.envelope(request)
    if not isinstance(named, Envelope):
        return ()
    try:
        return connector.parse(raw(request, named))
    except UnreadableError:
        return ()


def answered(record: Record, connector: Connector, ticket: str) -> RemoteTicket | None:
    """Read a ticket from a record; None where it is refused, or where something else is asked for."""
    try:
        return record.answer(connector.read(ticket))
    except (GatewayError, OtherwiseError):
        return None


def unclear(public: bytes, internal: bytes, seen: Callable[[bytes], Visibility | None]) -> Iterator[tuple[str, bytes]]:
    """Yield a public comment with the words of its visibility missing, misnamed and mistyped.

    They are found by what an internal comment has in their place: with one of those, it is internal, too. Where another
    word then says it (the event beside a flag), that one is altered as well.
    """
    ways: list[tuple[str, Callable[[bytes, Path], bytes]]] = [("named otherwise", renamed)]
    ways += [(repr(new), partial(_with, new)) for new in (*NOTHING, UNKNOWN_WORD, *DENIED)]
    for what, how in ways:
        body, altered = public, dict[Path, Any]()
        while telling := _telling(body, internal, seen, altered):
            altered |= telling
            for path in telling:
                body = how(body, path)
        # "no" in another type still says that a comment is not hidden
        if altered and not (False in altered.values() and what in map(repr, DENIED)):
            yield f"{' and '.join(map(str, altered))} is {what}", body


def _telling(
    public: bytes, internal: bytes, seen: Callable[[bytes], Visibility | None], altered: Mapping[Path, Any]
) -> dict[Path, Any]:
    """Return where one word of an internal comment makes a public one internal, and what stands there."""
    theirs, found = content(internal), {}
    for path, said in leaves(content(public)):
        with suppress(KeyError, IndexError, TypeError):
            other = at(theirs, path)
            new = path and path not in altered and other != said
            if new and seen(put(public, path, other)) is Visibility.INTERNAL:
                found[path] = said
    return found


def _with(new: object, body: bytes, path: Path) -> bytes:
    return put(body, path, new)


def _heard(connector: Connector, request: IncomingRequest, body: bytes) -> Visibility | None:
    events = parsed(connector, msgspec.structs.replace(request, body=body))
    return _visibility(tuple(each.comment for each in events if each.comment is not None))


def _visibility(comments: tuple[RemoteComment, ...]) -> Visibility | None:
    """Return who may read our comment; None where it is not there."""
    found = [each.visibility for each in comments if SECRET in each.body]
    return None if not found else Visibility.PUBLIC if Visibility.PUBLIC in found else Visibility.INTERNAL


def _public(events: tuple[Event, ...], text: str) -> list[RemoteComment]:
    return [each.comment for each in events if each.comment is not None and _is_public(each.comment, text)]


def _is_public(comment: RemoteComment, text: str) -> bool:
    return comment.visibility is Visibility.PUBLIC and text in comment.body


def heard_words(connector: Connector, request: IncomingRequest, body: bytes) -> list[Any]:
    """Return the statuses and priorities of which a webhook tells."""
    events = parsed(connector, msgspec.structs.replace(request, body=body))
    shots = [event.snapshot for event in events if event.snapshot is not None]
    changes = [change.value for event in events for change in event.changes]
    return [*(value for shot in shots for value in (shot.status, shot.priority)), *changes]


def no_new_word(body: bytes, read: Callable[[bytes], list[Any]]) -> None:
    """Check that no unknown word becomes a status or a level that was not there.

    Where another word says it (a category beside a name that is not known), that one made unknown makes it unknown.
    """
    there = {_word(value) for value in read(body)}
    for what, other in words(body) if there - {None} else ():
        for value in read(other):
            word = _word(value)
            if word in there | NO_WORDS or (isinstance(word, Level) and str(UNKNOWN_NUMBER) in what):
                continue
            says = any(found and word not in found for found in _further(other, read))
            assert says, f"{what}, and it is {value}"


def _further(body: bytes, read: Callable[[bytes], list[Any]]) -> Iterator[set[Any]]:
    """Yield what is read where one more word is unknown, wherever it stands."""
    for other in alike(body):
        yield {_word(value) for value in read(other)}


def _word(value: Any) -> Any:
    return value.category if isinstance(value, Status) else value.level if isinstance(value, Priority) else None


__all__ = ["Unsaid"]
