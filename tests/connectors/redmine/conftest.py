"""A simulated Redmine and what talks to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.redmine.bench import RedmineBench
from connectors.redmine.connector import RedmineConnector
from connectors.testing.driver import Driver


@pytest.fixture
def there() -> Iterator[RedmineBench]:
    """Start the desk."""
    with RedmineBench() as bench:
        yield bench


@pytest.fixture
def driver(there: RedmineBench) -> Iterator[Driver]:
    """Run calls of a connection to it."""
    found = Driver(RedmineConnector(there.settings()), deadline=2.0)
    yield found
    found.close()
