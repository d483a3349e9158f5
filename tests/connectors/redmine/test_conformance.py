"""Redmine holds what every connector must hold."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import connectors.redmine
from connectors.redmine.bench import RedmineBench
from connectors.sdk import IncomingRequest
from connectors.testing.conformance import Conformance, KnownAnswer

HERE = Path(__file__).parent
#: what Redmine's own unit test signs (test/unit/webhook_test.rb); GitHub's documentation has the same pair
KNOWN = KnownAnswer(
    IncomingRequest(
        "POST",
        "/hooks/desk",
        {},
        {
            "x-redmine-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
        },
        b"Hello, World!",
    ),
    {"webhook_secret": "It's a Secret to Everybody"},
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    "Redmine's own unit test of its signature",
)


class TestRedmine(Conformance):
    """The simulated desk."""

    plugin = connectors.redmine.gateway_connector()
    bench = RedmineBench
    folder = Path(connectors.redmine.__file__).parent
    samples = HERE / "samples"
    known_answers = (KNOWN,)
