"""A connector to a simulated number, and deliveries as Meta sends them, written by hand from its reference."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from connectors.sdk import Event, IncomingRequest, RawDelivery, hmac_hex
from connectors.whatsapp.bench import SECRET, TOKEN, VERIFY
from connectors.whatsapp.connector import WhatsAppConnector
from connectors.whatsapp.simulator import NUMBER_ID
from gateway.ports import ConnectionSettings

CUSTOMER = "15550001111"
NOW = datetime(2026, 2, 1, 9, tzinfo=UTC)
KEY = "0123456789abcdef0123456789abcdef"


def connect(url: str = "", **options: Any) -> WhatsAppConnector:
    """Make a connector."""
    given = {
        "auth": {"token": TOKEN},
        "webhook_secret": SECRET,
        "verify_token": VERIFY,
        "phone_number_id": NUMBER_ID,
        **options,
    }
    return WhatsAppConnector(ConnectionSettings("support-whatsapp", "whatsapp", url, given, deadline=2.0))


def delivery(value: dict[str, Any], *, field: str = "messages", number: str = NUMBER_ID) -> bytes:
    """Return the body of a delivery with one change."""
    held = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550783881", "phone_number_id": number},
        "contacts": [{"profile": {"name": "Test Customer"}, "wa_id": CUSTOMER}],
        **value,
    }
    change = {"value": held, "field": field}
    return msgspec.json.encode({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]})


def message(number: str = "wamid.A1=", **inside: Any) -> dict[str, Any]:
    """Return a customer's message."""
    return {"from": CUSTOMER, "id": number, "timestamp": "1769936400", **inside}


def parse(body: bytes) -> tuple[Event, ...]:
    """Parse a stored delivery."""
    return connect().parse(RawDelivery("d", NOW, {}, body))


def signed(body: bytes, secret: str = SECRET) -> IncomingRequest:
    """Return a request as Meta signs it."""
    headers = {"x-hub-signature-256": "sha256=" + hmac_hex(secret, body)}
    return IncomingRequest("POST", "/hooks/support-whatsapp", {}, headers, body)
