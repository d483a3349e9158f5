"""Bodies that nobody should send: parse reads them or says in one line why not, soon, and never anything else."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator
from datetime import UTC
from typing import Any

import msgspec
import yaml

from connectors.sdk import Connector, Envelope, Event, Handshake, IncomingRequest, UnreadableError
from connectors.testing.bench import Bench, Sink
from connectors.testing.conformance.samples import written
from connectors.testing.conformance.stand import Stand, raw

#: values of every wrong type, and texts that break careless code
WRONG: tuple[Any, ...] = (
    None, True, 0, -1, 10**30, 1.5, "", "x", "\x00", "\ud83d\ude00", "\u202e\u200f", "<script>alert(1)</script>",
    "9" * 400,
    "2026-13-45T99:99:99Z", "9999-12-31T23:59:59+00:00", "0001-01-01T00:00:00-12:00", [], {}, [[]], [None], {"a": {}},
    {"id": None}, [{"id": []}], "a" * 70_000,
)  # fmt: skip
BODIES: tuple[bytes, ...] = (
    b"", b" ", b"null", b"true", b"1", b'""', b"[]", b"{}", b"[[[[", b'{"a":', b"\xff\xfe\x00", b"\x00" * 64,
    b"[" * 100_000, b'{"a":' * 50_000, b'{"a":"' + b"x" * 2_000_000 + b'"}', b'{"id":1e999}',
    b'{"id":' + b"9" * 5000 + b"}",
    b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'bb'>]><a>&b;</a>", b"a=1&b=2", b"%00%ff=%zz", b"\xef\xbb\xbf{}",
    b'{"a":1,"a":2}', '{"a":"\ud800"}'.encode("utf-8", "surrogatepass"), b'{"a":"\\ud800"}',
)  # fmt: skip
MUTATIONS = 400
#: those of `WRONG` that can be written and are small; a prime number of them, so that places get others in each sample
SHORT: tuple[Any, ...] = (None, True, 0, 1.5, "", "x\x00", [], {}, [[]], [None], {"a": {}}, {"id": None}, [{"id": []}])
GONE = object()
#: far more than reading a hostile body may take, and far less than a worker's patience
SECONDS = 10.0


class Hostile(Stand):
    """Nothing but UnreadableError, whatever comes."""

    def test_no_body_breaks_the_connector(self, connector: Connector) -> None:
        """Neither its name nor its facts; an envelope never raises."""
        for body in BODIES:
            for headers in ({}, {"content-type": "application/json"}, {"content-type": "application/xml"}):
                request = IncomingRequest("POST", "/hooks/desk", {}, headers, body)
                attempt(connector, request)

    def test_no_changed_webhook_breaks_the_connector(self, there: Bench, sink: Sink, connector: Connector) -> None:
        """Real webhooks with a key dropped, a value of the wrong type, a list where an object was."""
        self.need("webhooks")
        ticket = there.open_ticket("Printer", "On fire")
        there.say(ticket, "Hello")
        chance = random.Random(ticket)
        began = time.monotonic()
        for request in self.arrived(there, sink):
            try:
                content = msgspec.json.decode(request.body)
            except msgspec.DecodeError:
                content = None
            bodies = mutations(content, chance) if content is not None else cuts(request.body, chance)
            for body in bodies:
                attempt(connector, msgspec.structs.replace(request, body=body))
        assert time.monotonic() - began < SECONDS * 6

    def test_no_changed_sample_breaks_the_connector(self, there: Bench) -> None:
        """Each of its places is once away and once wrong: a desk says most of what it can say only in samples."""
        for path in sorted(self.samples.glob("*.yaml")):
            facts = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
            request = written(path, facts)
            try:
                content = msgspec.json.decode(request.body)
            except msgspec.DecodeError:
                continue
            connector = self.plugin.factory(there.settings(**facts.get("options", {})))
            for body in each_place(content):
                attempt(connector, msgspec.structs.replace(request, body=body))

    def test_an_answer_of_any_kind_is_understood_or_refused(self, connector: Connector) -> None:
        """A webhook about a ticket whose texts are huge is read whole."""
        request = IncomingRequest("POST", "/hooks/desk", {}, {}, b"{" + b" " * 1_000_000 + b"}")
        attempt(connector, request)


def attempt(connector: Connector, request: IncomingRequest) -> tuple[Event, ...]:
    """Name and parse one request as receive and apply do; fails on anything that is not allowed."""
    began = time.monotonic()
    named = connector.envelope(request)
    found: tuple[Event, ...] = ()
    if isinstance(named, Envelope):
        assert named.source_event_id, "a delivery without a name"
        named.source_event_id.encode()
        try:
            found = connector.parse(raw(request, named))
        except UnreadableError as error:
            text = str(error)
            assert text, "an error without a word"
            assert "\n" not in text, text
            assert len(text) < 2000, "one clear line, not the whole body"
        for event in found:
            _check(event)
    else:
        assert isinstance(named, Handshake)
    assert time.monotonic() - began < SECONDS, f"{request.body[:60]!r}… took too long"
    return found


def _check(event: Event) -> None:
    assert isinstance(event, Event)
    assert event.key
    assert event.at.tzinfo is not None
    assert event.at.astimezone(UTC) == event.at
    # it can be stored: in JSON, and as text of a database
    stored = msgspec.json.encode(event)
    assert msgspec.json.encode(msgspec.json.decode(stored, type=Event)) == stored
    assert b"\\u0000" not in stored, "PostgreSQL stores no NUL"


def mutations(content: Any, chance: random.Random) -> Iterator[bytes]:
    """Yield bodies in which one or a few places are wrong."""
    places = list(_places(content))
    for _ in range(MUTATIONS):
        body = msgspec.json.decode(msgspec.json.encode(content))
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            path = chance.choice(places) if places else ()
            body = _put(body, path, chance)
        try:
            yield msgspec.json.encode(body)
        except (UnicodeEncodeError, msgspec.EncodeError, OverflowError):
            continue


def each_place(content: Any) -> Iterator[bytes]:
    """Yield bodies that lack one place, and bodies in which one is of a wrong kind: all places, the kinds in turn."""
    kinds = itertools.cycle(SHORT)
    for path in list(_places(content)):
        for wrong in (GONE, next(kinds), next(kinds)):
            body = msgspec.json.decode(msgspec.json.encode(content))
            inside = body
            for name in path[:-1]:
                inside = inside[name]
            if wrong is GONE:
                del inside[path[-1]]
            else:
                inside[path[-1]] = wrong
            yield msgspec.json.encode(body)


def cuts(body: bytes, chance: random.Random) -> Iterator[bytes]:
    """Yield parts of a body that is not JSON."""
    for _ in range(MUTATIONS // 4):
        low, high = sorted(chance.randrange(len(body) + 1) for _ in range(2))
        yield body[:low] + body[high:]


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if path:
        yield path
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, inner in members:
        yield from _places(inner, (*path, name))


def _put(content: Any, path: tuple[Any, ...], chance: random.Random) -> Any:
    """Put something wrong at one place, or take it away."""
    if not path:
        return chance.choice(WRONG)
    inside = content
    for name in path[:-1]:
        if not (isinstance(inside, dict) and name in inside) and not (
            isinstance(inside, list) and isinstance(name, int) and name < len(inside)
        ):
            return content
        inside = inside[name]
    last = path[-1]
    if isinstance(inside, dict) and last in inside:
        if chance.random() < 0.3:
            del inside[last]
        else:
            inside[last] = chance.choice(WRONG)
    elif isinstance(inside, list) and isinstance(last, int) and last < len(inside):
        inside[last] = chance.choice(WRONG)
    return content
