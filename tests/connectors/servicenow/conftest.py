"""A simulated instance, a connector to it, and a driver that runs the connector's calls over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.servicenow.bench import ServiceNowBench
from connectors.servicenow.connector import ServiceNowConnector
from connectors.testing.driver import Driver


@pytest.fixture
def there() -> Iterator[ServiceNowBench]:
    """Run a simulated instance."""
    with ServiceNowBench() as bench:
        yield bench


@pytest.fixture
def driver(there: ServiceNowBench) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(ServiceNowConnector(there.settings()), deadline=2.0)
    yield found
    found.close()
