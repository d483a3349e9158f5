"""The same done with many dead letters: the set is frozen first, then worked on a few at a time.

What was done and that it was done are one commit, so a run that is interrupted goes on where it stopped and does
nothing twice; and no more letters are let go in a second than was asked for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, Protocol, TypeVar

import msgspec

from dead_letters.filters import Filter
from dead_letters.model import DeadLetter, LetterTx
from dead_letters.resolve import Resolved
from gateway import crashpoint
from gateway.errors import GatewayError
from gateway.ports import AuditEntry, Clock

#: a transaction stays short: SQLite has one writer
TOGETHER = 5
#: frozen in one transaction
FREEZE = 1000

R = TypeVar("R")


class Bulk(msgspec.Struct, frozen=True):
    """One bulk action."""

    id: str
    action: str
    actor: str
    why: str
    chosen: Filter
    options: dict[str, Any]
    created_at: datetime
    frozen_at: datetime | None = None
    ended_at: datetime | None = None


class Taken(msgspec.Struct, frozen=True):
    """One letter of a bulk action that nobody has dealt with yet."""

    place: int
    what: str
    letter_id: str


class Dealt(msgspec.Struct, frozen=True):
    """What became of one."""

    place: int
    #: done or skipped
    state: str
    detail: str = ""


class Bulks(Protocol):
    """Bulk actions in the record."""

    def begin(self, bulk: Bulk) -> None:
        """Store one that has no letters yet."""
        ...

    def freeze(self, bulk_id: str, first: int, letters: Sequence[DeadLetter]) -> None:
        """Put letters into it, from place `first` on."""
        ...

    def froze(self, bulk_id: str, now: datetime) -> None:
        """Note that its set is whole."""
        ...

    def take(self, bulk_id: str, limit: int) -> Sequence[Taken]:
        """Return the next ones, locked where the database can."""
        ...

    def deal(self, bulk_id: str, dealt: Sequence[Dealt]) -> None:
        """Note what became of some."""
        ...

    def counts(self, bulk_id: str) -> Mapping[str, int]:
        """Return how many are pending, done and skipped."""
        ...

    def end(self, bulk_id: str, now: datetime) -> bool:
        """Note that nothing is left to do; False when somebody has noted it already."""
        ...


class Letters(Protocol):
    """Dead letters in pages."""

    def pages(self, chosen: Filter, size: int = 500) -> Iterator[Sequence[DeadLetter]]:
        """Return all that are meant, the oldest first."""
        ...


class BulkTx(LetterTx, Protocol):
    """The part of a transaction that a bulk action needs."""

    @property
    def bulks(self) -> Bulks:
        """Bulk actions."""
        ...

    @property
    def letters(self) -> Letters:
        """Lists of dead letters."""
        ...

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what is inside when it raises."""
        ...


class BulkStore(Protocol):
    """Opens transactions (`BulkTx`)."""

    def read(self) -> AbstractContextManager[Any]:
        """Open one that only reads."""
        ...

    def write(self, work: Callable[[Any], R]) -> R:
        """Run work in one and commit."""
        ...


def freeze(store: BulkStore, bulk: Bulk, now: datetime) -> int:
    """Store a bulk action with the letters that are meant now; return how many. What dies later is not among them."""
    store.write(lambda tx: tx.bulks.begin(bulk))
    number = 0
    with store.read() as reading:
        for page in reading.letters.pages(bulk.chosen, FREEZE):
            store.write(lambda tx, first=number, some=page: tx.bulks.freeze(bulk.id, first, some))  # type: ignore[misc]
            number += len(page)
    crashpoint.reach("bulk.freezing")

    def close(tx: BulkTx) -> None:
        tx.bulks.froze(bulk.id, now)
        tx.audit.add([_entry(bulk, f"bulk {bulk.action} begun", now, {"letters": number})])

    store.write(close)
    return number


class Runner:
    """Works on a frozen bulk action until nothing is left, or it is told to stop."""

    def __init__(
        self,
        store: BulkStore,
        *,
        work: Callable[[Any, Taken], Resolved],
        clock: Clock,
        wait: Callable[[float], object],
        ring: Callable[[str], None],
        rate: float,
    ) -> None:
        self._store = store
        self._work = work
        self._clock = clock
        self._wait = wait
        self._ring = ring
        self._rate = rate

    def run(
        self, bulk: Bulk, tell: Callable[[Mapping[str, int]], None], stop: Callable[[], bool] = lambda: False
    ) -> Mapping[str, int]:
        """Deal with every letter that is left; return how many were done and skipped in all."""
        with self._store.read() as tx:
            told = Counter[str](tx.bulks.counts(bulk.id))
        begun, number = self._clock.monotonic(), 0
        while not stop():
            dealt, rings = self._store.write(lambda tx: self._some(tx, bulk))
            if dealt:
                crashpoint.reach("bulk.dealt")
            for step in sorted(rings):
                self._ring(step)
            if not dealt:
                self._store.write(lambda tx: self._end(tx, bulk))
                break
            number += len(dealt)
            # counting them all each time would take longer than the work
            told.update(each.state for each in dealt)
            told["pending"] -= len(dealt)
            tell(told)
            ahead = begun + number / self._rate - self._clock.monotonic()
            if ahead > 0:
                self._wait(ahead)
        with self._store.read() as tx:
            found: Mapping[str, int] = tx.bulks.counts(bulk.id)
        return found

    def _some(self, tx: BulkTx, bulk: Bulk) -> tuple[list[Dealt], set[str]]:
        dealt: list[Dealt] = []
        rings: set[str] = set()
        for each in tx.bulks.take(bulk.id, max(1, min(TOGETHER, int(self._rate)))):
            try:
                with tx.savepoint():
                    done = self._work(tx, each)
            except GatewayError as error:
                dealt.append(Dealt(each.place, "skipped", str(error)[:500]))
            else:
                dealt.append(Dealt(each.place, "done", done.state))
                rings |= {done.ring} - {""}
                crashpoint.reach("bulk.dealing")
        tx.bulks.deal(bulk.id, dealt)
        return dealt, rings

    def _end(self, tx: BulkTx, bulk: Bulk) -> None:
        counts = tx.bulks.counts(bulk.id)
        if counts["pending"]:
            # somebody else works on the last ones at this moment
            return
        now = self._clock.now()
        if tx.bulks.end(bulk.id, now):
            tx.audit.add([_entry(bulk, f"bulk {bulk.action} ended", now, dict(counts))])


def _entry(bulk: Bulk, action: str, now: datetime, told: dict[str, Any]) -> AuditEntry:
    detail = {"bulk": bulk.id, "why": bulk.why, "chosen": msgspec.to_builtins(bulk.chosen, str_keys=True), **told}
    return AuditEntry(now, f"person:{bulk.actor}", action, "", detail)
