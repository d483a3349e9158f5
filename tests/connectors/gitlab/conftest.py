"""A simulated GitLab, a connector to it, and a driver that runs the connector's calls over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.gitlab.bench import GitLabBench
from connectors.gitlab.connector import GitLabConnector
from connectors.testing.driver import Driver


@pytest.fixture
def there() -> Iterator[GitLabBench]:
    """Run a simulated GitLab."""
    with GitLabBench() as bench:
        yield bench


@pytest.fixture
def driver(there: GitLabBench) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(GitLabConnector(there.settings()), deadline=2.0)
    yield found
    found.close()
