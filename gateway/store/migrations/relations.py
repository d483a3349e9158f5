"""The tables of duplicates, stages and hidden tickets, as the first schema makes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import Instant


def create() -> None:
    """Make them."""
    op.create_table(
        "duplicates",
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("of_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("release", sa.String(length=36), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", "of_id"),
    )
    op.create_index("ix_duplicates_of", "duplicates", ["of_id"])
    op.create_index("ix_duplicates_at", "duplicates", ["at"])
    op.create_index(
        "ix_duplicates_proposed",
        "duplicates",
        ["at"],
        sqlite_where=sa.text("state = 'proposed'"),
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_table(
        "duplicate_keys",
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", "rule"),
    )
    op.create_index("ix_duplicate_keys_key", "duplicate_keys", ["key", "created_at"])
    op.create_index("ix_duplicate_keys_until", "duplicate_keys", ["until"])
    op.create_table(
        "stage_moves",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("stage", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("setter", sa.String(length=10), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_stage_moves_ticket", "stage_moves", ["ticket_id", "at"])
    op.create_table(
        "hidden_tickets",
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("remote_id", sa.String(length=200), nullable=False),
        sa.Column("link_id", sa.String(length=36), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("looked_at", Instant(), nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.PrimaryKeyConstraint("connection", "remote_id"),
    )
    op.create_index("ix_hidden_tickets_looked", "hidden_tickets", ["connection", "looked_at"])
    op.create_index("ix_hidden_tickets_link", "hidden_tickets", ["connection", "link_id", "since"])
