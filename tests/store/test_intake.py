"""The group commit of incoming deliveries: nobody waits for somebody who has gone."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.errors import StoreError
from gateway.ports import NewDelivery
from gateway.store import GroupCommitIntake, SqlStore, open_store
from gateway.system import SystemClock, SystemIds


@pytest.fixture
def one_writer(sqlite_url: str, tmp_path: Path) -> Iterator[SqlStore]:
    """Open a store with room for one writer, so that requests gather while somebody else writes."""
    clock = SystemClock()
    opened = open_store(sqlite_url, tmp_path / "keys", clock=clock, ids=SystemIds(clock))
    yield opened
    opened.close()


def _new(store: SqlStore, name: str) -> NewDelivery:
    return NewDelivery(store.ids.new(), "acme-zendesk", name, "", store.clock.now(), {}, b"{}", "t" * 32)


class _Busy(threading.Thread):
    """Keeps the store's writer until it is told to let go."""

    def __init__(self, store: SqlStore) -> None:
        super().__init__(daemon=True)
        self._store = store
        self._go = threading.Event()
        self._held = threading.Event()

    def run(self) -> None:
        self._store.write(lambda _: self._wait())

    def _wait(self) -> None:
        self._held.set()
        self._go.wait(20)

    def hold(self) -> None:
        self.start()
        assert self._held.wait(10)

    def let_go(self) -> None:
        self._go.set()
        self.join()


def test_who_gives_up_does_not_keep_the_others_waiting(one_writer: SqlStore) -> None:
    """Requests of one batch wake each other; who left is passed over, and is stored all the same."""
    store = one_writer
    intake = GroupCommitIntake(store, lambda: None)
    busy = _Busy(store)
    busy.hold()
    outcomes: dict[str, object] = {}

    def ask(name: str, wait: float) -> None:
        try:
            outcomes[name] = intake.accept(_new(store, name), wait)
        except StoreError as error:
            outcomes[name] = error

    threads = []
    for name, wait in (("first", 20.0), ("gone", 0.2), ("gone-too", 0.2), ("last", 20.0)):
        threads.append(threading.Thread(target=ask, args=(name, wait)))
        threads[-1].start()
        time.sleep(0.05)
    time.sleep(0.5)
    busy.let_go()
    for thread in threads:
        thread.join(10)
        assert not thread.is_alive()
    assert outcomes["first"] is True
    assert outcomes["last"] is True
    assert isinstance(outcomes["gone"], StoreError)
    assert isinstance(outcomes["gone-too"], StoreError)
    with store.read() as tx:
        assert tx.inbox.pending() == 4


def test_what_the_database_refuses_is_told_to_each(one_writer: SqlStore) -> None:
    """A refused batch is an error for every request in it, and the next batch is taken."""
    store = one_writer
    intake = GroupCommitIntake(store, lambda: None)
    bad = NewDelivery(store.ids.new(), "acme-zendesk", "bad", "", store.clock.now(), {}, b"{}", None)  # type: ignore[arg-type]
    with pytest.raises(StoreError):
        intake.accept(bad)
    assert intake.accept(_new(store, "good"))
    assert not intake.accept(_new(store, "good"))
