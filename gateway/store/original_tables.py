"""The table of texts of which Markdown cannot show all, as their desks have them."""

from __future__ import annotations

from sqlalchemy import Column, Index, LargeBinary, String, Table

from gateway.store.columns import Instant
from gateway.store.tables import metadata

originals = Table(
    "originals",
    metadata,
    #: of a comment, or of the link whose description it is
    Column("id", String(36), primary_key=True),
    Column("ticket_id", String(36), nullable=False),
    Column("connection", String(120), nullable=False),
    Column("at", Instant, nullable=False),
    Column("content_sealed", LargeBinary, nullable=False),
    Index("ix_originals_ticket", "ticket_id"),
)
