"""Payloads that others captured are read into the right facts; they lie beside the project, and need not be there."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.hubspot.connector import HubSpotConnector
from connectors.sdk import Envelope, IncomingRequest, RawDelivery
from gateway.ports import ConnectionSettings

SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
FOLDER = SHARED / "fixtures/hubspot"
#: file -> why it is none of our business
IGNORED = {
    "webhook_batch_contact_creation.json": "a contact was created, which is no ticket",
    "webhook_batch_v1_signed_contact_creation.json": "a contact was created, which is no ticket",
}


@pytest.fixture
def connector() -> HubSpotConnector:
    """Connect with what the vendor's tests sign with."""
    options = {"auth": {"token": "t"}, "app_id": 54321, "webhook_secret": "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"}
    return HubSpotConnector(ConnectionSettings("acme", "hubspot", "https://api.hubapi.com", options))


def files() -> list[Path]:
    """Return the captured webhooks; skips where there are none."""
    if not FOLDER.is_dir():
        pytest.skip("the captured payloads are not here")
    return sorted(FOLDER.glob("webhook_*.json"))


def test_every_captured_webhook_is_known() -> None:
    """None is passed over in silence."""
    assert {path.name for path in files()} == set(IGNORED)


def test_what_is_not_about_tickets_is_ignored(connector: HubSpotConnector) -> None:
    """It is named and understood, and there is nothing in it for us."""
    for path in files():
        request = IncomingRequest("POST", "/hooks/acme", {}, {}, path.read_bytes())
        named = connector.envelope(request)
        assert isinstance(named, Envelope)
        assert named.source_event_id.startswith("batch:")
        assert named.ref == ""
        at = datetime(2026, 3, 1, tzinfo=UTC)
        assert connector.parse(RawDelivery(named.source_event_id, at, named.headers, request.body)) == (), path.name


def test_the_vendors_own_signature_holds(connector: HubSpotConnector) -> None:
    """Of the bytes that its tests sign."""
    (path,) = [each for each in files() if "v1_signed" in each.name]
    headers = {"x-hubspot-signature": "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"}
    request = IncomingRequest("POST", "/hooks/acme", {}, headers, path.read_bytes())
    connector.verify(request, datetime(2026, 3, 1, tzinfo=UTC))
