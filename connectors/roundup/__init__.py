"""Roundup: issues by its REST interface, changes by polls, one create by its post-once-exactly addresses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connectors.roundup.connection import Roundup, of_tracker
from connectors.roundup.mapping import STATUSES
from connectors.roundup.options import POE_LIFETIME
from connectors.sdk import (
    API_VERSION,
    Attaching,
    Category,
    ConnectionSettings,
    Connector,
    ConnectorSpec,
    Level,
    Naming,
    Operation,
    OperationClaim,
    Plugin,
    Setting,
    Strategy,
    hookimpl,
)

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}

SPEC = ConnectorSpec(
    name="roundup",
    title="Roundup",
    api_version=API_VERSION,
    settings=(
        Setting("account", _TEXT, help="User name of the gateway, where a token (JWT) takes the place of a password."),
        Setting(
            "web",
            {"type": "string", "pattern": "^https?://"},
            help="The tracker's own address ([tracker] web of config.ini), where the gateway reaches it by another.",
        ),
        Setting(
            "statuses",
            {"type": "object", "additionalProperties": {"enum": [category.value for category in Category]}},
            help="What the statuses of your tracker mean; the first of a meaning is the one that is written.",
        ),
        Setting(
            "priorities",
            {"type": "object", "additionalProperties": {"enum": [level.value for level in Level]}},
            help="What the priorities of your tracker mean; the first of a level is the one that is written.",
        ),
        Setting(
            "issues",
            {
                "type": "object",
                "properties": {
                    name: {"type": "string", "pattern": r"^[A-Za-z_]\w*$", "description": "a name of schema.py"}
                    for name in ("class", "assignee", "tags")
                },
                "additionalProperties": False,
            },
            help="How the schema calls its tickets: {class: bug, assignee: assignee, tags: keywords} in devel.",
        ),
        Setting("ticket_marker", _TEXT, help="Text property of issues that shows our mark beside the message's own."),
        Setting("private", _TEXT, help="Boolean property of messages that keeps one from customers."),
    ),
    operations={
        Operation.CREATE: OperationClaim(Strategy.KEY, settle=10, key_ttl=POE_LIFETIME, probe=True),
        Operation.SET_FIELDS: OperationClaim(Strategy.CONDITIONAL, settle=10, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=10),
    },
    # REST has no history: who set a field last cannot be told
    sees=frozenset({Operation.CREATE, Operation.PUBLIC_REPLY}),
    addresses=(
        Naming(r"/issue(?P<name>\d+)(?:[?#]|$)"),
    ),
    words=(
        Naming(r"\bissue(?P<name>\d{1,12})\b"),
    ),
    keeps_references="what its messages name",
    open_to_all=True,
    readable_fields=frozenset({"title", "body", "priority", "status", "assignee", "tags"}),
    writable_fields=frozenset({"title", "priority", "status", "assignee", "tags"}),
    webhooks=False,
    custom_fields=True,
    agents_every=timedelta(minutes=10),
    attaching=Attaching.WITH_COMMENT,
    internal_files=False,
    statuses=tuple(STATUSES),
    create_params=(
        Setting("properties", {"type": "object"}, help="Other properties of a new issue, by name."),
    ),
    narrow=of_tracker,
)  # fmt: skip


def connect(settings: ConnectionSettings) -> Connector:
    """Make the connector of one connection; raises ConfigError when its settings are not usable."""
    return Roundup(SPEC, settings)


@hookimpl
def gateway_connector() -> Plugin:
    """Return this connector."""
    return Plugin(SPEC, connect)
