"""How tickets relate to one another and what they went through, as the flow sees it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.adoption import Spot
from gateway.domain.crosslink import Crosslink
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

    def repeating(self, original: str) -> Sequence[str]:
        """Return the tickets that are duplicates of one, whoever said so: also those that a desk merged."""
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


class Crosslinks(Protocol):
    """Which remote ticket names which of another desk, and the joining of two tickets."""

    def note(self, spot: Spot, found: Iterable[Crosslink], now: datetime, *, whole: bool) -> None:
        """Note what a remote ticket names; what it names no more goes where it was seen `whole`. A refusal stays."""
        ...

    def arrived(self, connection: str, names: Collection[str]) -> None:
        """Let what names a remote ticket be looked at: it is known from now on, by its id and its key."""
        ...

    def fresh(self, most: int) -> Sequence[Crosslink]:
        """Return what was noted, or what named a ticket that came, since the last look."""
        ...

    def seen(self, looked: Iterable[Crosslink]) -> None:
        """Look at these no more until something new is heard."""
        ...

    def of(self, spots: Collection[Spot]) -> Sequence[Crosslink]:
        """Return what remote tickets name, but for what was refused."""
        ...

    def naming(self, named: Collection[tuple[str, str]]) -> Sequence[Crosslink]:
        """Return what names one of these (connection, id or key), but for what was refused."""
        ...

    def all(self, most: int) -> Sequence[Crosslink]:
        """Return what was noted, the newest first, but for what was refused."""
        ...

    def refuse(self, one: Spot, names: Collection[str], other: Spot, others: Collection[str], actor: str) -> int:
        """Say that two remote tickets, each with its names, are not one; return how many cross-links said so."""
        ...

    def named(self, pairs: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Sequence[Spot]]:
        """Return the live remote tickets that have a name, by (connection, name): it is their id or their key."""
        ...

    def importing(self) -> frozenset[str]:
        """Return the connections of which tickets that an import took are still to be applied."""
        ...

    def worked_on(self, ticket_ids: Collection[str]) -> frozenset[str]:
        """Return those of these tickets for which the gateway has planned an update."""
        ...

    def join(self, gone: str, stays: str) -> None:
        """Let what was said, and what happened, in one ticket be the other's; nothing else of it stays."""
        ...
