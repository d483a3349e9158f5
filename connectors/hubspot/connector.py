"""One connection to one HubSpot account: the parts of this folder behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.hubspot import agents, calls, checks, files, people, probes, rendering, webhook, writes
from connectors.hubspot.account import SETTINGS, Account
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
    name="hubspot",
    title="HubSpot tickets",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=15, needs_fact=checks.UNIQUE),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=15, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=30),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=15),
    },
    sees=frozenset({Operation.CREATE, Operation.SET_FIELDS, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    addresses=(Naming(r"^/contacts/\d+/(?:ticket|record/0-5)/(?P<name>\d+)", host="app.hubspot.com"),),
    keeps_references="properties that `cross_links` names; what its description and notes name",
    readable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee"}),
    writable_fields=frozenset({"title", "body", "kind", "priority", "status", "assignee"}),
    agents_every=timedelta(minutes=10),
    create_params=(
        Setting("pipeline", {"type": ["string", "integer"]}, help="pipeline of the new ticket: its name or id"),
    ),
    enriches=True,
    attaching=Attaching.WITH_COMMENT,
    file_hosts=files.HOSTS,
)


class HubSpotConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:
        """Raise AuthenticationError unless the signature holds, and is of these minutes."""
        webhook.verify(self.account, request, now)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a verified delivery."""
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
        return checks.whoami(self.account)

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:  # noqa: ARG002 - it lists them all
        """List the owners."""
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

    def enrich(self, question: Question, fields: Mapping[str, str]) -> Call[Answer]:
        """Look a contact up, with its company."""
        return people.enrich(question, fields)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return probes.effects(self.account, intent, context)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return files.fetch(attachment)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the Authorization header of a private app; a public one's access tokens are got by `grant`."""
        return {"Authorization": f"Bearer {self.account.token}"} if self.account.token else {}

    def grant(self) -> Grant | None:
        """Return how a public app's access token is got."""
        form = self.account.grant
        return Grant(f"{self.account.url}/oauth/v1/token", form, lifetime=1800) if form else None

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our app; None when nothing is said."""
        if person is None or not (person.external_id or person.email):
            return None
        return person.external_id == f"app:{self.account.app_id}"

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as HubSpot will read them back."""
        return rendering.as_read(self.account, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing: HubSpot changes no field by itself, and what an account's workflows do is theirs to say."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
