"""Salesforce Service Cloud, both ways: cases, their fields, published and private comments, files."""

from __future__ import annotations

from connectors.salesforce.connector import SPEC, SalesforceConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, SalesforceConnector)
