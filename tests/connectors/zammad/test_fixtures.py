"""Payloads that others captured, read one by one; they lie beside the checkout and need not be there."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.sdk import Event, EventKind, IncomingRequest, RawDelivery
from connectors.zammad.bench import ZammadBench
from connectors.zammad.connector import ZammadConnector

CAPTURED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared") / "fixtures/zammad"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not CAPTURED.exists(), reason="the captured payloads are not here")


def read(name: str) -> tuple[Event, ...]:
    """Name and read one payload."""
    bench = ZammadBench()
    connector = ZammadConnector(bench.settings())
    body = (CAPTURED / name).read_bytes()
    named = connector.envelope(IncomingRequest("POST", "/hooks/desk", {}, {"x-zammad-delivery": "d-1"}, body))
    assert named.ref == "12345"
    return connector.parse(RawDelivery(named.source_event_id, NOW, named.headers, body))


def test_every_payload_is_known() -> None:
    """A new one needs a test of its own."""
    assert {path.name for path in CAPTURED.iterdir()} == {"webhook_payload_third_party_archiver.json"}


def test_a_payload_of_somebody_elses_making_is_a_hint() -> None:
    """It says title and tags, no time: the ticket is read. Its `user` is no account that Zammad vouches for."""
    (event,) = read("webhook_payload_third_party_archiver.json")
    assert (event.kind, event.remote_id, event.at, event.version) == (EventKind.OBSERVED, "12345", NOW, 0)
    assert event.needs_read
    assert event.actor is None
    assert event.comment is None
    assert event.snapshot is not None
    assert event.snapshot.key == "12345"
    assert event.snapshot.title == "Example ticket"
    assert event.snapshot.tags == ("pdf:sign",)
