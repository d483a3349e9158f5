"""A simulated Planfix and what talks to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.planfix.bench import PlanfixBench
from connectors.planfix.connector import PlanfixConnector
from connectors.testing.driver import Driver


@pytest.fixture
def there() -> Iterator[PlanfixBench]:
    """Start the desk."""
    with PlanfixBench() as bench:
        yield bench


@pytest.fixture
def driver(there: PlanfixBench) -> Iterator[Driver]:
    """Run calls of a connection to it."""
    found = Driver(PlanfixConnector(there.settings()), deadline=2.0)
    yield found
    found.close()
