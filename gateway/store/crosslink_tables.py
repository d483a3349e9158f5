"""The table of cross-links: which ticket of a desk names which of another."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, PrimaryKeyConstraint, String, Table, text

from gateway.store.columns import Instant
from gateway.store.tables import metadata

#: in these very words, for the index is asked by no others
FRESH = "fresh"

crosslinks = Table(
    "crosslinks",
    metadata,
    #: who names: a remote ticket
    Column("connection", String(120), nullable=False),
    Column("remote_id", String(200), nullable=False),
    #: and which: by remote id or key
    Column("at", String(120), nullable=False),
    Column("name", String(200), nullable=False),
    Column("evidence", String(10), nullable=False),
    Column("found_at", Instant, nullable=False),
    #: it, or the ticket that it names, came after the last look
    Column("fresh", Boolean, nullable=False),
    #: a person said that the two are not one
    Column("refused_by", String(200)),
    PrimaryKeyConstraint("connection", "remote_id", "at", "name"),
    Index("ix_crosslinks_named", "at", "name"),
    Index("ix_crosslinks_fresh", "found_at", sqlite_where=text(FRESH), postgresql_where=text(FRESH)),
)
