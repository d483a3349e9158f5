"""One connection to one business phone number, behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
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
    Envelope,
    Event,
    Finding,
    Handshake,
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
    Unsure,
    WriteContext,
    unseen,
)
from connectors.whatsapp import calls, webhook
from connectors.whatsapp.account import MEDIA_ORIGIN, ORIGIN, SETTINGS, Account

SPEC = ConnectorSpec(
    name="whatsapp",
    title="WhatsApp",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.NONE, settle=30),
        Operation.ATTACH: OperationClaim(Strategy.NONE, settle=30),
    },
    readable_fields=frozenset({"title", "body"}),
    writable_fields=frozenset(),
    polling=False,
    reads=False,
    origins=(ORIGIN, MEDIA_ORIGIN),
    attaching=Attaching.ALONE,
    max_file=calls.LARGEST,
    internal_files=False,
    knows_addresses=False,
)


class WhatsAppConnector:
    """Implements `gateway.ports.Connector` and `Filing`."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - nothing in it says when
        """Raise AuthenticationError unless the signature (or the word of a subscription) holds."""
        webhook.verify(self.account, request)

    def envelope(self, request: IncomingRequest) -> Envelope | Handshake:
        """Name a verified request, or answer its challenge."""
        return webhook.envelope(self.account, request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Return what was said, message by message."""
        return webhook.parse(self.account, delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:  # noqa: ARG002 - nothing can be read back
        """Return None: WhatsApp shows no messages."""
        yield from ()
        return None

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:  # noqa: ARG002 - there is nothing to poll
        """Return an empty page."""
        yield from ()
        return ChangePage(cursor=cursor)

    def whoami(self) -> Call[Identity]:
        """Say which number we are."""
        return calls.whoami(self.account)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try the token and the number."""
        return calls.check(self.account)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return calls.fetch(self.account, attachment)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Send one message."""
        return calls.write(self.account, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:  # noqa: ARG002 - it cannot be looked for
        """Say that it cannot be told: a message that was sent cannot be read back."""
        yield from ()
        return Unsure("WhatsApp shows no messages; a status of it may still come")

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """See nothing, for the same reason."""
        return unseen(intent, context)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the Authorization header."""
        return {"Authorization": f"Bearer {self.account.token}"}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether it is our own number, by which nobody else writes under this id."""
        return None if person is None else person.external_id == self.account.phone_number_id

    def as_read(self, intent: Intent) -> dict[str, Any]:  # noqa: ARG002 - no field is written
        """Return nothing: there are no fields that come back."""
        return {}

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
