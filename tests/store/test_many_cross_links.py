"""A site where thousands of tickets name one another: they can be listed, whatever database it has."""

from __future__ import annotations

import pytest
from sqlalchemy import insert

from gateway.domain.link import Link, LinkState, Role
from gateway.store import SqlStore
from gateway.store.crosslink_tables import crosslinks
from gateway.store.unit import SqlTx

MANY = 3000
SPOTS = [("acme-zendesk", str(number)) for number in range(MANY)]


@pytest.fixture
def full(store: SqlStore) -> SqlStore:
    """Give a record with as many cross-links, and one ticket that is there."""
    now = store.clock.now()
    rows = [
        {"connection": name, "remote_id": remote, "at": "engineering-rt", "name": f"r{remote}", "evidence": "address",
         "found_at": now, "fresh": True}
        for name, remote in SPOTS
    ]  # fmt: skip

    def work(tx: SqlTx) -> None:
        tx.connection.execute(insert(crosslinks), rows)
        tx.links.add(Link("l", "t", "acme-zendesk", LinkState.LIVE, Role.SOURCE, str(MANY - 1)), now)

    store.write(work)
    return store


def test_what_thousands_of_tickets_name_is_found(full: SqlStore) -> None:
    """SQLite takes no condition of a thousand parts, and no database as many parameters as one likes."""
    with full.read() as tx:
        assert len(tx.crosslinks.of(SPOTS)) == MANY
        assert len(tx.crosslinks.naming([("engineering-rt", f"r{number}") for number in range(MANY)])) == MANY
        assert tx.crosslinks.named(SPOTS) == {SPOTS[-1]: [SPOTS[-1]]}
        assert tx.crosslinks.worked_on({remote for _, remote in SPOTS}) == frozenset()
        assert set(tx.links.by_remote(SPOTS)) == {SPOTS[-1]}
        assert tx.crosslinks.of([]) == tx.crosslinks.naming([]) == []
