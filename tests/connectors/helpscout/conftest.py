"""A simulated Help Scout, a connector to it, and a driver that runs the connector's calls over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from connectors.helpscout.bench import CLIENT, CLIENT_SECRET, SECRET, HelpScoutBench
from connectors.helpscout.connector import HelpScoutConnector
from connectors.testing.bench import Sink
from connectors.testing.driver import Driver
from gateway.ports import ConnectionSettings, RawDelivery

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def connect(url: str = "https://api.helpscout.net", **options: object) -> HelpScoutConnector:
    """Make a connector to the desk at `url`."""
    given = {
        "auth": {"client_id": CLIENT, "client_secret": CLIENT_SECRET},
        "webhook_secret": SECRET,
        "mailboxes": {"Support": 85},
        **options,
    }
    return HelpScoutConnector(ConnectionSettings("acme", "helpscout", url, given))


def stored(body: bytes, event: str = "", name: str = "delivery-1") -> RawDelivery:
    """Return a delivery as receive stores it."""
    return RawDelivery(name, NOW, {"x-helpscout-event": event} if event else {}, body)


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Listen for webhooks."""
    found = Sink()
    yield found
    found.close()


@pytest.fixture
def there(sink: Sink) -> Iterator[HelpScoutBench]:
    """Run a desk."""
    with HelpScoutBench() as bench:
        bench.desk.webhooks.url = sink.url
        yield bench


@pytest.fixture
def driver(there: HelpScoutBench) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(connect(there.desk.url), deadline=2.0)
    yield found
    found.close()
