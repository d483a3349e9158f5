"""HubSpot tickets, both ways: fields, notes, and replies in the ticket's conversation."""

from __future__ import annotations

from connectors.hubspot.connector import SPEC, HubSpotConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, HubSpotConnector)
