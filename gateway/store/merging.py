"""Two lanes become one: what still stands in the lane of a merged ticket goes on in the survivor's."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, literal, select, update
from sqlalchemy.dialects.postgresql import insert as pg_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from gateway.domain.update import GIVEN_UP, Operation, UpdateState
from gateway.store.lanes import Lanes
from gateway.store.tables import comment_links, echoes, effect_keys, lanes, updates

_SAID = frozenset(
    {Operation.PUBLIC_REPLY.value, Operation.INTERNAL_NOTE.value, Operation.NOTIFY.value, Operation.UNDO.value}
)
_GIVEN_UP = frozenset(state.value for state in GIVEN_UP)
DROPPED = "its ticket was merged into another, whose own values stand"


def fence(connection: Connection, link_id: str) -> None:
    """Take a lane from the worker that holds it: what is rendered for the old ticket is neither sent nor recorded."""
    connection.execute(
        update(lanes)
        .where(lanes.c.link_id == link_id)
        .values(epoch=lanes.c.epoch + 1, lease_until=None, lease_holder=None)
    )


def join(
    connection: Connection, lines: Lanes, gone: str, survivor: str, now: datetime, why: bytes | None
) -> tuple[int, int]:
    """Move what was to be said to the end of the survivor's lane; return how many moved, and how many were dropped.

    `why` is the sealed detail of what is dropped.
    A dead letter that held its lane holds the survivor's in its place; one that sets fields stays where it is.
    """
    fence(connection, gone)
    rows = connection.execute(
        select(updates.c.id, updates.c.operation, updates.c.state)
        .where(updates.c.link_id == gone, updates.c.standing)
        .order_by(updates.c.seq)
    ).all()
    moved = dropped = 0
    for row in rows:
        this = update(updates).where(updates.c.id == row.id)
        if row.operation in _SAID:
            connection.execute(this.values(link_id=survivor, seq=lines.next_seq(survivor)))
            for table in (effect_keys, echoes):
                connection.execute(update(table).where(table.c.update_id == row.id).values(link_id=survivor))
            moved += 1
        elif row.state in _GIVEN_UP:
            connection.execute(this.values(standing=False))
        else:
            superseded = {
                "state": UpdateState.SUPERSEDED.value,
                "standing": False,
                "detail_sealed": why,
                "done_at": now,
            }
            connection.execute(this.values(**superseded))
            dropped += 1
    _know_comments(connection, gone, survivor)
    lines.schedule([gone, survivor], now)
    return moved, dropped


def _know_comments(connection: Connection, gone: str, survivor: str) -> None:
    """Let the survivor know the comments of the other: a desk that moves them keeps their ids."""
    into = pg_insert if connection.dialect.name == "postgresql" else sqlite_insert
    known = select(literal(survivor), comment_links.c.remote_id, comment_links.c.comment_id).where(
        comment_links.c.link_id == gone
    )
    columns = ["link_id", "remote_id", "comment_id"]
    connection.execute(into(comment_links).from_select(columns, known).on_conflict_do_nothing())
