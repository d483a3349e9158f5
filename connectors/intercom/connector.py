"""One connection to one Intercom workspace: the parts of this folder behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.intercom import agents, calls, checks, probes, rendering, webhook, writes
from connectors.intercom.account import SETTINGS, Account
from connectors.sdk import (
    API_VERSION,
    Attaching,
    Attachment,
    Blob,
    Call,
    ChangePage,
    CheckResult,
    ConnectionSettings,
    ConnectorSpec,
    DeskAgent,
    Envelope,
    Event,
    Finding,
    Handshake,
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
    name="intercom",
    title="Intercom",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        # the search that a lost creation is looked for in runs behind
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=120, needs_fact=checks.MARKED),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=10, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=20),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=20),
    },
    sees=frozenset({Operation.CREATE, Operation.SET_FIELDS, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    addresses=(
        Naming(r"/conversations?/(?P<name>\d+)", host="app.intercom.com"),
        Naming(r"/inbox/.*/conversation/(?P<name>\d+)", host="app.intercom.com"),
    ),
    keeps_references="attributes that `cross_links` names; what its messages name",
    readable_fields=frozenset({"title", "body", "priority", "status", "queue", "assignee", "tags"}),
    writable_fields=frozenset({"title", "body", "priority", "status", "queue", "assignee"}),
    agents_every=timedelta(minutes=2),
    create_params=(
        Setting("ticket_type", {"type": ["string", "integer"]}, help="ticket type of the new ticket, by its id"),
    ),
    attaching=Attaching.WITH_COMMENT,
    file_hosts=calls.HOSTS,
)


class IntercomConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - the signature has no time
        """Raise AuthenticationError unless the signature holds."""
        webhook.verify(self.account, request)

    def envelope(self, request: IncomingRequest) -> Envelope | Handshake:
        """Name a verified delivery, or answer the endpoint check."""
        return webhook.envelope(request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts of a delivery; raises UnreadableError."""
        return webhook.parse(self.account, delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one ticket whole."""
        return calls.read(self.account, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of what changed."""
        return calls.changes(self.account, cursor, now)

    def whoami(self) -> Call[Identity]:
        """Say who we are there."""
        return checks.whoami()

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:  # noqa: ARG002 - it lists them all
        """List the teammates and whether they are away."""
        return agents.agents()

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try what the connection needs, with reads only."""
        return checks.check(self.account)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Render and send one update."""
        return writes.write(self.account, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an earlier attempt."""
        return probes.probe(self.account, intent, context)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return probes.effects(self.account, intent, context)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return calls.fetch(self.account, attachment)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the Authorization header."""
        return {"Authorization": f"Bearer {self.account.token}"}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is the teammate in whose name we write; None when that is not known."""
        if person is None or not person.external_id:
            return None
        return person.external_id == self.account.admin_id if self.account.admin_id else None

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as Intercom will read them back."""
        return rendering.as_read(self.account, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing: what a workspace's own workflows change is told as theirs."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
