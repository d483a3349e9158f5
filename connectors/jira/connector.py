"""One connection to one Jira: the parts of this folder behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from connectors.jira import calls, counting, files, polling, probes, rendering, sla, webhook, writes
from connectors.jira.options import SETTINGS, TOKEN_URL, read_options
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
    name="jira",
    title="Jira and Jira Service Management",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=15),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=10),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=10),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=10),
        Operation.ATTACH: OperationClaim(Strategy.PROBE, settle=30),
    },
    sees=frozenset({Operation.CREATE, Operation.SET_FIELDS, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    addresses=(
        Naming(r"/browse/(?P<name>[A-Z][A-Z0-9_]+-\d+)"),
        Naming(r"/(?:issues|queues/issue|portal/\d+)/(?P<name>[A-Z][A-Z0-9_]+-\d+)"),
        Naming(r"[?&]selectedIssue=(?P<name>[A-Z][A-Z0-9_]+-\d+)"),
    ),
    words=(Naming(r"\b(?P<name>[A-Z][A-Z0-9_]{1,30}-\d{1,9})\b"),),
    keeps_references="remote links, custom fields",
    readable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee", "tags"}),
    writable_fields=frozenset({"title", "body", "kind", "priority", "status", "assignee", "tags"}),
    agents_every=timedelta(minutes=5),
    create_params=(
        Setting("project", {"type": "string"}, help="key of the project of the new issue; the only one of `projects:`"),
        Setting("issue_type", {"type": "string"}, help="its issue type; by kind, else Task"),
        Setting("request_type", {"type": ["string", "integer"]}, help="request type of a service project: its id"),
        Setting("fields", {"type": "object"}, help="more fields as Jira takes them: {components: [{name: Mail}]}"),
    ),
    promises=sla.COUNTED,
    attaching=Attaching.ALONE,
    # Cloud serves files itself where it is asked not to redirect; some sites do it all the same
    file_hosts=("api.media.atlassian.com",),
)


class JiraConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.options = read_options(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - its signature covers no time
        """Raise AuthenticationError unless the signature holds."""
        webhook.verify(self.options, request)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a verified delivery."""
        return webhook.envelope(request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts of a delivery; raises UnreadableError."""
        return webhook.parse(self.options, delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one issue whole."""
        return calls.read(self.options, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of what changed."""
        return polling.changes(self.options, cursor, now)

    def whoami(self) -> Call[Identity]:
        """Say who we are there."""
        return calls.whoami(self.options)

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
        """Read the accounts that the site names."""
        return calls.agents(self.options, accounts)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try what the connection needs, with reads only."""
        return calls.check(self.options)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Render and send one update."""
        return writes.write(self.options, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an earlier attempt."""
        return probes.probe(self.options, intent, context)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count the effects of an update that has landed."""
        return counting.effects(self.options, intent, context)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return files.fetch(self.options, attachment)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the Authorization header."""
        proof = self.options.authorization()
        return {"Authorization": proof} if proof else {}

    def grant(self) -> Grant | None:
        """Return how a service account's access token is got; None where we prove ourselves."""
        auth = self.options.auth
        if not auth.get("client_id"):
            return None
        form = {"grant_type": "client_credentials"} | {name: auth[name] for name in ("client_id", "client_secret")}
        return Grant(auth.get("token_url") or TOKEN_URL, form)

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our account: by name where ours is known, else by e-mail; None: cannot be told."""
        if person is None:
            return None
        ours = self.options.account_id or self.options.auth.get("username", "")
        if person.external_id and ours:
            return person.external_id == ours
        email = self.options.auth.get("email", "").strip().lower()
        if person.email and email:
            return person.email.strip().lower() == email
        return None

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as Jira will read them back."""
        return rendering.as_read(self.options, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002
        """Return nothing: what Jira changes because of a write is done by rules that its admins made."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.options.secrets()
