"""What a case says, and what happened when it was rehearsed: plain values between loader, rehearsal and judges."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.clock_instance import Chain
from gateway.domain.presence import State
from gateway.domain.ticket import Ticket, Visibility
from rules.duplicates import Duplicate
from rules.routed import Routed
from rules.trace import TraceLine


class Place(msgspec.Struct, frozen=True):
    """Where something stands in a file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        """Return it as people write it."""
        return f"{self.file}:{self.line}:{self.column}"


class CaseError(Exception):
    """A case cannot happen as it is written."""

    def __init__(self, place: Place, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.place = place
        self.message = message
        self.hint = hint


class Expected(msgspec.Struct, frozen=True):
    """One thing that is expected: a leaf of `expect`."""

    #: names its judge: `field`, `policy`, `created`, …
    kind: str
    #: what it is about within its kind: a field, a connection
    subject: str
    #: as a report names it: `priority`, `sync.updates.engineering-rt.status`
    path: str
    wanted: Any
    place: Place


class Reply(msgspec.Struct, frozen=True):
    """A comment that somebody writes."""

    #: customer or agent
    by: str
    text: str
    visibility: Visibility


class Step(msgspec.Struct, frozen=True):
    """What happens so many seconds after the beginning."""

    after: int
    place: Place
    #: at which desk; empty: where the ticket came from
    connection: str = ""
    #: field -> model value; of a status at another desk, that desk's word
    sets: dict[str, Any] = {}
    reply: Reply | None = None
    expect: tuple[Expected, ...] = ()


class Earlier(msgspec.Struct, frozen=True):
    """A ticket that was there before."""

    name: str
    #: seconds before the beginning
    ago: int
    fields: dict[str, Any]
    place: Place


class Given(msgspec.Struct, frozen=True):
    """A ticket and what happens to it."""

    at: datetime
    #: field -> model value; `source` is among them
    fields: dict[str, Any]
    place: Place
    earlier: tuple[Earlier, ...] = ()
    steps: tuple[Step, ...] = ()
    #: person -> what they have in hand when it happens; the others have nothing
    agents: Mapping[str, State] = {}


class Case(msgspec.Struct, frozen=True):
    """One test of the rules."""

    name: str
    place: Place
    given: Given
    expect: tuple[Expected, ...] = ()


class Told(msgspec.Struct, frozen=True):
    """What one desk is told by one update."""

    connection: str
    operation: str
    #: the rule that asked for it
    rule: str
    #: in the words of that desk
    fields: dict[str, Any] = {}
    comment: str = ""
    #: why it becomes a dead letter at once; empty when it goes out
    refused: str = ""


class Fired(msgspec.Struct, frozen=True):
    """An escalation that a clock came to."""

    name: str
    metric: str
    at: datetime
    #: what it did, a line for each action
    did: tuple[str, ...] = ()


class Moment(msgspec.Struct, frozen=True):
    """One event of a rehearsal and what the gateway made of it."""

    at: datetime
    #: the ticket when the rules were through with it
    ticket: Ticket
    policy: str = ""
    duplicates: tuple[Duplicate, ...] = ()
    #: field -> value in words, for what rules set
    sets: dict[str, str] = {}
    told: tuple[Told, ...] = ()
    #: a line for each rule; empty when nothing was decided
    trace: tuple[TraceLine, ...] = ()
    #: edits that were not taken, with the reason
    lost: tuple[str, ...] = ()
    #: why the delivery became a dead letter; empty when it did not
    parked: str = ""
    #: at which desk it happened
    connection: str = ""
    #: metric -> what its clocks went through by now
    clocks: Mapping[str, Chain] = {}
    #: since the moment before
    fired: tuple[Fired, ...] = ()
    #: who has it; None in a site without routes
    route: Routed | None = None
