"""One connection to one Redmine: the parts of this folder behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.redmine import calls, probes, rendering, webhook, writes
from connectors.redmine.account import SETTINGS, Account
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
    name="redmine",
    title="Redmine",
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
    undoes=frozenset({Operation.CREATE}),
    addresses=(Naming(r"/issues/(?P<name>\d+)(?:[#?./]|$)"),),
    words=(Naming(r"(?i)\bredmine[ -]?#?(?P<name>\d{1,12})\b"),),
    keeps_references="custom fields",
    readable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee"}),
    writable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee"}),
    custom_fields=True,
    agents_every=timedelta(minutes=30),
    attaching=Attaching.WITH_COMMENT,
    # a file is the issue's: whoever sees the issue sees it, also one that came with a private note
    internal_files=False,
    open_to_all=True,
    private_param="private",
    create_params=(
        Setting("project", {"type": ["string", "integer"]}, required=True, help="project: its identifier, name or id"),
        Setting("tracker", {"type": ["string", "integer"]}, help="tracker of the new issue: its name or id"),
        Setting("category_id", {"type": "integer"}, help="category of the new issue"),
        Setting("private", {"type": "boolean"}, help="true: a private issue (false)"),
    ),
)


class RedmineConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - Redmine signs no time
        """Raise AuthenticationError unless the signature, or the plugin's secret, holds."""
        webhook.verify(self.account, request)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a verified delivery."""
        return webhook.envelope(request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts of a delivery; raises UnreadableError."""
        return webhook.parse(self.account, delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one issue whole."""
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
        """Return the credential header."""
        return self.account.authorization()

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our user; None while that cannot be told."""
        return self.account.is_us(person)

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as Redmine will read them back."""
        return rendering.as_read(self.account, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing: Redmine changes no other field because of a note or an edit."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
