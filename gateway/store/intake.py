"""Group commit of incoming deliveries: many requests, one durable transaction.

A commit a request gives a fifth of what the server can accept; the web process hands its deliveries to one thread,
which waits for its turn to write, stores whatever has gathered until then in one transaction and lets them answer.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from gateway.errors import StoreError
from gateway.ports import NewDelivery
from gateway.store.unit import SqlStore, SqlTx

MAX_BATCH = 200
MAX_WAITING = 5_000


class GroupCommitIntake:
    """Stores deliveries from many threads; one writer thread a process, started on first use (after any fork)."""

    def __init__(self, store: SqlStore, on_commit: Callable[[], None]) -> None:
        self._store = store
        self._on_commit = on_commit
        self._waiting: queue.Queue[tuple[NewDelivery, Future[bool]]] = queue.Queue(MAX_WAITING)
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def accept(self, delivery: NewDelivery, wait: float = 20.0) -> bool:
        """Return once the delivery is durable: True when it is new, False when it was known.

        Raises StoreError when the database does not take it in `wait` seconds: the desk must send it again.
        """
        self._ensure_thread()
        future: Future[bool] = Future()
        try:
            self._waiting.put((delivery, future), timeout=wait)
            return future.result(timeout=wait)
        except (queue.Full, TimeoutError):
            msg = "the database did not take the delivery in time"
            raise StoreError(msg) from None

    def _ensure_thread(self) -> None:
        if self._thread is not None and self._thread.is_alive():
            return
        with self._start:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="intake", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            batch = [self._waiting.get()]
            try:
                fresh = self._store.write(partial(self._add, batch))
            except Exception as error:  # noqa: BLE001 - whatever it is, every waiting request must hear of it
                for _, future in batch:
                    future.set_exception(error)
                continue
            for row, future in batch:
                future.set_result(row.id in fresh)
            self._on_commit()

    def _add(self, batch: list[tuple[NewDelivery, Future[bool]]], tx: SqlTx) -> frozenset[str]:
        """Store a batch with what has gathered while it waited for its turn to write."""
        while len(batch) < MAX_BATCH:
            try:
                batch.append(self._waiting.get_nowait())
            except queue.Empty:
                break
        return tx.inbox.add([row for row, _ in batch])
