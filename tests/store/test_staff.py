"""Who is available, on both databases: what desks said while it counts, who is away by hand, and what is news."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from gateway.domain.availability import Absence, AgentState, KnownAgent
from gateway.ports import AgentsRead
from gateway.store import SqlStore

MINUTE = timedelta(minutes=1)


def test_what_a_desk_said_counts_until_it_is_stale_which_is_news_once(store: SqlStore) -> None:
    """Another desk's agents stay as they are; the one's are replaced whole."""
    now = store.clock.now()
    dana = KnownAgent("zen", "9003", "dana", True, AgentState.AWAY, now - MINUTE, now)
    noah = KnownAgent("rt", "agent1", "noah", False, AgentState.UNKNOWN, now, now, fresh=False)
    store.write(lambda tx: tx.staff.keep("zen", [dana]))
    store.write(lambda tx: tx.staff.keep("rt", [noah]))
    read = AgentsRead("zen", now + MINUTE, now, now + 3 * MINUTE)
    store.write(lambda tx: tx.staff.save_read(read))
    with store.read() as tx:
        assert sorted(tx.staff.known(now), key=lambda each: each.connection) == [noah, dana]
        assert tx.staff.known(now + 3 * MINUTE, "zen") == [msgspec.structs.replace(dana, fresh=False)]
        assert tx.staff.reads() == [read]
        assert [tx.staff.is_news(now + late * MINUTE) for late in (2, 3)] == [False, True]
    store.write(lambda tx: tx.staff.looked_at(now + 3 * MINUTE))
    with store.read() as tx:
        assert not tx.staff.is_news(now + 9 * MINUTE)
        assert not tx.staff.known(now, "zen")[0].fresh
    store.write(lambda tx: tx.staff.keep("zen", []))
    store.write(lambda tx: tx.staff.save_read(AgentsRead("zen", now, now, None, now)))
    with store.read() as tx:
        assert tx.staff.known(now) == [noah]
        assert tx.staff.is_news(now)


def test_an_absence_is_over_by_time_or_by_word_and_both_are_news_once(store: SqlStore) -> None:
    """Nobody comes back twice, and another word replaces the one before."""
    now = store.clock.now()
    dana, noah = Absence("dana", now, now + MINUTE, "eva"), Absence("noah", now)
    for each in (msgspec.structs.replace(dana, until=None), noah, dana):
        store.write(lambda tx, each=each: tx.staff.leave(each))  # type: ignore[misc]
    with store.read() as tx:
        assert tx.staff.absences() == [dana, noah]
        assert [tx.staff.is_news(at) for at in (now, now + MINUTE)] == [False, True]
    assert not store.write(lambda tx: tx.staff.come_back("dana", now + MINUTE))
    store.write(lambda tx: tx.staff.looked_at(now + MINUTE))
    with store.read() as tx:
        assert tx.staff.absences() == [noah]
        assert not tx.staff.is_news(now + 9 * MINUTE)
    assert [store.write(lambda tx: tx.staff.come_back("noah", now + MINUTE)) for _ in range(2)] == [True, False]
    with store.read() as tx:
        assert tx.staff.is_news(now + MINUTE)
        assert tx.staff.absences() == []
    store.write(lambda tx: tx.staff.looked_at(now + MINUTE))
    with store.read() as tx:
        assert not tx.staff.is_news(now + 9 * MINUTE)
