"""Tickets that are out of sight, in SQL."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Connection, Integer, Select, and_, bindparam, delete, func, insert, select, text, update

from gateway.domain.update import UpdateState
from gateway.ports.hiding import Hidden, Unseen
from gateway.store.columns import by_first, in_pairs
from gateway.store.lanes import Lanes
from gateway.store.relation_tables import hidden_tickets
from gateway.store.tables import OUT_OF_SIGHT, updates

_IT = hidden_tickets.c
_LAST_UNSEEN = (
    select(_IT.remote_id, _IT.delivery_id)
    .where(_IT.connection == bindparam("the_connection"), _IT.link_id == "")
    .order_by(_IT.since.desc(), _IT.remote_id.desc())
    .limit(bindparam("the_most", type_=Integer()))
)


@cache
def _among(connections: int) -> Select[Any]:
    return select(_IT.connection, _IT.remote_id).where(in_pairs(_IT.connection, _IT.remote_id, connections))


class SqlHiddenTickets:
    """Implements ports.HiddenTickets."""

    def __init__(self, connection: Connection, lanes: Lanes) -> None:
        self._connection = connection
        self._lanes = lanes

    def get(self, connection: str, remote_id: str) -> Hidden | None:
        """Return what is known of one; None where it is in sight."""
        asked = select(hidden_tickets).where(_IT.connection == connection, _IT.remote_id == remote_id)
        row = self._connection.execute(asked).first()
        return None if row is None else _hidden(row)

    def among(self, pairs: Collection[tuple[str, str]]) -> frozenset[tuple[str, str]]:
        """Return those of (connection, remote id) pairs that are out of sight."""
        if not pairs:
            return frozenset()
        connections, given = by_first(pairs)
        rows = self._connection.execute(_among(connections), given)
        return frozenset((row.connection, row.remote_id) for row in rows)

    def keep(self, hidden: Hidden) -> None:
        """Note that one is out of sight, or by which letter that is told."""
        self.drop(hidden.connection, hidden.remote_id)
        self._connection.execute(
            insert(hidden_tickets).values(
                connection=hidden.connection,
                remote_id=hidden.remote_id,
                link_id=hidden.link_id,
                since=hidden.since,
                looked_at=hidden.since,
                delivery_id=hidden.delivery_id,
            )
        )

    def drop(self, connection: str, remote_id: str) -> None:
        """Note that one is in sight again, or given up."""
        it = and_(_IT.connection == connection, _IT.remote_id == remote_id)
        self._connection.execute(delete(hidden_tickets).where(it))

    def revive(self, link_id: str, now: datetime) -> int:
        """Let what was given up in a lane because its ticket was hidden be tried again; return how many updates."""
        revived = self._connection.execute(
            update(updates)
            .where(updates.c.link_id == link_id, text(OUT_OF_SIGHT))
            .values(
                state=UpdateState.READY.value,
                standing=True,
                attempts=0,
                probes=0,
                not_before=None,
                reason=None,
                detail_sealed=None,
                error_class=None,
                cause_key=None,
                done_at=None,
                first_sent_at=None,
                settle_until=None,
            )
            .returning(updates.c.id)
        ).all()
        if revived:
            self._lanes.schedule([link_id], now)
        return len(revived)

    def unseen(self, connection: str, newest: int) -> Unseen | None:
        """Return what is known of those that are not linked, so many of them by name; None where there are none."""
        last = {"the_connection": connection, "the_most": max(newest, 1)}
        rows = self._connection.execute(_LAST_UNSEEN, last).all()
        if not rows:
            return None
        theirs = and_(_IT.connection == connection, _IT.link_id == "")
        number = self._connection.execute(select(func.count()).select_from(hidden_tickets).where(theirs)).scalar_one()
        return Unseen(rows[0].delivery_id, number, tuple(row.remote_id for row in rows[:newest]))

    def abandon(self, connection: str) -> int:
        """Give up those that are not linked; return how many."""
        theirs = and_(_IT.connection == connection, _IT.link_id == "")
        return len(self._connection.execute(delete(hidden_tickets).where(theirs).returning(_IT.remote_id)).all())

    def due(self, connection: str, before: datetime, limit: int, *, linked: bool) -> Sequence[Hidden]:
        """Return those, linked or not, that were not looked for since then, the longest ago first."""
        rows = self._connection.execute(
            select(hidden_tickets)
            .where(
                _IT.connection == connection,
                _IT.looked_at <= before,
                _IT.link_id != "" if linked else _IT.link_id == "",
            )
            .order_by(_IT.looked_at)
            .limit(limit)
        )
        return [_hidden(row) for row in rows]

    def looked(self, found: Collection[Hidden], now: datetime) -> None:
        """Note that they are looked for now."""
        for each in found:
            it = and_(_IT.connection == each.connection, _IT.remote_id == each.remote_id)
            self._connection.execute(update(hidden_tickets).where(it).values(looked_at=now))


def _hidden(row: Any) -> Hidden:
    return Hidden(row.connection, row.remote_id, row.link_id, row.since, row.delivery_id)
