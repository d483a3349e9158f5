"""Cross-links in SQL, and the joining of two tickets that turned out to be one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from itertools import product
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, insert, or_, select, text, update

from gateway.domain.adoption import Spot
from gateway.domain.crosslink import RANK, Crosslink, Evidence
from gateway.domain.link import LinkState
from gateway.store.clock_tables import clock_changes, clock_firings, clock_log, clocks
from gateway.store.columns import in_pieces
from gateway.store.crosslink_tables import FRESH, crosslinks
from gateway.store.file_tables import files
from gateway.store.original_tables import originals
from gateway.store.relation_tables import duplicate_keys, duplicates, stage_moves
from gateway.store.routing_tables import reservations, ways
from gateway.store.tables import PENDING, comments, deliveries, events, links, tickets, updates


class SqlCrosslinks:
    """Implements ports.Crosslinks."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def note(self, spot: Spot, found: Iterable[Crosslink], now: datetime, *, whole: bool) -> None:
        """Note what a remote ticket names; what it names no more goes where it was seen `whole`. A refusal stays."""
        mine = _is(spot)
        known = {(row.at, row.name): row for row in self._connection.execute(select(crosslinks).where(mine))}
        fresh = []
        for each in found:
            row = known.pop((each.at, each.name), None)
            if row is None:
                fresh.append({**_values(each), "found_at": now, "fresh": True, "refused_by": None})
            elif row.evidence != each.evidence and (whole or RANK[each.evidence] > RANK[Evidence(row.evidence)]):
                this = and_(mine, crosslinks.c.at == each.at, crosslinks.c.name == each.name)
                change = update(crosslinks).where(this).values(evidence=each.evidence.value, fresh=True, found_at=now)
                self._connection.execute(change)
        if fresh:
            self._connection.execute(insert(crosslinks), fresh)
        for at, name in [key for key, row in known.items() if whole and row.refused_by is None]:
            gone = delete(crosslinks).where(mine, crosslinks.c.at == at, crosslinks.c.name == name)
            self._connection.execute(gone)

    def arrived(self, connection: str, names: Collection[str]) -> None:
        """Let what names a remote ticket be looked at: it is known from now on, by its id and its key."""
        naming = and_(crosslinks.c.at == connection, crosslinks.c.name.in_(list(names)))
        self._connection.execute(update(crosslinks).where(naming).values(fresh=True))

    def fresh(self, most: int) -> Sequence[Crosslink]:
        """Return what was noted, or what named a ticket that came, since the last look."""
        asked = select(crosslinks).where(text(FRESH), crosslinks.c.refused_by.is_(None))
        return self._read(asked.order_by(crosslinks.c.found_at).limit(most))

    def seen(self, looked: Iterable[Crosslink]) -> None:
        """Look at these no more until something new is heard."""
        for each in looked:
            this = and_(
                _is((each.connection, each.remote_id)), crosslinks.c.at == each.at, crosslinks.c.name == each.name
            )
            self._connection.execute(update(crosslinks).where(this).values(fresh=False))

    def of(self, spots: Collection[Spot]) -> Sequence[Crosslink]:
        """Return what remote tickets name, but for what was refused."""
        by: dict[str, list[str]] = {}
        for connection, remote_id in spots:
            by.setdefault(connection, []).append(remote_id)
        # a list for each connection: SQLite takes no condition of a thousand parts
        return [
            each
            for connection, remote_ids in by.items()
            for some in in_pieces(remote_ids)
            for each in self._read(
                select(crosslinks).where(
                    crosslinks.c.connection == connection,
                    crosslinks.c.remote_id.in_(some),
                    crosslinks.c.refused_by.is_(None),
                )
            )
        ]

    def naming(self, named: Collection[tuple[str, str]]) -> Sequence[Crosslink]:
        """Return what names one of these (connection, id or key), but for what was refused."""
        by: dict[str, list[str]] = {}
        for at, name in named:
            by.setdefault(at, []).append(name)
        return [
            each
            for at, names in by.items()
            for some in in_pieces(names)
            for each in self._read(
                select(crosslinks).where(
                    crosslinks.c.at == at, crosslinks.c.name.in_(some), crosslinks.c.refused_by.is_(None)
                )
            )
        ]

    def all(self, most: int) -> Sequence[Crosslink]:
        """Return what was noted, the newest first, but for what was refused."""
        asked = select(crosslinks).where(crosslinks.c.refused_by.is_(None))
        return self._read(asked.order_by(crosslinks.c.found_at.desc()).limit(most))

    def refuse(self, one: Spot, names: Collection[str], other: Spot, others: Collection[str], actor: str) -> int:
        """Say that two remote tickets, each with its names, are not one; return how many cross-links said so."""
        either = or_(
            and_(_is(one), crosslinks.c.at == other[0], crosslinks.c.name.in_(list(others))),
            and_(_is(other), crosslinks.c.at == one[0], crosslinks.c.name.in_(list(names))),
        )
        asked = update(crosslinks).where(either, crosslinks.c.refused_by.is_(None))
        done = asked.values(refused_by=actor, fresh=False).returning(crosslinks.c.name)
        return len(self._connection.execute(done).all())

    def named(self, pairs: Collection[tuple[str, str]]) -> dict[tuple[str, str], list[Spot]]:
        """Return the live remote tickets that have a name, by (connection, name): it is their id or their key."""
        by: dict[str, list[str]] = {}
        for at, name in pairs:
            by.setdefault(at, []).append(name)
        found: dict[tuple[str, str], list[Spot]] = {}
        for at, names in by.items():
            live = and_(links.c.connection == at, links.c.state == LinkState.LIVE.value)
            for column, some in product((links.c.remote_id, links.c.key), in_pieces(names)):
                asked = select(column.label("name"), links.c.remote_id.label("remote_id"))
                for row in self._connection.execute(asked.where(live, column.in_(some))):
                    spots = found.setdefault((at, row.name), [])
                    if (at, row.remote_id) not in spots:
                        spots.append((at, row.remote_id))
        return found

    def importing(self) -> frozenset[str]:
        """Return the connections of which tickets that an import took are still to be applied."""
        waiting = select(deliveries.c.connection).where(text(PENDING), deliveries.c.source_event_id.like("import:%"))
        return frozenset(self._connection.execute(waiting.distinct()).scalars())

    def worked_on(self, ticket_ids: Collection[str]) -> frozenset[str]:
        """Return those of these tickets for which the gateway has planned an update."""
        found: set[str] = set()
        for some in in_pieces(ticket_ids):
            asked = select(updates.c.ticket_id).where(updates.c.ticket_id.in_(some)).distinct()
            found |= set(self._connection.execute(asked).scalars())
        return frozenset(found)

    def join(self, gone: str, stays: str) -> None:
        """Let what was said, and what happened, in one ticket be the other's; nothing else of it stays.

        Its links are the caller's to move.
        """
        for table in (comments, originals, files, events):
            self._connection.execute(update(table).where(table.c.ticket_id == gone).values(ticket_id=stays))
        for table in (clocks, clock_log, clock_changes, clock_firings, stage_moves, duplicate_keys, ways, reservations):
            self._connection.execute(delete(table).where(table.c.ticket_id == gone))
        either = or_(duplicates.c.ticket_id == gone, duplicates.c.of_id == gone)
        self._connection.execute(delete(duplicates).where(either))
        self._connection.execute(delete(tickets).where(tickets.c.id == gone))

    def _read(self, asked: Select[Any]) -> list[Crosslink]:
        return [
            Crosslink(row.connection, row.remote_id, row.at, row.name, Evidence(row.evidence))
            for row in self._connection.execute(asked)
        ]


def _is(spot: Spot) -> ColumnElement[bool]:
    return and_(crosslinks.c.connection == spot[0], crosslinks.c.remote_id == spot[1])


def _values(link: Crosslink) -> dict[str, str]:
    return {
        "connection": link.connection,
        "remote_id": link.remote_id,
        "at": link.at,
        "name": link.name,
        "evidence": link.evidence.value,
    }
