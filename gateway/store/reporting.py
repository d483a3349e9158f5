"""What reports read, in SQL: the tickets that a period concerns by index, then their clocks some hundred at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import BindParameter, Connection, bindparam, select, text, union

from gateway.domain.clock_log import LogEntry
from gateway.domain.ids import uuid7
from gateway.domain.report.unseen import Told
from gateway.domain.ticket import OPEN_CATEGORIES
from gateway.ports.clocks import ChangeRow, ClockRow
from gateway.ports.reporting import TicketClocks
from gateway.store.clock_tables import BROKE, clock_changes, clock_firings, clock_log, clocks
from gateway.store.tables import audit, tickets

_AT_ONCE = 5000
_OPEN = sorted(each.value for each in OPEN_CATEGORIES)
_entry = msgspec.json.Decoder(LogEntry)
_row = msgspec.json.Decoder(ClockRow)
_change = msgspec.json.Decoder(ChangeRow)

_BEGIN: BindParameter[datetime] = bindparam("begin")
_END: BindParameter[datetime] = bindparam("until")
_STANDING: BindParameter[datetime] = bindparam("standing")
_CONCERNED = union(
    select(clock_log.c.ticket_id).where(clock_log.c.at >= _BEGIN, clock_log.c.at < _END),
    # a breach that was retracted, or broke by time alone
    select(clock_changes.c.ticket_id).where(text(BROKE), clock_changes.c.at >= _BEGIN, clock_changes.c.at < _END),
    select(clocks.c.ticket_id).where(clocks.c.ended_at.is_(None), clocks.c.started_at < _STANDING),
    select(clocks.c.ticket_id).where(clocks.c.ended_at >= _STANDING, clocks.c.started_at < _STANDING),
    select(tickets.c.id).where(tickets.c.category.in_(_OPEN), tickets.c.created_at < _STANDING),
)
_BREACHES = (
    select(clock_changes.c.ticket_id, clock_changes.c.doc)
    .where(
        text(BROKE),
        clock_changes.c.at >= _BEGIN,
        clock_changes.c.at < _END,
        clock_changes.c.recorded_at <= bindparam("known"),
    )
    .order_by(clock_changes.c.recorded_at, clock_changes.c.id)
)
_IDS: BindParameter[str] = bindparam("the_ids", expanding=True)
_LOG = select(clock_log.c.ticket_id, clock_log.c.doc).where(clock_log.c.ticket_id.in_(_IDS))
_ROWS = select(clocks.c.ticket_id, clocks.c.doc).where(clocks.c.ticket_id.in_(_IDS))
_FIRED = select(clock_firings.c.ticket_id, clock_firings.c.metric, clock_firings.c.cycle).where(
    clock_firings.c.ticket_id.in_(_IDS), clock_firings.c.fired_at <= bindparam("known")
)

_TRAIL = select(audit.c.ticket_id, audit.c.at, audit.c.action, audit.c.detail).where(
    audit.c.ticket_id.in_(_IDS), audit.c.action.in_(["escalated", "withheld"]), audit.c.at <= bindparam("known")
)
_WITHHELD = (
    select(audit.c.ticket_id, audit.c.at, audit.c.detail)
    .where(
        audit.c.id.between(bindparam("first"), bindparam("last")),
        audit.c.action == "withheld",
        audit.c.at >= _BEGIN,
        audit.c.at < _END,
    )
    .order_by(audit.c.id)
)


class SqlReporting:
    """Implements ports.reporting.Reporting."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tickets(self, begin: datetime, end: datetime, standing_at: datetime) -> Iterator[str]:
        """Return each ticket that may count in a period."""
        given = {"begin": begin, "until": end, "standing": standing_at}
        streaming = self._connection.execution_options(yield_per=_AT_ONCE)
        yield from streaming.execute(_CONCERNED, given).scalars()

    def breaches(self, begin: datetime, end: datetime, known_at: datetime) -> Iterator[tuple[str, ChangeRow]]:
        """Return each breach of a period that was noted or taken back."""
        given = {"begin": begin, "until": end, "known": known_at}
        streaming = self._connection.execution_options(yield_per=_AT_ONCE)
        for ticket_id, doc in streaming.execute(_BREACHES, given):
            yield ticket_id, _change.decode(doc)

    def trail(self, ticket_ids: Collection[str], known_at: datetime) -> Sequence[Told]:
        """Return what the trail has of escalations of tickets, and of what was withheld there, by `known_at`."""
        rows = self._connection.execute(_TRAIL, {"the_ids": list(ticket_ids), "known": known_at})
        return [
            Told(row.ticket_id, row.at, row.action, row.detail.get("metric", ""), row.detail.get("cycle", 0))
            for row in rows
        ]

    def withheld(self, begin: datetime, end: datetime) -> Iterator[tuple[str, datetime, Mapping[str, Any]]]:
        """Return, in their order, what was decided in a period and not written: ticket, instant, detail."""
        # ids begin with their instant: by them the lines of a period are found without an index of their own
        given = {"begin": begin, "until": end, "first": uuid7(begin, bytes(10)), "last": uuid7(end, b"\xff" * 10)}
        streaming = self._connection.execution_options(yield_per=_AT_ONCE)
        for row in streaming.execute(_WITHHELD, given):
            yield row.ticket_id, row.at, row.detail or {}

    def clocks(self, ticket_ids: Sequence[str], known_at: datetime) -> Sequence[TicketClocks]:
        """Return what is stored of the clocks of tickets."""
        given = {"the_ids": list(ticket_ids)}
        logs: defaultdict[str, list[LogEntry]] = defaultdict(list)
        for ticket_id, doc in self._connection.execute(_LOG, given):
            logs[ticket_id].append(_entry.decode(doc))
        rows: defaultdict[str, list[ClockRow]] = defaultdict(list)
        for ticket_id, doc in self._connection.execute(_ROWS, given):
            rows[ticket_id].append(_row.decode(doc))
        fired: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        for ticket_id, metric, cycle in self._connection.execute(_FIRED, {**given, "known": known_at}):
            fired[ticket_id].add((metric, cycle))
        return [
            TicketClocks(name, logs[name], rows.get(name, ()), frozenset(fired.get(name, ()))) for name in sorted(logs)
        ]
