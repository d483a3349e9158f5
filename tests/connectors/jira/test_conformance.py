"""Jira holds what every connector must hold, as Cloud and as Data Center."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import connectors.jira
from connectors.jira.bench import JiraCloudBench, JiraDataCenterBench
from connectors.sdk import IncomingRequest
from connectors.testing.conformance import Conformance, KnownAnswer

#: the vendor's own example of a signed webhook [J1]
KNOWN = KnownAnswer(
    IncomingRequest(
        "POST",
        "/hooks/acme-jira",
        {},
        {"x-hub-signature": "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"},
        b"Hello World!",
    ),
    {"webhook_secret": "It's a Secret to Everybody"},
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    "developer.atlassian.com, Webhooks: secure admin webhooks",
)


class TestJiraCloud(Conformance):
    """A simulated site of Atlassian's cloud."""

    plugin = connectors.jira.gateway_connector()
    bench = JiraCloudBench
    folder = Path(connectors.jira.__file__).parent
    samples = Path(__file__).parent / "samples"
    known_answers = (KNOWN,)


class TestJiraDataCenter(TestJiraCloud):
    """A simulated Jira of somebody's own."""

    bench = JiraDataCenterBench
