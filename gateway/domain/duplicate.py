"""Tickets that repeat one another: the two of a pair, what was said of them, and by what they are found."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class PairState(StrEnum):
    """What was said of two tickets."""

    #: a rule asks people whether the one repeats the other
    PROPOSED = "proposed"
    #: it does
    MERGED = "merged"
    #: a person says that it does not
    REJECTED = "rejected"
    #: a person took a merge back
    SPLIT = "split"


class Pair(msgspec.Struct, frozen=True, omit_defaults=True):
    """Two tickets of one customer, of which the one repeats the other."""

    #: id of the one that repeats
    ticket: str
    #: id of the original
    of: str
    state: PairState
    #: the rule that found it; empty: a person did
    rule: str
    release: str
    #: when it was found
    at: datetime
    #: who said the last word, and when
    by: str = ""
    decided_at: datetime | None = None
    why: str = ""
    #: how often it was merged and split: names the notes at the desks
    round: int = 0


class Candidate(msgspec.Struct, frozen=True, omit_defaults=True):
    """A ticket with the key that was asked for."""

    id: str
    created_at: datetime
    requester_id: str
    #: its original, where it is a duplicate itself
    original: str = ""
    #: whether it, or its original, is neither resolved nor closed nor cancelled
    open: bool = True
    #: what was said of the two before: a PairState, empty: nothing
    judged: str = ""


class Key(msgspec.Struct, frozen=True):
    """What a ticket is found by in one rule, as long as others may still be its duplicates."""

    rule: str
    key: str
    until: datetime
