"""ServiceNow, both ways: incidents and other tasks by the Table API, with comments, work notes and attachments."""

from __future__ import annotations

from connectors.sdk import Plugin, hookimpl
from connectors.servicenow.connector import SPEC, ServiceNowConnector


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, ServiceNowConnector)
