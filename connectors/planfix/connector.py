"""One connection to one Planfix account: the parts of this folder behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.planfix import calls, probes, rendering, webhook, writes
from connectors.planfix.account import SETTINGS, Account
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
    name="planfix",
    title="Planfix",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=20, needs_fact="marker_ticket"),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=20, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=20),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=20),
    },
    # who set a field, its API does not tell
    sees=frozenset({Operation.CREATE, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    addresses=(Naming(r"^/task/(?P<name>\d+)"),),
    words=(Naming(r"(?i)\bplanfix[ -]?#?(?P<name>\d{1,18})\b"),),
    keeps_references="custom fields",
    readable_fields=frozenset({"title", "body", "priority", "status", "queue", "assignee"}),
    writable_fields=frozenset({"title", "body", "priority", "status", "queue", "assignee"}),
    custom_fields=True,
    agents_every=timedelta(minutes=30),
    attaching=Attaching.WITH_COMMENT,
    file_hosts=("*.planfix.com", "*.planfix.ru"),
    create_params=(
        Setting("project", {"type": ["string", "integer"]}, help="project: its name in `projects:` or its number"),
        Setting("template", {"type": "integer"}, help="number of the template of the new task"),
        Setting("process", {"type": "integer"}, help="id of the process of the new task"),
    ),
)


class PlanfixConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - Planfix signs nothing
        """Raise AuthenticationError unless the request has our secret."""
        webhook.verify(self.account, request)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a verified delivery."""
        return webhook.envelope(request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts of a delivery; raises UnreadableError."""
        return webhook.parse(self.account, delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one task whole."""
        return calls.read(self.account, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of what changed."""
        return calls.changes(self.account, cursor, now)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return calls.fetch(attachment)

    def whoami(self) -> Call[Identity]:
        """Say who we are there."""
        return calls.whoami(self.account)

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
        """Say how these employees are."""
        return calls.agents(accounts)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try what the connection needs, with reads only."""
        return calls.check(self.account)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Render and send one update."""
        return writes.write(self.account, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an earlier attempt."""
        return probes.probe(self.account, intent, context)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return probes.effects(self.account, intent, context)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the Authorization header."""
        return {"Authorization": f"Bearer {self.account.token}"}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is the employee of our token."""
        return self.account.is_us(person)

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as Planfix will read them back."""
        return rendering.as_read(self.account, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing: what an account's own scenarios change is the desk's doing."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
