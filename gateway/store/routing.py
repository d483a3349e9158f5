"""Routing in SQL: ways, reservations and turns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import Connection, Executable, bindparam, delete, func, or_, select, text, update

from gateway.domain.ticket import OPEN_CATEGORIES
from gateway.ports.ways import Kin, Turn, Use, Way
from gateway.store.columns import per_dialect
from gateway.store.routing_tables import HOLDS, LOOKS, NEW_ROOM, OFFERED, WAITS, reservations, turns, ways
from gateway.store.tables import facts, tickets

_way = msgspec.json.Decoder(Way)
_OPEN = tuple(sorted(each.value for each in OPEN_CATEGORIES))
_FACT = "routing"
#: the routes by which the queue was looked at last
_ROUTES = "routes"
_KNOW = per_dialect(lambda into: into(facts).on_conflict_do_nothing())
_LOCK = select(facts.c.value).where(facts.c.name == _FACT).with_for_update()
_GET = select(ways.c.doc).where(ways.c.ticket_id == bindparam("the_ticket"))
#: in the very words of the indexes
_USE = (
    select(ways.c.person, ways.c.channel, func.count())
    .where(text(HOLDS), ways.c.ticket_id != bindparam("the_ticket"))
    .group_by(ways.c.person, ways.c.channel)
)
_RESERVED = select(reservations.c.person, reservations.c.channel).where(
    reservations.c.until > bindparam("now"), reservations.c.ticket_id != bindparam("the_ticket")
)
_TURNS = select(turns.c.person, turns.c.assigned_at, turns.c.turn, turns.c.released_at)
_DUE = (
    select(ways.c.ticket_id)
    .where(text(LOOKS), ways.c.wake_at <= bindparam("now"))
    .order_by(ways.c.wake_at)
    .limit(bindparam("most"))
)
_WAITING = select(ways.c.doc).where(text(WAITS))
_KINS = (
    select(
        ways.c.kin, func.count(), func.min(ways.c.waiting_since), func.min(ways.c.due_at), func.min(ways.c.ticket_id)
    )
    .where(text(WAITS))
    .group_by(ways.c.kin)
)
_UNKNOWN = (
    select(tickets.c.id)
    .join(ways, ways.c.ticket_id == tickets.c.id, isouter=True)
    .where(tickets.c.category.in_(_OPEN), ways.c.ticket_id.is_(None))
    .order_by(tickets.c.created_at)
    .limit(bindparam("most"))
)


def _replacing(into: Any) -> Executable:
    statement = into(ways)
    changed = {column.name: statement.excluded[column.name] for column in ways.c if column.name != "ticket_id"}
    renewed: Executable = statement.on_conflict_do_update(index_elements=[ways.c.ticket_id], set_=changed)
    return renewed


def _reserving(into: Any) -> Executable:
    statement = into(reservations)
    changed = {name: statement.excluded[name] for name in ("person", "channel", "until")}
    renewed: Executable = statement.on_conflict_do_update(index_elements=[reservations.c.ticket_id], set_=changed)
    return renewed


def _giving(into: Any) -> Executable:
    statement = into(turns)
    changed = {name: statement.excluded[name] for name in ("assigned_at", "turn")}
    renewed: Executable = statement.on_conflict_do_update(index_elements=[turns.c.person], set_=changed)
    return renewed


def _freeing(into: Any) -> Executable:
    statement = into(turns)
    changed = {name: statement.excluded[name] for name in ("released_at", "room_new")}
    renewed: Executable = statement.on_conflict_do_update(index_elements=[turns.c.person], set_=changed)
    return renewed


_SAVE = per_dialect(_replacing)
_RESERVE = per_dialect(_reserving)
_GAVE = per_dialect(_giving)
_FREED = per_dialect(_freeing)


class SqlWays:
    """Implements ports.Ways."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dialect = connection.dialect.name
        self._locked = False

    def lock(self) -> None:
        """Let nobody else count or give out until this transaction ends.

        SQLite has one writer; on PostgreSQL one row stands for the roster, so that what is counted after it holds.
        """
        if self._dialect != "postgresql" or self._locked:
            return
        if self._connection.execute(_LOCK).first() is None:
            self._connection.execute(_KNOW[self._dialect], {"name": _FACT, "value": ""})
            self._connection.execute(_LOCK).first()
        self._locked = True

    def get(self, ticket_id: str) -> Way | None:
        """Return the way of a ticket."""
        doc = self._connection.execute(_GET, {"the_ticket": ticket_id}).scalar_one_or_none()
        return _way.decode(doc) if doc is not None else None

    def save(self, way: Way, now: datetime) -> None:
        """Store the way of a ticket."""
        values = {
            "ticket_id": way.ticket_id,
            "outcome": way.outcome,
            "since": way.since or now,
            "person": way.person,
            "holds": way.holds,
            "channel": way.channel,
            "due_at": way.due,
            "waiting_since": way.waiting_since,
            "offered": bool(way.offers) and not way.offers[-1].declined,
            "wake_at": way.wake_at,
            "kin": way.kin if way.waiting_since is not None else None,
            "updated_at": now,
            "doc": msgspec.json.encode(way).decode(),
        }
        self._connection.execute(_SAVE[self._dialect], values)

    def use(self, now: datetime, *, but: str = "") -> Sequence[Use]:
        """Count what everybody has in hand, and what is reserved for them."""
        found: Counter[tuple[str, str]] = Counter()
        for person, channel, count in self._connection.execute(_USE, {"the_ticket": but}):
            found[person, channel] += count
        for person, channel in self._connection.execute(_RESERVED, {"now": now, "the_ticket": but}):
            found[person, channel] += 1
        return [Use(person, channel, count) for (person, channel), count in sorted(found.items())]

    def stale(self, limit: int) -> Sequence[str]:
        """Return tickets that somebody has by their way, and that are done with: they were, while nothing routed."""
        done = select(tickets.c.id).where(tickets.c.id == ways.c.ticket_id, tickets.c.category.not_in(_OPEN))
        statement = select(ways.c.ticket_id).where(text(HOLDS), done.exists()).limit(limit)
        return self._connection.execute(statement).scalars().all()

    def turns(self) -> Sequence[Turn]:
        """Return when everybody had a turn."""
        return [Turn(*row) for row in self._connection.execute(_TURNS)]

    def gave(self, person: str, now: datetime) -> None:
        """Note that somebody was given a ticket."""
        last = self._connection.execute(select(func.max(turns.c.turn))).scalar_one_or_none() or 0
        values = {"person": person, "assigned_at": now, "turn": last + 1, "released_at": None, "room_new": False}
        self._connection.execute(_GAVE[self._dialect], values)

    def freed(self, person: str, now: datetime) -> None:
        """Note that somebody has room again."""
        values = {"person": person, "assigned_at": None, "turn": 0, "released_at": now, "room_new": True}
        self._connection.execute(_FREED[self._dialect], values)

    def is_room_new(self) -> bool:
        """Say whether somebody has had room since the queue was looked at."""
        return self._connection.execute(select(turns.c.person).where(text(NEW_ROOM)).limit(1)).first() is not None

    def room_looked_at(self, until: datetime) -> None:
        """Note that the queue was looked at for room that was there by then."""
        mine = turns.c.released_at <= until
        self._connection.execute(update(turns).where(text(NEW_ROOM), mine).values(room_new=False))

    def reserve(self, ticket_id: str, person: str, channel: str, until: datetime) -> None:
        """Keep room with somebody for a ticket, for a while."""
        values = {"ticket_id": ticket_id, "person": person, "channel": channel, "until": until}
        self._connection.execute(_RESERVE[self._dialect], values)

    def unreserve(self, ticket_id: str) -> None:
        """Keep no more room for a ticket."""
        self._connection.execute(delete(reservations).where(reservations.c.ticket_id == ticket_id))

    def due(self, now: datetime, limit: int) -> Sequence[str]:
        """Return tickets that are to be looked at."""
        return self._connection.execute(_DUE, {"now": now, "most": limit}).scalars().all()

    def kins(self) -> Sequence[Kin]:
        """Return the kins of the tickets in the queue."""
        return [Kin(*row) for row in self._connection.execute(_KINS)]

    def waiting(self, limit: int, *, kins: Collection[str] | None = None, skip: int = 0) -> Sequence[Way]:
        """Return the tickets in the queue, or those of some kins."""
        statement = _WAITING if kins is None else _WAITING.where(ways.c.kin.in_(kins))
        order = (ways.c.due_at.is_(None), ways.c.due_at, ways.c.waiting_since, ways.c.ticket_id)
        return self._ways(statement.order_by(*order).limit(limit).offset(skip))

    def longest(self, limit: int, *, kins: Collection[str]) -> Sequence[Way]:
        """Return those of some kins that have waited longest."""
        statement = _WAITING.where(ways.c.kin.in_(kins))
        return self._ways(statement.order_by(ways.c.waiting_since, ways.c.ticket_id).limit(limit))

    def renew(self, asked: str, now: datetime) -> bool:
        """Let the whole queue be looked at, once whenever other routes are asked for."""
        self._connection.execute(_KNOW[self._dialect], {"name": _ROUTES, "value": ""})
        known = self._connection.execute(select(facts.c.value).where(facts.c.name == _ROUTES)).scalar_one()
        if known == asked:
            return False
        self._connection.execute(update(facts).where(facts.c.name == _ROUTES).values(value=asked))
        later = or_(ways.c.wake_at.is_(None), ways.c.wake_at > now)
        self._connection.execute(update(ways).where(text(WAITS), later).values(wake_at=now))
        return True

    def _ways(self, statement: Executable) -> list[Way]:
        return [_way.decode(doc) for doc in self._connection.execute(statement).scalars()]

    def offered(self, limit: int) -> Sequence[Way]:
        """Return the tickets that were offered to somebody."""
        statement = select(ways.c.doc).where(text(OFFERED)).order_by(ways.c.wake_at).limit(limit)
        return [_way.decode(doc) for doc in self._connection.execute(statement).scalars()]

    def unknown(self, limit: int) -> Sequence[str]:
        """Return open tickets that have no way yet."""
        return self._connection.execute(_UNKNOWN, {"most": limit}).scalars().all()

    def postpone(self, ticket_id: str, until: datetime) -> None:
        """Look at a ticket later."""
        mine = (ways.c.ticket_id == ticket_id, ways.c.wake_at < until)
        self._connection.execute(update(ways).where(*mine).values(wake_at=until))
