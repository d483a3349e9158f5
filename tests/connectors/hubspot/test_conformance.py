"""HubSpot holds what every connector must hold."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import connectors.hubspot
from connectors.hubspot.bench import HubSpotBench
from connectors.sdk import IncomingRequest
from connectors.testing.conformance import Conformance, KnownAnswer

HERE = Path(__file__).parent
SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
CAPTURED = SHARED / "fixtures/hubspot/webhook_batch_v1_signed_contact_creation.json"
SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: the vendor's own signature of a body, of version 1
FIRST = KnownAnswer(
    IncomingRequest(
        "POST",
        "/webhook_uri",
        {},
        {"x-hubspot-signature": "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"},
        CAPTURED.read_bytes() if CAPTURED.exists() else b"",
    ),
    {"webhook_secret": SECRET},
    AT,
    "the tests of HubSpot's client for Node.js",
)
#: and of version 2, which also covers the method and the address
SECOND = KnownAnswer(
    IncomingRequest(
        "POST",
        "/webhook_uri",
        {},
        {
            "x-hubspot-signature": "9569219f8ba981ffa6f6f16aa0f48637d35d728c7e4d93d0d52efaa512af7900",
            "x-hubspot-signature-version": "v2",
            "host": "www.example.com",
        },
        b'{"example_field":"example_value"}',
    ),
    {"webhook_secret": SECRET, "webhook_url": ""},
    AT,
    "HubSpot's documentation of version 2",
)


class TestHubSpot(Conformance):
    """The simulated account."""

    plugin = connectors.hubspot.gateway_connector()
    bench = HubSpotBench
    folder = Path(connectors.hubspot.__file__).parent
    samples = HERE / "samples"
    known_answers = (FIRST, SECOND)
    payloads = CAPTURED
    replay_seconds = 300
