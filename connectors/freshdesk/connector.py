"""One connection to one Freshdesk or Freshservice account: the parts of this folder behind the protocol."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.freshdesk import checks, files, probes, reads, rendering, webhook, writes
from connectors.freshdesk.account import SETTINGS, Account
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

_FIELDS = frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee", "tags"})

SPEC = ConnectorSpec(
    name="freshdesk",
    title="Freshdesk and Freshservice",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=30, needs_fact=checks.FACT),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=10, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=15),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=15),
        Operation.UNDO: OperationClaim(Strategy.NATURAL, settle=10),
    },
    sees=frozenset({Operation.CREATE, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    # a note could be deleted, a reply has been mailed: both are left to a person
    undoes=frozenset({Operation.CREATE}),
    addresses=(Naming(r"^/(?:a|support|helpdesk)/tickets/(?P<name>\d+)"),),
    words=(Naming(r"(?i)\bfreshdesk[ -]?(?:ticket )?#?(?P<name>\d{1,18})\b"),),
    keeps_references="custom fields",
    readable_fields=_FIELDS,
    writable_fields=_FIELDS,
    custom_fields=True,
    due_kinds=frozenset(),
    agents_every=timedelta(minutes=10),
    statuses=("Open", "Pending", "Resolved", "Closed", "Waiting on Customer", "Waiting on Third Party"),
    attaching=Attaching.WITH_COMMENT,
    # of all files of one ticket together
    max_file=20_000_000,
    file_hosts=("*.freshdesk.com", "*.freshservice.com", "*.freshworks.com", "*.amazonaws.com"),
    create_params=(
        Setting("requester", {"type": "string"}, help="e-mail of a requester where there is none (else our agent)"),
        Setting("group", {"type": ["string", "integer"]}, help="group of the new ticket: its name in `groups:` or id"),
        Setting("type", {"type": "string"}, help="type of the new ticket, as the desk names it"),
        Setting("product_id", {"type": ["string", "integer"]}, help="Freshdesk: product of the new ticket"),
        Setting(
            "email_config_id", {"type": ["string", "integer"]}, help="Freshdesk: support address of the new ticket"
        ),
        Setting("workspace_id", {"type": ["string", "integer"]}, help="Freshservice: workspace of the new ticket"),
        Setting("custom", {"type": "object"}, help="custom fields of the new ticket, by name"),
    ),
)


class FreshdeskConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - nothing covers the time
        """Raise AuthenticationError unless the shared secret came with the request."""
        webhook.verify(self.account, request)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a verified delivery."""
        return webhook.envelope(request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the hint of a delivery; raises UnreadableError."""
        return webhook.parse(self.account, delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one ticket whole."""
        return reads.read(self.account, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of what changed."""
        return reads.changes(self.account, cursor, now)

    def whoami(self) -> Call[Identity]:
        """Say who we are there."""
        return reads.whoami(self.account)

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:  # noqa: ARG002 - it lists them all
        """List the agents."""
        return reads.agents(self.account)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try what the connection needs, with reads only."""
        return checks.check(self.account)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return files.fetch(attachment)

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
        """Say whether `person` is our agent: by id, once ours is known."""
        if person is None or not person.external_id or not self.account.own:
            return None
        return person.external_id == self.account.own

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as the desk will read them back."""
        return rendering.as_read(self.account, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing: what reopens or assigns a ticket are the account's own automations."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
