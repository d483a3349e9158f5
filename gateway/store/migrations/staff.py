"""The tables of who is available, as the first schema has them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import Instant


def create() -> None:
    """Make them."""
    op.create_table(
        "desk_agents",
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("account_id", sa.String(length=200), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("connection", "account_id"),
    )
    op.create_table(
        "agent_reads",
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("due_at", Instant(), nullable=False),
        sa.Column("read_at", Instant(), nullable=True),
        sa.Column("fresh_until", Instant(), nullable=True),
        sa.Column("news_at", Instant(), nullable=True),
        sa.Column("trouble", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("connection"),
    )
    op.create_table(
        "absences",
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=True),
        sa.Column("by", sa.String(length=200), nullable=False),
        sa.Column("away", sa.Boolean(), nullable=False),
        sa.Column("news_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("person"),
    )
