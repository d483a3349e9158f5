"""The tables of routing, as the first schema makes them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from gateway.store.columns import Instant

HOLDS = sa.text("holds")
LOOKS = sa.text("wake_at IS NOT NULL")
WAITS = sa.text("waiting_since IS NOT NULL")
OFFERED = sa.text("offered")
NEW_ROOM = sa.text("room_new")
UNROUTABLE = sa.text("outcome = 'unroutable'")
FROZEN = sa.text("outcome = 'frozen'")


def create() -> None:
    """Make them."""
    op.create_table(
        "ways",
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("outcome", sa.String(length=12), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.String(length=120), nullable=False),
        sa.Column("due_at", Instant(), nullable=True),
        sa.Column("waiting_since", Instant(), nullable=True),
        sa.Column("offered", sa.Boolean(), nullable=False),
        sa.Column("wake_at", Instant(), nullable=True),
        sa.Column("kin", sa.String(length=36), nullable=True),
        sa.Column("updated_at", Instant(), nullable=False),
        sa.Column("doc", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id"),
    )
    for name, columns, where in (
        ("ix_ways_held", ["person", "channel", "ticket_id"], HOLDS),
        ("ix_ways_wake", ["wake_at"], LOOKS),
        ("ix_ways_waiting", ["kin", "due_at", "waiting_since", "ticket_id"], WAITS),
        ("ix_ways_offered", ["wake_at"], OFFERED),
        ("ix_ways_unroutable", ["since"], UNROUTABLE),
        ("ix_ways_frozen", ["since"], FROZEN),
    ):
        op.create_index(name, "ways", columns, sqlite_where=where, postgresql_where=where)
    op.create_table(
        "reservations",
        sa.Column("ticket_id", sa.String(length=36), nullable=False),
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("channel", sa.String(length=120), nullable=False),
        sa.Column("until", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("ticket_id"),
    )
    op.create_index("ix_reservations_until", "reservations", ["until"])
    op.create_table(
        "turns",
        sa.Column("person", sa.String(length=200), nullable=False),
        sa.Column("assigned_at", Instant(), nullable=True),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.Column("released_at", Instant(), nullable=True),
        sa.Column("room_new", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("person"),
    )
    op.create_index("ix_turns_room", "turns", ["room_new"], sqlite_where=NEW_ROOM, postgresql_where=NEW_ROOM)
