"""Links of tickets to desks, as the flow sees them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from gateway.domain.link import Link


class Links(Protocol):
    """Links of tickets to desks."""

    def of_ticket(self, ticket_id: str) -> Sequence[Link]:
        """Return the links of a ticket, the source first."""
        ...

    def by_remote(self, pairs: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Link]:
        """Return the links of (connection, remote id) pairs."""
        ...

    def newest_in_thread(self, connection: str, thread: str) -> Link | None:
        """Return the live link that was begun last by a conversation (its remote ids begin with `<thread>:`)."""
        ...

    def by_effect_key(self, connection: str, effect_key: str) -> Link | None:
        """Return the link whose lane holds the update of that effect key (a marker that we embedded)."""
        ...

    def begun(
        self, connection: str, identities: Collection[str], since: datetime, until: datetime, limit: int
    ) -> Sequence[Link]:
        """Return live links of tickets that began at a connection then, asked by one of these identities."""
        ...

    def get(self, link_id: str) -> Link | None:
        """Read one link."""
        ...

    def many(self, link_ids: Collection[str]) -> Mapping[str, Link]:
        """Read several links by id."""
        ...

    def add(self, link: Link, now: datetime) -> None:
        """Insert a link and its empty lane."""
        ...

    def save(self, link: Link) -> None:
        """Store what was observed."""
        ...

    def synced_version(self, link_id: str) -> int:
        """Return the version up to which the remote ticket was read whole."""
        ...

    def set_synced_version(self, link_id: str, version: int) -> None:
        """Remember a whole read."""
        ...

    def written(self, connection: str, since: datetime, until: datetime) -> Sequence[str]:
        """Return the remote ids of live links where writes of ours landed then that no event has told of yet."""
        ...

    def count_at(self, connection: str, since: datetime | None) -> int:
        """Return how many live links a connection has, of tickets that changed since then."""
        ...

    def page_at(self, connection: str, after: str, since: datetime | None, limit: int) -> Sequence[Link]:
        """Return live links of a connection by id, those after one, of tickets that changed since then."""
        ...
