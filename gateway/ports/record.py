"""The database as the flow sees it: the protocols that `gateway.store` implements.

Every method belongs to one transaction (`Tx`); nothing here commits by itself. All instants are aware UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

from gateway.domain.event import Event
from gateway.domain.ticket import Ticket
from gateway.domain.update import Intent, Reason, UpdateState
from gateway.ports.alerting import Alerts
from gateway.ports.auditing import Audit
from gateway.ports.clocks import Clocks
from gateway.ports.enriching import Answers
from gateway.ports.feeds import Feeds
from gateway.ports.filing import FileRecords
from gateway.ports.hiding import HiddenTickets
from gateway.ports.leases import Leases
from gateway.ports.ledger import Ledger
from gateway.ports.linking import Links
from gateway.ports.looking import Looks
from gateway.ports.people import People
from gateway.ports.relations import Crosslinks, Duplicates, Stages
from gateway.ports.releasing import Releases
from gateway.ports.reporting import Reporting
from gateway.ports.rewording import Rewording
from gateway.ports.rows import (
    AttemptEnd,
    AttemptStart,
    CommentRow,
    DeliveryRow,
    DeskState,
    LaneClaim,
    NewDelivery,
    NewUpdate,
    UpdateRow,
)
from gateway.ports.staff import Staff
from gateway.ports.ways import Ways

R = TypeVar("R")


class Inbox(Protocol):
    """Deliveries: what came in, and what became of it."""

    def add(self, deliveries: Sequence[NewDelivery]) -> frozenset[str]:
        """Store deliveries; return the ids of those that are new in (connection, source_event_id)."""
        ...

    def due(self, limit: int, now: datetime) -> Sequence[DeliveryRow]:
        """Return pending deliveries in order of arrival, none before an older pending one of the same ref."""
        ...

    def applied(self, delivery_id: str, now: datetime, detail: str = "") -> None:
        """Mark one as applied."""
        ...

    def set_aside(self, delivery_id: str, why: str, now: datetime) -> None:
        """Mark one as applied that was understood and may do nothing; it can be listed, and taken after all."""
        ...

    def get(self, delivery_id: str) -> DeliveryRow | None:
        """Return one delivery, or None."""
        ...

    def park(self, delivery_id: str, reason: Reason, detail: str, now: datetime, release: str = "") -> None:
        """Leave one to a person, with the reason, and the release under which it was tried."""
        ...

    def has_due(self, now: datetime) -> bool:
        """Say whether any delivery waits to be applied."""
        ...

    def reopen(self, delivery_id: str, *, pinned: bool = False) -> bool:
        """Put a parked delivery back in its old place (`pinned`: under its old release); False: it is not parked."""
        ...

    def defer(self, delivery_id: str, until: datetime, detail: str, *, counts: bool) -> None:
        """Try one again later; `counts` is False while it merely waits for its turn."""
        ...


class Tickets(Rewording, Protocol):
    """Tickets, people, comments and the events that made them."""

    def lock(self, pairs: Collection[tuple[str, str]]) -> frozenset[str]:
        """Lock the tickets of (connection, remote id) pairs, then their lanes, so that writers never wait in a ring."""
        ...

    def hold(self, ticket_ids: Collection[str], *, wait: bool = True) -> bool:
        """Lock tickets by id, and their lanes; without `wait` the transaction is run again where they are busy."""
        ...

    def get(self, ticket_id: str) -> Ticket | None:
        """Read one ticket."""
        ...

    def save(self, ticket: Ticket) -> None:
        """Insert or replace one ticket."""
        ...

    def add_event(self, event: Event, *, delivery_id: str, connection: str, ticket_id: str, outcome: str) -> bool:
        """Record a fact; False when (connection, event key) is already there."""
        ...

    def entered(self, connection: str, beginning: str) -> str | None:
        """Return the id of the ticket that the newest event belongs to whose key begins so (`<beginning>:`)."""
        ...

    def knows_event(self, connection: str, key: str) -> bool:
        """Say whether a fact was recorded before."""
        ...

    def comments(self, ticket_id: str) -> Sequence[CommentRow]:
        """Return the comments of a ticket, oldest first."""
        ...

    def said_at(self, link_id: str, remote_ids: Collection[str]) -> Mapping[str, tuple[str, str]]:
        """Return (comment id, connection where it was said) of remote comments known at a link."""
        ...

    def add_comment(self, comment: CommentRow, *, link_id: str, remote_id: str) -> bool:
        """Add a comment seen at a link; False when that remote comment is known there."""
        ...

    def known_comments(self, link_id: str, among: Collection[str] | None = None) -> frozenset[str]:
        """Return the remote ids of the comments known at a link, of those named at least."""
        ...

    def bind_comment(self, link_id: str, remote_id: str, comment_id: str) -> bool:
        """Say that a remote comment is one of ours; False when it is known already."""
        ...


class Outbox(Protocol):
    """Updates in their lanes, and the attempts at them."""

    def add(self, update: NewUpdate) -> bool:
        """Append to the lane, coalescing adjacent set_fields rows that were never tried; False: effect key known."""
        ...

    def get(self, update_id: str) -> UpdateRow | None:
        """Return one update, or None."""
        ...

    def sent_since(self, update: UpdateRow, since: datetime, most: int) -> Sequence[datetime]:
        """Return when others of its kind left for the same ticket there, or may have: the newest ones."""
        ...

    def narrow(self, update: UpdateRow, intent: Intent) -> bool:
        """Let a ready update want less; False: it has changed since it was read."""
        ...

    def blocker(self, link_id: str) -> tuple[str, str] | None:
        """Return (id, reason) of the dead letter that holds what was appended to a lane in this transaction."""
        ...

    def heads_in_flight(self, link_ids: Collection[str]) -> Mapping[str, UpdateState]:
        """Return the lanes whose head is being written or whose outcome is unknown."""
        ...

    def landed_since(self, link_id: str, moment: datetime) -> bool:
        """Say whether an update of a lane was recorded as landed after `moment`."""
        ...

    def creates_in_flight(self, connection: str) -> bool:
        """Say whether a create is being written (or unknown) at a connection."""
        ...

    def pending_fields(self, link_id: str) -> Mapping[str, Any]:
        """Return the fields that open updates of a lane will set, the last one winning."""
        ...

    def claim(
        self,
        *,
        holder: str,
        limit: int,
        lease: float,
        now: datetime,
        budgets: Mapping[str, int],
        busy: Mapping[str, int] = ...,
    ) -> Sequence[LaneClaim]:
        """Claim due lanes without a live lease, epoch + 1; at most `budgets[connection]` lanes of a connection.

        `busy` are the lanes of each connection that the caller works on: they count towards its share.
        """
        ...

    def heads(self, claims: Sequence[LaneClaim]) -> Mapping[str, UpdateRow]:
        """Return the head (lowest open update) of each lane that we still hold."""
        ...

    def intend(self, attempts: Sequence[AttemptStart], *, lease: float, now: datetime) -> frozenset[str]:
        """Commit the intent to write; return the attempt ids that may be sent (lease held, payload unchanged)."""
        ...

    def record(self, ends: Sequence[AttemptEnd], *, lease: float, now: datetime) -> frozenset[str]:
        """Record outcomes, fenced; return the link ids whose epoch still was ours. Sets each lane's next due time."""
        ...

    def release(self, claims: Sequence[LaneClaim], now: datetime) -> None:
        """Give lanes back."""
        ...

    def keep(self, claims: Sequence[LaneClaim], lease: float) -> None:
        """Let the leases of lanes that are still ours run on."""
        ...

    def last_request(self, update_id: str, payload_version: int) -> bytes | None:
        """Return the rendered request of the latest attempt at this version of an update."""
        ...

    def confirm_by_marker(self, effect_key: str, now: datetime) -> str | None:
        """Note that a given-up update has landed, since its marker was seen; return its id, None when it is no such."""
        ...

    def fence(self, link_id: str, now: datetime) -> None:
        """Take a lane from whoever holds it, for its remote ticket is another one now."""
        ...

    def join(self, gone: str, survivor: str, now: datetime) -> tuple[int, int]:
        """Let what was still to be said in one lane be said in another, in order and once.

        Returns how many updates moved, and how many that set fields were dropped.
        """
        ...

    def has_due(self, now: datetime, connections: Collection[str]) -> bool:
        """Say whether any lane of these connections has a due head and no live lease."""
        ...

    def next_due(self) -> datetime | None:
        """Return the time at which the next lane falls due, or None."""
        ...


class Desks(Protocol):
    """What we know of connections between calls."""

    def all(self) -> Mapping[str, DeskState]:
        """Return every state by connection name."""
        ...

    def get(self, connection: str) -> DeskState:
        """Return one state, locked until the transaction ends; a fresh one where there is none."""
        ...

    def save(self, state: DeskState) -> None:
        """Insert or replace one."""
        ...

    def has_open_head(self, connection: str) -> bool:
        """Say whether a write to the connection is in flight."""
        ...


class Tx(Protocol):
    """One transaction."""

    @property
    def inbox(self) -> Inbox:
        """Return the inbox part."""
        ...

    @property
    def tickets(self) -> Tickets:
        """Return the tickets part."""
        ...

    @property
    def links(self) -> Links:
        """Return the links part."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Return the outbox part."""
        ...

    @property
    def looks(self) -> Looks:
        """Return the looks part."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Return the ledger part."""
        ...

    @property
    def desks(self) -> Desks:
        """Return the desks part."""
        ...

    @property
    def leases(self) -> Leases:
        """Return the leases part."""
        ...

    @property
    def audit(self) -> Audit:
        """Return the audit part."""
        ...

    @property
    def alerts(self) -> Alerts:
        """Return the alerts part."""
        ...

    @property
    def duplicates(self) -> Duplicates:
        """Return which ticket repeats which."""
        ...

    @property
    def people(self) -> People:
        """Return who is who."""
        ...

    @property
    def hidden(self) -> HiddenTickets:
        """Return the tickets that are out of sight."""
        ...

    @property
    def crosslinks(self) -> Crosslinks:
        """Return which remote ticket names which."""
        ...

    @property
    def answers(self) -> Answers:
        """Return what other systems said of people."""
        ...

    @property
    def stages(self) -> Stages:
        """Return the stages that tickets went through."""
        ...

    @property
    def clocks(self) -> Clocks:
        """Return the clocks of tickets."""
        ...

    @property
    def ways(self) -> Ways:
        """Return who has which ticket."""
        ...

    @property
    def files(self) -> FileRecords:
        """The files of tickets."""
        ...

    @property
    def staff(self) -> Staff:
        """Return who is available."""
        ...

    @property
    def feeds(self) -> Feeds:
        """Return what was fetched of rotas."""
        ...

    @property
    def reporting(self) -> Reporting:
        """Return the clocks of many tickets."""
        ...

    @property
    def releases(self) -> Releases:
        """Return the releases part."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what is inside when it raises, and nothing else."""
        ...

    def is_waited_for(self) -> bool:
        """Say whether another process waits to write (SQLite has one writer): a long transaction had better end."""
        ...


class Store(Protocol):
    """The database: short transactions only, none spans an HTTP call."""

    def read(self) -> AbstractContextManager[Tx]:
        """Open a transaction that only reads."""
        ...

    def write(self, work: Callable[[Tx], R]) -> R:
        """Run `work` in a write transaction and commit; after a deadlock or a busy database it runs again."""
        ...
