"""Any desk that speaks JSON or forms over HTTP, described by the settings of its connection alone."""

from __future__ import annotations

from connectors.generic.connection import Generic
from connectors.generic.options import SETTLE, narrowed
from connectors.generic.sense import problems
from connectors.generic.shape import SETTINGS
from connectors.sdk import (
    API_VERSION,
    Attaching,
    ConnectionSettings,
    Connector,
    ConnectorSpec,
    Operation,
    OperationClaim,
    Plugin,
    Setting,
    Strategy,
    hookimpl,
)

_ALL = frozenset({"title", "body", "status", "priority", "kind", "queue", "assignee", "tags"})

#: what a desk can have of which everything is described; a connection has what its settings say
SPEC = ConnectorSpec(
    name="generic",
    title="Generic",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=SETTLE),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=SETTLE, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=SETTLE),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=SETTLE),
    },
    attaching=Attaching.WITH_COMMENT,
    sees=frozenset({Operation.CREATE, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    readable_fields=_ALL,
    writable_fields=_ALL,
    custom_fields=True,
    create_params=(
        Setting("param", {"type": "object"}, help="Values for the placeholders {param.NAME} of the request."),
    ),
    narrow=narrowed,
    troubles=problems,
)


def connect(settings: ConnectionSettings) -> Connector:
    """Make the connector of one connection; raises ConfigError when its settings cannot work."""
    return Generic(SPEC, settings)


@hookimpl
def gateway_connector() -> Plugin:
    """Return this connector."""
    return Plugin(SPEC, connect)
