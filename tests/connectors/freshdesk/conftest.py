"""A simulated Freshdesk, a connector to it, and a driver that runs the connector's calls over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from connectors.freshdesk.bench import KEY, SECRET, FreshdeskBench, FreshserviceBench
from connectors.freshdesk.connector import FreshdeskConnector
from connectors.testing.driver import Driver
from gateway.ports import ConnectionSettings, RawDelivery

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def connect(url: str = "https://acme.freshdesk.com", **options: object) -> FreshdeskConnector:
    """Make a connector to the desk at `url`."""
    given = {"auth": {"api_key": KEY}, "webhook_secret": SECRET, **options}
    return FreshdeskConnector(ConnectionSettings("acme", "freshdesk", url, given))


def stored(body: bytes, name: str = "delivery-1") -> RawDelivery:
    """Return a delivery as receive stores it."""
    return RawDelivery(name, NOW, {}, body)


@pytest.fixture(params=[FreshdeskBench, FreshserviceBench], ids=["freshdesk", "freshservice"])
def there(request: pytest.FixtureRequest) -> Iterator[FreshdeskBench]:
    """Run each of the two desks."""
    with request.param() as bench:
        yield bench


@pytest.fixture
def driver(there: FreshdeskBench) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(connect(there.desk.url, product=there.product), deadline=2.0)
    yield found
    found.close()
