"""What has lived its time goes: a short transaction for each batch, until nothing is left or the time is up.

Dead letters and what stands in a lane never go by age; a resolved update goes as long after its end as a done one.
Names of deliveries, effects and events outlive the bodies, so that a late redelivery is still known; and as long as a
letter waits for a person, the names that belong to it stay as well. Every table is named here once: by the time after
which its rows go, or by the reason why they stay.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import takewhile
from types import MappingProxyType
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, Table, and_, delete, or_, select, text

from gateway.domain.ticket import CLOSED_CATEGORIES
from gateway.domain.update import GIVEN_UP, UpdateState
from gateway.ports import Clock
from gateway.store.bulk_tables import bulk_letters, bulks
from gateway.store.columns import day_of
from gateway.store.file_tables import blob_chunks, blobs, files
from gateway.store.look_tables import looks
from gateway.store.people_tables import answers
from gateway.store.redaction import redact
from gateway.store.relation_tables import duplicate_keys
from gateway.store.tables import (
    LETTER,
    attempts,
    audit,
    deliveries,
    delivery_keys,
    echoes,
    effect_keys,
    events,
    tickets,
    updates,
)
from gateway.store.unit import SqlStore, SqlTx
from gateway.store.waits import bring_near

#: how long one visit may take: the sweep has to ring in between
SECONDS = 0.5
#: a transaction stays well under the 20 ms that others wait for it
BATCH = 200
#: the bytes of a file are many rows: of a batch, one in so many
BLOBS_SHARE = 50
#: this share of a SQLite file may be free before pages are given back, and it is not worth it below so many
FREE_SHARE = 0.25
FREE_PAGES = 1000
#: PRAGMA auto_vacuum of a file that can give back a part
INCREMENTAL = 2
#: moved in one transaction
GIVE_BACK = 250

#: table -> the member of Lifetimes after which its rows go, counted from their end
PRUNED: Mapping[str, str] = MappingProxyType(
    {
        "deliveries": "deliveries",
        "updates": "deliveries",
        "attempts": "deliveries",
        "delivery_keys": "keys",
        "effect_keys": "keys",
        "events": "keys",
        "bulks": "keys",
        "bulk_letters": "keys",
        "echoes": "echoes",
        "audit": "audit",
        "duplicate_keys": "deliveries",
        "answers": "deliveries",
        "looks": "deliveries",
        "blobs": "deliveries",
        "blob_chunks": "deliveries",
    }
)
_REMOTE = "what a desk says of an old ticket must find it, or the ticket would be made at the other desk once more"
_SAID = "a comment that nothing knows any more would be carried over once more"
_NAMED = "a row for each name that the site gives"
#: table -> why its rows stay
KEPT: Mapping[str, str] = MappingProxyType(
    {
        "tickets": _REMOTE,
        "links": _REMOTE,
        "lanes": _REMOTE,
        "comments": _SAID,
        "comment_links": _SAID,
        "originals": "what a text lost is told as long as its comment is; it goes with the words of its ticket",
        "files": "a file that nothing knows any more would be carried over once more; its bytes go",
        "crosslinks": "which tickets a team has tied, and which a person keeps apart, is asked whenever one changes",
        "duplicates": "what a person or a rule said of two tickets holds as long as they do",
        "hidden_tickets": "a row for each ticket that cannot be read, taken out when it can, or is given up",
        "stage_moves": "the clocks of stages are counted from them",
        "clock_log": "the clocks of a ticket are told from it",
        "clocks": "reports count them as long as their tickets are there",
        "clock_changes": "reports that were corrected say what was known when",
        "clock_firings": "what fired once must not fire again",
        "clock_terms": "the logs name them; there are few",
        "clock_calendars": "the terms name them; there are few",
        "ways": "who had a ticket is asked first when it is open again; a row for each ticket",
        "reservations": "a row for each ticket that is offered, taken out when that is over",
        "queue_waits": "a row for each region; of the last tickets that waited there",
        "feeds": "a row for each feed that a rota names, taken out when none does",
        "turns": "a row for each person; the ones who had none the longest are given the next",
        "desk_agents": "a row for each account of the people that the site names",
        "agent_reads": _NAMED,
        "absences": "a row for each person who was away by hand",
        "identities": "who asks again is the same person",
        "ties": "what joins or parts two identities holds as long as they do",
        "releases": "a decision names the files by which it was made; a new row only when they change",
        "activations": "a few rows for each release; the record of who switched to it, and why",
        "facts": _NAMED,
        "desks": _NAMED,
        "leases": _NAMED,
        "alerts": _NAMED,
        "alert_tells": "what an alert has told of goes when it is over",
    }
)

_OVER = ("applied", "discarded")
_DONE = (UpdateState.DONE.value, UpdateState.OBSERVED.value, UpdateState.SUPERSEDED.value)
_GIVEN_UP = tuple(sorted(state.value for state in GIVEN_UP))
_CLOSED = frozenset(each.value for each in CLOSED_CATEGORIES)


class Lifetimes(msgspec.Struct, frozen=True):
    """How long things are kept, in days."""

    deliveries: int = 30
    #: names of deliveries, effects and events; events of a ticket that is still open stay
    keys: int = 90
    echoes: int = 7
    #: what a closed ticket says of people, after nobody has touched it for so long (redaction.py)
    personal: int = 180
    audit: int = 7 * 365


class Cut(msgspec.Struct, frozen=True):
    """What is older goes."""

    bodies: datetime
    keys: datetime
    echoes: datetime
    personal: datetime
    audit: datetime


class Pruner:
    """Clears away what has lived its time, a little at each visit; waits that a wrong clock made are over with it."""

    def __init__(self, store: SqlStore, lifetimes: Callable[[], Lifetimes], clock: Clock) -> None:
        self._store = store
        self._lifetimes = lifetimes
        self._clock = clock
        #: events of open tickets stay where they are: a pass goes on behind those that it has seen
        self._seen_until: datetime | None = None

    def visit(self, *, seconds: float = SECONDS, batch: int = BATCH) -> tuple[int, bool]:
        """Clear for at most about `seconds`; return how many rows went, and whether there is more to do at once."""
        end = self._clock.monotonic() + seconds
        bring_near(self._store, self._clock.now())
        now, lives = self._clock.now(), self._lifetimes()
        cut = Cut(
            bodies=now - timedelta(days=lives.deliveries),
            keys=now - timedelta(days=lives.keys),
            echoes=now - timedelta(days=lives.echoes),
            personal=now - timedelta(days=lives.personal),
            audit=now - timedelta(days=lives.audit),
        )
        gone = 0
        for step in (*_STEPS, self._events, _free_pages):
            while True:
                if self._clock.monotonic() >= end:
                    return gone, True
                went, more = step(self._store, cut, batch)
                gone += went
                if not more:
                    break
        return gone, False

    def _events(self, store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
        # looked up one by one: PostgreSQL joins by reading every ticket where it thinks that there are few
        category = select(tickets.c.category).where(tickets.c.id == events.c.ticket_id).scalar_subquery()
        statement = (
            select(events.c.connection, events.c.event_key, events.c.recorded_at, category.label("category"))
            .where(events.c.recorded_at < cut.keys)
            .order_by(events.c.recorded_at)
        )
        if self._seen_until is not None:
            statement = statement.where(events.c.recorded_at > self._seen_until)
        rows = _find(store, statement, batch)
        over = [(row.connection, row.event_key) for row in rows if row.category is None or row.category in _CLOSED]
        gone = store.write(lambda tx: _drop_names(tx.connection, events, "event_key", over)) if over else 0
        more = len(rows) == batch
        self._seen_until = rows[-1].recorded_at if more else None
        return gone, more


def _find(store: SqlStore, statement: Select[Any], batch: int) -> Sequence[Any]:
    """Look without the gate: where nothing is over, nobody waits for us."""
    with store.read() as tx:
        return tx.connection.execute(statement.limit(batch)).all()


def _deliveries(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    over = select(deliveries.c.id).where(deliveries.c.state.in_(_OVER), deliveries.c.applied_at < cut.bodies)
    return _drop(store, deliveries, "id", over, batch)


def _updates(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    return _drop_updates(store, cut, batch, updates.c.state.in_(_DONE))


def _resolved(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    return _drop_updates(store, cut, batch, and_(updates.c.state.in_(_GIVEN_UP), updates.c.resolution.is_not(None)))


def _drop_updates(store: SqlStore, cut: Cut, batch: int, over: ColumnElement[bool]) -> tuple[int, bool]:
    ids = [row.id for row in _find(store, select(updates.c.id).where(over, updates.c.done_at < cut.bodies), batch)]

    def work(connection: Connection) -> int:
        for table in (attempts, looks):
            connection.execute(delete(table).where(table.c.update_id.in_(ids)))
        return connection.execute(delete(updates).where(updates.c.id.in_(ids))).rowcount

    return store.write(lambda tx: work(tx.connection)) if ids else 0, len(ids) == batch


def _delivery_keys(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    row = select(deliveries.c.id).where(deliveries.c.id == delivery_keys.c.delivery_id).limit(1).scalar_subquery()
    over = select(delivery_keys.c.connection, delivery_keys.c.source_event_id).where(
        # not an anti-join, for which PostgreSQL may read the whole other table
        delivery_keys.c.day < day_of(cut.keys),
        row.is_(None),
    )
    names = [(row.connection, row.source_event_id) for row in _find(store, over, batch)]
    if not names:
        return 0, False
    gone = store.write(lambda tx: _drop_names(tx.connection, delivery_keys, "source_event_id", names))
    return gone, len(names) == batch


def _effect_keys(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    row = select(updates.c.id).where(updates.c.id == effect_keys.c.update_id).limit(1).scalar_subquery()
    over = select(effect_keys.c.effect_key).where(effect_keys.c.day < day_of(cut.keys), row.is_(None))
    return _drop(store, effect_keys, "effect_key", over, batch)


def _echoes(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    return _drop(store, echoes, "id", select(echoes.c.id).where(echoes.c.sent_at < cut.echoes), batch)


def _bulks(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    """Clear what is left of bulk actions that ended long ago, or never began: their letters first."""
    over = or_(bulks.c.ended_at.is_not(None), bulks.c.frozen_at.is_(None))
    found = _find(store, select(bulks.c.id).where(bulks.c.created_at < cut.keys, over), 1)
    if not found:
        return 0, False
    mine = bulk_letters.c.bulk_id == found[0].id
    places = [row.place for row in _find(store, select(bulk_letters.c.place).where(mine), batch)]
    statement = delete(bulks).where(bulks.c.id == found[0].id)
    if places:
        statement = delete(bulk_letters).where(mine, bulk_letters.c.place.in_(places))
    return store.write(lambda tx: tx.connection.execute(statement).rowcount), True


def _personal(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    return redact(store, cut.personal, batch)


def _audit(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    """Clear the oldest part of the trail, without a gap: what stays is a chain, and the trail says where it begins."""
    statement = select(audit.c.place, audit.c.at).where(audit.c.place.is_not(None)).order_by(audit.c.place)
    old = list(takewhile(lambda row: row.at < cut.audit, _find(store, statement, batch)))
    if not old:
        return 0, False
    return store.write(lambda tx: tx.audit.forget(old[-1].place)), len(old) == batch


def _free_pages(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    """Give pages of a SQLite file back to the disk where many are free: a pile has gone, and will not come again."""
    del cut, batch
    if store.engine.dialect.name != "sqlite":
        return 0, False
    with store.read() as tx:
        free, pages, mode = (
            int(tx.connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
            for name in ("freelist_count", "page_count", "auto_vacuum")
        )
    if mode != INCREMENTAL or free < FREE_PAGES or free < pages * FREE_SHARE:
        return 0, False
    store.write(_give_back)
    return 0, True


def _give_back(tx: SqlTx) -> None:
    # the driver runs this pragma for one page at a time, however many it is told
    for _ in range(GIVE_BACK):
        tx.connection.exec_driver_sql("PRAGMA incremental_vacuum(1)")


def _drop(store: SqlStore, table: Table, key: str, over: Select[Any], batch: int) -> tuple[int, bool]:
    keys = [row[0] for row in _find(store, over, batch)]
    if not keys:
        return 0, False
    statement = delete(table).where(table.c[key].in_(keys))
    return store.write(lambda tx: tx.connection.execute(statement).rowcount), len(keys) == batch


def _drop_names(connection: Connection, table: Table, column: str, names: Sequence[tuple[str, str]]) -> int:
    """Delete by (connection, name); a statement for each connection, for of pairs SQLite would look at every row."""
    gone = 0
    for one in sorted({name for name, _ in names}):
        mine = [key for name, key in names if name == one]
        gone += connection.execute(delete(table).where(table.c.connection == one, table.c[column].in_(mine))).rowcount
    return gone


def _duplicate_keys(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    """Clear by what tickets were found that nothing repeats any more."""
    over = select(duplicate_keys.c.ticket_id).where(duplicate_keys.c.until < cut.bodies)
    mine = [row.ticket_id for row in _find(store, over, batch)]
    if not mine:
        return 0, False
    statement = delete(duplicate_keys).where(duplicate_keys.c.ticket_id.in_(mine), duplicate_keys.c.until < cut.bodies)
    return store.write(lambda tx: tx.connection.execute(statement).rowcount), len(mine) == batch


def _answers(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    """Clear what was answered about people for whom nobody has asked since."""
    return _drop(store, answers, "question", select(answers.c.question).where(answers.c.due_at < cut.bodies), batch)


def _blobs(store: SqlStore, cut: Cut, batch: int) -> tuple[int, bool]:
    """Clear the bytes of files that nothing waits for: where one is wanted again, it is brought again."""
    standing = select(updates.c.id).where(
        updates.c.ticket_id == files.c.ticket_id, or_(updates.c.standing, text(f"({LETTER})"))
    )
    waited = select(files.c.id).where(files.c.sha256 == blobs.c.sha256, standing.exists())
    over = select(blobs.c.sha256).where(blobs.c.created_at < cut.bodies, ~waited.exists())
    found = [row.sha256 for row in _find(store, over, max(1, batch // BLOBS_SHARE))]

    def work(connection: Connection) -> int:
        connection.execute(delete(blobs).where(blobs.c.sha256.in_(found)))
        return connection.execute(delete(blob_chunks).where(blob_chunks.c.sha256.in_(found))).rowcount

    return store.write(lambda tx: work(tx.connection)) if found else 0, bool(found)


_STEPS = (
    _deliveries,
    _updates,
    _resolved,
    _delivery_keys,
    _effect_keys,
    _echoes,
    _bulks,
    _duplicate_keys,
    _answers,
    _blobs,
    _personal,
    _audit,
)
