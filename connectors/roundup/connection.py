"""One connection to one Roundup tracker: the connector's parts put together behind the contract."""

from __future__ import annotations

import ast
import base64
import re
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from connectors.roundup.calls.agents import agents
from connectors.roundup.calls.changes import changes
from connectors.roundup.calls.checks import check
from connectors.roundup.calls.desk import REST, Desk, maybe, require
from connectors.roundup.calls.fields import as_read, side_effects
from connectors.roundup.calls.landed import effects, probe
from connectors.roundup.calls.reads import read, whoami
from connectors.roundup.calls.writes import write
from connectors.roundup.mapping import number
from connectors.roundup.options import issues_of, read_options
from connectors.sdk import (
    Attachment,
    AuthenticationError,
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
    Sighting,
    Strategy,
    TransportError,
    UnreadableError,
    WriteContext,
    body_digest,
)


def of_tracker(spec: ConnectorSpec, options: Mapping[str, Any]) -> ConnectorSpec:
    """Return the spec of a tracker: what its tickets are called, and notes where its messages can be kept so."""
    kind = re.escape(issues_of(options)["class"])
    spec = msgspec.structs.replace(
        spec,
        addresses=(Naming(rf"/{kind}(?P<name>\d+)(?:[?#]|$)"),),
        words=(Naming(rf"\b{kind}(?P<name>\d{{1,12}})\b"),),
    )
    if not options.get("private"):
        return spec
    notes = {**spec.operations, Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=10)}
    return msgspec.structs.replace(spec, operations=notes, sees=spec.sees | {Operation.INTERNAL_NOTE})


class Roundup:
    """The connector of one tracker; see gateway.ports.Connector for what each part promises."""

    def __init__(self, spec: ConnectorSpec, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.options = read_options(settings)
        self.desk = Desk(self.options)
        self._name = self.options.user
        self.spec = spec.of(settings.options)

    # -- incoming: Roundup sends nothing

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - nothing is let in
        """Refuse: nothing that reaches us can be Roundup's."""
        raise AuthenticationError("Roundup sends no webhooks: this connection is polled")

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a request that was never let in."""
        return Envelope(body_digest(request.body))

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:  # noqa: ARG002 - the same
        """Refuse, for the same reason."""
        raise UnreadableError("Roundup sends no webhooks: this connection is polled")

    # -- reads

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one issue whole."""
        return read(self.desk, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of hints of what changed."""
        return changes(self.desk, cursor, now)

    def whoami(self) -> Call[Identity]:
        """Say who we are at Roundup."""
        identity = yield from whoami(self.desk)
        self._name = identity.person.external_id
        return identity

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
        """Say which of these user names can be assigned."""
        return agents(self.desk, accounts)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try the account, the issues and the words."""
        return check(self.desk)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read a file's bytes as they are (doc/rest.txt, "binary_content").

        Roundup 2.1 to 2.4 has them within JSON only, and would give that to whoever takes anything (measured): asked
        for bytes alone it says 406.
        """
        identity = number(attachment.remote_id)
        if not identity:
            return None
        path = f"{REST}/file/{identity}/binary_content"
        plain = {**self.options.headers, "Accept": "application/octet-stream"}
        response = yield HttpRequest("GET", path, headers=plain, label="fetch file", keep=True)
        if response.status == 406:
            return (yield from self._within(path))
        if response.status in {403, 404}:
            return None
        require(response)
        return response.blob or response.body

    def _within(self, path: str) -> Call[bytes | None]:
        """Read the bytes that an older tracker writes into JSON, as Python writes them."""
        response = yield HttpRequest("GET", path, headers=self.options.headers, label="fetch file within JSON")
        if response.status in {403, 404}:
            return None
        require(response)
        try:
            found = ast.literal_eval(str((maybe(response) or {}).get("data")))
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found = None
        if not isinstance(found, bytes):
            msg = "Roundup's answer holds no bytes of the file"
            raise TransportError(msg)
        return found

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
        """Return Basic credentials, or the bearer token that a tracker may issue (doc/rest.txt, JWT)."""
        options = self.options
        if options.token:
            return {"Authorization": f"Bearer {options.token}"}
        pair = base64.b64encode(f"{options.user}:{options.password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our user; None until a token's name is known."""
        if person is None or not person.external_id or not self._name:
            return None
        return person.external_id == self._name

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as Roundup gives them back."""
        return as_read(self.options, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the classic template's detectors do because of a message."""
        return side_effects(self.options, intent, observed)

    def secrets(self) -> Sequence[str]:
        """Return the token and the password, for redaction."""
        return [secret for secret in (self.options.token, self.options.password) if secret]
