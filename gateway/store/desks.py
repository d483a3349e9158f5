"""Connection states in SQL: pauses, Retry-After, breaker, rate bucket, poll cursor, proved facts."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, RowMapping, select
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.ports import DeskState
from gateway.store.sealing import Sealer
from gateway.store.tables import desks, lanes, updates

#: what the desk said, sealed
_WORDS = ("paused", "poll_error")


class SqlDesks:
    """Implements ports.Desks."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def all(self) -> Mapping[str, DeskState]:
        """Return every state by connection name."""
        rows = self._connection.execute(select(desks)).mappings()
        return {row["connection"]: self._state(row) for row in rows}

    def get(self, connection: str) -> DeskState:
        """Return one state, locked until the transaction ends; a fresh one where there is none."""
        fresh = DeskState(connection=connection)
        statement = select(desks).where(desks.c.connection == connection)
        if self._connection.dialect.name != "postgresql":
            row = self._connection.execute(statement).mappings().first()
        else:
            statement = statement.with_for_update()
            row = self._connection.execute(statement).mappings().first()
            if row is None:
                # a row that is not there cannot be locked, and two would begin with a bucket each
                self._connection.execute(pg_insert(desks).values(self._values(fresh)).on_conflict_do_nothing())
                row = self._connection.execute(statement).mappings().first()
        return fresh if row is None else self._state(row)

    def save(self, state: DeskState) -> None:
        """Insert or replace one."""
        insert = pg_insert if self._connection.dialect.name == "postgresql" else sqlite_insert
        values = self._values(state)
        statement = insert(desks).values(values)
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[desks.c.connection],
                set_={name: statement.excluded[name] for name in values if name != "connection"},
            )
        )

    def change(self, connection: str, **changes: object) -> DeskState:
        """Change some parts of one state and return it whole."""
        state = msgspec.structs.replace(self.get(connection), **changes)
        self.save(state)
        return state

    def has_open_head(self, connection: str) -> bool:
        """Say whether a write to the connection is in flight."""
        statement = (
            select(updates.c.id)
            .join(lanes, lanes.c.link_id == updates.c.link_id)
            .where(lanes.c.connection == connection, updates.c.standing, updates.c.state == "sending")
            .limit(1)
        )
        return self._connection.execute(statement).first() is not None

    def _state(self, row: RowMapping) -> DeskState:
        members = {name: row[name] for name in DeskState.__struct_fields__ if name not in _WORDS}
        words = {name: self._sealer.open_text(name, row[f"{name}_sealed"]) for name in _WORDS}
        return DeskState(**{**members, **words, "facts": row["facts"] or {}})

    def _values(self, state: DeskState) -> dict[str, object]:
        members = {name: getattr(state, name) for name in DeskState.__struct_fields__ if name not in _WORDS}
        words = {f"{name}_sealed": self._sealer.seal_text(name, getattr(state, name)) for name in _WORDS}
        return {**members, **words}
