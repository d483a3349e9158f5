"""Clocks in SQL."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, insert, select, text, update

from gateway.domain.clock_instance import Instance
from gateway.domain.clock_log import LogEntry
from gateway.domain.terms import Terms
from gateway.ports import Ids
from gateway.ports.clocks import ChangeRow, ClockRow, Firing
from gateway.store.clock_tables import (
    WAITS,
    WAKES,
    clock_calendars,
    clock_changes,
    clock_firings,
    clock_log,
    clock_terms,
    clocks,
)
from gateway.store.columns import per_dialect
from gateway.store.tables import facts

_entry = msgspec.json.Decoder(LogEntry)
_terms = msgspec.json.Decoder(Terms)
_row = msgspec.json.Decoder(ClockRow)
_change = msgspec.json.Decoder(ChangeRow)

_LOG = select(clock_log.c.doc).where(clock_log.c.ticket_id == bindparam("the_ticket")).order_by(clock_log.c.at)
_ROWS = (
    select(clocks.c.doc)
    .where(clocks.c.ticket_id == bindparam("the_ticket"))
    .order_by(clocks.c.metric, clocks.c.cycle, clocks.c.version)
)
_CHANGES = (
    select(clock_changes.c.doc)
    .where(clock_changes.c.ticket_id == bindparam("the_ticket"))
    .order_by(clock_changes.c.recorded_at, clock_changes.c.id)
)
#: in these very words, for the index of the wake-ups is asked by no others
_DUE = (
    select(clocks.c.ticket_id)
    .where(text(WAKES), clocks.c.wake_at <= bindparam("now"))
    .order_by(clocks.c.wake_at)
    .limit(bindparam("most"))
)
_JUST_DUE = (
    select(clocks.c.ticket_id)
    .where(text(WAKES), clocks.c.wake_at <= bindparam("now"))
    .order_by(clocks.c.wake_at.desc())
    .limit(bindparam("most"))
)
_TERMS = select(clock_terms).where(clock_terms.c.digest.in_(bindparam("the_digests", expanding=True)))
_KEEP_TERMS = per_dialect(lambda into: into(clock_terms).on_conflict_do_nothing())
_KEEP_CALENDARS = per_dialect(lambda into: into(clock_calendars).on_conflict_do_nothing())
_FIRINGS = (
    select(clock_firings).where(clock_firings.c.ticket_id == bindparam("the_ticket")).order_by(clock_firings.c.at)
)
_FACT = "clocks"
_KNOW = per_dialect(lambda into: into(facts).on_conflict_do_nothing())
_FIRE = per_dialect(lambda into: into(clock_firings).on_conflict_do_nothing().returning(clock_firings.c.at))
_IS_ROW = and_(
    clocks.c.ticket_id == bindparam("b_ticket_id"),
    clocks.c.metric == bindparam("b_metric"),
    clocks.c.cycle == bindparam("b_cycle"),
    clocks.c.version == bindparam("b_version"),
)


class Going(msgspec.Struct, frozen=True):
    """A clock that goes on."""

    ticket_id: str
    instance: Instance


class SqlClocks:
    """Implements ports.Clocks."""

    def __init__(self, connection: Connection, ids: Ids) -> None:
        self._connection = connection
        self._ids = ids
        self._dialect = connection.dialect.name

    def log(self, ticket_id: str) -> Sequence[LogEntry]:
        """Return the log of a ticket."""
        rows = self._connection.execute(_LOG, {"the_ticket": ticket_id}).scalars()
        return [_entry.decode(doc) for doc in rows]

    def add(self, ticket_id: str, entries: Sequence[LogEntry]) -> None:
        """Add to the log of a ticket."""
        if entries:
            values = [{"id": each.id, "ticket_id": ticket_id, "at": each.at, "doc": _text(each)} for each in entries]
            self._connection.execute(insert(clock_log), values)

    def keep_terms(self, terms: Mapping[str, Terms]) -> None:
        """Keep terms by their digest."""
        if terms:
            values = [{"digest": name, "doc": _text(each)} for name, each in sorted(terms.items())]
            self._connection.execute(_KEEP_TERMS[self._dialect], values)

    def terms(self, digests: Collection[str]) -> dict[str, Terms]:
        """Return terms by their digest."""
        if not digests:
            return {}
        rows = self._connection.execute(_TERMS, {"the_digests": sorted(digests)})
        return {row.digest: _terms.decode(row.doc) for row in rows}

    def keep_calendars(self, docs: Mapping[str, str]) -> None:
        """Keep versions of calendars by their name."""
        if docs:
            values = [{"name": name, "doc": doc} for name, doc in sorted(docs.items())]
            self._connection.execute(_KEEP_CALENDARS[self._dialect], values)

    def calendars(self, names: Collection[str]) -> dict[str, str]:
        """Return versions of calendars by their name."""
        if not names:
            return {}
        rows = self._connection.execute(select(clock_calendars).where(clock_calendars.c.name.in_(sorted(names))))
        return {row.name: row.doc for row in rows}

    def rows(self, ticket_id: str) -> Sequence[ClockRow]:
        """Return the clocks of a ticket."""
        rows = self._connection.execute(_ROWS, {"the_ticket": ticket_id}).scalars()
        return [_row.decode(doc) for doc in rows]

    def save(self, ticket_id: str, rows: Sequence[ClockRow], gone: Sequence[ClockRow]) -> None:
        """Store clocks, and forget those that never were."""
        if gone:
            self._connection.execute(delete(clocks).where(_IS_ROW), [_key(ticket_id, each) for each in gone])
        fresh = [_values(ticket_id, each) for each in rows if each.revision == 1]
        moved = [{**_values(ticket_id, each), **_key(ticket_id, each)} for each in rows if each.revision > 1]
        if fresh:
            self._connection.execute(insert(clocks), fresh)
        if moved:
            self._connection.execute(update(clocks).where(_IS_ROW), moved)

    def changes(self, ticket_id: str) -> Sequence[ChangeRow]:
        """Return what was known to have happened."""
        rows = self._connection.execute(_CHANGES, {"the_ticket": ticket_id}).scalars()
        return [_change.decode(doc) for doc in rows]

    def add_changes(self, ticket_id: str, changes: Sequence[ChangeRow]) -> None:
        """Note what has become known."""
        values = [
            {
                "id": self._ids.new(),
                "ticket_id": ticket_id,
                "metric": each.metric,
                "change": each.transition.change.value,
                "at": each.transition.at,
                "recorded_at": each.recorded_at,
                "doc": _text(each),
            }
            for each in changes
        ]
        if values:
            self._connection.execute(insert(clock_changes), values)

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Return tickets of which a clock is to be looked at; what just became due does not wait for a night's."""
        rows = list(self._connection.execute(_DUE, {"now": now, "most": limit}).scalars())
        if len(rows) == limit:
            half = limit // 2
            rows[half:] = self._connection.execute(_JUST_DUE, {"now": now, "most": limit - half}).scalars()
        return list(dict.fromkeys(rows))

    def has_due(self, now: datetime) -> bool:
        """Say whether a clock is to be looked at."""
        return self._connection.execute(_DUE, {"now": now, "most": 1}).first() is not None

    def fire(self, firing: Firing, now: datetime) -> bool:
        """Note that an escalation fires; False when it has."""
        values = {**msgspec.structs.asdict(firing), "fired_at": now}
        return self._connection.execute(_FIRE[self._dialect], values).first() is not None

    def waiting(self, before: datetime, *, metric: str = "", limit: int = 100) -> Sequence[Going]:
        """Return the clocks that have waited since before an instant, the longest first."""
        statement = select(clocks.c.ticket_id, clocks.c.doc).where(text(WAITS), clocks.c.waits_since < before)
        if metric:
            statement = statement.where(clocks.c.metric == metric)
        ordered = statement.order_by(clocks.c.waits_since, clocks.c.ticket_id, clocks.c.metric).limit(limit)
        return [Going(row.ticket_id, _row.decode(row.doc).instance) for row in self._connection.execute(ordered)]

    def going(self, *, status: str = "", metric: str = "", limit: int = 100) -> Sequence[Going]:
        """Return the clocks that go on, those that are due first at the top, those that wait at the end."""
        statement = select(clocks.c.ticket_id, clocks.c.doc).where(clocks.c.ended_at.is_(None), clocks.c.shown)
        statement = statement.where(clocks.c.outcome.in_(("pending", "breached")))
        if status:
            statement = statement.where(clocks.c.status == status)
        if metric:
            statement = statement.where(clocks.c.metric == metric)
        ordered = statement.order_by(clocks.c.due_at.is_(None), clocks.c.due_at, clocks.c.ticket_id).limit(limit)
        return [Going(row.ticket_id, _row.decode(row.doc).instance) for row in self._connection.execute(ordered)]

    def postpone(self, ticket_id: str, until: datetime) -> None:
        """Let the clocks of a ticket that are due be looked at later."""
        mine = and_(clocks.c.ticket_id == ticket_id, clocks.c.wake_at < until)
        self._connection.execute(update(clocks).where(mine).values(wake_at=until))

    def renew(self, asked: str, now: datetime) -> bool:
        """Let every clock be looked at, once whenever other escalations are asked for; False when that was done."""
        self._connection.execute(_KNOW[self._dialect], {"name": _FACT, "value": ""})
        known = self._connection.execute(select(facts.c.value).where(facts.c.name == _FACT)).scalar_one()
        if known == asked:
            return False
        self._connection.execute(update(facts).where(facts.c.name == _FACT).values(value=asked))
        self._connection.execute(update(clocks).where(text(WAKES), clocks.c.wake_at > now).values(wake_at=now))
        return True

    def firings(self, ticket_id: str) -> Sequence[Firing]:
        """Return the escalations that fired for a ticket."""
        return [
            Firing(row.ticket_id, row.metric, row.cycle, row.version, row.escalation, row.turn, row.at)
            for row in self._connection.execute(_FIRINGS, {"the_ticket": ticket_id})
        ]


def _text(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def _key(ticket_id: str, row: ClockRow) -> dict[str, Any]:
    one = row.instance
    return {"b_ticket_id": ticket_id, "b_metric": one.metric, "b_cycle": one.cycle, "b_version": one.version}


def _values(ticket_id: str, row: ClockRow) -> dict[str, Any]:
    one = row.instance
    return {
        "ticket_id": ticket_id,
        "metric": one.metric,
        "cycle": one.cycle,
        "version": one.version,
        "policy": one.policy,
        "level": one.level,
        "status": one.status.value,
        "outcome": one.outcome.value,
        "shown": one.shown,
        "started_at": one.started,
        "due_at": one.due,
        "breached_at": one.breached_at,
        "ended_at": one.ended,
        "revision": row.revision,
        "doc": _text(row),
        "wake_at": row.wake_at,
        "waits_since": one.waits_since if one.shown and one.ended is None else None,
    }
