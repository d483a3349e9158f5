"""A simulated GitHub, a connector to it, and a driver that runs the connector's calls over real HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.github.bench import SECRET, TOKEN, GitHubBench
from connectors.github.connector import GitHubConnector
from connectors.testing.driver import Driver
from gateway.ports import ConnectionSettings, RawDelivery

#: real payloads that others captured, beside the checkout or where GATEWAY_SHARED says; they need not be there
SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
CAPTURED = SHARED / "fixtures" / "github"


def connect(url: str = "https://api.github.com", **options: Any) -> GitHubConnector:
    """Make a connector."""
    given = {"auth": {"token": TOKEN}, "webhook_secret": SECRET, "repositories": ["acme/help"], **options}
    return GitHubConnector(ConnectionSettings("acme-github", "github", url, given))


def stored(body: bytes) -> RawDelivery:
    """Return a delivery as receive stores it."""
    return RawDelivery("delivery-1", datetime(2026, 3, 1, 12, tzinfo=UTC), {}, body)


@pytest.fixture
def bench() -> Iterator[GitHubBench]:
    """Run a simulated GitHub."""
    with GitHubBench() as found:
        yield found


@pytest.fixture
def driver(bench: GitHubBench) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(GitHubConnector(bench.settings()), deadline=2.0)
    yield found
    found.close()
