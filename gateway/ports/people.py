"""People across desks, as the flow sees them: identities, the ties between them, and what is told of each."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.people import Identity, Key, Tie
from gateway.domain.recent import Count
from gateway.domain.ticket import Ticket


class People(Protocol):
    """Who is who."""

    def find(self, keys: Collection[Key]) -> Sequence[Identity]:
        """Return the identities that are known of some keys."""
        ...

    def hold(self, persons: Collection[str]) -> Sequence[Identity]:
        """Return the identities of people, locked until the transaction ends."""
        ...

    def members(self, person: str) -> Sequence[Identity]:
        """Return the identities of somebody, to look at."""
        ...

    def open_at(self, person: str, limit: int) -> Sequence[tuple[str, str]]:
        """Return where the open tickets of somebody came in: (connection, remote id), the newest first."""
        ...

    def recent(self, ticket: Ticket, since: datetime) -> Count:
        """Count the other tickets of its requester that were opened since, those that repeat one another once."""
        ...

    def recent_of_org(self, ticket: Ticket, since: datetime) -> Count:
        """Count the other tickets of its organisation that were opened since, those that repeat one another once."""
        ...

    def ties(self, ids: Collection[str]) -> Sequence[Tie]:
        """Return the ties that touch any of some identities, in the order in which they were said."""
        ...

    def add(self, identity: Identity, now: datetime) -> None:
        """Store a new identity; raises ClashError inside a savepoint when another process was quicker."""
        ...

    def bind(self, tie: Tie, now: datetime, actor: str) -> None:
        """Store what holds between two identities, whatever held before."""
        ...

    def unbind(self, these: Collection[Tie]) -> None:
        """Forget ties."""
        ...

    def belong(self, ids: Collection[str], person: str) -> None:
        """Let identities be of a person."""
        ...

    def rehome(self, ids: Collection[str], person: str) -> None:
        """Let identities be of a person for good: also what they go back to."""
        ...

    def share(self, identity_id: str) -> None:
        """Note that several people use an identity."""
        ...

    def rename(self, ids: Collection[str], name: str) -> None:
        """Note by what name somebody is known."""
        ...
