"""One connection to one mailbox, behind the protocol that the flow knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from connectors.email import calls, reading
from connectors.email.account import SETTINGS, Account, troubles
from connectors.email.mapping import event_of
from connectors.email.mime import Mail
from connectors.sdk import (
    API_VERSION,
    Attaching,
    Attachment,
    AuthenticationError,
    Blob,
    Call,
    ChangePage,
    CheckResult,
    ConnectionSettings,
    ConnectorSpec,
    Envelope,
    Event,
    Finding,
    Grant,
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
    body_digest,
    unseen,
)
from gateway.ports import TAKEN
from gateway.ports.mail import MailAccount

#: within it the copy of a mail comes into the mailbox, as a rule
SETTLE = 60


def _narrowed(spec: ConnectorSpec, given: Mapping[str, Any]) -> ConnectorSpec:
    """Return the spec of one mailbox: where no copies are, nothing proves; internal notes only where they may go."""
    proved = given.get("copy") is not False or bool(given.get("sent_folder"))
    claim = OperationClaim(Strategy.PROBE, settle=SETTLE, probe=True)
    claim = claim if proved else OperationClaim(Strategy.NONE, settle=SETTLE)
    names = (*spec.operations, *((Operation.INTERNAL_NOTE,) if given.get("internal_to") else ()))
    return msgspec.structs.replace(
        spec, operations=dict.fromkeys(names, claim), internal_files=bool(given.get("internal_to"))
    )


SPEC = ConnectorSpec(
    name="email",
    title="E-mail",
    api_version=API_VERSION,
    settings=SETTINGS,
    operations={
        Operation.CREATE: OperationClaim(Strategy.PROBE, settle=SETTLE, probe=True),
        Operation.PUBLIC_REPLY: OperationClaim(Strategy.PROBE, settle=SETTLE, probe=True),
    },
    readable_fields=frozenset({"title", "body"}),
    writable_fields=frozenset(),
    webhooks=False,
    reads=False,
    needs_address=True,
    url_schemes=("imaps", "imap"),
    attaching=Attaching.WITH_COMMENT,
    max_file=20_000_000,
    internal_files=False,
    narrow=_narrowed,
    troubles=troubles,
)


class EmailConnector:
    """Implements `gateway.ports.Connector`, `Filing`, `Granting`, `Backfilling`, `Braking` and `Mailing`."""

    spec: ConnectorSpec = SPEC

    def __init__(self, settings: ConnectionSettings) -> None:
        self.settings = settings
        self.account = Account.of(settings)
        self.spec = SPEC.of(settings.options)

    def mailbox(self) -> MailAccount:
        """Return where the mailbox is and how we prove ourselves."""
        return self.account.mailbox

    def grant(self) -> Grant | None:
        """Return how an access token is got; None where there is a password."""
        return self.account.grant()

    def most_an_hour(self) -> int:
        """Return how many mails the people of one ticket get at most in an hour."""
        return self.account.mails_per_hour

    def verify(self, request: IncomingRequest, now: datetime) -> None:  # noqa: ARG002 - nobody may
        """Refuse everything: a mailbox sends no webhooks."""
        raise AuthenticationError("a mailbox sends no webhooks: it is polled")

    def envelope(self, request: IncomingRequest) -> Envelope | Handshake:
        """Name a delivery by its content."""
        return Envelope(body_digest(request.body))

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Return what a mail says: one event; raises SetAsideError where it must do nothing."""
        try:
            mail = msgspec.json.decode(delivery.body, type=Mail)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            # as it came: one that the poll could not read
            mail = Mail.of(delivery.body)
        taken = TAKEN in delivery.headers
        return (event_of(self.account, mail, delivery.received_at, taken=taken),)

    def read(self, remote_id: str) -> Call[RemoteTicket | None]:  # noqa: ARG002 - a mailbox keeps mails
        """Return None: a mailbox keeps mails and no tickets."""
        yield from ()
        return None

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Return one page of new mails."""
        return reading.changes(self.account, cursor, now)

    def backfill(self, since: datetime, open_since: datetime) -> str:
        """Return where an import begins: nothing but a flag says of an older mail that it is open."""
        return reading.backfill(self.account, since, open_since)

    def whoami(self) -> Call[Identity]:
        """Say which mailbox we are."""
        return calls.whoami(self.account)

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try both servers."""
        return calls.check(self.account)

    def fetch(self, attachment: Attachment) -> Call[Blob | bytes | None]:
        """Read one file."""
        return reading.fetch(self.account, attachment)

    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Send one mail."""
        return calls.write(self.account, intent, context)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the copy of one."""
        return calls.probe(self.account, intent, context)

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """See nothing: copies say nothing of how often a mail was sent."""
        return unseen(intent, context)

    def authorize(self, request: HttpRequest) -> Mapping[str, str]:  # noqa: ARG002 - the same for every request
        """Return nothing: who we are is said when a session begins."""
        return {}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether it is the gateway; a colleague who writes from the mailbox itself is not."""
        return None if person is None else person.external_id == self.account.address.lower()

    def as_read(self, intent: Intent) -> dict[str, Any]:  # noqa: ARG002 - no field is written
        """Return nothing: there are no fields that come back."""
        return {}

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - none
        """Return nothing."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets, for redaction."""
        return self.account.secrets()
