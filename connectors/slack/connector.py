"""One connection to one Slack workspace: a channel for notifications behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.sdk import (
    API_VERSION,
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
    WriteContext,
    unseen,
)
from connectors.slack import calls, webhook
from connectors.slack.account import ORIGIN, SETTINGS, Account

SPEC = ConnectorSpec(
    name="slack",
    title="Slack",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={Operation.NOTIFY: OperationClaim(Strategy.PROBE, settle=10, needs_fact="history")},
    readable_fields=frozenset(),
    writable_fields=frozenset(),
    polling=False,
    reads=False,
    finds_people=True,
    origins=(ORIGIN,),
)


class SlackConnector:
    """Implements `gateway.ports.Connector`."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:
        """Raise AuthenticationError unless the signature holds and is fresh."""
        webhook.verify(self.account, request, now)

    def envelope(self, request: IncomingRequest) -> Envelope | Handshake:
        """Name a verified request, or answer its handshake."""
        return webhook.envelope(request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Return the presses of our buttons: nothing else that Slack says is about a ticket."""
        return webhook.parse(delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:  # noqa: ARG002 - there are no tickets
        """Return None: Slack has no tickets."""
        yield from ()
        return None

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:  # noqa: ARG002 - there is nothing to poll
        """Return an empty page."""
        yield from ()
        return ChangePage(cursor=cursor)

    def whoami(self) -> Call[Identity]:
        """Say which bot we are."""
        return calls.whoami(self.account)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try the token and the history of the channel."""
        return calls.check(self.account)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Post one notification."""
        return calls.write(self.account, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for a notification whose answer was lost."""
        return calls.probe(self.account, intent, context)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """See nothing: a message that was sent twice has been read twice, and is not looked for."""
        return unseen(intent, context)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the Authorization header."""
        return {"Authorization": f"Bearer {self.account.bot_token}"}

    def is_us(self, person: RemotePerson | None) -> bool | None:  # noqa: ARG002 - we press no buttons
        """Return None: it cannot be told."""
        return None

    def as_read(self, intent: Intent) -> dict[str, Any]:  # noqa: ARG002 - nothing is read back
        """Return nothing: a notification has no fields that come back."""
        return {}

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
