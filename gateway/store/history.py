"""The decisions of the past, ticket by ticket, for simulations: read in pages, so that memory does not grow."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from gateway.store.tables import audit

DECIDED = "decided"


class SqlHistory:
    """Finds the tickets on which decisions were made."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count(self, since: datetime) -> int:
        """Count the tickets with a decision since an instant."""
        statement = select(func.count(func.distinct(audit.c.ticket_id))).where(
            audit.c.action == DECIDED, audit.c.at >= since
        )
        return int(self._connection.execute(statement).scalar_one())

    def tickets(self, since: datetime, *, after: str, limit: int) -> Sequence[str]:
        """Return the ids of tickets with a decision since an instant, in order, those behind `after`."""
        statement = (
            select(audit.c.ticket_id)
            .where(audit.c.ticket_id > after, audit.c.action == DECIDED, audit.c.at >= since)
            .group_by(audit.c.ticket_id)
            .order_by(audit.c.ticket_id)
            .limit(limit)
        )
        return list(self._connection.execute(statement).scalars())
