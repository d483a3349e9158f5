"""A simulated org, a connector to it, and a driver that runs the connector's calls over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.salesforce.bench import SECRET, TOKEN, SalesforceBench
from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.simulator import SalesforceSimulator
from connectors.sdk import ConnectionSettings, Event, IncomingRequest, RawDelivery, WriteContext
from connectors.testing.driver import Driver

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
CASE, USER = "5005j00000QpVbEAAV", "0055j000003xYzAAAU"


def connect(url: str = "https://acme.my.salesforce.com", **options: Any) -> SalesforceConnector:
    """Make a connector to an org."""
    given = {"auth": {"token": TOKEN}, "webhook_secret": SECRET, **options}
    return SalesforceConnector(ConnectionSettings("acme", "salesforce", url, given))


def posted(body: bytes, headers: dict[str, str] | None = None, **query: str) -> IncomingRequest:
    """Return a request to our endpoint."""
    return IncomingRequest("POST", "/hooks/acme", query, headers or {}, body)


def facts(body: bytes, **options: Any) -> tuple[Event, ...]:
    """Return what is read from a delivery."""
    return connect(**options).parse(RawDelivery("delivery-1", AT, {}, body))


def first_attempt(key: str, case: str = "", **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(key, case, first_sent_at=datetime.now(UTC), **more)


@pytest.fixture
def bench() -> Iterator[SalesforceBench]:
    """Run an org."""
    with SalesforceBench() as found:
        yield found


@pytest.fixture
def desk(bench: SalesforceBench) -> SalesforceSimulator:
    """Return the simulated org."""
    return bench.desk


@pytest.fixture
def driver(bench: SalesforceBench) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(SalesforceConnector(bench.settings()), deadline=2.0)
    yield found
    found.close()
