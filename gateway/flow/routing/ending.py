"""A ticket that is gone takes no room: it was merged into another, which can be taken back, or deleted."""

from __future__ import annotations

from datetime import datetime

import msgspec

from gateway.ports import Tx


def end_way(tx: Tx, ticket_id: str, now: datetime) -> None:
    """Let nobody have a ticket any more, and take it out of the queue."""
    way = tx.ways.get(ticket_id)
    if way is None or way.closed:
        return
    tx.ways.lock()
    if way.holds:
        tx.ways.freed(way.person, now)
    tx.ways.unreserve(ticket_id)
    until = way.owned_until or (now if way.person else None)
    ended = msgspec.structs.replace(
        way,
        outcome="none",
        since=now,
        holds=False,
        closed=True,
        owned_until=until,
        waiting_since=None,
        offers=(),
        wake_at=None,
    )
    tx.ways.save(ended, now)


def resume_way(tx: Tx, ticket_id: str, now: datetime) -> None:
    """Let the sweep look at a ticket that stands by itself again."""
    way = tx.ways.get(ticket_id)
    if way is not None and way.closed:
        tx.ways.save(msgspec.structs.replace(way, wake_at=now), now)
