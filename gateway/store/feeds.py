"""Copies of feeds in SQL. They name people, and are sealed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Executable, RowMapping, delete, select

from gateway.ports.feeds import FeedCopy
from gateway.store.columns import per_dialect
from gateway.store.routing_tables import feeds
from gateway.store.sealing import Sealer

#: what others have written
_WORDS = ("text", "trouble")


def _replacing(into: Any) -> Executable:
    statement = into(feeds)
    changed = {column.name: statement.excluded[column.name] for column in feeds.c if column.name != "key"}
    renewed: Executable = statement.on_conflict_do_update(index_elements=[feeds.c.key], set_=changed)
    return renewed


_SAVE = per_dialect(_replacing)


class SqlFeeds:
    """Implements ports.feeds.Feeds."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def all(self) -> Mapping[str, FeedCopy]:
        """Return every copy by the key of its feed."""
        return {row["key"]: self._copy(row) for row in self._connection.execute(select(feeds)).mappings()}

    def essences(self) -> Mapping[str, str]:
        """Return what names each copy."""
        return {row.key: row.essence for row in self._connection.execute(select(feeds.c.key, feeds.c.essence))}

    def due(self, keys: Collection[str], now: datetime) -> bool:
        """Say whether one of these feeds is to be asked."""
        if not keys:
            return False
        rows = self._connection.execute(select(feeds.c.key, feeds.c.due_at))
        known = {row.key: row.due_at for row in rows}
        return any(key not in known or known[key] <= now for key in keys)

    def save(self, copy: FeedCopy) -> None:
        """Insert or replace one."""
        members = {name: getattr(copy, name) for name in FeedCopy.__struct_fields__ if name not in _WORDS}
        words = {f"{name}_sealed": self._sealer.seal_text(f"feed {name}", getattr(copy, name)) for name in _WORDS}
        self._connection.execute(_SAVE[self._connection.dialect.name], {**members, **words})

    def keep(self, keys: Collection[str]) -> int:
        """Forget the feeds that no rota names any more."""
        gone = delete(feeds).where(feeds.c.key.not_in(list(keys))).returning(feeds.c.key)
        return len(self._connection.execute(gone).all())

    def _copy(self, row: RowMapping) -> FeedCopy:
        members: dict[str, Any] = {name: row[name] for name in FeedCopy.__struct_fields__ if name not in _WORDS}
        words: dict[str, Any] = {name: self._sealer.open_text(f"feed {name}", row[f"{name}_sealed"]) for name in _WORDS}
        return FeedCopy(**members, **words)
