"""Alerts in SQL: how each stands, and what there is to tell of the dead letters.

What is told never names a ticket, a person or a desk's words: connections, reasons and numbers only.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Column, Connection, Integer, Select, String, Table, and_, func, literal, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.ports import AlertState, Backlog
from gateway.store.columns import Instant
from gateway.store.letters import GIVEN_UP
from gateway.store.tables import deliveries, metadata, updates

alerts = Table(
    "alerts",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("link_id", String(36), nullable=False),
    Column("raised_at", Instant),
    Column("told_at", Instant),
    Column("told", Integer, nullable=False),
    Column("calm_since", Instant),
    #: one on with each change, by a compare-and-set
    Column("version", Integer, nullable=False),
)

HOUR = timedelta(hours=1)


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
