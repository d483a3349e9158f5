"""The echo ledger in SQL."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select

from gateway.domain.echo import EchoEntry
from gateway.store.tables import echoes

_OF_LINK = select(echoes).where(echoes.c.link_id == bindparam("the_link")).order_by(echoes.c.sent_at)


class SqlLedger:
    """Implements ports.Ledger."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def entries(self, link_id: str) -> tuple[EchoEntry, ...]:
        """Return the entries of a link that were not consumed, oldest first."""
        rows = self._connection.execute(_OF_LINK, {"the_link": link_id}).mappings()
        return tuple(
            EchoEntry(
                id=row["id"],
                update_id=row["update_id"],
                subject=row["subject"],
                value_hash=row["value_hash"],
                sent_at=row["sent_at"],
                change_ids=tuple(row["change_ids"]),
                version=row["version"],
                landed_at=row["landed_at"],
                side_effect=row["side_effect"],
                since=row["since"],
            )
            for row in rows
        )

    def consume(self, entry_ids: Collection[str], now: datetime) -> None:
        """Take entries out."""
        del now
        if entry_ids:
            self._connection.execute(delete(echoes).where(echoes.c.id.in_(entry_ids)))
