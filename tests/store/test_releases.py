from __future__ import annotations

import threading
from collections.abc import Mapping

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.errors import NotFoundError
from gateway.store import SqlStore
from gateway.store.release_tables import activations, releases


def keep(store: SqlStore, digest: str, files: Mapping[str, str] | None = None, message: str = "") -> str:
    """Store a release."""
    kept = files or {"a": digest}
    return store.write(
        lambda tx: tx.releases.keep(digest, kept, author="me", message=message or digest, now=store.clock.now())
    )


def switch(store: SqlStore, release: str, *, back: bool = False) -> bool:
    """Make a release the active one."""
    return store.write(lambda tx: tx.releases.activate(release, actor="me", why="", now=store.clock.now(), back=back))


def active(store: SqlStore) -> str:
    """Return the active release."""
    with store.read() as tx:
        return tx.releases.active()


def before(store: SqlStore) -> str:
    """Return what a rollback goes back to."""
    with store.read() as tx:
        return tx.releases.before()


def test_a_release_is_stored_once_and_one_is_active(store: SqlStore) -> None:
    """The same files are one release, with its first author and message; another one leaves it as it was."""
    one, two = keep(store, "d1"), keep(store, "d2")
    assert active(store) == ""
    assert switch(store, one)
    assert switch(store, two)
    assert keep(store, "d1", message="once more") == one
    assert not switch(store, two)
    assert switch(store, one)
    with store.read() as tx:
        assert tx.releases.active() == one
        assert tx.releases.files(two) == {"a": "d2"}
        listed = tx.releases.listed(limit=10)
        assert [(row.number, row.active, row.message) for row in listed] == [(2, False, "d2"), (1, True, "d1")]
        assert [row.number for row in tx.releases.listed(limit=10, below=2)] == [1]
        assert tx.releases.numbered(2) == listed[0]
        assert tx.releases.numbered(3) is None
        with pytest.raises(NotFoundError):
            tx.releases.files("nothing")


def test_a_rollback_goes_back_step_by_step(store: SqlStore) -> None:
    """From the third to the second, then to the first; and not forth again."""
    one, two, three = (keep(store, name) for name in ("d1", "d2", "d3"))
    for each in (one, two, three):
        switch(store, each)
    assert before(store) == two
    switch(store, two, back=True)
    assert before(store) == one
    switch(store, one, back=True)
    assert before(store) == ""
    switch(store, three)
    assert before(store) == one


def test_the_database_refuses_two_active_ones(store: SqlStore) -> None:
    """Whatever goes wrong, an event is never decided by two."""
    one, two = keep(store, "d1"), keep(store, "d2")
    switch(store, one)
    with pytest.raises(IntegrityError), store.engine.begin() as connection:
        connection.execute(update(releases).where(releases.c.id == two).values(active=True))
    assert active(store) == one
    with store.engine.connect() as connection:
        row = connection.execute(select(releases).where(releases.c.id == one)).mappings().one()
    with pytest.raises(IntegrityError), store.engine.begin() as connection:
        connection.execute(insert(releases).values({**row, "id": "other", "active": False}))


def test_hosts_that_release_at_once_end_with_one_active_release(store: SqlStore) -> None:
    """Each is numbered once, and each activation knows what it took over from."""
    failures: list[BaseException] = []
    gate = threading.Barrier(8)

    def host(number: int) -> None:
        gate.wait(10)
        try:
            for turn in range(4):
                switch(store, keep(store, f"d{(number + turn) % 5}"))
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    hosts = [threading.Thread(target=host, args=(number,)) for number in range(8)]
    for each in hosts:
        each.start()
    for each in hosts:
        each.join(60)
    assert failures == []
    with store.read() as tx:
        listed = tx.releases.listed(limit=100)
        assert sorted(row.number for row in listed) == [1, 2, 3, 4, 5]
        assert sum(row.active for row in listed) == 1
        firsts = tx.connection.execute(select(func.count()).where(activations.c.before_id.is_(None))).scalar_one()
    assert firsts == 1
