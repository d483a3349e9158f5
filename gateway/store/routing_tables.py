"""The tables of routing: the way of each ticket, room that is kept for an offer, and when people had their turn.

How much somebody has in hand is counted from `ways` and `reservations` whenever it is asked, and stands nowhere.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Index, Integer, String, Table, Text, text

from gateway.store.columns import Instant
from gateway.store.tables import metadata

HOLDS = "holds"
LOOKS = "wake_at IS NOT NULL"
WAITS = "waiting_since IS NOT NULL"
OFFERED = "offered"
NEW_ROOM = "room_new"
UNROUTABLE = "outcome = 'unroutable'"
FROZEN = "outcome = 'frozen'"

ways = Table(
    "ways",
    metadata,
    Column("ticket_id", String(36), primary_key=True),
    Column("outcome", String(12), nullable=False),
    #: since when it is that
    Column("since", Instant, nullable=False),
    Column("person", String(200), nullable=False),
    #: whoever is named has it: it takes room
    Column("holds", Boolean, nullable=False),
    Column("channel", String(120), nullable=False),
    Column("due_at", Instant),
    Column("waiting_since", Instant),
    #: it was offered to somebody who may still accept
    Column("offered", Boolean, nullable=False),
    Column("wake_at", Instant),
    #: of what waits: for which others the router looks for the same people
    Column("kin", String(36)),
    Column("updated_at", Instant, nullable=False),
    Column("doc", Text, nullable=False),
    Index("ix_ways_held", "person", "channel", "ticket_id", sqlite_where=text(HOLDS), postgresql_where=text(HOLDS)),
    Index("ix_ways_wake", "wake_at", sqlite_where=text(LOOKS), postgresql_where=text(LOOKS)),
    Index(
        "ix_ways_waiting",
        "kin",
        "due_at",
        "waiting_since",
        "ticket_id",
        sqlite_where=text(WAITS),
        postgresql_where=text(WAITS),
    ),
    Index("ix_ways_offered", "wake_at", sqlite_where=text(OFFERED), postgresql_where=text(OFFERED)),
    Index("ix_ways_unroutable", "since", sqlite_where=text(UNROUTABLE), postgresql_where=text(UNROUTABLE)),
    Index("ix_ways_frozen", "since", sqlite_where=text(FROZEN), postgresql_where=text(FROZEN)),
)

reservations = Table(
    "reservations",
    metadata,
    Column("ticket_id", String(36), primary_key=True),
    Column("person", String(200), nullable=False),
    Column("channel", String(120), nullable=False),
    Column("until", Instant, nullable=False),
    Index("ix_reservations_until", "until"),
)

turns = Table(
    "turns",
    metadata,
    Column("person", String(200), primary_key=True),
    Column("assigned_at", Instant),
    #: orders what was given at one instant
    Column("turn", Integer, nullable=False),
    Column("released_at", Instant),
    #: the queue was not looked at since they have room again
    Column("room_new", Boolean, nullable=False),
    Index("ix_turns_room", "room_new", sqlite_where=text(NEW_ROOM), postgresql_where=text(NEW_ROOM)),
)
