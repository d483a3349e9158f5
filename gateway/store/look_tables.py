"""The table of looks: which updates are counted at their desks after they landed, when, and what was found."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, String, Table, text

from gateway.store.columns import Instant, Json
from gateway.store.tables import metadata

looks = Table(
    "looks",
    metadata,
    Column("update_id", String(36), primary_key=True),
    Column("connection", String(120), nullable=False),
    #: how many were taken
    Column("step", Integer, nullable=False),
    #: NULL: the double is known, and nothing is looked for any more
    Column("due", Instant),
    #: ids of what the desk has of it, once it turned out to be doubled
    Column("copies", Json),
    Index(
        "ix_looks_due",
        "connection",
        "due",
        sqlite_where=text("due IS NOT NULL"),
        postgresql_where=text("due IS NOT NULL"),
    ),
)
