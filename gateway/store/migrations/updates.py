"""The outbox, as the first schema has it: updates in their lanes, and by what they are found however many wait."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import Instant, Json


def create() -> None:
    """Make it."""
    op.create_table(
        "updates",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("link_id", sa.String(length=36), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("connection", sa.String(length=120), nullable=False),
        sa.Column("operation", sa.String(length=20), nullable=False),
        sa.Column("effect_key", sa.String(length=64), nullable=False),
        sa.Column("intent_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("original_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("payload_version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("standing", sa.Boolean(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("probes", sa.Integer(), nullable=False),
        sa.Column("not_before", Instant(), nullable=True),
        sa.Column("settle_until", Instant(), nullable=True),
        sa.Column("first_sent_at", Instant(), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("detail_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("error_class", sa.String(length=60), nullable=True),
        sa.Column("cause_key", sa.String(length=32), nullable=True),
        sa.Column("resolution", sa.String(length=20), nullable=True),
        sa.Column("superseded_by", sa.String(length=36), nullable=True),
        sa.Column("steps", Json(), nullable=True),
        sa.Column("rule", sa.String(length=200), nullable=False),
        sa.Column("release", sa.String(length=36), nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("event_key", sa.String(length=300), nullable=False),
        sa.Column("trace_id", sa.String(length=32), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("done_at", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", "day"),
    )
    with op.batch_alter_table("updates", schema=None) as batch_op:
        batch_op.create_index(
            "ix_updates_creates",
            ["connection"],
            unique=False,
            sqlite_where=sa.text("standing = 1 AND operation = 'create'"),
            postgresql_where=sa.text("standing AND operation = 'create'"),
        )
        batch_op.create_index(
            "ix_updates_ended",
            ["state", "done_at"],
            unique=False,
            sqlite_where=sa.text("done_at IS NOT NULL"),
            postgresql_where=sa.text("done_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_updates_dead",
            ["created_at", "id"],
            unique=False,
            sqlite_where=sa.text("state IN ('dead', 'ambiguous', 'doubled') AND resolution IS NULL"),
            postgresql_where=sa.text("state IN ('dead', 'ambiguous', 'doubled') AND resolution IS NULL"),
        )
        batch_op.create_index(
            "ix_updates_standing",
            ["link_id", "seq"],
            unique=False,
            sqlite_where=sa.text("standing = 1"),
            postgresql_where=sa.text("standing"),
        )
        batch_op.create_index("ix_updates_ticket", ["ticket_id", "created_at"], unique=False)
        batch_op.create_index(
            "ix_updates_flying",
            ["link_id"],
            unique=False,
            sqlite_where=sa.text("standing = 1 AND state IN ('sending', 'unknown')"),
            postgresql_where=sa.text("standing AND state IN ('sending', 'unknown')"),
        )
        batch_op.create_index(
            "ix_updates_setting",
            ["link_id", "seq"],
            unique=False,
            sqlite_where=sa.text("standing = 1 AND operation IN ('set_fields', 'create')"),
            postgresql_where=sa.text("standing AND operation IN ('set_fields', 'create')"),
        )
        batch_op.create_index(
            "ix_updates_landed",
            ["link_id", "done_at"],
            unique=False,
            sqlite_where=sa.text("done_at IS NOT NULL"),
            postgresql_where=sa.text("done_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_updates_hidden",
            ["link_id"],
            unique=False,
            sqlite_where=sa.text("state = 'dead' AND reason = 'hidden' AND resolution IS NULL"),
            postgresql_where=sa.text("state = 'dead' AND reason = 'hidden' AND resolution IS NULL"),
        )
