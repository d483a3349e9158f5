"""One connection to one Help Scout account: the parts of this folder behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.helpscout import probes, reads, rendering, webhook, writes
from connectors.helpscout.account import SETTINGS, Account
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
    Grant,
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
    name="helpscout",
    title="Help Scout",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=30),
        # one field a request: what has landed is seen by the attempt that sends the next one
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=10),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=15),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=15),
        Operation.UNDO: OperationClaim(Strategy.NATURAL, settle=10),
    },
    sees=frozenset({Operation.CREATE, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    # a thread can be hidden from later mails, and not be called back
    undoes=frozenset({Operation.CREATE}),
    addresses=(Naming(r"^/conversation/(?P<name>\d+)", host="secure.helpscout.net"),),
    words=(Naming(r"(?i)\bhelp ?scout[ -]?#?(?P<name>\d{1,18})\b"),),
    keeps_references="custom fields",
    readable_fields=frozenset({"title", "body", "status", "queue", "assignee", "tags"}),
    # what a customer wrote stays as it was
    writable_fields=frozenset({"title", "status", "queue", "assignee", "tags"}),
    custom_fields=True,
    agents_every=timedelta(minutes=10),
    statuses=rendering.STATUSES,
    attaching=Attaching.WITH_COMMENT,
    max_file=10_000_000,
    create_params=(
        Setting(
            "mailbox", {"type": ["string", "integer"]}, required=True, help="inbox: a name in `mailboxes:`, or its id"
        ),
        Setting("customer", {"type": "string"}, help="e-mail of a customer where there is none (else our user's own)"),
    ),
)


class HelpScoutConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - nothing signed says when
        """Raise AuthenticationError unless the signature holds."""
        webhook.verify(self.account, request)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a verified delivery."""
        return webhook.envelope(request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts of a delivery; raises UnreadableError."""
        return webhook.parse(self.account, delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one conversation whole."""
        return reads.read(self.account, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of what changed."""
        return reads.changes(self.account, cursor, now)

    def whoami(self) -> Call[Identity]:
        """Say whose app it is."""
        return reads.whoami(self.account)

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:  # noqa: ARG002 - it lists them all
        """List the users."""
        return reads.agents()

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try what the connection needs, with reads only."""
        return reads.check(self.account)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return reads.fetch(attachment)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Render and send one update."""
        return writes.write(self.account, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an earlier attempt."""
        return probes.probe(self.account, intent, context)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return probes.effects(self.account, intent, context)

    def grant(self) -> Grant | None:
        """Return how an access token is got; None where the site gives one."""
        return self.account.grant()

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the access token of the settings; one that is granted is the transport's."""
        return {"Authorization": f"Bearer {self.account.token}"} if self.account.token else {}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our user: by id, once ours is known."""
        if person is None or not person.external_id or not self.account.own:
            return None
        return person.external_id == self.account.own

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as Help Scout will read them back."""
        return rendering.as_read(self.account, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing: a reply names the status that it keeps."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
