"""Request Tracker 5 and 6: tickets by REST 2, webhooks by the scrip in rt/, exactly once by markers and read-back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from connectors.request_tracker.calls.files import LARGEST
from connectors.request_tracker.connection import RequestTracker
from connectors.request_tracker.mapping import STATUSES
from connectors.sdk import (
    API_VERSION,
    Attaching,
    Category,
    ConnectionSettings,
    Connector,
    ConnectorSpec,
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
    name="request_tracker",
    title="Request Tracker",
    api_version=API_VERSION,
    settings=(
        Setting("account", _TEXT, help="Login of the gateway's user, where the token does not say whose it is."),
        Setting(
            "statuses",
            {"type": "object", "additionalProperties": {"enum": [category.value for category in Category]}},
            help="What the statuses of your own lifecycles mean, beside RT's default ones.",
        ),
        Setting(
            "initial_statuses",
            {"type": "array", "items": _TEXT},
            help="Statuses that a new ticket may have (lifecycle: on_create); others are set after creation.",
        ),
        Setting(
            "priorities",
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {level: {"type": "integer"} for level in ("P1", "P2", "P3", "P4")},
            },
            help="RT's number for each level; a number read means the highest level that it reaches.",
        ),
        Setting("ticket_marker", _TEXT, help="Custom field of tickets for our mark. Default: ExternalRef."),
        Setting("comment_marker", _TEXT, help="Custom field of transactions for our mark. Default: GatewayKey."),
    ),
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=10, needs_fact="marker_ticket"),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=10, probe=True),
        # Without the marker field a comment is found by its words, author and time: the claim holds all the same.
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=10),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=10),
        Operation.UNDO: OperationClaim(Strategy.NATURAL, settle=10),
    },
    sees=frozenset({Operation.CREATE, Operation.SET_FIELDS, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    # REST 2 has no way to delete a transaction
    undoes=frozenset({Operation.CREATE}),
    addresses=(
        Naming(r"/Ticket/(?:Display|History|Modify|Update)\.html\?(?:.*[&;])?id=(?P<name>\d+)"),
        Naming(r"/REST/[12]\.0/ticket/(?P<name>\d+)"),
    ),
    words=(
        Naming(r"(?i)\bRT[ -]?(?:ticket )?#?(?P<name>\d{1,12})\b"),
        Naming(r"\[[\w. -]{1,60} #(?P<name>\d{1,12})\]"),
    ),
    keeps_references="links (RefersTo, ReferredToBy), ExternalRef, custom fields",
    readable_fields=frozenset({"title", "body", "priority", "status", "queue", "assignee"}),
    writable_fields=frozenset({"title", "priority", "status", "queue", "assignee"}),
    due_kinds=frozenset(),
    custom_fields=True,
    # nobody goes and comes here: only accounts are enabled and disabled
    agents_every=timedelta(minutes=10),
    attaching=Attaching.WITH_COMMENT,
    max_file=LARGEST,
    statuses=tuple(STATUSES),
    create_params=(
        Setting("queue", _TEXT, required=True, help="Queue in which tickets are created."),
        Setting("custom", {"type": "object"}, help="Custom fields of the new ticket, by name."),
    ),
)


def connect(settings: ConnectionSettings) -> Connector:
    """Make the connector of one connection; raises ConfigError when its settings are not usable."""
    return RequestTracker(SPEC, settings)


@hookimpl
def gateway_connector() -> Plugin:
    """Return this connector."""
    return Plugin(SPEC, connect)
