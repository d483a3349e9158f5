"""The tables of clocks: the log of each ticket, the terms and calendars that it names, and what followed from them.

Only `clock_log` is truth: `clocks` can be told again from it at any time, `clock_changes` says what was known when.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text, text

from gateway.store.columns import Instant
from gateway.store.tables import metadata

WAKES = "wake_at IS NOT NULL"
WAITS = "waits_since IS NOT NULL"
BROKE = "change = 'breached'"

clock_terms = Table(
    "clock_terms",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("doc", Text, nullable=False),
)

#: versions of calendars, with the public holidays as they were known
clock_calendars = Table(
    "clock_calendars",
    metadata,
    Column("name", String(120), primary_key=True),
    Column("doc", Text, nullable=False),
)

clock_log = Table(
    "clock_log",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("ticket_id", String(36), nullable=False),
    Column("at", Instant, nullable=False),
    Column("doc", Text, nullable=False),
    Index("ix_clock_log_ticket", "ticket_id", "at"),
    # to which tickets anything happened in a time: answered by the index alone, as the next two
    Index("ix_clock_log_at", "at", "ticket_id"),
)

clocks = Table(
    "clocks",
    metadata,
    Column("ticket_id", String(36), nullable=False),
    Column("metric", String(120), nullable=False),
    Column("cycle", Integer, nullable=False),
    Column("version", Integer, nullable=False),
    Column("policy", String(200), nullable=False),
    Column("level", String(10), nullable=False),
    Column("status", String(12), nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("shown", Boolean, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("due_at", Instant),
    Column("breached_at", Instant),
    Column("ended_at", Instant),
    #: grows with every change of it
    Column("revision", Integer, nullable=False),
    Column("doc", Text, nullable=False),
    #: when it is to be looked at next
    Column("wake_at", Instant),
    #: of one that people see, goes on and waits: since when
    Column("waits_since", Instant),
    PrimaryKeyConstraint("ticket_id", "metric", "cycle", "version"),
    Index("ix_clocks_wake", "wake_at", sqlite_where=text(WAKES), postgresql_where=text(WAKES)),
    Index("ix_clocks_waits", "waits_since", sqlite_where=text(WAITS), postgresql_where=text(WAITS)),
    Index("ix_clocks_ended", "ended_at", "started_at", "ticket_id"),
)

clock_changes = Table(
    "clock_changes",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("ticket_id", String(36), nullable=False),
    Column("metric", String(120), nullable=False),
    Column("change", String(20), nullable=False),
    Column("at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("doc", Text, nullable=False),
    Index("ix_clock_changes_ticket", "ticket_id", "at"),
    Index("ix_clock_changes_broke", "at", "ticket_id", sqlite_where=text(BROKE), postgresql_where=text(BROKE)),
)

clock_firings = Table(
    "clock_firings",
    metadata,
    Column("ticket_id", String(36), nullable=False),
    Column("metric", String(120), nullable=False),
    Column("cycle", Integer, nullable=False),
    #: of the target for a warning; 0 for what counts from a breach, whatever the target is by then
    Column("version", Integer, nullable=False),
    Column("escalation", String(200), nullable=False),
    #: of a repeated one, from 0
    Column("turn", Integer, nullable=False),
    #: when it was due
    Column("at", Instant, nullable=False),
    Column("fired_at", Instant, nullable=False),
    PrimaryKeyConstraint("ticket_id", "metric", "cycle", "version", "escalation", "turn"),
    Index("ix_clock_firings_fired", "fired_at"),
)
