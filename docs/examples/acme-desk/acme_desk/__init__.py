"""Acme Desk, both ways: tickets, fields, public replies, internal notes and files."""

from __future__ import annotations

from acme_desk.connector import SPEC, AcmeConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, AcmeConnector)
