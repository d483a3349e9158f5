"""The echo ledger, as the first schema makes it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import Instant, Json


def create() -> None:
    """Make it."""
    op.create_table(
        "echoes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("link_id", sa.String(length=36), nullable=False),
        sa.Column("update_id", sa.String(length=36), nullable=False),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("value_hash", sa.String(length=64), nullable=False),
        sa.Column("sent_at", Instant(), nullable=False),
        sa.Column("change_ids", Json(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("landed_at", Instant(), nullable=True),
        sa.Column("side_effect", sa.Boolean(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    with op.batch_alter_table("echoes", schema=None) as batch_op:
        batch_op.create_index("ix_echoes_link", ["link_id"], unique=False)
        batch_op.create_index("ix_echoes_sent", ["sent_at"], unique=False)
        batch_op.create_index("ix_echoes_update", ["update_id"], unique=False)
