"""WhatsApp by Meta's Cloud API: conversations with customers, kept as tickets."""

from __future__ import annotations

from connectors.sdk import Plugin, hookimpl
from connectors.whatsapp.connector import SPEC, WhatsAppConnector


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, WhatsAppConnector)
