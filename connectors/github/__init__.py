"""GitHub Issues as tickets, both ways: on github.com and on an Enterprise Server."""

from __future__ import annotations

from connectors.github.connector import SPEC, GitHubConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, GitHubConnector)
