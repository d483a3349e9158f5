"""A simulated Intercom, a connector to it, and a driver that runs the connector's calls over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.intercom.bench import IntercomBench
from connectors.intercom.connector import IntercomConnector
from connectors.testing.driver import Driver


@pytest.fixture
def bench() -> Iterator[IntercomBench]:
    """Run a simulated workspace."""
    with IntercomBench() as found:
        yield found


@pytest.fixture
def intercom(bench: IntercomBench) -> IntercomConnector:
    """Connect to it."""
    return IntercomConnector(bench.settings())


@pytest.fixture
def driver(intercom: IntercomConnector) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(intercom, deadline=2.0)
    yield found
    found.close()
