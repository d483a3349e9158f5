"""Dynamics 365 Customer Service, both ways: cases, their fields, notes for colleagues or the portal, files."""

from __future__ import annotations

from connectors.dynamics365.connector import SPEC, Dynamics365Connector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, Dynamics365Connector)
