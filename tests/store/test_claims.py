"""Who is served next: every connection gets its share, and a look costs little however much waits."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from gateway.store import SqlStore
from gateway.store.lanes import shares
from gateway.store.tables import lanes
from gateway.store.unit import SqlTx

FLOODED, QUIET = "flooded", "quiet"
OPEN = {FLOODED: 1_000_000, QUIET: 1_000_000}


def wait(store: SqlStore, connection: str, number: int, since: datetime) -> None:
    """Let many lanes of a connection fall due, one after the other."""
    rows = [
        {
            "link_id": f"{connection}-{each:05}",
            "connection": connection,
            "epoch": 0,
            "next_seq": 1,
            "next_due": since + timedelta(milliseconds=each),
        }
        for each in range(number)
    ]

    def work(tx: SqlTx) -> None:
        tx.connection.execute(insert(lanes), rows)

    store.write(work)


def test_a_backlog_of_one_connection_does_not_hold_up_another(store: SqlStore) -> None:
    """Beside 5,000 lanes that have waited for an hour, ten that just fell due are all taken at the first claim."""
    now = store.clock.now()
    wait(store, FLOODED, 5_000, now - timedelta(hours=1))
    wait(store, QUIET, 10, now - timedelta(seconds=1))
    claims = store.write(lambda tx: tx.outbox.claim(holder="me", limit=48, lease=30, now=now, budgets=OPEN))
    assert sorted(claim.link_id for claim in claims) == [
        *(f"{FLOODED}-{each:05}" for each in range(38)),
        *(f"{QUIET}-{each:05}" for each in range(10)),
    ]


def test_a_worker_that_is_full_of_one_connection_takes_another_next(store: SqlStore) -> None:
    """Where places come free one by one, each goes to the connection with the fewest in flight."""
    now = store.clock.now()
    wait(store, FLOODED, 100, now - timedelta(hours=1))
    wait(store, QUIET, 3, now - timedelta(seconds=1))
    busy, taken = {FLOODED: 47}, []
    for _ in range(4):
        claims = store.write(
            lambda tx: tx.outbox.claim(holder="me", limit=1, lease=30, now=now, budgets=OPEN, busy=busy)
        )
        taken += [claim.connection for claim in claims]
    assert taken == [QUIET, QUIET, QUIET, FLOODED]


def test_a_budget_holds_whatever_is_due(store: SqlStore) -> None:
    """A connection gets no more than it may have; the place goes to the others."""
    now = store.clock.now()
    wait(store, FLOODED, 50, now - timedelta(hours=1))
    wait(store, QUIET, 50, now - timedelta(hours=1))
    claims = store.write(
        lambda tx: tx.outbox.claim(holder="me", limit=20, lease=30, now=now, budgets={FLOODED: 3, QUIET: 100})
    )
    assert [claim.connection for claim in claims].count(FLOODED) == 3
    assert len(claims) == 20


_SOME = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 60))


@given(waiting=_SOME, busy=_SOME, limit=st.integers(0, 48))
def test_shares_are_fair_and_leave_nothing_idle(waiting: dict[str, int], busy: dict[str, int], limit: int) -> None:
    """All places are used that can be, and nobody has more than a neighbour who still waits, by more than one."""
    given_ = shares(waiting, busy, limit)
    assert sum(given_.values()) == min(limit, sum(waiting.values()))
    for name, number in given_.items():
        assert 0 < number <= waiting[name]
        for other, left in waiting.items():
            if given_.get(other, 0) < left:
                assert busy.get(name, 0) + number <= busy.get(other, 0) + given_.get(other, 0) + 1
