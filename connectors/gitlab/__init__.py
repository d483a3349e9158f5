"""GitLab issues and Service Desk, both ways: issues, notes, internal notes, labels and uploads."""

from __future__ import annotations

from connectors.gitlab.connector import SPEC, GitLabConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, GitLabConnector)
