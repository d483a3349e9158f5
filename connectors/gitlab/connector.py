"""One connection to projects of one GitLab: the parts of this folder behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.gitlab import agents, changes, checks, probes, reads, rendering, webhook, writes
from connectors.gitlab.account import SETTINGS, Account
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
    name="gitlab",
    title="GitLab",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=60),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=60, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=60),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=60),
        Operation.UNDO: OperationClaim(Strategy.NATURAL, settle=60),
    },
    sees=frozenset({Operation.CREATE, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    undoes=frozenset({Operation.CREATE, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    addresses=(Naming(r"^/(?P<path>[\w./-]+?)/(?:-/)?(?:issues|work_items)/(?P<iid>\d+)", r"\g<path>#\g<iid>"),),
    words=(Naming(r"(?<![\w/.-])(?P<name>[\w.-]+(?:/[\w.-]+)+#\d{1,12})\b"),),
    keeps_references="what its description and comments name",
    readable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee", "tags"}),
    writable_fields=frozenset({"title", "body", "priority", "status", "assignee", "tags"}),
    agents_every=timedelta(minutes=10),
    open_to_all=True,
    moves_anew=True,
    private_param="confidential",
    create_params=(
        Setting("project", {"type": ["string", "integer"]}, help="project of the new issue: group/name or its id"),
        Setting("labels", {"type": "array", "items": {"type": "string"}}, help="labels of the new issue"),
        Setting("confidential", {"type": "boolean"}, help="true: only members of the project see the new issue"),
        Setting("issue_type", {"enum": ["issue", "incident"]}, help="incident: the new issue is one (issue)"),
    ),
    attaching=Attaching.WITH_COMMENT,
    max_file=100_000_000,
)


class GitLabConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:
        """Raise AuthenticationError unless the signature or the token holds."""
        webhook.verify(self.account, request, now)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a verified delivery."""
        return webhook.envelope(request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts of a delivery; raises UnreadableError."""
        return webhook.parse(self.account, delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one issue whole."""
        return reads.read(self.account, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of what changed."""
        return changes.changes(self.account, cursor, now)

    def whoami(self) -> Call[Identity]:
        """Say who we are there."""
        return reads.whoami(self.account)

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:  # noqa: ARG002 - it lists them all
        """List the members of the projects."""
        return agents.agents(self.account)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try what the connection needs, with reads only."""
        return checks.check(self.account)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Render and send one update."""
        return writes.write(self.account, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an earlier attempt."""
        return probes.probe(self.account, intent, context)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return probes.effects(self.account, intent, context)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one upload."""
        return reads.fetch(attachment)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the credential headers."""
        return self.account.authorization()

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our account, by id or user name; None while neither is known."""
        us = self.account.us
        if person is None or not person.external_id or not (us.id or us.username):
            return None
        return person.external_id in {us.id, us.username}

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as GitLab will read them back."""
        return rendering.as_read(self.account, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing: a note changes no field of its issue."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
