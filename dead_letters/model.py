"""A given-up update as a person decides on it, what lists say of many, and what the store has to offer for that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from gateway.domain.link import Link
from gateway.domain.ticket import Ticket
from gateway.domain.update import GIVEN_UP, Intent, UpdateState
from gateway.errors import GatewayError
from gateway.ports import DeliveryRow, NewDelivery, OperationClaim, UpdateRow
from gateway.ports.auditing import Audit
from rules.decide import RuleSet

#: what an attempt came to when it is certain that nothing is left of it: no effect, or one of several, noted
WITHOUT_EFFECT = frozenset({"rejected", "forbidden", "notsent", "throttled", "unauthorized", "conflict", "progress"})


class DeadLetterError(GatewayError):
    """This dead letter cannot be dealt with in this way; the text says in which it can."""


class DeadLetter(msgspec.Struct, frozen=True, omit_defaults=True):
    """One update or delivery that was given up, as a list shows it."""

    id: str
    #: update or delivery
    what: str
    connection: str
    reason: str
    detail: str
    summary: str
    ticket_id: str
    #: when it was asked for
    at: datetime
    attempts: int = 0
    state: str = ""
    operation: str = ""
    trace_id: str = ""
    error_class: str = ""
    cause: str = ""
    rule: str = ""
    given_up_at: datetime | None = None
    #: it stands in its lane, and what comes after it waits
    holds: bool = False
    #: the site names its connection no more
    removed: bool = False


class Group(msgspec.Struct, frozen=True):
    """Dead letters with one cause."""

    what: str
    connection: str
    reason: str
    error_class: str
    cause: str
    number: int
    oldest: datetime
    newest: datetime
    #: id of one of them, and why one of them was given up
    example: str
    detail: str = ""
    cause_key: str = ""
    #: the site names the connection no more
    removed: bool = False


class Share(msgspec.Struct, frozen=True):
    """Dead letters that can be replayed in one way."""

    what: str
    connection: str
    number: int
    example: str
    operation: str = ""
    state: str = ""
    #: an attempt may have landed
    maybe: bool = False
    #: the desk still remembers their idempotency keys
    remembered: bool = True
    #: creations of tickets that are known by now
    made: bool = False
    #: the cause of those that lack a mapping
    lacking: str = ""


class Tried(msgspec.Struct, frozen=True):
    """One attempt: what it came to; empty while nobody recorded its end."""

    outcome: str
    started_at: datetime


class Letter(msgspec.Struct, frozen=True):
    """A given-up update with all that a decision needs."""

    update: UpdateRow
    #: it stands in its lane and holds what comes after it
    standing: bool
    tries: tuple[Tried, ...]
    #: updates of the same lane that wait behind it
    held: int
    #: fields that updates further down the lane will set, or have set
    later_fields: frozenset[str]
    link: Link

    @property
    def waits(self) -> bool:
        """Say whether it was not given up, but waits for a connection that the site names no more."""
        return self.update.state not in GIVEN_UP

    @property
    def made(self) -> bool:
        """Say whether the remote ticket of the lane is known: what waits has somewhere to go."""
        return bool(self.link.remote_id)


class Terms(msgspec.Struct, frozen=True):
    """What holds for an update now: how its operation stays single, and the rules by which it is rendered."""

    claim: OperationClaim
    rules: RuleSet | None = None
    #: the fields of an intent as its desk will read them back
    as_read: Callable[[Intent], Mapping[str, Any]] | None = None


class Reopening(msgspec.Struct, frozen=True):
    """How a given-up update begins again."""

    state: UpdateState
    not_before: datetime | None = None
    #: at the end of its lane
    tail: bool = False
    #: rendered again; None: as it is
    intent: Intent | None = None
    #: a name of its own for an edited one; empty: the one that it has
    effect_key: str = ""


class Shelf(Protocol):
    """Dead letters in the record; each method belongs to one transaction."""

    def find(self, word: str, named: Collection[str] | None = None) -> Sequence[tuple[str, str]]:
        """Return (update or delivery, id) of the open dead letters whose id is, begins or ends with `word`.

        `named`: the connections of the site; updates that wait for another one count as well.
        """
        ...

    def letter(self, update_id: str, named: Collection[str] | None = None) -> Letter | None:
        """Return an update that was given up and not resolved, its lane locked; None when it is not (any more).

        `named`: as for `find`.
        """
        ...

    def reopen(self, update_id: str, how: Reopening, now: datetime) -> None:
        """Begin a new series of attempts."""
        ...

    def close(self, update_id: str, resolution: str, now: datetime) -> None:
        """Resolve an update for good, and let its lane go on."""
        ...

    def land(self, update_id: str, now: datetime) -> None:
        """Note that a given-up update has landed, and let its lane go on."""
        ...

    def edit(self, update_id: str, intent: Intent, summary: str) -> None:
        """Put another intent in the place of the one that was asked for, which is kept."""
        ...

    def original(self, update_id: str) -> Intent | None:
        """Return what was asked for before a person edited it; None when nobody has."""
        ...

    def held_behind(self, update_id: str) -> Sequence[str]:
        """Return the ids of the updates that wait behind one, in order."""
        ...


class ParkedInbox(Protocol):
    """What can be done with a parked delivery."""

    def add(self, deliveries: Sequence[NewDelivery]) -> frozenset[str]:
        """Store deliveries; return the ids of those that are new."""
        ...

    def get(self, delivery_id: str) -> DeliveryRow | None:
        """Return one delivery, or None."""
        ...

    def reopen(self, delivery_id: str, *, pinned: bool = False) -> bool:
        """Put it back in line; False when it is not parked. `pinned`: to be decided by the release of then."""
        ...

    def discard(self, delivery_id: str, now: datetime) -> bool:
        """Close it for good; False when it is not parked."""
        ...


class Linked(Protocol):
    """The links, for a person who says which remote ticket is ours."""

    def by_remote(self, pairs: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Link]:
        """Return the links of (connection, remote id) pairs."""
        ...

    def of_ticket(self, ticket_id: str) -> Sequence[Link]:
        """Return the links of a ticket."""
        ...

    def save(self, link: Link) -> None:
        """Store a link."""
        ...


class Ticketed(Protocol):
    """The tickets, for the same."""

    def lock(self, pairs: Collection[tuple[str, str]]) -> object:
        """Lock the tickets of (connection, remote id) pairs and their lanes."""
        ...

    def get(self, ticket_id: str) -> Ticket | None:
        """Read one ticket."""
        ...

    def save(self, ticket: Ticket) -> None:
        """Replace one ticket."""
        ...

    def bind_comment(self, link_id: str, remote_id: str, comment_id: str) -> bool:
        """Say that a remote comment is one of ours."""
        ...


class Unseen(Protocol):
    """The tickets that a connection does not show us, and of which we only heard."""

    def abandon(self, connection: str) -> int:
        """Give them up; return how many."""
        ...


class LetterTx(Protocol):
    """The part of a transaction that dealing with dead letters needs."""

    @property
    def dead_letters(self) -> Shelf:
        """The dead letters."""
        ...

    @property
    def inbox(self) -> ParkedInbox:
        """Deliveries."""
        ...

    @property
    def links(self) -> Linked:
        """Links."""
        ...

    @property
    def tickets(self) -> Ticketed:
        """Tickets."""
        ...

    @property
    def hidden(self) -> Unseen:
        """Tickets out of sight."""
        ...

    @property
    def audit(self) -> Audit:
        """The audit trail."""
        ...
