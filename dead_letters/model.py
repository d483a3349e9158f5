"""A given-up update as a person decides on it, and what the store has to offer for that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from gateway.domain.update import UpdateState
from gateway.errors import GatewayError
from gateway.ports import UpdateRow
from gateway.ports.record import Audit


class DeadLetterError(GatewayError):
    """This dead letter cannot be dealt with in this way; the text says in which it can."""


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
    #: fields that updates further down the lane set, or have set
    later_fields: frozenset[str]
    #: the remote ticket of the lane is known: what waits has somewhere to go
    made: bool = False


class Shelf(Protocol):
    """Dead letters in the record; each method belongs to one transaction."""

    def find(self, word: str) -> Sequence[tuple[str, str]]:
        """Return (update or delivery, id) of the open dead letters whose id is, begins or ends with `word`."""
        ...

    def letter(self, update_id: str) -> Letter | None:
        """Return an update that was given up and not resolved, its lane locked; None when it is not (any more)."""
        ...

    def reopen(
        self, update_id: str, state: UpdateState, now: datetime, *, not_before: datetime | None, tail: bool
    ) -> None:
        """Begin a new series of attempts under the same effect key; `tail` puts it at the end of its lane."""
        ...

    def close(self, update_id: str, resolution: str, now: datetime) -> None:
        """Resolve an update for good, and let its lane go on."""
        ...

    def held_behind(self, update_id: str) -> Sequence[str]:
        """Return the ids of the updates that wait behind one, in order."""
        ...


class ParkedInbox(Protocol):
    """What can be done with a parked delivery."""

    def reopen(self, delivery_id: str) -> bool:
        """Put it back in line; False when it is not parked."""
        ...

    def discard(self, delivery_id: str) -> bool:
        """Close it for good; False when it is not parked."""
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
    def audit(self) -> Audit:
        """The audit trail."""
        ...
