"""One connection to one Zendesk account: the parts of this folder behind the protocol that the flow knows."""

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
    Kind,
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
from connectors.zendesk import (
    agents,
    calls,
    counting,
    files,
    metric_events,
    probes,
    rendering,
    undoing,
    webhook,
    writes,
)
from connectors.zendesk.account import SETTINGS, Account
from connectors.zendesk.mapping import STATUSES

#: Zendesk remembers an idempotency key for two hours [Z12]; a minute less, so that ours never outlives it
KEY_TTL = 2 * 3600 - 60

SPEC = ConnectorSpec(
    name="zendesk",
    title="Zendesk Support",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.KEY, settle=5, key_ttl=KEY_TTL, probe=True),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=5, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=10),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=10),
        Operation.UNDO: OperationClaim(Strategy.NATURAL, settle=5),
    },
    sees=frozenset({Operation.CREATE, Operation.SET_FIELDS, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    # a comment can only be redacted, which leaves black boxes and cannot be taken back: that is for a person
    undoes=frozenset({Operation.CREATE}),
    addresses=(
        Naming(r"^/(?:agent/)?(?:#/)?tickets/(?P<name>\d+)"),
        Naming(r"^/(?:hc/[\w-]+/)?requests/(?P<name>\d+)"),
        Naming(r"^/api/v2/tickets/(?P<name>\d+)(?:\.json)?$"),
    ),
    words=(Naming(r"(?i)\b(?:zendesk|zd)[ -]?(?:ticket )?#?(?P<name>\d{1,18})\b"),),
    keeps_references="external id, custom fields",
    readable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee", "tags"}),
    writable_fields=frozenset({"title", "kind", "priority", "status", "queue", "assignee", "tags"}),
    # only a task has a due time of its own
    due_kinds=frozenset({Kind.TASK.value}),
    custom_fields=True,
    own_tags=True,
    # a ticket that is opened by its assignee can never be new again
    effects_stay=True,
    follow_ups=True,
    promises=metric_events.COUNTED,
    agents_every=timedelta(minutes=1),
    attaching=Attaching.WITH_COMMENT,
    max_file=files.LARGEST,
    file_hosts=files.HOSTS,
    statuses=tuple(STATUSES),
    create_params=(
        Setting("group", {"type": ["string", "integer"]}, help="group of the new ticket: its name in `groups:` or id"),
        Setting("brand_id", {"type": ["string", "integer"]}, help="brand of the new ticket"),
        Setting("ticket_form_id", {"type": ["string", "integer"]}, help="form of the new ticket"),
        Setting("public", {"type": "boolean"}, help="false: the description is an internal note (true)"),
    ),
)


class ZendeskConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - Zendesk has no freshness window
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

    def whoami(self) -> Call[Identity]:
        """Say who we are there."""
        return calls.whoami()

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:  # noqa: ARG002 - it lists them all
        """List the agents and how each is shown."""
        return agents.agents()

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return files.fetch(attachment)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try what the connection needs, with reads only."""
        return calls.check(self.account)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Render and send one update."""
        if intent.operation is Operation.UNDO:
            return undoing.take_back(self.account, intent)
        return writes.write(self.account, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an earlier attempt."""
        return probes.probe(self.account, intent, context)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return counting.effects(self.account, intent, context)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the Authorization header."""
        return {"Authorization": self.account.authorization()}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our agent: by id where ours is known, else by e-mail; None when neither is said."""
        if person is None:
            return None
        if person.external_id and self.account.account_id:
            return person.external_id == self.account.account_id
        if person.email and self.account.email:
            return person.email.strip().lower() == self.account.email.strip().lower()
        return None

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as Zendesk will read them back."""
        return rendering.as_read(self.account, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
        """Return what Zendesk will change by itself."""
        return rendering.side_effects(intent, observed)

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
