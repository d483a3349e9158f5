"""How tickets relate to one another and what they went through, as the flow sees it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.duplicate import Candidate, Key, Pair
from gateway.domain.stage import StageMove


class Duplicates(Protocol):
    """Which ticket repeats which, and by what they are found."""

    def others(self, ticket_id: str, key: str, since: datetime, until: datetime) -> tuple[Candidate, ...]:
        """Return the other tickets with a key that were opened between two instants, the oldest first."""
        ...

    def keep(self, ticket_id: str, created_at: datetime, keys: Collection[Key]) -> None:
        """Let a ticket be found by these keys and no others."""
        ...

    def add(self, pair: Pair) -> bool:
        """Note a pair; False when something was said of the two before, whichever repeats the other."""
        ...

    def save(self, pair: Pair) -> None:
        """Replace what is said of a pair."""
        ...

    def drop(self, pair: Pair) -> None:
        """Forget what was said of a pair."""
        ...

    def get(self, one: str, other: str) -> Pair | None:
        """Return what was said of two tickets, whichever repeats the other."""
        ...

    def merged_into(self, original: str) -> Sequence[Pair]:
        """Return the pairs of the tickets that are duplicates of one."""
        ...

    def of_ticket(self, ticket_id: str) -> Sequence[Pair]:
        """Return everything that was said of one ticket and others, the newest first."""
        ...


class Stages(Protocol):
    """The stages that tickets went through."""

    def add(self, move: StageMove) -> None:
        """Note that a ticket entered a stage."""
        ...

    def of_ticket(self, ticket_id: str) -> Sequence[StageMove]:
        """Return the moves of a ticket, in order."""
        ...
