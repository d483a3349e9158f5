"""One connection to one Salesforce org: the parts of this folder behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.salesforce import agents, changes, files, people, probes, reads, rendering, webhook, writes
from connectors.salesforce.account import SETTINGS, Account
from connectors.sdk import (
    API_VERSION,
    Answer,
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
    Grant,
    HttpRequest,
    Identity,
    IncomingRequest,
    Intent,
    Naming,
    Operation,
    OperationClaim,
    Outcome,
    Question,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    Setting,
    Sighting,
    Strategy,
    WriteContext,
)

SPEC = ConnectorSpec(
    name="salesforce",
    title="Salesforce Service Cloud",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.NATURAL, settle=10, probe=True, needs_fact="marker"),
        Operation.SET_FIELDS: OperationClaim(Strategy.CONDITIONAL, settle=10),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=10),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=10),
        Operation.ATTACH: OperationClaim(Strategy.PROBE, settle=10),
    },
    enriches=True,
    attaching=Attaching.ALONE,
    sees=frozenset({Operation.CREATE, Operation.SET_FIELDS, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    addresses=(
        Naming(r"/lightning/r/Case/(?P<name>500[0-9A-Za-z]{15})/"),
        Naming(r"^/(?P<name>500[0-9A-Za-z]{15})$"),
    ),
    words=(Naming(r"(?i)\bcase ?#? ?(?P<name>\d{8})\b"),),
    keeps_references="custom fields",
    readable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee"}),
    writable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee"}),
    custom_fields=True,
    agents_every=timedelta(minutes=2),
    create_params=(
        Setting(
            "queue", {"type": "string"}, help="queue of the new case: its name in `queues:`, its name there, or id"
        ),
        Setting("origin", {"type": "string"}, help="Case.Origin of the new case"),
        Setting("type", {"type": "string"}, help="Case.Type of the new case, where the rule maps no kind"),
        Setting("record_type", {"type": "string"}, help="id of the record type (012…)"),
    ),
)


class SalesforceConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - nothing is signed with its time
        """Raise AuthenticationError unless the shared secret is there."""
        webhook.verify(self.account, request)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a verified delivery."""
        return webhook.envelope(request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts of a delivery; raises UnreadableError."""
        return webhook.parse(self.account, delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one case whole."""
        return reads.read(self.account, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of what changed."""
        return changes.changes(self.account, cursor, now)

    def whoami(self) -> Call[Identity]:
        """Say who we are there."""
        return reads.whoami(self.account)

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:  # noqa: ARG002 - it lists them all
        """List the users who can own cases and how each is shown."""
        return agents.agents(self.account)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try what the connection needs, with reads only."""
        return reads.check(self.account)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Render and send one update."""
        return writes.write(self.account, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an earlier attempt."""
        return probes.probe(self.account, intent, context)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return files.fetch(self.account, attachment)

    def enrich(self, question: Question, fields: Mapping[str, str]) -> Call[Answer]:
        """Look a contact up, with its account."""
        return people.enrich(self.account, question, fields)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return probes.effects(self.account, intent, context)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the Authorization header of a token that lasts; one that is got by OAuth is the transport's."""
        return {"Authorization": f"Bearer {self.account.token}"} if self.account.token else {}

    def grant(self) -> Grant | None:
        """Return how an access token is got."""
        return self.account.grant

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our user; None until we know who we are."""
        return self.account.is_us(person)

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as Salesforce will read them back."""
        return rendering.as_read(self.account, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
        """Return what follows from a case having one owner."""
        return rendering.side_effects(intent, observed)

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
