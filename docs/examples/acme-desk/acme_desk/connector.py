"""One connection to one Acme account: the parts of this folder behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from acme_desk import calls, mapping, webhook, writes
from acme_desk.account import SETTINGS, Account
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
    Envelope,
    Event,
    Finding,
    HttpRequest,
    Identity,
    IncomingRequest,
    Intent,
    Operation,
    OperationClaim,
    Outcome,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    Sighting,
    Strategy,
    WriteContext,
)

SPEC = ConnectorSpec(
    name="acme_desk",
    title="Acme Desk",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.KEY, settle=5, key_ttl=writes.KEY_TTL, probe=True),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=5),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=5),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=5),
    },
    sees=frozenset({Operation.CREATE, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    readable_fields=frozenset({"title", "body", "priority", "status", "assignee", "tags"}),
    # the description of an Acme ticket stays as it was written
    writable_fields=frozenset({"title", "priority", "status", "assignee", "tags"}),
    statuses=tuple(mapping.STATUSES),
    attaching=Attaching.WITH_COMMENT,
    max_file=25_000_000,
)


class AcmeConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:
        """Raise AuthenticationError unless Acme sent it, lately."""
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
        return calls.whoami()

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try what the connection needs."""
        return calls.check(self.account)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return calls.fetch(attachment)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Render and send one update."""
        return writes.write(self.account, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an earlier attempt."""
        return writes.probe(self.account, intent, context)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return writes.effects(intent, context)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the Authorization header."""
        return {"Authorization": f"Bearer {self.account.token}"}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our agent, by e-mail: Acme shows it with every person."""
        if person is None or not person.email:
            return None
        return person.email.strip().lower() == self.account.email.strip().lower()

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as Acme will read them back."""
        return writes.as_read(intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - there are none
        """Return what Acme changes by itself because of a write: nothing."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
