"""One connection to one table of one ServiceNow instance: the parts of this folder behind the protocol of the flow."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
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
from connectors.servicenow import (
    agents,
    changes,
    checks,
    files,
    mapping,
    probes,
    reads,
    rendering,
    sla,
    webhook,
    writes,
)
from connectors.servicenow.account import SETTINGS, Account

SPEC = ConnectorSpec(
    name="servicenow",
    title="ServiceNow",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=30),
        Operation.SET_FIELDS: OperationClaim(Strategy.NATURAL, settle=30, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=30),
        Operation.INTERNAL_NOTE: OperationClaim(Strategy.PROBE, settle=30),
        Operation.ATTACH: OperationClaim(Strategy.PROBE, settle=30),
        Operation.UNDO: OperationClaim(Strategy.NATURAL, settle=30),
    },
    sees=frozenset({Operation.CREATE, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE}),
    undoes=frozenset({Operation.CREATE}),
    addresses=(
        Naming(r"^/[a-z0-9_]+\.do\?(?:.*&)?sys_id=(?P<name>[0-9a-f]{32})"),
        Naming(r"[?&]uri=/?[a-z0-9_]+\.do\?sys_id=(?P<name>[0-9a-f]{32})"),
        Naming(r"/record/[a-z0-9_]+/(?P<name>[0-9a-f]{32})"),
    ),
    words=(Naming(r"\b(?P<name>(?:INC|RITM|REQ|SCTASK|CHG|PRB|CS|TASK)\d{7,10})\b"),),
    keeps_references="correlation id and display, custom fields",
    readable_fields=frozenset({"title", "body", "kind", "priority", "status", "queue", "assignee"}),
    writable_fields=frozenset({"title", "body", "priority", "status", "queue", "assignee"}),
    due_kinds=frozenset(),
    custom_fields=True,
    promises=sla.COUNTED,
    agents_every=timedelta(minutes=10),
    create_params=(
        Setting(
            "group", {"type": "string"}, help="assignment group of the new record: its name in `groups:` or sys_id"
        ),
        Setting("caller", {"type": "string"}, help="sys_id of the caller where the requester is nobody there"),
        Setting(
            "columns",
            {"type": "object", "additionalProperties": {"type": "string"}},
            help="any other columns of the new record: {category: network}",
        ),
    ),
    attaching=Attaching.ALONE,
    # whoever sees a record sees its files
    internal_files=False,
)


class ServiceNowConnector:
    """Implements `gateway.ports.Connector`; every method delegates to the module that knows how."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)

    def verify(self, request: IncomingRequest, now: datetime) -> None:
        """Raise AuthenticationError unless the signature (or the secret) holds."""
        webhook.verify(self.account, request, now)

    def envelope(self, request: IncomingRequest) -> Envelope:
        """Name a verified delivery."""
        return webhook.envelope(request)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts of a delivery; raises UnreadableError."""
        return webhook.parse(self.account, delivery)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one record whole."""
        return reads.read(self.account, remote_id)

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of what changed."""
        return changes.changes(self.account, cursor, now)

    def whoami(self) -> Call[Identity]:
        """Say who we are there."""
        return reads.whoami(self.account)

    def agents(self, accounts: Collection[str]) -> Call[Sequence[DeskAgent]]:
        """Say which of these accounts can be assigned."""
        return agents.agents(accounts)

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
        """Read one file."""
        return files.fetch(attachment)

    def grant(self) -> Grant | None:
        """Return how an access token is got, where `auth` says so."""
        return self.account.oauth

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return the credential headers."""
        return self.account.authorization()

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our account, by its sys_id or its user name; None while neither is known."""
        us = self.account.us
        if person is None or not person.external_id or not (us.sys_id or us.user_name):
            return None
        if person.external_id in {us.sys_id, us.user_name}:
            return True
        # a sys_id says nothing as long as only our user name is known
        return None if not us.sys_id and mapping.is_sys_id(person.external_id) else False

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as ServiceNow will read them back."""
        return rendering.as_read(self.account, intent)

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing: as it is shipped, a comment of an agent changes no column."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
