"""The tables of who is available: what desks say of the agents that a site names, and who is away by hand."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, PrimaryKeyConstraint, String, Table

from gateway.store.columns import Instant
from gateway.store.tables import metadata

desk_agents = Table(
    "desk_agents",
    metadata,
    Column("connection", String(120), nullable=False),
    Column("account_id", String(200), nullable=False),
    #: the name that the site gives to whoever is behind it; nothing else is kept of them
    Column("person", String(200), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("state", String(12), nullable=False),
    #: when it was seen last stands in `agent_reads`: a look tells of all of them
    Column("since", Instant, nullable=False),
    PrimaryKeyConstraint("connection", "account_id"),
)

#: a row for each connection: when its agents were read and are to be read again
agent_reads = Table(
    "agent_reads",
    metadata,
    Column("connection", String(120), primary_key=True),
    Column("due_at", Instant, nullable=False),
    Column("read_at", Instant),
    Column("fresh_until", Instant),
    Column("news_at", Instant),
    Column("trouble", String(60), nullable=False),
)

#: a row for each person who was ever sent away by hand
absences = Table(
    "absences",
    metadata,
    Column("person", String(200), primary_key=True),
    Column("since", Instant, nullable=False),
    #: NULL: until a person says otherwise
    Column("until", Instant),
    Column("by", String(200), nullable=False),
    Column("away", Boolean, nullable=False),
    #: since when they are back, and the queue was not looked at
    Column("news_at", Instant),
)
