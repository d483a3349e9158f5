"""Intercom, both ways: tickets, and conversations that are none."""

from __future__ import annotations

from connectors.intercom.connector import SPEC, IntercomConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, IntercomConnector)
