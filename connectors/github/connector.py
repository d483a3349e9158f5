"""One connection to some repositories: the parts of this folder behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.github import calls, probes, rendering, webhook, writes
from connectors.github.mapping import REASONS
from connectors.github.options import SETTINGS, read_options
from connectors.sdk import (
    API_VERSION,
    Call,
    ChangePage,
    CheckResult,
    ConnectionSettings,
    ConnectorSpec,
    DeskAgent,
    Envelope,
    Event,
    Finding,
    HttpRequest,
    Identity,
    IncomingRequest,
    Intent,
    Naming,
    Operation,
    OperationClaim,
    Outcome,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    Setting,
    Sighting,
    Strategy,
    WriteContext,
)

SPEC = ConnectorSpec(
    name="github",
    title="GitHub Issues",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=15),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=10, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=15),
    },
    sees=frozenset({Operation.CREATE, Operation.SET_FIELDS, Operation.PUBLIC_REPLY}),
    addresses=(
        Naming(r"^/(?P<repo>[\w.-]+/[\w.-]+)/(?:issues|pull)/(?P<issue>\d+)", r"\g<repo>#\g<issue>"),
        Naming(r"^/(?P<repo>[\w.-]+/[\w.-]+)/(?:issues|pull)/(?P<issue>\d+)", r"\g<repo>#\g<issue>", "github.com"),
    ),
    words=(Naming(r"(?<![\w/.-])(?P<name>[\w.-]+/[\w.-]+#\d{1,12})\b"),),
    keeps_references="what its body and comments name",
    readable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee", "tags"}),
    writable_fields=frozenset({"title", "body", "kind", "priority", "status", "assignee", "tags"}),
    agents_every=timedelta(minutes=15),
    statuses=("open", *REASONS),
    open_to_all=True,
    moves_anew=True,
    create_params=(
        Setting("repository", {"type": "string"}, help="owner/name of the new issue; the only one of `repositories:`"),
        Setting("labels", {"type": "array", "items": {"type": "string"}}, help="more labels of the new issue"),
        Setting("type", {"type": "string"}, help="its issue type, where the organisation has types"),
    ),
)


class GitHubConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.options = read_options(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - its signature covers no time
        """Raise AuthenticationError unless the signature holds."""
        webhook.verify(self.options, request)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a verified delivery."""
        return webhook.envelope(self.options, request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts of a delivery; raises UnreadableError."""
        return webhook.parse(self.options, delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one issue whole."""
        return calls.read(self.options, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of what changed."""
        return calls.changes(self.options, cursor, now)

    def whoami(self) -> Call[Identity]:
        """Say who we are there."""
        return calls.whoami(self.options)

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:  # noqa: ARG002 - it lists them all
        """List who can be assigned."""
        return calls.agents(self.options)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try what the connection needs, with reads only."""
        return calls.check(self.options)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Render and send one update."""
        return writes.write(self.options, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an earlier attempt."""
        return probes.probe(self.options, intent, context)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return probes.effects(self.options, intent, context)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the Authorization header."""
        return {"Authorization": f"Bearer {self.options.token}"}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our account, by its login; None where ours is not known yet."""
        if person is None or not person.external_id or not self.options.account_id:
            return None
        return person.external_id.lower() == self.options.account_id.lower()

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as GitHub will read them back."""
        return rendering.as_read(self.options, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing: what changes because of a write is done by workflows that people wrote."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.options.secrets()
