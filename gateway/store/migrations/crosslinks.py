"""The table of cross-links, as the first schema has it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import Instant


def create() -> None:
    """Make it."""
    op.create_table(
        "crosslinks",
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("remote_id", sa.String(length=200), nullable=False),
        sa.Column("at", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("evidence", sa.String(length=10), nullable=False),
        sa.Column("found_at", Instant(), nullable=False),
        sa.Column("fresh", sa.Boolean(), nullable=False),
        sa.Column("refused_by", sa.String(length=200), nullable=True),
        sa.PrimaryKeyConstraint("connection", "remote_id", "at", "name"),
    )
    op.create_index("ix_crosslinks_named", "crosslinks", ["at", "name"])
    op.create_index(
        "ix_crosslinks_fresh",
        "crosslinks",
        ["found_at"],
        sqlite_where=sa.text("fresh"),
        postgresql_where=sa.text("fresh"),
    )
