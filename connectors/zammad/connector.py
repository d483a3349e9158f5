"""One connection to one Zammad: the parts of this folder behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

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
from connectors.zammad import calls, probes, rendering, webhook, writes
from connectors.zammad.account import SETTINGS, STATUSES, Account

SPEC = ConnectorSpec(
    name="zammad",
    title="Zammad",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=10, needs_fact="marker_ticket"),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=10, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=10),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=10),
        Operation.UNDO: OperationClaim(Strategy.NATURAL, settle=10),
    },
    sees=frozenset({Operation.CREATE, Operation.SET_FIELDS, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    # an article that was sent by e-mail cannot be called back
    undoes=frozenset({Operation.CREATE}),
    addresses=(Naming(r"#ticket/zoom/(?:number/)?(?P<name>\d+)"),),
    words=(Naming(r"(?i)\bticket#(?P<name>\d{3,18})\b"),),
    keeps_references="custom fields",
    readable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee", "tags"}),
    writable_fields=frozenset({"title", "kind", "priority", "status", "queue", "assignee", "tags"}),
    custom_fields=True,
    # an answer by e-mail opens a new ticket, and the gateway leaves it so
    effects_stay=True,
    agents_every=timedelta(minutes=10),
    statuses=tuple(STATUSES),
    attaching=Attaching.WITH_COMMENT,
    create_params=(
        Setting(
            "group", {"type": "string", "minLength": 1}, required=True, help="group of the new ticket, by its name"
        ),
        Setting("customer", {"type": "string"}, help="e-mail of the customer where the ticket has no requester"),
        Setting("article_type", {"type": "string"}, help="type of the first article: note, web, phone (note)"),
        Setting("public", {"type": "boolean"}, help="false: the description is for colleagues only (true)"),
    ),
)


class ZammadConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - Zammad signs no time
        """Raise AuthenticationError unless the signature holds."""
        webhook.verify(self.account, request)

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

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return calls.fetch(attachment)

    def whoami(self) -> Call[Identity]:
        """Say who we are there."""
        return calls.whoami(self.account)

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
        """Say how these accounts are."""
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
        return {"Authorization": self.account.authorization()}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our agent; None while that cannot be told."""
        return self.account.is_us(person)

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as Zammad will read them back."""
        return rendering.as_read(self.account, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
        """Return what Zammad will change by itself."""
        return rendering.side_effects(self.account, intent, observed)

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
