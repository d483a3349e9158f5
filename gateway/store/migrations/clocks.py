"""The tables of clocks, as the first schema makes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import Instant

WAKES = sa.text("wake_at IS NOT NULL")
WAITS = sa.text("waits_since IS NOT NULL")
BROKE = sa.text("change = 'breached'")


def create() -> None:
    """Make them."""
    op.create_table(
        "clock_terms",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "clock_calendars",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "clock_log",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_clock_log_ticket", "clock_log", ["ticket_id", "at"])
    op.create_index("ix_clock_log_at", "clock_log", ["at", "ticket_id"])
    op.create_table(
        "clocks",
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("metric", sa.String(length=120), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("policy", sa.String(length=200), nullable=False),
        sa.Column("level", sa.String(length=10), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("started_at", Instant(), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("breached_at", Instant(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.Column("wake_at", Instant(), nullable=True),
        sa.Column("waits_since", Instant(), nullable=True),
        sa.PrimaryKeyConstraint("ticket_id", "metric", "cycle", "version"),
    )
    op.create_index("ix_clocks_wake", "clocks", ["wake_at"], sqlite_where=WAKES, postgresql_where=WAKES)
    op.create_index("ix_clocks_waits", "clocks", ["waits_since"], sqlite_where=WAITS, postgresql_where=WAITS)
    op.create_index("ix_clocks_ended", "clocks", ["ended_at", "started_at", "ticket_id"])
    op.create_table(
        "clock_changes",
        sa.Column("id", sa.String(length=36), nullable=False),
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("metric", sa.String(length=120), nullable=False),
        sa.Column("change", sa.String(length=20), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_clock_changes_ticket", "clock_changes", ["ticket_id", "at"])
    op.create_index(
        "ix_clock_changes_broke", "clock_changes", ["at", "ticket_id"], sqlite_where=BROKE, postgresql_where=BROKE
    )
    op.create_table(
        "clock_firings",
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("metric", sa.String(length=120), nullable=False),
        sa.Column("cycle", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("escalation", sa.String(length=200), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.Column("fired_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", "metric", "cycle", "version", "escalation", "turn"),
    )
    op.create_index("ix_clock_firings_fired", "clock_firings", ["fired_at"])
