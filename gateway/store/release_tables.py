"""The tables of releases: what was approved, and which of them was active when."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, LargeBinary, String, Table, Text, text

from gateway.store.columns import Instant
from gateway.store.tables import metadata

_ID = String(36)

#: A partial index serves only who asks in its very words.
ACTIVE_SQLITE, ACTIVE_POSTGRESQL = "active = 1", "active"

releases = Table(
    "releases",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("number", Integer, nullable=False, unique=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("files_sealed", LargeBinary, nullable=False),
    Column("author", String(200), nullable=False),
    Column("message", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("active", Boolean, nullable=False),
    # the database itself holds that there is one at most
    Index(
        "ix_releases_active",
        "active",
        unique=True,
        sqlite_where=text(ACTIVE_SQLITE),
        postgresql_where=text(ACTIVE_POSTGRESQL),
    ),
)

activations = Table(
    "activations",
    metadata,
    Column("id", _ID, primary_key=True),
    Column("release_id", _ID, nullable=False),
    #: what a rollback goes back to: the one that was active before this one; NULL before the first
    Column("before_id", _ID),
    Column("at", Instant, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("why", Text, nullable=False),
    Index("ix_activations_release", "release_id", "at"),
)
