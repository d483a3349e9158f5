"""One connection to a desk that its settings describe: the connector's parts put together behind the contract."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from connectors.generic import signing, webhook
from connectors.generic.filing import fetch
from connectors.generic.options import narrowed, read_options
from connectors.generic.reading import Reader
from connectors.generic.reads import changes, check, claims, read, whoami
from connectors.generic.sense import first
from connectors.generic.writes import Writer
from connectors.sdk import (
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
    Outcome,
    RawDelivery,
    RemotePerson,
    RemoteTicket,
    Sighting,
    WriteContext,
)
from gateway.errors import ConfigError
from gateway.ports import Grant


class Generic:
    """The connector of one desk; see gateway.ports.Connector for what each part promises."""

    def __init__(self, spec: ConnectorSpec, settings: ConnectionSettings) -> None:
        trouble = first(settings.options)
        if trouble:
            msg = f"connection {settings.name}: {trouble}"
            raise ConfigError(msg)
        self.settings = settings
        self.spec = narrowed(spec, settings.options)
        self.options = read_options(settings)
        self.reader = Reader(self.options)
        self.writer = Writer(self.options, self.reader)

    # -- incoming

    def verify(self, request: IncomingRequest, now: datetime) -> None:
        """Raise AuthenticationError unless one of our secrets proves the request."""
        webhook.verify(self.options, request, now)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a delivery; never raises."""
        return webhook.envelope(self.options, request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts; raises UnreadableError."""
        return webhook.parse(self.options, delivery)

    # -- reads

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one ticket whole."""
        return read(self.reader, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of what changed."""
        return changes(self.reader, cursor, now)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return fetch(self.options, attachment)

    def whoami(self) -> Call[Identity]:
        """Say who we are at the desk."""
        identity = yield from whoami(self.reader)
        self.writer.learnt = identity.person
        return identity

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try every request that only reads, and say how each write stays single."""
        results = list((yield from check(self.reader)))
        if self.spec.operations:
            results.append(claims(self.spec))
        return results

    # -- writes

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Send one update."""
        return self.writer.write(intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an unknown attempt."""
        return self._known(self.writer.probe(intent, context))

    def _known(self, call: Call[Finding]) -> Call[Finding]:
        """Learn who we are first: a look by words takes no comment of anybody else."""
        if self.writer.learnt is None and "whoami" in self.options.calls:
            yield from self.whoami()
        return (yield from call)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return self.writer.effects(intent, context)

    # -- small facts

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the credentials: a bearer or another token, a user with a password, or headers of the desk's own."""
        auth = self.options.auth
        found = {str(name): str(value) for name, value in (auth.get("headers") or {}).items()}
        if auth.get("token"):
            scheme = str(auth.get("scheme") or "Bearer")
            found["Authorization"] = f"{scheme}{'' if scheme.endswith('=') else ' '}{auth['token']}"
        elif auth.get("user"):
            pair = base64.b64encode(f"{auth['user']}:{auth.get('password') or ''}".encode()).decode()
            found["Authorization"] = f"Basic {pair}"
        return found

    def grant(self) -> Grant | None:
        """Return how an access token is got, where the settings say that one is."""
        said = {str(name): str(value) for name, value in (self.options.auth.get("oauth") or {}).items()}
        if not said:
            return None
        address = said.pop("token_url")
        usual = next((kind for kind in ("refresh_token", "password") if kind in said), "client_credentials")
        return Grant(address, {"grant_type": usual, **said})

    def sign(self, request: HttpRequest, now: datetime) -> Mapping[str, str]:
        """Sign what writes, where the settings say how: each try with the time of its own."""
        options = self.options
        if not options.signature or "webhook-id" not in {name.lower() for name in request.headers}:
            return {}
        return signing.sign(options.signature, options.signing_secrets, request, now)

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our account; None where nobody has told us who we are."""
        return webhook.by_us(self.options, self.writer.learnt, person)

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as the desk gives them back."""
        return self.writer.rendering.as_read(intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - unknown
        """Return nothing: what a desk does by itself, no settings tell."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return every literal secret, for redaction."""
        return self.options.literal
