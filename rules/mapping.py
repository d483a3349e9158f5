"""Maps between our words and a desk's own, for statuses, priorities and kinds: many of one to many of the other.

A row says which of ours belong to which of theirs. `to` says which of several of theirs is written, `back` which of
several of ours is read; a ticket that is already at one of them stays there, so that reading changes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from gateway.domain.ticket import Category, Kind, Level

W = TypeVar("W", bound=StrEnum)


class Row(msgspec.Struct, Generic[W], frozen=True):
    """One line of a map."""

    ours: tuple[W, ...]
    theirs: tuple[str, ...]
    #: the one of `theirs` that is written
    to: str
    #: the one of `ours` that is read, unless the ticket is at another one of them already
    back: W


class ValueMap(Generic[W]):
    """A map of one field between the gateway and one desk."""

    __slots__ = ("_back", "_forth", "rows")

    def __init__(self, rows: tuple[Row[W], ...]) -> None:
        self.rows = rows
        self._forth: dict[W, Row[W]] = {}
        self._back: dict[str, Row[W]] = {}
        for row in rows:
            for ours in row.ours:
                self._forth.setdefault(ours, row)
            for theirs in row.theirs:
                self._back.setdefault(theirs.strip().casefold(), row)

    def to_theirs(self, ours: W) -> str | None:
        """Return the desk's word to write for one of ours, or None when the map has none."""
        row = self._forth.get(ours)
        return row.to if row else None

    def to_ours(self, theirs: str, current: W | None = None) -> W | None:
        """Return what a desk's word (in any case) means, or None when the map does not know it.

        `current` is where the ticket stands: it stays there when the desk's word means that as well.
        """
        row = self._back.get(theirs.strip().casefold())
        if row is None:
            return None
        return current if current is not None and current in row.ours else row.back

    def covers(self, current: W, theirs: str) -> bool:
        """Say whether the desk's word already stands for `current`, so that nothing needs to be written."""
        row = self._back.get(theirs.strip().casefold())
        return row is not None and current in row.ours

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ValueMap) and self.rows == other.rows

    def __hash__(self) -> int:
        return hash(self.rows)


StatusMap = ValueMap[Category]
PriorityMap = ValueMap[Level]
KindMap = ValueMap[Kind]
