"""A long lane: what the record costs of one update, whether 500 or 5,000 wait in its lane.

Nothing is sent. An update goes the way that a worker takes with it (claim, head, intent, outcome, the lane given back)
and what apply asks of a lane when its desk tells of the write; on SQLite, or on a database that is given.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.report import Measure, Progress
from gateway.domain.ids import effect_key
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket, Visibility
from gateway.domain.update import CommentIntent, Intent, Operation, UpdateState
from gateway.ports import AttemptEnd, AttemptStart, LaneClaim, NewUpdate, Tx
from gateway.store import SqlStore, migrate, open_store
from gateway.system import SystemClock, SystemIds

STAGE = "lanes"
FEW, MANY = 500, 5_000
STEPS = 4
#: so many updates are timed at each length
TIMED = 200
#: how many times as long an update may take in the longer lane
AIM = 1.5
_DESK = "desk"
_TOGETHER = 250


def run(progress: Progress, new_database: Callable[[], str] = str, name: str = "SQLite") -> list[Measure]:
    """Measure; `new_database` gives the address of an empty one for each length (empty: SQLite)."""
    taken: dict[int, tuple[float, float]] = {}
    for number in (FEW, MANY):
        with _store(new_database()) as store:
            progress.step(f"{number} wait, {name}")
            link = _fill(store, number)
            progress.step(f"{TIMED} of {number} go, {name}")
            times = [_one(store, link) for _ in range(TIMED)]
            taken[number] = statistics.median(times), max(times)
    (few, _), (many, worst) = taken[FEW], taken[MANY]
    note = f"{few:.1f} ms with {FEW}, {many:.1f} ms with {MANY:,}, the longest {worst:.0f} ms"
    ratio = many / few
    what = f"an update of a lane of {MANY:,} to one of {FEW}, {name}"
    return [Measure(STAGE, what, ratio, "times", f"under {AIM:g}", ratio < AIM, note)]


def _one(store: SqlStore, link: Link) -> float:
    """Take one update from its claim to its end; return the milliseconds."""
    began = time.perf_counter()
    now = store.clock.now()

    def claim(tx: Tx) -> AttemptEnd:
        (mine,) = tx.outbox.claim(holder="bench", limit=1, lease=30, now=now, budgets={_DESK: 1})
        head = tx.outbox.heads([mine])[link.id]
        start = AttemptStart(
            id=store.ids.new(), update_id=head.id, link_id=link.id, connection=_DESK, epoch=mine.epoch, number=1,
            payload_version=head.payload_version, started_at=now, deadline=10.0, request=b"{}", trace_id=head.trace_id,
            echoes=(), expect=frozenset({UpdateState.READY}),
        )  # fmt: skip
        tx.outbox.intend([start], lease=30, now=now)
        return AttemptEnd(
            head.id, link.id, _DESK, mine.epoch, UpdateState.DONE, now, attempt_id=start.id,
            comment=(f"remote-{head.seq}", head.effect_key),
        )  # fmt: skip

    end = store.write(claim)
    mine = store.write(lambda tx: tx.outbox.record([end], lease=30, now=now))
    assert link.id in mine
    store.write(lambda tx: _told(tx, link, end))
    return (time.perf_counter() - began) * 1000


def _told(tx: Tx, link: Link, end: AttemptEnd) -> None:
    """Give the lane back, and ask what apply asks when the desk tells of the write."""
    now = end.at
    tx.outbox.release([LaneClaim(link.id, _DESK, end.epoch)], now)
    tx.outbox.heads_in_flight([link.id])
    tx.outbox.landed_since(link.id, now + timedelta(seconds=1))
    tx.outbox.pending_fields(link.id)
    tx.tickets.known_comments(link.id, {end.comment[0]} if end.comment is not None else set())


def _fill(store: SqlStore, number: int) -> Link:
    """Store a ticket at a desk to which so many comments are still to be written, and a title before them."""
    now = store.clock.now()
    ticket = Ticket(store.ids.new(), "source", now, now, title="Printer", body="It burns")
    link = Link(store.ids.new(), ticket.id, _DESK, LinkState.LIVE, Role.TARGET, "7")

    def begin(tx: Tx) -> None:
        tx.tickets.save(ticket)
        tx.links.add(link, now)
        tx.outbox.add(_update(store, link, number, Operation.SET_FIELDS))

    for first in range(0, number, _TOGETHER):
        if not first:
            store.write(begin)
        store.write(lambda tx, some=range(first, first + _TOGETHER): _say(tx, store, link, some))  # type: ignore[misc]
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        # as PostgreSQL does by itself within a minute: until then it takes the table for empty
        connection.exec_driver_sql("ANALYZE")
    return link


def _say(tx: Tx, store: SqlStore, link: Link, numbers: range) -> None:
    for number in numbers:
        tx.outbox.add(_update(store, link, number, Operation.INTERNAL_NOTE))


def _update(store: SqlStore, link: Link, number: int, operation: Operation) -> NewUpdate:
    note = operation is Operation.INTERNAL_NOTE
    said = CommentIntent(store.ids.new(), f"Comment {number}, and thanks.", Visibility.INTERNAL) if note else None
    intent = Intent(operation, fields={} if note else {"title": "Printer, again"}, comment=said)
    return NewUpdate(
        store.ids.new(), link.id, link.ticket_id, _DESK, operation,
        effect_key(link.id, f"bench:{number}", operation.value, ""), intent, "benchmark", "", f"bench:{number}", "", "",
        f"{number:032x}", store.clock.now(),
    )  # fmt: skip


@contextmanager
def _store(address: str) -> Iterator[SqlStore]:
    """Give an empty record."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-bench-"))
    clock = SystemClock()
    address = address or f"sqlite:///{folder / 'gateway.db'}"
    store = open_store(address, folder / "keys", clock=clock, ids=SystemIds(clock))
    try:
        migrate(store.engine)
        yield store
    finally:
        store.close()
        shutil.rmtree(folder, ignore_errors=True)
