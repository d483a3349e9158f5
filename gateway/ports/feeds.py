"""Copies of calendars that rotas are fetched from, as the record keeps them. All instants are aware UTC."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

import msgspec


class FeedCopy(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of one feed, and the last good copy of it."""

    #: names the feed, not its address
    key: str
    #: since when it is asked
    begun_at: datetime
    #: when it is to be asked next
    due_at: datetime
    #: names the address that the copy is of
    source: str = ""
    #: what it says; empty: it was never fetched
    text: str = ""
    #: names what it says, whenever it was written out
    essence: str = ""
    #: what the server called this copy
    etag: str = ""
    modified: str = ""
    #: when the server last said that this is how it stands
    fetched_at: datetime | None = None
    #: when it last said something else
    changed_at: datetime | None = None
    #: since when it cannot be fetched, and why; None: it can
    failing_since: datetime | None = None
    trouble: str = ""

    @property
    def good_at(self) -> datetime:
        """Return until when all was well."""
        return self.fetched_at or self.begun_at


class Feeds(Protocol):
    """Copies of feeds in the record."""

    def all(self) -> Mapping[str, FeedCopy]:
        """Return every copy by the key of its feed."""
        ...

    def essences(self) -> Mapping[str, str]:
        """Return what names each copy, without the copies."""
        ...

    def due(self, keys: Collection[str], now: datetime) -> bool:
        """Say whether one of these feeds is to be asked."""
        ...

    def save(self, copy: FeedCopy) -> None:
        """Insert or replace one."""
        ...

    def keep(self, keys: Collection[str]) -> int:
        """Forget the feeds that no rota names any more; return how many."""
        ...
