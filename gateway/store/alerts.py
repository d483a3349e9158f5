"""Alerts in SQL: how each stands, and what there is to tell of the dead letters.

What is told never names a ticket, a person or a desk's words: connections, reasons and numbers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Integer,
    PrimaryKeyConstraint,
    Select,
    String,
    Table,
    Text,
    and_,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.ports import AlertState, Backlog
from gateway.ports.alerting import Lasting
from gateway.store.clock_tables import WAITS, clocks
from gateway.store.columns import Instant
from gateway.store.letters import GIVEN_UP
from gateway.store.routing_tables import FROZEN, UNROUTABLE, ways
from gateway.store.tables import IN_STAGE, deliveries, metadata, tickets, updates

alerts = Table(
    "alerts",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("name", String(200), nullable=False),
    Column("detail", Text, nullable=False),
    Column("raised_at", Instant),
    Column("told_at", Instant),
    Column("told", Integer, nullable=False),
    Column("calm_since", Instant),
    #: one on with each change, by a compare-and-set
    Column("version", Integer, nullable=False),
)

#: of which clocks that wait, and tickets in their stage, an alert has told: gone when it is over
alert_tells = Table(
    "alert_tells",
    metadata,
    Column("key", String(64), nullable=False),
    Column("ticket_id", String(36), nullable=False),
    Column("name", String(120), nullable=False),
    Column("since", Instant, nullable=False),
    Column("told_at", Instant, nullable=False),
    PrimaryKeyConstraint("key", "ticket_id", "name", "since"),
)

HOUR = timedelta(hours=1)


_OLDEST = (alerts.c.raised_at, alerts.c.key)


class _Watched(msgspec.Struct, frozen=True):
    """What is looked at by an index that holds nothing else."""

    table: Table
    #: in these very words, for the index is asked by no others
    exists: str
    since: Column[datetime]
    ticket: Column[str]
    name: ColumnElement[str]

    @property
    def told(self) -> ColumnElement[bool]:
        """That a row of `alert_tells` is about it."""
        return and_(
            alert_tells.c.ticket_id == self.ticket,
            alert_tells.c.name == self.name,
            alert_tells.c.since == self.since,
        )


_WAITING = _Watched(clocks, WAITS, clocks.c.waits_since, clocks.c.ticket_id, clocks.c.metric)
#: a ticket is in one stage at a time
_STAYING = _Watched(tickets, IN_STAGE, tickets.c.stage_since, tickets.c.id, literal("stage"))


_UNROUTABLE = _Watched(ways, UNROUTABLE, ways.c.since, ways.c.ticket_id, literal("unroutable"))
_FROZEN = _Watched(ways, FROZEN, ways.c.since, ways.c.ticket_id, literal("frozen"))

_STANDS = or_(*(exists().where(text(each.exists), each.told) for each in (_WAITING, _STAYING, _UNROUTABLE, _FROZEN)))


class SqlAlerts:
    """Implements ports.Alerts."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def state(self, key: str) -> AlertState:
        """Return how an alert stands; a fresh state where it was never looked at."""
        row = self._connection.execute(select(alerts).where(alerts.c.key == key)).mappings().first()
        return AlertState(**row) if row is not None else AlertState(key)

    def change(self, state: AlertState) -> bool:
        """Store a state one version on from the one that it was made of; False: another sweep was quicker."""
        insert = pg_insert if self._connection.dialect.name == "postgresql" else sqlite_insert
        values = {name: getattr(state, name) for name in state.__struct_fields__}
        if state.version == 1:
            made = insert(alerts).values(values).on_conflict_do_nothing().returning(alerts.c.key)
            return self._connection.execute(made).first() is not None
        changed = self._connection.execute(
            update(alerts).where(alerts.c.key == state.key, alerts.c.version == state.version - 1).values(values)
        )
        return changed.rowcount == 1

    def raised(self) -> Sequence[AlertState]:
        """Return the alerts that stand, the longest first."""
        rows = self._connection.execute(select(alerts).where(alerts.c.raised_at.is_not(None)).order_by(*_OLDEST))
        return [AlertState(**row) for row in rows.mappings()]

    def waiting(self, key: str, before: datetime, limit: int) -> tuple[int, Sequence[Lasting]]:
        """Return how many clocks have waited since before an instant, and those of which an alert has not told."""
        return self._lasting(key, _WAITING, before, limit)

    def staying(self, key: str, before: datetime, limit: int) -> tuple[int, Sequence[Lasting]]:
        """Return how many tickets have been in their stage since before an instant, and those not told of."""
        return self._lasting(key, _STAYING, before, limit)

    def unroutable(self, key: str, before: datetime, limit: int) -> tuple[int, Sequence[Lasting]]:
        """Return how many tickets nobody could be given since before an instant, and those not told of."""
        return self._lasting(key, _UNROUTABLE, before, limit)

    def frozen(self, key: str, before: datetime, limit: int) -> tuple[int, Sequence[Lasting]]:
        """Return how many tickets have been frozen since before an instant, and those not told of."""
        return self._lasting(key, _FROZEN, before, limit)

    def _lasting(self, key: str, watched: _Watched, before: datetime, limit: int) -> tuple[int, Sequence[Lasting]]:
        over = and_(text(watched.exists), watched.since < before)
        number = self._connection.execute(select(func.count()).select_from(watched.table).where(over)).scalar_one()
        known = exists().where(alert_tells.c.key == key, watched.told)
        fresh = (
            select(watched.since.label("since"), watched.ticket.label("ticket_id"), watched.name.label("name"))
            .where(over, ~known)
            .order_by(watched.since, watched.ticket, watched.name)
            .limit(limit)
        )
        rows = self._connection.execute(fresh) if number else ()
        return number, [Lasting(row.since, row.ticket_id, row.name) for row in rows]

    def tell(self, key: str, lasting: Sequence[Lasting], now: datetime) -> None:
        """Note of what an alert has told, so that it does so once."""
        insert = pg_insert if self._connection.dialect.name == "postgresql" else sqlite_insert
        values = [{"key": key, "told_at": now, **msgspec.structs.asdict(each)} for each in lasting]
        if values:
            self._connection.execute(insert(alert_tells).on_conflict_do_nothing(), values)

    def told(self, key: str) -> int:
        """Return of how much that still lasts an alert has told."""
        mine = select(func.count()).select_from(alert_tells).where(alert_tells.c.key == key, _STANDS)
        return self._connection.execute(mine).scalar_one()

    def forget(self, key: str) -> int:
        """Forget what an alert has told of that is over; return how much that was."""
        mine = alert_tells.c.key == key
        return self._connection.execute(delete(alert_tells).where(mine, ~_STANDS)).rowcount

    def backlog(self, now: datetime) -> Backlog:
        """Return what waits for a person: how much, since when, and what most of it is.

        A message of ours about the gateway that could not be sent does not count: it would raise itself.
        """
        groups = self._connection.execute(_given_up(now)).all()
        if not groups:
            return Backlog()
        top = min(groups, key=lambda each: (-each.number, each.connection, each.reason, each.what))
        return Backlog(
            total=sum(each.number for each in groups),
            oldest=min(each.since for each in groups),
            recent=sum(each.recent for each in groups),
            connection=top.connection,
            reason=top.reason,
            what=top.what,
            top=top.number,
        )


def _given_up(now: datetime) -> Select[tuple[str, str, str, int, datetime, int]]:
    """Return how many dead letters there are of each connection, reason and kind, since when, how many of this hour."""
    since = func.coalesce(updates.c.done_at, updates.c.created_at)
    arrived = func.coalesce(deliveries.c.applied_at, deliveries.c.received_at)
    dead = (
        select(
            updates.c.connection,
            func.coalesce(updates.c.reason, "").label("reason"),
            literal("update").label("what"),
            func.count().label("number"),
            func.min(since, type_=updates.c.created_at.type).label("since"),
            func.count().filter(since > now - HOUR).label("recent"),
        )
        .where(
            and_(
                updates.c.state.in_(GIVEN_UP),
                updates.c.resolution.is_(None),
                updates.c.ticket_id != "",
            )
        )
        .group_by(updates.c.connection, updates.c.reason)
    )
    parked = (
        select(
            deliveries.c.connection,
            func.coalesce(deliveries.c.reason, "").label("reason"),
            literal("delivery").label("what"),
            func.count().label("number"),
            func.min(arrived, type_=deliveries.c.received_at.type).label("since"),
            func.count().filter(arrived > now - HOUR).label("recent"),
        )
        .where(deliveries.c.state == "parked")
        .group_by(deliveries.c.connection, deliveries.c.reason)
    )
    return dead.union_all(parked)  # type: ignore[return-value]
