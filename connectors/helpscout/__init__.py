"""Help Scout, both ways: conversations, fields, replies and notes."""

from __future__ import annotations

from connectors.helpscout.connector import SPEC, HelpScoutConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, HelpScoutConnector)
