"""Acme Desk holds what every connector must hold."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import acme_desk
from acme_desk.bench import AcmeBench
from connectors.sdk import IncomingRequest
from connectors.testing.conformance import Conformance, KnownAnswer

#: signed with another program than ours (openssl dgst -sha256 -hmac), as the documentation of a real desk would show
KNOWN = KnownAnswer(
    IncomingRequest(
        "POST",
        "/hooks/acme",
        {},
        {
            "x-acme-delivery": "dlv-00000001",
            "x-acme-timestamp": "1772366400",
            "x-acme-signature": "sha256=e9e60a2c9f39674a872672f4cc378503377a7885956f0abb47b8f5647b314c1a",
        },
        b'{"id":"dlv-00000001","event":"agent.login","at":"2026-03-01T12:00:00Z"}',
    ),
    {"webhook_secret": "a-secret-of-the-documentation"},
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    "openssl",
)


class TestAcmeDesk(Conformance):
    """The simulated account."""

    plugin = acme_desk.gateway_connector()
    bench = AcmeBench
    folder = Path(acme_desk.__file__).parent
    samples = Path(__file__).parent / "samples"
    known_answers = (KNOWN,)
    replay_seconds = 300
