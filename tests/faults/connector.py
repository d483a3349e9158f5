"""Connectors of the two desks: the source tells, the target is written to by one strategy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from connectors.sdk import about_fields, classify, refused_of
from gateway.domain.event import Event, EventKind, FieldChange, RemoteComment, RemoteTicket
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Visibility
from gateway.domain.update import (
    Absent,
    Copy,
    Done,
    Finding,
    Found,
    Intent,
    Operation,
    Outcome,
    Receipt,
    Rejected,
    Sighting,
    Strategy,
    Unknown,
    Unsure,
)
from gateway.errors import AuthenticationError, TransportError
from gateway.ports import (
    Call,
    ChangePage,
    CheckResult,
    ConnectionSettings,
    ConnectorSpec,
    Effect,
    Envelope,
    Handshake,
    HttpRequest,
    HttpResponse,
    Identity,
    IncomingRequest,
    OperationClaim,
    RawDelivery,
    WriteContext,
)
from tests.faults.clock import EPOCH
from tests.faults.desk import Ask, DeskTicket

DEADLINE = 2.0
SETTLE = 5
#: of a desk that shows late what was written to it
SLOW_SETTLE = 45
KEY_TTL = 7200
SIGNATURE = "signed"


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that a person does at the source, and the webhook that tells of it."""

    number: int
    kind: EventKind
    ticket: str
    text: str
    #: its webhook never comes: only a poll can tell
    lost: bool = False

    @property
    def at(self) -> datetime:
        """When it happened, by the source's clock."""
        return EPOCH - timedelta(minutes=10) + timedelta(seconds=self.number)

    def request(self) -> IncomingRequest:
        """Return the webhook."""
        return IncomingRequest("POST", "/hooks/source", {}, {"signature": SIGNATURE}, msgspec.json.encode(self))

    def changes(self) -> tuple[FieldChange, ...]:
        """Return the fields that it changes."""
        if self.kind is not EventKind.CHANGED:
            return ()
        return FieldChange("title", self.text), FieldChange("body", f"About {self.text}")

    def comment(self) -> RemoteComment:
        """Return it as a comment."""
        return RemoteComment(str(self.number), self.at, self.text, Visibility.INTERNAL, RemotePerson("7", name="Ada"))


def remote(told: Sequence[Told]) -> list[RemoteTicket]:
    """Return how the tickets of the source look after all that."""
    tickets: dict[str, RemoteTicket] = {}
    for each in told:
        before = tickets.get(each.ticket) or RemoteTicket(
            each.ticket, each.at, created_at=each.at, body="Body", complete=True
        )
        more = (each.comment(),) if each.kind is EventKind.COMMENTED else ()
        tickets[each.ticket] = msgspec.structs.replace(
            before,
            updated_at=each.at,
            version=each.number,
            title=before.title if more else each.text,
            body=each.changes()[1].value if each.changes() else before.body,
            comments=before.comments + more,
        )
    return list(tickets.values())


class FaultConnector:
    """`ports.Connector` of either desk."""

    def __init__(
        self, name: str, strategy: Strategy, *, probes: bool = False, undoes: bool = False, settle: int = SETTLE
    ) -> None:
        self._strategy = strategy
        every = timedelta(seconds=60) if name == "source" else None
        self.settings = ConnectionSettings(
            name, "faulty", f"http://{name}.example", {}, reconcile_every=every, deadline=DEADLINE, undo_doubles=undoes
        )
        # a key that is forgotten at once leaves the probe alone to find out
        claim = OperationClaim(strategy, settle=settle, key_ttl=0 if probes else KEY_TTL, probe=probes)
        fields = frozenset({"title", "body"})
        claims = dict.fromkeys(Operation, claim) | {Operation.UNDO: OperationClaim(Strategy.NATURAL, settle=settle)}
        made = frozenset({Operation.CREATE, Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE})
        self.spec = ConnectorSpec(
            "faulty", "Faulty", 1, (), claims, fields, fields, sees=made | {Operation.SET_FIELDS}, undoes=made
        )

    # -- incoming
    def verify(self, request: IncomingRequest, now: datetime) -> None:
        """Believe what is signed."""
        if request.headers.get("signature") != SIGNATURE:
            raise AuthenticationError("the signature does not hold")

    def envelope(self, request: IncomingRequest) -> Envelope | Handshake:
        """Name it by its number."""
        told = msgspec.json.decode(request.body, type=Told)
        return Envelope(f"told-{told.number}", told.ticket)

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the one thing that it tells."""
        told = msgspec.json.decode(delivery.body, type=Told)
        snapshot = RemoteTicket(told.ticket, told.at, told.number)
        if told.kind is EventKind.CREATED:
            snapshot = msgspec.structs.replace(snapshot, title=told.text, body="Body", created_at=told.at)
        return (
            Event(
                kind=told.kind,
                remote_id=told.ticket,
                key=f"change-{told.number}",
                at=told.at,
                version=told.number,
                actor=RemotePerson("7", name="Ada"),
                changes=told.changes(),
                comment=told.comment() if told.kind is EventKind.COMMENTED else None,
                snapshot=snapshot,
            ),
        )

    # -- reads
    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one ticket of the source whole."""
        answer = yield HttpRequest("GET", "/tickets", params={"ticket": remote_id}, label="read ticket")
        found = msgspec.json.decode(answer.body, type=list[RemoteTicket])
        return found[0] if found else None

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Name every ticket of the source: a hint is enough."""
        answer = yield HttpRequest("GET", "/tickets", label="changes")
        known = msgspec.json.decode(answer.body, type=list[RemoteTicket])
        hints = [RemoteTicket(each.remote_id, each.updated_at, each.version) for each in known]
        return ChangePage(tuple(hints), cursor="all")

    def whoami(self) -> Call[Identity]:
        """Say who we are."""
        yield HttpRequest("GET", "/me", label="whoami")
        return Identity(RemotePerson("gateway"))

    def check(self) -> Call[Sequence[CheckResult]]:
        """Claim nothing that needs a fact."""
        yield HttpRequest("GET", "/me", label="check")
        return []

    # -- writes
    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Send one write in the way of the strategy."""
        version = 0
        if self._strategy is Strategy.CONDITIONAL and intent.operation is not Operation.CREATE:
            seen = _of(context, _tickets((yield HttpRequest("GET", "/tickets", label="read before"))))
            if seen is not None and context.effect_key in seen.keys:
                return Done(_receipt(seen.id, seen.version))
            version = seen.version if seen is not None else 0
        body = intent.comment.body if intent.comment is not None else ""
        fields = intent.params if intent.operation is Operation.UNDO else self.as_read(intent)
        ask = Ask(self._strategy, intent.operation, context.effect_key, context.remote_id, fields, body, version)
        answer = yield HttpRequest("POST", "/write", Effect.WRITE, json=msgspec.to_builtins(ask))
        trouble = classify(answer)
        if isinstance(trouble, Rejected):
            return about_fields(trouble, refused_of(intent, _refused(answer), {}))
        if trouble is not None:
            return trouble
        try:
            told = answer.json()
        except msgspec.DecodeError:
            return Unknown("200 with a body that is not the desk's")
        left_out = refused_of(intent, told.get("refused", ()), {})
        return Done(_receipt(told["ticket"], told["version"], told["comment"]), left_out=left_out)

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the marker."""
        answer = yield HttpRequest("GET", "/tickets", label="probe")
        if not answer.ok:
            return Unsure(f"the desk said {answer.status}")
        for ticket in _tickets(answer):
            if context.effect_key in ticket.keys:
                return Found(_receipt(ticket.id, ticket.version, ticket.comment_of(context.effect_key)))
        return Absent()

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Count markers."""
        answer = yield HttpRequest("GET", "/tickets", label="count")
        if not answer.ok:
            raise TransportError(f"the desk said {answer.status}")
        tickets = _tickets(answer)
        if intent.operation is Operation.CREATE:
            return Sighting(tuple(Copy(each.id) for each in tickets if each.keys[:1] == [context.effect_key]))
        own = _of(context, tickets)
        if own is None:
            return Sighting()
        if intent.comment is not None:
            mine = [name for name in own.comments if name.startswith(f"{context.effect_key}+")]
            return Sighting(tuple(Copy(name) for name in mine))
        told = RemoteTicket(own.id, EPOCH, own.version, **own.fields)
        # nobody else writes there
        return Sighting(ticket=told, ours=frozenset(intent.fields))

    # -- small facts
    def authorize(self, request: HttpRequest) -> Mapping[str, str]:
        """Need no credentials."""
        return {}

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Know our own account."""
        return person is not None and person.external_id == "gateway"

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Read fields as they were written."""
        return {name: value for name, value in intent.fields.items() if name in self.spec.readable_fields}

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
        """Change nothing else."""
        return {}

    def secrets(self) -> Sequence[str]:
        """Have none."""
        return ()


def _refused(answer: HttpResponse) -> list[str]:
    found: list[str] = msgspec.json.decode(answer.body).get("refused", [])
    return found


def _tickets(answer: HttpResponse) -> list[DeskTicket]:
    return msgspec.json.decode(answer.body, type=list[DeskTicket])


def _of(context: WriteContext, tickets: Sequence[DeskTicket]) -> DeskTicket | None:
    return next((each for each in tickets if each.id == context.remote_id), None)


def _receipt(ticket: str, version: int, comment: str = "") -> Receipt:
    return Receipt(remote_id=ticket, version=version, comment_id=comment)
