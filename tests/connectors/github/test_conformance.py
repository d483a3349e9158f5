"""GitHub holds what every connector must hold."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import connectors.github
from connectors.github.bench import GitHubBench
from connectors.sdk import IncomingRequest
from connectors.testing.conformance import Conformance, KnownAnswer

#: the vendor's own example of a signed webhook [I1]
KNOWN = KnownAnswer(
    IncomingRequest(
        "POST",
        "/hooks/acme-github",
        {},
        {"x-hub-signature-256": "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"},
        b"Hello, World!",
    ),
    {"webhook_secret": "It's a Secret to Everybody"},
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    "docs.github.com, Validating webhook deliveries",
)


class TestGitHub(Conformance):
    """The simulated account."""

    plugin = connectors.github.gateway_connector()
    bench = GitHubBench
    folder = Path(connectors.github.__file__).parent
    samples = Path(__file__).parent / "samples"
    known_answers = (KNOWN,)
