"""Planfix, both ways: tasks, their fields, comments for everybody and hidden ones, and files."""

from __future__ import annotations

from connectors.planfix.connector import SPEC, PlanfixConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, PlanfixConnector)
