"""Zendesk holds what every connector must hold."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import connectors.zendesk
from connectors.sdk import IncomingRequest
from connectors.testing.conformance import Conformance, KnownAnswer
from connectors.zendesk.bench import ZendeskBench

HERE = Path(__file__).parent
CAPTURED = Path(__file__).parents[4] / "shared/fixtures/zendesk/webhook_event_user_group_membership_created.json"
#: the vendor's own signature of a captured body; the secret is used as text, not decoded
KNOWN = KnownAnswer(
    IncomingRequest(
        "POST",
        "/hooks/acme-zendesk",
        {},
        {
            "x-zendesk-webhook-signature": "10IqYzYTLHRftNsNE+im0DeOM6/JactIRuy0XCHJ9B8=",
            "x-zendesk-webhook-signature-timestamp": "1234",
        },
        CAPTURED.read_bytes() if CAPTURED.exists() else b"",
    ),
    {"webhook_secret": "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="},
    datetime(2026, 3, 1, 12, tzinfo=UTC),
    "a captured webhook of Zendesk",
)


class TestZendesk(Conformance):
    """The simulated account."""

    plugin = connectors.zendesk.gateway_connector()
    bench = ZendeskBench
    folder = Path(connectors.zendesk.__file__).parent
    samples = HERE / "samples"
    known_answers = (KNOWN,)
    payloads = CAPTURED
