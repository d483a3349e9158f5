"""What routing is asked and what it answers: values between the router, who keeps them and who shows them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec

from rules.trace import TraceLine


class Outcome(StrEnum):
    """What becomes of a ticket."""

    ASSIGNED = "assigned"
    #: it waits: for room, for a relaxation, for a region to open, or in a queue that its route names
    QUEUED = "queued"
    #: nobody will be there in time: somebody on call has it
    ON_CALL = "on_call"
    #: nobody at all: it lies in the fallback queue, and that is an alert
    UNROUTABLE = "unroutable"
    #: passed on too often: nothing moves it but a person
    FROZEN = "frozen"
    #: a person has assigned it, and that is respected
    KEPT = "kept"
    #: there is nothing to route: it is done with, or repeats another
    NONE = "none"


class Hop(msgspec.Struct, frozen=True):
    """A ticket was passed on."""

    giver: str
    taker: str
    at: datetime


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a ticket's way so far."""

    #: since when it waits for somebody; None: it has just come in
    waiting_since: datetime | None = None
    #: when the next of its clocks is due
    due: datetime | None = None
    #: who has it, or had it last: a name
    owner: str = ""
    #: until when they had it; None: they have it
    owned_until: datetime | None = None
    #: it was done with, and is open again
    reopened: bool = False
    #: its owner gives it up: a shift ends, somebody is away
    passed_on: bool = False
    #: who had it, or was offered it, in this cycle
    visited: frozenset[str] = frozenset()
    #: in this cycle, and those of the last days before it
    hops: tuple[Hop, ...] = ()
    #: how many hops there were before this cycle
    hops_before: int = 0
    #: a team: a person put it into its queue
    within: str = ""


class RingState(StrEnum):
    """How a region stands to a ticket."""

    TAKES = "takes it"
    CLOSED = "closed"
    FULL = "full"
    #: some fit, and none of these has room
    BUSY = "busy"
    #: nobody on shift fits
    NOBODY = "nobody fits"


class LeftOut(msgspec.Struct, frozen=True):
    """Somebody who was not a candidate."""

    person: str
    why: str


class Ring(msgspec.Struct, frozen=True, omit_defaults=True):
    """One region, or all of them at once, as a ticket found it: in numbers, and by names where that was asked."""

    #: empty: every region
    region: str
    state: RingState
    members: int
    on_shift: int = 0
    accepting: int = 0
    #: of these
    with_room: int = 0
    #: of those who accept: who fits
    fit: int = 0
    candidates: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


class Routed(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer."""

    outcome: Outcome
    #: in one line
    reason: str
    #: the route that decided
    rule: str = ""
    region: str = ""
    team: str = ""
    #: a name
    agent: str = ""
    queue: str = ""
    flags: tuple[str, ...] = ()
    #: when to look again, where something is known to change
    until: datetime | None = None
    #: `unroutable` or `frozen`: somebody has to be told
    alert: str = ""
    raise_priority: int = 0
    rings: tuple[Ring, ...] = ()
    #: what became of each route
    trace: tuple[TraceLine, ...] = ()
    #: who fits as well as the agent, who is one of them, by names where that was asked
    alike: tuple[str, ...] = ()
