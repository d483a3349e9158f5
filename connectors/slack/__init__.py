"""Slack as a channel for notifications."""

from __future__ import annotations

from connectors.sdk import Plugin, hookimpl
from connectors.slack.connector import SPEC, SlackConnector


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, SlackConnector)
