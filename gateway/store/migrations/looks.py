"""The table of looks, as the first schema has it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import Instant, Json


def create() -> None:
    """Make it."""
    op.create_table(
        "looks",
        sa.Column("update_id", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("due", Instant(), nullable=True),
        sa.Column("copies", Json(), nullable=True),
        sa.PrimaryKeyConstraint("update_id"),
    )
    op.create_index(
        "ix_looks_due",
        "looks",
        ["connection", "due"],
        sqlite_where=sa.text("due IS NOT NULL"),
        postgresql_where=sa.text("due IS NOT NULL"),
    )
