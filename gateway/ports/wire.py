"""The side of the desks: what connectors and the transport agree on.

A connector implements `Connector` and does no I/O: what it wants to ask a desk it *yields* as an `HttpRequest` and is
*sent* the `HttpResponse` (a `Call`), so that one transport owns deadlines, tracing, rate limits, redaction and fault
injection. `connectors.sdk` re-exports what an author needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol, runtime_checkable

import msgspec

from gateway.domain.crosslink import Naming
from gateway.domain.event import Event, RemoteTicket
from gateway.domain.person import RemotePerson
from gateway.domain.update import Finding, Intent, Operation, Outcome, Sighting
from gateway.ports.claiming import OperationClaim
from gateway.ports.filing import Attaching
from gateway.ports.http import Call, HttpRequest, HttpResponse


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> datetime:
        """Return the current instant, aware UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds that never go backwards, for deadlines and guards."""
        ...


class Ids(Protocol):
    """Where identifiers come from."""

    def new(self) -> str:
        """Return a fresh UUIDv7."""
        ...


class Doorbell(Protocol):
    """Wakes the workers of one step. A ring may be lost or doubled; SQL is the record."""

    def ring(self, step: str) -> None:
        """Wake a worker of `apply`, `deliver` or `reconcile`; never raises."""
        ...


# ---------------------------------------------------------------- HTTP


class Transport(Protocol):
    """Sends one request to one connection's desk."""

    def send(self, connector: Connector, request: HttpRequest, *, deadline: float, trace_id: str) -> HttpResponse:
        """Send once, without retry or redirect, within `deadline` seconds in all.

        Raises NotSentError when it is certain that the desk got nothing, OutcomeUnknownError otherwise.
        """
        ...


# ---------------------------------------------------------------- incoming


class IncomingRequest(msgspec.Struct, frozen=True):
    """An HTTP request that reached /hooks/<connection>. Header names are lower-case; `body` is the raw bytes."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


class Handshake(msgspec.Struct, frozen=True, omit_defaults=True):
    """An answer in the desk's own form: to its endpoint check, of which nothing is stored, or to a delivery."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/plain"


class Envelope(msgspec.Struct, frozen=True, omit_defaults=True):
    """What receive needs to know of an authentic delivery, cheap to read and never failing."""

    #: unique in the connection; the desk's own delivery or event id, else a digest of the body
    source_event_id: str
    #: the remote ticket, when it can be told cheaply: deliveries of one remote ticket are applied in order of arrival
    ref: str = ""
    #: headers that parse needs later (names lower-case); everything else is dropped, credentials always
    headers: dict[str, str] = {}
    #: a person waits for the answer, whose body the desk would show or refuse: it gets none
    quiet: bool = False
    #: it says no more than that there is something to read, and nothing tells it from the next: the same again is
    #: another one
    hint: bool = False
    #: how the desk wants to be answered once the delivery is stored; None: it looks at the status only
    reply: Handshake | None = None


class RawDelivery(msgspec.Struct, frozen=True):
    """A stored delivery as parse sees it."""

    source_event_id: str
    received_at: datetime
    headers: dict[str, str]
    body: bytes


# ---------------------------------------------------------------- outgoing


class WriteContext(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a connector may need beside the intent to write or to probe."""

    #: name of this effect for ever: the idempotency key, the marker
    effect_key: str
    remote_id: str = ""
    version_token: str = ""
    #: remote ids of comments that we already know: a probe by content must not take one of these
    known_comments: frozenset[str] = frozenset()
    #: remote ids of files that are known to be others: a probe for a file must not take one of these
    known_files: frozenset[str] = frozenset()
    #: our clock, for desks that allow a write for some time only; None where nothing is about to be written
    now: datetime | None = None
    #: when the first attempt was sent (our clock), for probes by content and time; None before the first
    first_sent_at: datetime | None = None
    #: results of earlier Progress steps of the same update
    steps: dict[str, Any] = {}
    #: the ticket as we last saw it there
    observed: dict[str, Any] = {}


class PolledDelivery(msgspec.Struct, frozen=True, omit_defaults=True):
    """A message as a poll brought it: stored as it is, and read by `parse` as one that a webhook brought."""

    #: unique in the connection, also when the same is polled again
    source_event_id: str
    body: bytes
    #: deliveries of one ref are applied in order of arrival
    ref: str = ""


class ChangePage(msgspec.Struct, frozen=True, omit_defaults=True):
    """One page of a poll: full reads or hints, and the cursor to go on from."""

    #: tickets that may have changed; each becomes a delivery named (remote id, version), so overlap costs nothing
    tickets: tuple[RemoteTicket, ...] = ()
    cursor: str = ""
    #: True when this was the last page for now
    end: bool = True
    #: facts that no ticket shows: what the desk says of its own clocks
    events: tuple[Event, ...] = ()
    #: of a desk that has messages and no tickets to read
    deliveries: tuple[PolledDelivery, ...] = ()
    #: at the end of a round that tells changes by comparing it with the round before: when each began, by the desk's
    #: clock. What we wrote in between is read, since somebody who took it back has left no difference
    compared: tuple[datetime, datetime] | None = None


class Identity(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who we are at a desk."""

    person: RemotePerson
    detail: str = ""


class CheckResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line of `gateway connections test`: what was tried, whether it holds, what to do when it does not."""

    name: str
    ok: bool
    detail: str
    #: a failed warning does not fail the test (a lesser strategy is used instead)
    warning: bool = False
    #: facts proved, stored for the flow: e.g. {"marker": true}
    facts: dict[str, Any] = {}


class Setting(msgspec.Struct, frozen=True, omit_defaults=True):
    """One setting of a connection beside url, auth and webhook_secret, as JSON Schema."""

    name: str
    schema: dict[str, Any]
    required: bool = False
    secret: bool = False
    help: str = ""


class ConnectorSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a connector is, before any connection exists."""

    name: str
    title: str
    api_version: int
    settings: tuple[Setting, ...]
    operations: dict[Operation, OperationClaim]
    #: fields of SYNCED_FIELDS that can be read and written there
    readable_fields: frozenset[str]
    writable_fields: frozenset[str]
    #: statuses that the desk itself has, for checks and completion; empty: the site decides
    statuses: tuple[str, ...] = ()
    #: has webhooks, can be polled
    webhooks: bool = True
    polling: bool = True
    #: `read` can show a ticket; of one that it never shows, a refused write does not tell that it is out of our sight
    reads: bool = True
    #: keys that `create:` of a sync rule may or must give
    create_params: tuple[Setting, ...] = ()
    #: operations of which a later look can count the effects: a double of any other stays unseen
    sees: frozenset[Operation] = frozenset()
    #: operations of which a double can be taken back (by `operations[UNDO]`)
    undoes: frozenset[Operation] = frozenset()
    #: the connection's url may hold a query, as addresses do that are made by a program
    url_query: bool = False
    #: a ticket is begun there by writing to its requester, of whom it needs the address
    needs_address: bool = False
    #: its tickets can name an address of mail of who wrote them; False: nobody's ever does, for they write from a phone
    knows_addresses: bool = True
    #: how the connection's url may begin
    url_schemes: tuple[str, ...] = ("https", "http")
    #: extra origins (scheme://host) beside the connection's url
    origins: tuple[str, ...] = ()
    #: the desk has a due time of its own on tickets of these kinds (our words; empty: on all); None: on none
    due_kinds: frozenset[str] | None = None
    #: custom fields of tickets can be written, by the names of the connection
    custom_fields: bool = False
    #: metrics of ours of which the desk's own clocks can be read (`ChangePage.events`, kind PROMISED)
    promises: frozenset[str] = frozenset()
    #: tags of ours can stand beside those of people, who do not see them as an edit
    own_tags: bool = False
    #: its agents can be listed (it is `Staffed`): so often where the site does not say; None: it cannot
    agents_every: timedelta | None = None
    #: what the desk does by itself because of a write (`Connector.side_effects`) stays so: the connector does not, or
    #: cannot, put it back
    effects_stay: bool = False
    #: its tickets may be for everybody to read, unless its fact `closed_to_public` is proved
    open_to_all: bool = False
    #: the key of `create:` that, when it is true, keeps a ticket of ours from them
    private_param: str = ""
    #: a ticket that is moved there is a new one of which nothing tells that; a read of the old one says which
    moves_anew: bool = False
    #: a ticket that is closed there is closed for good, and a public reply to it begins one that follows it
    follow_ups: bool = False
    #: a notice can call people there by their address of mail alone
    finds_people: bool = False
    #: its system knows people (it is `Enriching`)
    enriches: bool = False
    #: how it takes files; None: it takes none
    attaching: Attaching | None = None
    #: the largest file that it takes, in bytes
    max_file: int = 20_000_000
    #: a file can be kept from customers; where it cannot, one of an internal comment is not written there
    internal_files: bool = True
    #: where the desk's file addresses may lead to, beside its origins: hosts, `*.` for any below. Without credentials
    file_hosts: tuple[str, ...] = ()
    #: how people name its tickets elsewhere: by addresses, and in words
    addresses: tuple[Naming, ...] = ()
    words: tuple[Naming, ...] = ()
    #: what it keeps of tickets elsewhere, in the desk's own words, for the matrix
    keeps_references: str = ""
    #: for a connector that is what its settings describe: the spec of one connection, by its settings as written
    narrow: Callable[[ConnectorSpec, Mapping[str, Any]], ConnectorSpec] | None = None
    #: what no schema says of its settings: where (keys below the connection), what is wrong, what to do
    troubles: Callable[[Mapping[str, Any]], Iterable[tuple[tuple[str | int, ...], str, str]]] | None = None

    def of(self, options: Mapping[str, Any]) -> ConnectorSpec:
        """Return the spec of a connection with these settings."""
        return self.narrow(self, options) if self.narrow is not None else self


class ConnectionSettings(msgspec.Struct, frozen=True):
    """One configured account, secrets resolved. Its repr shows no secret."""

    name: str
    connector: str
    url: str
    options: dict[str, Any]
    rate_limit: float | None = None
    reconcile_every: timedelta | None = None
    #: time between two looks at its agents; None: they are not asked for
    agents_every: timedelta | None = None
    deadline: float = 10.0
    write_back: bool = True
    #: nothing is written there; before `live_from` neither
    observe: bool = False
    live_from: datetime | None = None
    #: a double that is found there may be taken back
    undo_doubles: bool = False
    #: custom fields, and tags, in which the gateway alone writes there
    own_fields: frozenset[str] = frozenset()
    own_tags: frozenset[str] = frozenset()
    #: field -> connections: what it holds are names of their tickets (gateway.domain.crosslink)
    cross_links: Mapping[str, tuple[str, ...]] = {}
    #: metrics of which the rules take the desk's own word
    counts: frozenset[str] = frozenset()

    def __repr__(self) -> str:
        """Name the connection only."""
        return f"ConnectionSettings({self.name!r}, {self.connector!r})"


@runtime_checkable
class Connector(Protocol):
    """One connection to one desk: pure functions and calls, no I/O. Made by the factory of its plug-in."""

    spec: ConnectorSpec
    settings: ConnectionSettings

    # -- incoming
    def verify(self, request: IncomingRequest, now: datetime) -> None:
        """Raise AuthenticationError unless the request is proved to come from the desk. Constant-time compares."""
        ...

    def envelope(self, request: IncomingRequest) -> Envelope | Handshake:
        """Name a verified delivery without raising, whatever its body."""
        ...

    def parse(self, delivery: RawDelivery) -> tuple[Event, ...]:
        """Read the facts. An empty tuple: authentic, understood and none of our business.

        Raises UnreadableError with one clear line when it is not understood.
        """
        ...

    # -- reads
    def read(self, remote_id: str) -> Call[RemoteTicket | None]:
        """Read one ticket whole, comments included; None when it does not exist or is out of our sight."""
        ...

    def changes(self, cursor: str, now: datetime) -> Call[ChangePage]:
        """Read one page of what changed since `cursor` (empty at first), with overlap."""
        ...

    def whoami(self) -> Call[Identity]:
        """Say who we are there; raises AuthenticationError when the credentials do not hold."""
        ...

    def check(self) -> Call[Sequence[CheckResult]]:
        """Try what the connection claims (markers, rights, queues) without leaving anything visible to people."""
        ...

    # -- writes
    def write(self, intent: Intent, context: WriteContext) -> Call[Outcome]:
        """Render and send one update: any number of reads and stages, at most one write."""
        ...

    def probe(self, intent: Intent, context: WriteContext) -> Call[Finding]:
        """Look for the effect of an earlier attempt whose outcome is unknown (reads only)."""
        ...

    def effects(self, intent: Intent, context: WriteContext) -> Call[Sighting]:
        """Say how often an update that has landed took effect (reads only); asked for operations in `spec.sees`.

        `context.known_comments` are comments of the ticket that are known to be others.
        """
        ...

    # -- small facts
    def authorize(self, request: HttpRequest) -> Mapping[str, str]:
        """Return the credential headers of a request, added when it is sent and never stored."""
        ...

    def is_us(self, person: RemotePerson | None) -> bool | None:
        """Say whether `person` is our own account there; None when it cannot be told."""
        ...

    def as_read(self, intent: Intent) -> dict[str, Any]:
        """Return the fields of `intent` as the desk will read them back (canonical JSON), for the echo ledger.

        `comment` is the text of its comment, where that reads otherwise than it was given.
        """
        ...

    def side_effects(self, intent: Intent, observed: Mapping[str, Any]) -> dict[str, Any]:
        """Return the field values that the desk will change by itself because of this write, as read back.

        A tuple is several values that it passes through, each told by a change of its own.
        """
        ...

    def secrets(self) -> Sequence[str]:
        """Return the literal secrets of this connection, for redaction."""
        ...


@runtime_checkable
class Signing(Protocol):
    """A connector whose receiver wants each sending signed with its time: the transport knows that, it does not."""

    def sign(self, request: HttpRequest, now: datetime) -> Mapping[str, str]:
        """Return the headers of one sending, added beside those of `authorize` and never stored."""
        ...
