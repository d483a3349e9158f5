"""What a subclass gives, and the fixtures that all parts of the suite share."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import msgspec
import pytest

from connectors.sdk import (
    CommentIntent,
    Connector,
    Envelope,
    Event,
    IncomingRequest,
    Intent,
    Operation,
    Plugin,
    RawDelivery,
    RemoteTicket,
    Visibility,
    WriteContext,
)
from connectors.testing.bench import Bench, Lacking, Sink
from connectors.testing.driver import Driver
from connectors.testing.quality import read_quality

#: a webhook that has not come after this many seconds does not come
SOON = 5.0
_KEYS = itertools.count(1)


class KnownAnswer(msgspec.Struct, frozen=True):
    """A signed request from the vendor's documentation, with the secret that signed it."""

    request: IncomingRequest
    #: options of the connection that verify it, beside those of the bench
    options: dict[str, Any]
    #: when it was sent
    at: datetime
    source: str


class Stand:
    """The base of every part: a desk on the bench, a connector to it, a place for its webhooks."""

    plugin: ClassVar[Plugin]
    bench: ClassVar[type[Bench]]
    #: the folder of the connector, with its quality.yaml
    folder: ClassVar[Path]
    #: captured or documented payloads: NAME.yaml beside NAME.json (or another ending) each
    samples: ClassVar[Path]
    known_answers: ClassVar[tuple[KnownAnswer, ...]] = ()
    #: where the vendor's own payloads lie that `known_answers` are made of; they need not be there
    payloads: ClassVar[Path | None] = None
    #: seconds for which a signed delivery is fresh; None where the signature covers no time
    replay_seconds: ClassVar[int | None] = None

    # -- fixtures

    @pytest.fixture
    def sink(self) -> Iterator[Sink]:
        """Listen for webhooks."""
        found = Sink()
        yield found
        found.close()

    @pytest.fixture
    def there(self, sink: Sink) -> Iterator[Bench]:
        """Start the desk."""
        with self.bench() as bench:
            bench.desk.webhooks.url = sink.url
            yield bench

    @pytest.fixture
    def connector(self, there: Bench) -> Connector:
        """Connect to the desk."""
        return self.plugin.factory(there.settings())

    @pytest.fixture
    def driver(self, connector: Connector) -> Iterator[Driver]:
        """Run calls with a short deadline."""
        found = Driver(connector, deadline=2.0)
        yield found
        found.close()

    # -- what is lacking

    @classmethod
    def quality(cls) -> dict[str, Any]:
        """Read the connector's quality.yaml."""
        content, faults = read_quality(cls.folder)
        assert faults == []
        return content

    @classmethod
    def lacks(cls, what: str) -> bool:
        """Say whether the desk has no such thing, by the connector's own quality.yaml."""
        return what in (cls.quality().get("lacks") or {})

    @classmethod
    def need(cls, *what: str) -> None:
        """Skip a test about what the desk does not have, with the reason that stands in quality.yaml."""
        for each in what:
            if cls.lacks(each):
                pytest.skip(f"{cls.quality()['lacks'][each]}")

    # -- deliveries

    def arrived(self, there: Bench, sink: Sink, least: int = 1) -> list[IncomingRequest]:
        """Return the webhooks that came since the last time; fails when fewer than `least` come soon."""
        until = time.monotonic() + SOON
        there.desk.webhooks.flush(SOON)
        while len(sink.requests) < least and time.monotonic() < until:
            time.sleep(0.01)
        found, sink.requests[:] = list(sink.requests), []
        assert len(found) >= least, f"{len(found)} webhooks came, {least} were expected"
        return found

    def events(self, connector: Connector, requests: list[IncomingRequest], at: datetime | None = None) -> list[Event]:
        """Verify and parse webhooks as receive and apply do; `at` is when they came, where that is not now."""
        found: list[Event] = []
        for request in requests:
            connector.verify(request, at or datetime.now(UTC))
            named = connector.envelope(request)
            if isinstance(named, Envelope):
                found += connector.parse(raw(request, named))
        return found

    def whole(self, driver: Driver, ticket: str) -> RemoteTicket:
        """Read one ticket that must be there."""
        found = driver.run(driver.connector.read(ticket))
        assert found is not None, f"ticket {ticket} is not there"
        return found


def raw(request: IncomingRequest, named: Envelope) -> RawDelivery:
    """Return a delivery as receive stores it: with the headers that the envelope asked for, and no others."""
    return RawDelivery(named.source_event_id, datetime.now(UTC), named.headers, request.body)


def key() -> str:
    """Return a fresh effect key."""
    return f"{next(_KEYS):032x}"


def context(ticket: str = "", **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(key(), ticket, first_sent_at=datetime.now(UTC), **more)


def comment(operation: Operation, text: str) -> Intent:
    """Return the intent to reply, or to note."""
    public = operation is Operation.PUBLIC_REPLY
    visibility = Visibility.PUBLIC if public else Visibility.INTERNAL
    return Intent(operation, comment=CommentIntent("c1", text, visibility))


def creation(there: Bench, **fields: Any) -> Intent:
    """Return the intent to create a ticket."""
    asked = {"email": "kim@example.com", "name": "Kim"}
    given = {"title": "The net is down", "body": "Since this morning.", "requester": asked, **fields}
    return Intent(Operation.CREATE, given, params=dict(there.create_params))


def as_json(value: Any) -> Any:
    """Return a value as the ledger compares it."""
    return msgspec.json.decode(msgspec.json.encode(value))


__all__ = [
    "SOON",
    "KnownAnswer",
    "Lacking",
    "Stand",
    "as_json",
    "comment",
    "context",
    "creation",
    "key",
    "raw",
]
