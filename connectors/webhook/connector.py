"""One receiver of signed JSON, behind the protocol that the flow knows. Nothing comes from there."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from connectors.sdk import (
    API_VERSION,
    AuthenticationError,
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
    body_digest,
    unseen,
)
from connectors.webhook import calls
from connectors.webhook.account import SETTINGS, Account

#: so long a receiver is expected to know a message again; the schedule of [W1] ends before
KNOWN_FOR = 3 * 86_400

SPEC = ConnectorSpec(
    name="webhook",
    title="Webhook",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={Operation.NOTIFY: OperationClaim(Strategy.KEY, settle=10, key_ttl=KNOWN_FOR)},
    readable_fields=frozenset(),
    writable_fields=frozenset(),
    webhooks=False,
    polling=False,
    reads=False,
    url_query=True,
)


class WebhookConnector:
    """Implements `gateway.ports.Connector`."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)
        if not self.account.idempotent:
            none = {Operation.NOTIFY: OperationClaim(Strategy.NONE)}
            self.spec = msgspec.structs.replace(SPEC, operations=none)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - nothing is let in
        """Refuse: a receiver sends nothing."""
        raise AuthenticationError("this connection only sends: nothing is taken from it")

    def envelope(self, request: IncomingRequest) -> Envelope | Handshake:
        """Name a request that was never let in."""
        return Envelope(body_digest(request.body))

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:  # noqa: ARG002 - the same
        """Return no events."""
        return ()

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:  # noqa: ARG002 - there are no tickets
        """Return None: there are no tickets."""
        yield from ()
        return None

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:  # noqa: ARG002 - there is nothing to poll
        """Return an empty page."""
        yield from ()
        return ChangePage(cursor=cursor)

    def whoami(self) -> Call[Identity]:
        """Say where it goes."""
        return calls.whoami(self.account)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Say what is claimed; nothing is posted."""
        return (yield from calls.check(self.account))

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Post one message."""
        return calls.write(self.account, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:  # noqa: ARG002 - nobody can be asked
        """Say that it cannot be told."""
        yield from ()
        return Unsure("a receiver of webhooks cannot be asked what it got")

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """See nothing."""
        return unseen(intent, context)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - see `sign`
        """Return nothing: what proves us is the signature."""
        return {}

    def sign(self, request: HttpRequest, now: datetime) -> Mapping[str, str]:
        """Sign what leaves [W1]: each try with the time of its own, for a receiver refuses what is five minutes old."""
        stamp = str(int(now.timestamp()))
        signed = f"{request.headers.get(calls.ID, '')}.{stamp}.".encode() + _body(request)
        signatures = (
            "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
            for key in self.account.keys
        )
        return {"webhook-timestamp": stamp, "webhook-signature": " ".join(signatures)}

    def is_us(self, person: RemotePerson | None) -> bool | None:  # noqa: ARG002 - nobody speaks to us from there
        """Return None: it cannot be told."""
        return None

    def as_read(self, intent: Intent) -> dict[str, Any]:  # noqa: ARG002 - nothing is read back
        """Return nothing."""
        return {}

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()


def _body(request: HttpRequest) -> bytes:
    return request.body if isinstance(request.body, bytes) else b""
