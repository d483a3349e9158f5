"""Redmine, both ways: issues, their fields, notes for everybody and private ones, and files."""

from __future__ import annotations

from connectors.redmine.connector import SPEC, RedmineConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, RedmineConnector)
