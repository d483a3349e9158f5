"""Jira and Jira Service Management, Cloud and Data Center: issues as tickets, both ways."""

from __future__ import annotations

from connectors.jira.connector import SPEC, JiraConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, JiraConnector)
