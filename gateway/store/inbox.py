"""Deliveries in SQL: stored once by (connection, source event id), applied in order for each remote ticket."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Table,
    and_,
    bindparam,
    func,
    literal_column,
    or_,
    select,
    update,
)

from dead_letters.cause import cause_key, cause_of, error_class
from gateway.domain.update import Reason
from gateway.ports import TAKEN, DeliveryRow, NewDelivery
from gateway.store.columns import day_of, to_micros
from gateway.store.sealing import Sealer
from gateway.store.tables import deliveries, delivery_keys

PAYLOAD_VERSION = 1
BODY = "delivery"
#: the reason of one that was understood and may do nothing
ASIDE = "aside"
_DETAIL = "detail"
#: a literal, as in the partial indexes
_PENDING: ColumnElement[str] = literal_column("'pending'")


class _Rows(msgspec.Struct, frozen=True):
    """An insert of many rows in one statement, written out: the hottest of all.

    SQLAlchemy takes as long to put the parameters of a row into place as the database to store it, and one statement
    lets the interpreter's lock go once, not once a row.
    """

    table: Table
    columns: tuple[str, ...]
    tail: str = ""

    def text(self, mark: str, rows: int) -> str:
        """Return the SQL for so many rows."""
        names = ", ".join(self.table.c[name].name for name in self.columns)
        values = f"({', '.join([mark] * len(self.columns))})"
        return f"INSERT INTO {self.table.name} ({names}) VALUES {', '.join([values] * rows)} {self.tail}"  # noqa: S608 - names of our own tables


_ADD_KEYS = _Rows(
    delivery_keys,
    ("connection", "source_event_id", "delivery_id", "day"),
    "ON CONFLICT DO NOTHING RETURNING delivery_id",
)
_ADD = _Rows(
    deliveries,
    (
        "id", "day", "connection", "source_event_id", "ref", "origin", "received_at", "headers", "body_sealed",
        "trace_id", "state", "tries", "payload_version",
    ),
)  # fmt: skip


class SqlInbox:
    """Implements ports.Inbox."""

    def __init__(self, connection: Connection, sealer: Sealer) -> None:
        self._connection = connection
        self._sealer = sealer

    def add(self, new: Sequence[NewDelivery]) -> frozenset[str]:
        """Store deliveries; return the ids of those that are new."""
        if not new:
            return frozenset()
        keys = [(row.connection, row.source_event_id, row.id, day_of(row.received_at)) for row in new]
        # in one order, so that two web processes never wait for each other; of twins the first one counts
        keys.sort(key=itemgetter(0, 1))
        fresh = frozenset(row[0] for row in self._insert(_ADD_KEYS, keys))
        rows = [self._row(row) for row in new if row.id in fresh]
        if rows:
            self._insert(_ADD, rows)
        return fresh

    def _insert(self, statement: _Rows, rows: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
        mark = "%s" if self._connection.dialect.name == "postgresql" else "?"
        result = self._connection.exec_driver_sql(statement.text(mark, len(rows)), tuple(chain.from_iterable(rows)))
        return result.all() if result.returns_rows else ()

    def _row(self, new: NewDelivery) -> tuple[Any, ...]:
        """Return the values of _ADD's columns."""
        return (
            new.id,
            day_of(new.received_at),
            new.connection,
            new.source_event_id,
            new.ref,
            new.origin,
            to_micros(new.received_at),
            msgspec.json.encode(new.headers).decode(),
            self._sealer.seal(BODY, new.body),
            new.trace_id,
            "pending",
            0,
            PAYLOAD_VERSION,
        )

    def due(self, limit: int, now: datetime) -> Sequence[DeliveryRow]:
        """Return pending deliveries in order of arrival, none before an older pending one of the same ref."""
        rows = self._connection.execute(_DUE, {"the_now": now, "the_most": limit}).mappings()
        return [self._delivery(row) for row in rows]

    def get(self, delivery_id: str) -> DeliveryRow | None:
        """Return one delivery, or None."""
        row = self._connection.execute(select(deliveries).where(deliveries.c.id == delivery_id)).mappings().first()
        return self._delivery(row) if row else None

    def _delivery(self, row: Any) -> DeliveryRow:
        sealed = row["body_sealed"]
        return DeliveryRow(
            id=row["id"],
            connection=row["connection"],
            source_event_id=row["source_event_id"],
            ref=row["ref"],
            received_at=row["received_at"],
            headers=row["headers"],
            body=self._sealer.open(BODY, sealed) if sealed is not None else b"",
            trace_id=row["trace_id"],
            origin=row["origin"],
            state=row["state"],
            tries=row["tries"],
            reason=row["reason"] or "",
            detail=self._sealer.open_text(_DETAIL, row["detail_sealed"]),
            not_before=row["not_before"],
            applied_at=row["applied_at"],
            release=row["release"] or "",
        )

    def pending(self) -> int:
        """Return how many deliveries wait."""
        return int(self._connection.execute(_HOW_MANY).scalar_one())

    def has_due(self, now: datetime) -> bool:
        """Say whether `due` would return any delivery."""
        return self._connection.execute(_HAS_DUE, {"the_now": now}).first() is not None

    def applied(self, delivery_id: str, now: datetime, detail: str = "") -> None:
        """Mark one as applied."""
        values = {"the_id": delivery_id, "the_now": now, "the_detail": self._sealer.seal_text(_DETAIL, detail[:500])}
        self._connection.execute(_APPLIED, values)

    def set_aside(self, delivery_id: str, why: str, now: datetime) -> None:
        """Mark one as applied that was understood and may do nothing; it can be listed, and taken after all."""
        self.applied(delivery_id, now, why)
        self._connection.execute(update(deliveries).where(deliveries.c.id == delivery_id).values(reason=ASIDE))

    def aside(self, connection: str, limit: int) -> Sequence[DeliveryRow]:
        """Return those of a connection that were set aside, the newest first."""
        rows = self._connection.execute(
            select(deliveries)
            .where(deliveries.c.state == "applied", deliveries.c.reason == ASIDE, deliveries.c.connection == connection)
            .order_by(deliveries.c.received_at.desc(), deliveries.c.id.desc())
            .limit(limit)
        ).mappings()
        return [self._delivery(row) for row in rows]

    def take_after_all(self, delivery_id: str) -> bool:
        """Put one that was set aside back in line, to be taken as it is; False where it was not."""
        result = self._connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id, deliveries.c.state == "applied", deliveries.c.reason == ASIDE)
            .values(
                state="pending", reason=None, applied_at=None, detail_sealed=None, resolution="taken",
                headers={TAKEN: "yes"},
            )
            .returning(deliveries.c.id)
        )  # fmt: skip
        return result.first() is not None

    def park(self, delivery_id: str, reason: Reason, detail: str, now: datetime, release: str = "") -> None:
        """Leave one to a person, with the reason, and the release under which it was tried."""
        detail = detail[:2000]
        self._connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id)
            .values(
                state="parked",
                reason=reason.value,
                detail_sealed=self._sealer.seal_text(_DETAIL, detail),
                error_class=error_class(reason=reason.value, detail=detail),
                cause_key=cause_key(cause_of(detail, reason.value)),
                release=release or None,
                not_before=None,
                applied_at=now,
            )
        )

    def defer(self, delivery_id: str, until: datetime, detail: str, *, counts: bool) -> None:
        """Try one again later; `counts` is False while it merely waits for its turn."""
        self._connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id, deliveries.c.state == "pending")
            .values(
                not_before=until,
                detail_sealed=self._sealer.seal_text(_DETAIL, detail[:500]),
                tries=deliveries.c.tries + (1 if counts else 0),
            )
        )

    def reopen(self, delivery_id: str, *, pinned: bool = False) -> bool:
        """Put a parked delivery back in line, in its old place; False when it is not parked.

        `pinned`: the release under which it was parked decides again, not the active one.
        """
        result = self._connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id, deliveries.c.state == "parked")
            .values(
                state="pending",
                reason=None,
                error_class=None,
                cause_key=None,
                not_before=None,
                applied_at=None,
                tries=0,
                resolution="replayed",
                release=deliveries.c.release if pinned else None,
            )
        )
        return result.rowcount == 1

    def discard(self, delivery_id: str, now: datetime) -> bool:
        """Close a parked delivery for good, which ends it now; False when it is not parked."""
        result = self._connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery_id, deliveries.c.state == "parked")
            .values(state="discarded", resolution="discarded", applied_at=now)
        )
        return result.rowcount == 1


def _is_due() -> ColumnElement[bool]:
    """Pending, not deferred at `the_now`, and not behind an older one of the same ref that is."""
    now = bindparam("the_now", type_=deliveries.c.not_before.type)
    older = deliveries.alias("older")
    waits = (
        select(older.c.id)
        .where(
            older.c.state == _PENDING,
            older.c.not_before > now,
            older.c.connection == deliveries.c.connection,
            older.c.ref == deliveries.c.ref,
            or_(
                older.c.received_at < deliveries.c.received_at,
                and_(older.c.received_at == deliveries.c.received_at, older.c.id < deliveries.c.id),
            ),
        )
        .exists()
    )
    return and_(
        deliveries.c.state == _PENDING,
        or_(deliveries.c.not_before.is_(None), deliveries.c.not_before <= now),
        or_(deliveries.c.ref == "", ~waits),
    )


#: made once: building it took ten times as long as asking
_DUE = (
    select(deliveries)
    .where(_is_due())
    .order_by(deliveries.c.received_at, deliveries.c.id)
    .limit(bindparam("the_most", type_=Integer()))
)
_HAS_DUE = select(deliveries.c.id).where(_is_due()).limit(1)
_HOW_MANY = select(func.count()).select_from(deliveries).where(deliveries.c.state == _PENDING)
_APPLIED = (
    update(deliveries)
    .where(deliveries.c.id == bindparam("the_id"))
    .values(state="applied", applied_at=bindparam("the_now"), detail_sealed=bindparam("the_detail"), not_before=None)
)
