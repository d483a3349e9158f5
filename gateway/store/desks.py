"""Connection states in SQL: pauses, Retry-After, breaker, rate bucket, poll cursor, proved facts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from sqlalchemy import Connection, Executable, RowMapping, bindparam, select
from sqlalchemy.dialects.postgresql import insert as pg_insert

from gateway.ports import DeskState
from gateway.store.columns import per_dialect
from gateway.store.sealing import Sealer
from gateway.store.tables import desks, lanes, updates

#: what the desk said, sealed
_WORDS = ("paused", "poll_error")

_ALL = select(desks)
_ONE = _ALL.where(desks.c.connection == bindparam("the_connection"))
_LOCKED_ONE = _ONE.with_for_update()


def _save(insert: Any) -> Executable:
    statement = insert(desks)
    rest = [column.name for column in desks.c if column.name != "connection"]
    return statement.on_conflict_do_update(  # type: ignore[no-any-return]
        index_elements=[desks.c.connection], set_={name: statement.excluded[name] for name in rest}
    )


_SAVE = per_dialect(_save)


class SqlDesks:
    """Implements ports.Desks."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def all(self) -> Mapping[str, DeskState]:
        """Return every state by connection name."""
        rows = self._connection.execute(_ALL).mappings()
        return {row["connection"]: self._state(row) for row in rows}

    def get(self, connection: str) -> DeskState:
        """Return one state, locked until the transaction ends; a fresh one where there is none."""
        fresh = DeskState(connection=connection)
        asked = {"the_connection": connection}
        if self._connection.dialect.name != "postgresql":
            row = self._connection.execute(_ONE, asked).mappings().first()
        else:
            row = self._connection.execute(_LOCKED_ONE, asked).mappings().first()
            if row is None:
                # a row that is not there cannot be locked, and two would begin with a bucket each
                self._connection.execute(pg_insert(desks).values(self._values(fresh)).on_conflict_do_nothing())
                row = self._connection.execute(_LOCKED_ONE, asked).mappings().first()
        return fresh if row is None else self._state(row)

    def save(self, state: DeskState) -> None:
        """Insert or replace one."""
        self._connection.execute(_SAVE[self._connection.dialect.name], self._values(state))

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
