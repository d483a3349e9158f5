"""A simulated Zammad and what talks to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.testing.driver import Driver
from connectors.zammad.bench import ZammadBench
from connectors.zammad.connector import ZammadConnector


@pytest.fixture
def there() -> Iterator[ZammadBench]:
    """Start the desk."""
    with ZammadBench() as bench:
        yield bench


@pytest.fixture
def driver(there: ZammadBench) -> Iterator[Driver]:
    """Run calls of a connection to it."""
    found = Driver(ZammadConnector(there.settings()), deadline=2.0)
    yield found
    found.close()
