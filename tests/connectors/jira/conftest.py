"""A simulated Jira, a connector to it, and a driver that runs the connector's calls over real HTTP."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.jira.bench import SECRET, JiraCloudBench, JiraDataCenterBench
from connectors.jira.connector import JiraConnector
from connectors.testing.driver import Driver
from gateway.ports import ConnectionSettings, RawDelivery

#: real payloads that others captured, beside the checkout or where GATEWAY_SHARED says; they need not be there
SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
CAPTURED = SHARED / "fixtures" / "jira"


def connect(url: str = "https://acme.atlassian.net", **options: Any) -> JiraConnector:
    """Make a connector to the Jira at `url`."""
    given = {"auth": {"email": "gateway@desk.example", "api_token": "t"}, "webhook_secret": SECRET, **options}
    return JiraConnector(ConnectionSettings("acme-jira", "jira", url, given))


def stored(body: bytes) -> RawDelivery:
    """Return a delivery as receive stores it."""
    return RawDelivery("delivery-1", datetime(2026, 3, 1, 12, tzinfo=UTC), {}, body)


@pytest.fixture(params=[JiraCloudBench, JiraDataCenterBench], ids=["cloud", "data_center"])
def bench(request: pytest.FixtureRequest) -> Iterator[JiraCloudBench]:
    """Run a simulated Jira of each deployment."""
    with request.param() as found:
        yield found


@pytest.fixture
def driver(bench: JiraCloudBench) -> Iterator[Driver]:
    """Run calls with a short deadline."""
    found = Driver(JiraConnector(bench.settings()), deadline=2.0)
    yield found
    found.close()
