"""The table of alerts, as the first schema makes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import Instant


def create() -> None:
    """Make it."""
    op.create_table(
        "alerts",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("link_id", sa.String(length=36), nullable=False),
        sa.Column("raised_at", Instant(), nullable=True),
        sa.Column("told_at", Instant(), nullable=True),
        sa.Column("told", sa.Integer(), nullable=False),
        sa.Column("calm_since", Instant(), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key"),
    )
