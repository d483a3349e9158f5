"""A mailbox by IMAP and SMTP: conversations by mail, kept as tickets."""

from __future__ import annotations

from connectors.email.connector import SPEC, EmailConnector
from connectors.sdk import Plugin, hookimpl


@hookimpl
def gateway_connector() -> Plugin:
    """Return the connector of this package."""
    return Plugin(SPEC, EmailConnector)
