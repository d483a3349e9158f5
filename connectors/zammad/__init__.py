"""Zammad, both ways: tickets, fields, articles for customers and for colleagues, and their files."""

from __future__ import annotations

from connectors.sdk import Plugin, hookimpl
from connectors.zammad.connector import SPEC, ZammadConnector


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, ZammadConnector)
