"""Looks at what has landed: whether it is at its desk more than once. All instants are aware UTC."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from gateway.domain.update import Copy


class Look(msgspec.Struct, frozen=True):
    """One look that is due: at the effects of an update, of which an attempt may have left unseen."""

    update_id: str
    connection: str
    #: how many were taken before it
    step: int
    due: datetime


class Overwritten(msgspec.Struct, frozen=True):
    """A field that shows an older value of ours again: what is to stand there, in the words of an intent."""

    field: str
    value: Any
    ours: Any = None


class Looks(Protocol):
    """Looks in the record."""

    def has_due(self, now: datetime, connections: Collection[str]) -> bool:
        """Say whether any look at these connections is due."""
        ...

    def due(self, now: datetime, connections: Collection[str], limit: int) -> Sequence[Look]:
        """Return the looks that are due, the longest due first."""
        ...

    def witness(self, effect_key: str, now: datetime) -> bool:
        """Let an update be looked at at once, for a copy of its effect was seen; False when it is not known."""
        ...

    def intended_at(self, update_id: str) -> datetime | None:
        """Return when the latest attempt was intended of which nobody has said what became of it."""
        ...

    def again(self, look: Look, due: datetime) -> None:
        """Take the same look later."""
        ...

    def taken(self, look: Look, due: datetime | None) -> None:
        """Note that a look was taken and showed nothing; `due` is the next one, None when that was the last."""
        ...

    def postpone(self, connection: str, now: datetime, until: datetime) -> None:
        """Leave a desk alone: every look at it that is due waits."""
        ...

    def double(self, look: Look, copies: Sequence[Copy], detail: str, now: datetime, *, known: bool = False) -> bool:
        """Make an update a dead letter, for it took effect more than once; False when it is not resolved (any more).

        `known`: it was one when the look was taken, which showed a copy more; False when another look has told of it.
        """
        ...

    def copies(self, update_id: str) -> Sequence[Copy]:
        """Return the copies of a double, as they were seen."""
        ...

    def newer(self, update_id: str, fields: Collection[str]) -> Sequence[Overwritten]:
        """Return what later updates of its lane have written to these fields, the newest of each."""
        ...

    def comment_of(self, link_id: str, comment_id: str) -> str:
        """Return the desk's id of a comment of ours; empty when it is not known."""
        ...
