"""The tables of files: what hangs on tickets, and the bytes of each once, by its hash."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    text,
)

from gateway.store.columns import Instant
from gateway.store.tables import metadata

WANTED = "state = 'pending'"

files = Table(
    "files",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("ticket_id", String(36), nullable=False),
    #: of the comment that it came with; empty: of the ticket itself
    Column("comment_id", String(36), nullable=False),
    Column("link_id", String(36), nullable=False),
    Column("connection", String(120), nullable=False),
    Column("at", Instant, nullable=False),
    Column("visibility", String(10), nullable=False),
    Column("inline", Boolean, nullable=False),
    Column("state", String(10), nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    #: its name, kind and address at the desk, and why it was not brought: NULL once nobody may know them any more
    Column("content_sealed", LargeBinary),
    Column("tries", Integer, nullable=False),
    Column("not_before", Instant),
    Index("ix_files_ticket", "ticket_id"),
    Index("ix_files_sha256", "sha256"),
    Index("ix_files_wanted", "connection", "at", sqlite_where=text(WANTED), postgresql_where=text(WANTED)),
)

blobs = Table(
    "blobs",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("size", BigInteger, nullable=False),
    #: False while it is being written
    Column("whole", Boolean, nullable=False),
    Column("created_at", Instant, nullable=False),
    Index("ix_blobs_created", "created_at"),
)

blob_chunks = Table(
    "blob_chunks",
    metadata,
    Column("sha256", String(64), nullable=False),
    Column("number", Integer, nullable=False),
    Column("data_sealed", LargeBinary, nullable=False),
    PrimaryKeyConstraint("sha256", "number"),
)
