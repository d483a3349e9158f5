"""The ways of tickets as the flow sees them: who has each, who had it before, who waits, and what is reserved."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

import msgspec

#: characters of the name of a kin
KIN = 32


class Passed(msgspec.Struct, frozen=True):
    """A ticket went from one person to another."""

    giver: str
    taker: str
    at: datetime


class Offered(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody was asked to take a ticket over."""

    to: str
    at: datetime
    #: until when they may accept
    until: datetime
    #: candidate or manager
    asked: str
    declined: bool = False


class Way(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One ticket's way through the hands of people."""

    ticket_id: str
    #: of the last decision
    outcome: str = ""
    #: since when that is so
    since: datetime | None = None
    rule: str = ""
    reason: str = ""
    region: str = ""
    team: str = ""
    queue: str = ""
    flags: tuple[str, ...] = ()
    #: a name; who has it, or had it last
    person: str = ""
    #: they have it, and it is open: it takes room
    holds: bool = False
    channel: str = ""
    #: whom the ticket named when it was last looked at
    seen: str = ""
    #: what the route was chosen by
    asked: str = ""
    #: when a person put it into the queue in which it lies, as far as that was heard
    put: datetime | None = None
    #: a team: a person put it into its group, and nobody has been given it since: the next who has it is of that team
    within: str = ""
    #: in the queue since then; None: it does not wait for the router
    waiting_since: datetime | None = None
    #: the desks that do not show who has it: (connection, why)
    left: tuple[tuple[str, str], ...] = ()
    #: until when the last person had it
    owned_until: datetime | None = None
    #: it was done with
    closed: bool = False
    #: it was open again after that, and nobody has had it since
    reopened: bool = False
    #: its owner gave it up, and nobody has had it since
    given_up: bool = False
    due: datetime | None = None
    visited: tuple[str, ...] = ()
    hops: tuple[Passed, ...] = ()
    hops_before: int = 0
    offers: tuple[Offered, ...] = ()
    #: when it is to be looked at next; None: nothing changes by itself
    wake_at: datetime | None = None

    @property
    def kin(self) -> str:
        """Names the tickets for which the router looks for the same people: when it has waited longer, for no fewer.

        What depends on who had it before, and when, is its own kin.
        """
        if self.hops_before or self.reopened or (self.person and not self.given_up):
            return self.ticket_id
        barred = "\n".join(sorted({self.person, *self.visited, *(hop.giver for hop in self.hops)}))
        words = "\n".join((self.asked, self.channel, self.within, str(len(self.hops)), barred))
        return hashlib.sha256(words.encode()).hexdigest()[:KIN]


class Kin(msgspec.Struct, frozen=True):
    """Tickets in the queue for which the router looks for the same people."""

    name: str
    number: int
    #: since when the first of them waits
    since: datetime
    #: when the first of them is due; None: none is due at any time
    due: datetime | None
    #: one of them
    ticket_id: str


class Use(msgspec.Struct, frozen=True):
    """How many tickets of a channel somebody has in hand, or has been offered."""

    person: str
    channel: str
    count: int


class Turn(msgspec.Struct, frozen=True):
    """When somebody was given a ticket last, and was through with one."""

    person: str
    assigned_at: datetime | None
    turn: int
    released_at: datetime | None


class Ways(Protocol):
    """Who has which ticket."""

    def lock(self) -> None:
        """Let nobody else count or give out until this transaction ends; tickets are locked before, never after."""
        ...

    def get(self, ticket_id: str) -> Way | None:
        """Return the way of a ticket; None where it was never routed."""
        ...

    def save(self, way: Way, now: datetime) -> None:
        """Store the way of a ticket."""
        ...

    def use(self, now: datetime, *, but: str = "") -> Sequence[Use]:
        """Count what everybody has in hand, and what is reserved for them, without the ticket `but`."""
        ...

    def stale(self, limit: int) -> Sequence[str]:
        """Return tickets that somebody has by their way, and that are done with: they were, while nothing routed."""
        ...

    def turns(self) -> Sequence[Turn]:
        """Return when everybody had a turn."""
        ...

    def gave(self, person: str, now: datetime) -> None:
        """Note that somebody was given a ticket."""
        ...

    def freed(self, person: str, now: datetime) -> None:
        """Note that somebody has room again: the queue is to be looked at."""
        ...

    def is_room_new(self) -> bool:
        """Say whether somebody has had room since the queue was looked at."""
        ...

    def room_looked_at(self, until: datetime) -> None:
        """Note that the queue was looked at for room that was there by then."""
        ...

    def reserve(self, ticket_id: str, person: str, channel: str, until: datetime) -> None:
        """Keep room with somebody for a ticket, for a while."""
        ...

    def unreserve(self, ticket_id: str) -> None:
        """Keep no more room for a ticket."""
        ...

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Return tickets that are to be looked at, those longest due first."""
        ...

    def kins(self) -> Sequence[Kin]:
        """Return the kins of the tickets in the queue."""
        ...

    def waiting(self, limit: int, *, kins: Collection[str] | None = None, skip: int = 0) -> Sequence[Way]:
        """Return the tickets in the queue, or those of some kins, those that are due first in front."""
        ...

    def longest(self, limit: int, *, kins: Collection[str]) -> Sequence[Way]:
        """Return those of some kins that have waited longest."""
        ...

    def renew(self, asked: str, now: datetime) -> bool:
        """Let the whole queue be looked at, once whenever other routes are asked for; False when that was done."""
        ...

    def offered(self, limit: int) -> Sequence[Way]:
        """Return the tickets that were offered to somebody, and that nobody has accepted."""
        ...

    def unknown(self, limit: int) -> Sequence[str]:
        """Return open tickets that have no way yet."""
        ...

    def postpone(self, ticket_id: str, until: datetime) -> None:
        """Look at a ticket later."""
        ...
