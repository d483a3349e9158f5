"""Zendesk Support, both ways: tickets, fields, public replies and internal notes."""

from __future__ import annotations

from connectors.sdk import Plugin, hookimpl
from connectors.zendesk.connector import SPEC, ZendeskConnector


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, ZendeskConnector)
