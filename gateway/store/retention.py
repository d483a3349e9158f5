"""What has lived its time goes, a bounded batch at a time: raw deliveries, done updates, old ledger entries.

Dead letters and what stands in a lane never go by age. Effect keys and delivery keys outlive the bodies, so that a late
redelivery is still known.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, or_, select, tuple_

from gateway.store.bulk_tables import bulk_letters, bulks
from gateway.store.columns import day_of
from gateway.store.tables import attempts, deliveries, delivery_keys, echoes, effect_keys, updates
from gateway.store.unit import SqlStore, SqlTx


class Lifetimes(msgspec.Struct, frozen=True):
    """How long things are kept, in days."""

    deliveries: int = 30
    keys: int = 90
    echoes: int = 7


def prune(store: SqlStore, lifetimes: Lifetimes, now: datetime, batch: int = 500) -> int:
    """Delete one batch of each kind; return how many rows went."""
    return store.write(lambda tx: _prune(tx, lifetimes, now, batch))


def _prune(tx: SqlTx, lifetimes: Lifetimes, now: datetime, batch: int) -> int:
    connection = tx.connection
    bodies = day_of(now - timedelta(days=lifetimes.deliveries))
    keys = day_of(now - timedelta(days=lifetimes.keys))
    gone = 0
    old = select(deliveries.c.id).where(deliveries.c.day < bodies, deliveries.c.state.in_(["applied", "discarded"]))
    gone += connection.execute(delete(deliveries).where(deliveries.c.id.in_(old.limit(batch)))).rowcount
    done = select(updates.c.id).where(
        updates.c.day < bodies,
        updates.c.standing.is_(False),
        # what a person has decided is no dead letter any more
        or_(updates.c.state.not_in(["dead", "ambiguous"]), updates.c.resolution.is_not(None)),
    )
    ids = list(connection.execute(done.limit(batch)).scalars())
    if ids:
        connection.execute(delete(attempts).where(attempts.c.update_id.in_(ids)))
        gone += connection.execute(delete(updates).where(updates.c.id.in_(ids))).rowcount
    for table in (delivery_keys, effect_keys):
        key = next(iter(table.primary_key.columns)) if table is effect_keys else table.c.delivery_id
        expired = select(key).where(table.c.day < keys).limit(batch)
        if table is effect_keys:
            # the name of a dead letter's effect stays as long as the letter: its mark may still be seen
            expired = expired.where(~select(updates.c.id).where(updates.c.id == effect_keys.c.update_id).exists())
        gone += connection.execute(delete(table).where(key.in_(expired))).rowcount
    forgotten = select(echoes.c.id).where(echoes.c.sent_at < now - timedelta(days=lifetimes.echoes)).limit(batch)
    gone += connection.execute(delete(echoes).where(echoes.c.id.in_(forgotten))).rowcount
    return gone + _ended_bulks(tx, now - timedelta(days=lifetimes.keys), batch)


def _ended_bulks(tx: SqlTx, before: datetime, batch: int) -> int:
    """Delete one batch of what is left of bulk actions that ended long ago, or never began."""
    over = or_(bulks.c.ended_at.is_not(None), bulks.c.frozen_at.is_(None))
    old = select(bulks.c.id).where(bulks.c.created_at < before, over)
    ids = list(tx.connection.execute(old.limit(10)).scalars())
    if not ids:
        return 0
    some = select(bulk_letters.c.bulk_id, bulk_letters.c.place).where(bulk_letters.c.bulk_id.in_(ids)).limit(batch)
    pairs = [tuple(row) for row in tx.connection.execute(some)]
    if pairs:
        mine = tuple_(bulk_letters.c.bulk_id, bulk_letters.c.place).in_(pairs)
        return tx.connection.execute(delete(bulk_letters).where(mine)).rowcount
    return tx.connection.execute(delete(bulks).where(bulks.c.id.in_(ids))).rowcount
