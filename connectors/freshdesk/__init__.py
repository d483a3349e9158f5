"""Freshdesk and Freshservice, both ways: tickets, fields, public replies and private notes."""

from __future__ import annotations

from connectors.freshdesk.connector import SPEC, FreshdeskConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, FreshdeskConnector)
