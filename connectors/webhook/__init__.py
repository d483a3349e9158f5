"""Any address that takes signed JSON: what an escalation's `hook` calls."""

from __future__ import annotations

from connectors.sdk import Plugin, hookimpl
from connectors.webhook.connector import SPEC, WebhookConnector


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, WebhookConnector)
