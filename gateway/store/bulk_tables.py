"""The tables of bulk actions on dead letters: who does what with which, frozen before the first of them is touched."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, LargeBinary, PrimaryKeyConstraint, String, Table, Text, text

from gateway.store.columns import Instant, Json
from gateway.store.tables import metadata

bulks = Table(
    "bulks",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("action", String(20), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("why", Text, nullable=False),
    #: which letters were chosen, and how they are dealt with
    Column("chosen", Json, nullable=False),
    Column("options", Json, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("frozen_at", Instant),
    Column("ended_at", Instant),
    Index("ix_bulks_created", "created_at"),
)

bulk_letters = Table(
    "bulk_letters",
    metadata,
    Column("bulk_id", String(36), nullable=False),
    Column("place", Integer, nullable=False),
    Column("what", String(10), nullable=False),
    Column("letter_id", String(36), nullable=False),
    #: pending, done or skipped
    Column("state", String(10), nullable=False),
    #: why it was left as it is: often in the words of the letter's own reason
    Column("detail_sealed", LargeBinary),
    PrimaryKeyConstraint("bulk_id", "place"),
    Index(
        "ix_bulk_letters_pending",
        "bulk_id",
        "place",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
)
