"""One connection to one Request Tracker: the connector's parts put together behind the contract."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.request_tracker import webhook
from connectors.request_tracker.calls.agents import agents
from connectors.request_tracker.calls.changes import changes
from connectors.request_tracker.calls.checks import check
from connectors.request_tracker.calls.counting import effects
from connectors.request_tracker.calls.desk import Desk
from connectors.request_tracker.calls.fields import as_read, side_effects
from connectors.request_tracker.calls.files import fetch
from connectors.request_tracker.calls.probes import probe
from connectors.request_tracker.calls.reads import read, whoami
from connectors.request_tracker.calls.writes import write
from connectors.request_tracker.options import read_options
from connectors.sdk import (
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
    Outcome,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    Sighting,
    WriteContext,
    read_object,
)


class RequestTracker:
    """The connector of one RT; see gateway.ports.Connector for what each part promises."""

    def __init__(self, spec: ConnectorSpec, settings: ConnectionSettings) -> None:
        self.spec = spec
        self.settings = settings
        self.options = read_options(settings)
        self.desk = Desk(self.options)

    # -- incoming

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - RT signs no time
        """Raise AuthenticationError unless one of our secrets signed the body."""
        webhook.verify(request, self.options.webhook_secrets)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a delivery by its transaction; never raises."""
        return webhook.envelope(request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts of one transaction; raises UnreadableError."""
        body = read_object(delivery.body)
        creator = body.get("creator")
        if isinstance(creator, dict):
            self.desk.account.learn(creator.get("id"), creator.get("name"))
        return webhook.read_events(body, self.options)

    # -- reads

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one ticket whole."""
        return read(self.desk, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of hints of what changed."""
        return changes(self.desk, cursor, now)

    def whoami(self) -> Call[Identity]:
        """Say who we are at RT."""
        return whoami(self.desk)

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
        """Say which of these accounts can own tickets."""
        return agents(self.desk, accounts)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try the account, queues, rights and markers."""
        return check(self.desk)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return fetch(self.desk, attachment)

    # -- writes

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Send one update."""
        return write(self.desk, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an unknown attempt."""
        return probe(self.desk, intent, context)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return effects(self.desk, intent, context)

    # -- small facts

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return `Authorization: token …`, or Basic for a user with a password (RT::REST2, "Authentication")."""
        options = self.options
        if options.token:
            return {"Authorization": f"token {options.token}"}
        pair = base64.b64encode(f"{options.user}:{options.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our account; None until a webhook or a read has told us our login."""
        return self.desk.account.is_us(person)

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as RT gives them back."""
        return as_read(self.options, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
        """Return RT's own "open" of a reply."""
        return side_effects(self.options, intent, observed)

    def secrets(self) -> Sequence[str]:
        """Return the token, the password and the webhook secrets, for redaction."""
        options = self.options
        return [secret for secret in (options.token, options.password, *options.webhook_secrets) if secret]
