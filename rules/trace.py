"""One line of an explanation: what a rule did with a ticket, or why it did nothing."""

from __future__ import annotations

import msgspec


class TraceLine(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one rule in one decision."""

    phase: str
    rule: str
    matched: bool
    #: the first condition that failed with the actual value, or what a rule that matched came to
    reason: str = ""
    #: False when it was not asked at all, because nothing that it reads has changed
    ran: bool = True
    #: for each thing that a rule that matched wanted: `kind = incident`, `priority kept: set by a person`
    effects: tuple[str, ...] = ()
