"""Waits that nobody asked for: the clock of this host stood far ahead, and was set back.

What was put off meanwhile is to be done at a time that nothing here ever waits until: a day may lie between. It is
brought near again, so that a clock that is mended mends what it did (docs/edges.md). Leases need none of it: they go by
the database's clock, or by one that only runs forward.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, or_, select, update

from gateway.store.tables import deliveries, desks, lanes, updates
from gateway.store.unit import SqlStore, SqlTx

log = logging.getLogger(__name__)

#: nothing is put off for longer: backoffs and Retry-After end at an hour
LONGEST = timedelta(hours=2)
#: what may have landed is left so long to appear
SETTLED = timedelta(minutes=5)
#: lanes in one transaction
TOGETHER = 200

#: of a connection: until when it is left alone, and when its rate bucket was filled
_OPEN = ("not_before", "open_until", "trial_until", "poll_due")
_BUCKET = "tokens_at"


def bring_near(store: SqlStore, now: datetime) -> int:
    """Bring near what lies further ahead than anything is put off; return how much it was."""
    with store.read() as tx:
        if not _is_any(tx, now):
            return 0
    found = store.write(lambda tx: _connections(tx, now) + _deliveries(tx, now))
    while some := store.write(lambda tx: _lanes(tx, now)):
        found += some
    log.warning("the clock of this host was set back: what waited for its time is brought near", extra={"waits": found})
    return found


def _is_any(tx: SqlTx, now: datetime) -> bool:
    wanted = (
        select(desks.c.connection).where(or_(*(_far(desks.c[name], now) for name in (*_OPEN, _BUCKET)))),
        select(deliveries.c.id).where(*_pending(now)),
        select(lanes.c.link_id).where(_put_off(now)),
    )
    return any(tx.connection.execute(each.limit(1)).first() is not None for each in wanted)


def _far(column: ColumnElement[datetime | None], now: datetime) -> ColumnElement[bool]:
    return column > now + LONGEST


def _pending(now: datetime) -> tuple[ColumnElement[bool], ...]:
    # in the words of the index of those that wait
    return deliveries.c.state == "pending", deliveries.c.not_before.is_not(None), _far(deliveries.c.not_before, now)


def _put_off(now: datetime) -> ColumnElement[bool]:
    return lanes.c.next_due.is_not(None) & or_(_far(lanes.c.next_due, now), _far(lanes.c.hold_until, now))


def _connections(tx: SqlTx, now: datetime) -> int:
    found = 0
    for name in (*_OPEN, _BUCKET):
        near = {name: now if name == _BUCKET else None}
        far = update(desks).where(_far(desks.c[name], now)).values(near).returning(desks.c.connection)
        found += len(tx.connection.execute(far).all())
    return found


def _deliveries(tx: SqlTx, now: datetime) -> int:
    far = update(deliveries).where(*_pending(now)).values(not_before=now).returning(deliveries.c.id)
    return len(tx.connection.execute(far).all())


def _lanes(tx: SqlTx, now: datetime) -> int:
    """Bring some lanes near, and what waits at their heads: what may have landed still gets its time to appear."""
    some = select(lanes.c.link_id).where(_put_off(now)).order_by(lanes.c.link_id).limit(TOGETHER)
    links = list(tx.connection.execute(some).scalars())
    if not links:
        return 0
    soon = now + SETTLED
    for column in (updates.c.not_before, updates.c.settle_until):
        heads = updates.c.link_id.in_(links), updates.c.standing, _far(column, now)
        tx.connection.execute(update(updates).where(*heads).values({column.name: soon}))
    for column in (lanes.c.next_due, lanes.c.hold_until):
        mine = lanes.c.link_id.in_(links), _far(column, now)
        tx.connection.execute(update(lanes).where(*mine).values({column.name: soon}))
    return len(links)
