"""A simulated HubSpot, a connector to it, and a driver that runs the connector's calls over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.hubspot.bench import HubSpotBench
from connectors.hubspot.connector import HubSpotConnector
from connectors.testing.driver import Driver


@pytest.fixture
def bench() -> Iterator[HubSpotBench]:
    """Run a simulated account."""
    with HubSpotBench() as found:
        yield found


@pytest.fixture
def hubspot(bench: HubSpotBench) -> HubSpotConnector:
    """Connect to it."""
    return HubSpotConnector(bench.settings())


@pytest.fixture
def driver(hubspot: HubSpotConnector) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(hubspot, deadline=2.0)
    yield found
    found.close()
