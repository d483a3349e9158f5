"""The tables of how tickets relate, what they went through, and which are out of sight."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, PrimaryKeyConstraint, String, Table, Text, text

from gateway.store.columns import Instant
from gateway.store.tables import metadata

PROPOSED = "state = 'proposed'"

duplicates = Table(
    "duplicates",
    metadata,
    Column("ticket_id", String(36), nullable=False),
    Column("of_id", String(36), nullable=False),
    #: proposed, merged, rejected, split
    Column("state", String(10), nullable=False),
    Column("rule", String(200), nullable=False),
    Column("release", String(36), nullable=False),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("decided_at", Instant),
    Column("why", Text, nullable=False),
    Column("round", Integer, nullable=False),
    PrimaryKeyConstraint("ticket_id", "of_id"),
    Index("ix_duplicates_of", "of_id"),
    Index("ix_duplicates_at", "at"),
    Index("ix_duplicates_proposed", "at", sqlite_where=text(PROPOSED), postgresql_where=text(PROPOSED)),
)

duplicate_keys = Table(
    "duplicate_keys",
    metadata,
    Column("ticket_id", String(36), nullable=False),
    Column("rule", String(200), nullable=False),
    #: a digest of what tickets are compared by: what it was made of cannot be read from it
    Column("key", String(64), nullable=False),
    #: when the ticket was opened
    Column("created_at", Instant, nullable=False),
    Column("until", Instant, nullable=False),
    PrimaryKeyConstraint("ticket_id", "rule"),
    Index("ix_duplicate_keys_key", "key", "created_at"),
    Index("ix_duplicate_keys_until", "until"),
)

stage_moves = Table(
    "stage_moves",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("ticket_id", String(36), nullable=False),
    Column("stage", String(64), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("at", Instant, nullable=False),
    Column("recorded_at", Instant, nullable=False),
    Column("setter", String(10), nullable=False),
    Column("name", String(200), nullable=False),
    Index("ix_stage_moves_ticket", "ticket_id", "at"),
)

hidden_tickets = Table(
    "hidden_tickets",
    metadata,
    Column("connection", String(120), nullable=False),
    Column("remote_id", String(200), nullable=False),
    #: empty: we only heard of it
    Column("link_id", String(36), nullable=False),
    Column("since", Instant, nullable=False),
    Column("looked_at", Instant, nullable=False),
    #: the delivery that was parked for it, or for all that we only heard of; empty: an update was given up
    Column("delivery_id", String(36), nullable=False),
    PrimaryKeyConstraint("connection", "remote_id"),
    Index("ix_hidden_tickets_looked", "connection", "looked_at"),
    Index("ix_hidden_tickets_link", "connection", "link_id", "since"),
)
