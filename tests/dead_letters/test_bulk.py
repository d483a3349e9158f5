"""Many at once: the set is frozen, an interruption costs nothing, and two that work on one bulk do nothing twice."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from dead_letters import Bulk, DeadLetterError, Filter, Person, Resolved, Runner, Taken, discard_delivery, freeze
from gateway.domain.update import Reason
from gateway.ports import Clock
from gateway.store import SqlStore
from gateway.store.retention import Lifetimes, Pruner
from gateway.store.unit import SqlTx
from tests.records import Recorder

NUMBER = 12


class Stop(Exception):  # noqa: N818 - no error: a process that ends
    """The process ends here."""


@pytest.fixture
def recorder(store: SqlStore) -> Recorder:
    """Give a record with some parked deliveries, on each database."""
    made = Recorder(store, store.ids, store.clock.now())
    for number in range(NUMBER):
        made.delivery(f"d{number}", park=(Reason.UNREADABLE, "not JSON"))
    return made


def bulk(recorder: Recorder, chosen: Filter = Filter()) -> Bulk:  # noqa: B008 - frozen
    """Freeze a bulk."""
    now = recorder.store.clock.now()
    made = Bulk(recorder.ids.new(), "discard", "olle", "old", chosen, {}, now)
    freeze(recorder.store, made, now)
    return made


def discarding(store: SqlStore, done: Counter[str] | None = None) -> Callable[[SqlTx, Taken], Resolved]:
    """Return the work of a bulk: discard, and count what was done."""

    def work(tx: SqlTx, taken: Taken) -> Resolved:
        found = discard_delivery(tx, taken.letter_id, store.clock.now(), Person("olle", "old", "b"))
        if done is not None:
            done[taken.letter_id] += 1
        return found

    return work


def runner(store: SqlStore, work: Callable[[SqlTx, Taken], Resolved], **more: Any) -> Runner:
    """Return a runner in no hurry to wait."""
    given = {"clock": store.clock, "wait": lambda _: None, "ring": lambda _: None, "rate": 1000.0, **more}
    return Runner(store, work=work, **given)


def actions(store: SqlStore) -> Counter[str]:
    """Count the audit trail by its actions."""
    with store.read() as tx:
        return Counter(str(each["action"]) for each in tx.view.audit())


def test_only_what_was_there_is_dealt_with(recorder: Recorder) -> None:
    """What dies after the freeze is left; each has its line in the trail, and so has the bulk."""
    store = recorder.store
    made = bulk(recorder)
    recorder.delivery("later", park=(Reason.UNREADABLE, "not JSON"))
    told: list[int] = []
    counts = runner(store, discarding(store)).run(made, lambda now: told.append(now["done"]))
    assert counts == {"pending": 0, "done": NUMBER, "skipped": 0}
    assert (told, sum(told[-1:])) == (sorted(told), NUMBER)
    with store.read() as tx:
        assert [each.summary for each in tx.letters.page(Filter())] == ["delivery later"]
        assert tx.bulks.unfinished() == []
    found = actions(store)
    assert found["dead letter discarded"] == NUMBER
    assert (found["bulk discard begun"], found["bulk discard ended"]) == (1, 1)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupted_bulk_goes_on_where_it_stopped(recorder: Recorder, when: str) -> None:
    """A process that ends within a transaction, or right after one, does nothing twice and leaves nothing out."""
    store, done = recorder.store, Counter[str]()
    made = bulk(recorder)
    plain = discarding(store)
    seen = 0

    def dying(tx: SqlTx, taken: Taken) -> Resolved:
        nonlocal seen
        found = plain(tx, taken)
        seen += 1
        if when == "before" and seen == 7:
            raise Stop
        return found

    def told(counts: Any) -> None:
        if when == "after" and counts["done"] >= 5:
            raise Stop

    with pytest.raises(Stop):
        runner(store, dying).run(made, told)
    with store.read() as tx:
        (left,) = tx.bulks.unfinished()
        assert tx.bulks.counts(left.id)["done"] == 5
    counts = runner(store, discarding(store, done)).run(left, lambda _: None)
    assert counts == {"pending": 0, "done": NUMBER, "skipped": 0}
    assert len(done) == NUMBER - 5
    assert actions(store)["dead letter discarded"] == NUMBER


def test_one_that_cannot_be_dealt_with_is_left_and_named(recorder: Recorder) -> None:
    """Its part of the transaction is undone, the others go on."""
    store = recorder.store
    made = bulk(recorder)
    plain = discarding(store)

    def work(tx: SqlTx, taken: Taken) -> Resolved:
        found = plain(tx, taken)
        if taken.place == 3:
            raise DeadLetterError("not this one")
        return found

    counts = runner(store, work).run(made, lambda _: None)
    assert counts == {"pending": 0, "done": NUMBER - 1, "skipped": 1}
    with store.read() as tx:
        (left,) = tx.letters.page(Filter())
        assert tx.bulks.skipped(made.id, 5) == [("delivery", left.id, "not this one")]


def test_what_somebody_else_has_dealt_with_is_skipped(recorder: Recorder) -> None:
    """The freeze holds no lock."""
    store = recorder.store
    made = bulk(recorder)
    with store.read() as tx:
        first = tx.letters.page(Filter())[0].id
    store.write(lambda tx: discard_delivery(tx, first, store.clock.now(), Person("kim", "quicker")))
    counts = runner(store, discarding(store)).run(made, lambda _: None)
    assert counts == {"pending": 0, "done": NUMBER - 1, "skipped": 1}


def test_two_that_work_on_one_bulk_do_nothing_twice(recorder: Recorder) -> None:
    """Whoever takes a letter has it."""
    store, done = recorder.store, Counter[str]()
    made = bulk(recorder)
    threads = [
        threading.Thread(target=lambda: runner(store, discarding(store, done)).run(made, lambda _: None))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.read() as tx:
        assert tx.bulks.counts(made.id) == {"pending": 0, "done": NUMBER, "skipped": 0}
    assert actions(store)["dead letter discarded"] == NUMBER


def test_no_more_go_in_a_second_than_was_asked_for(recorder: Recorder) -> None:
    """Time is what the clock says, however long the work took."""
    store = recorder.store
    made = bulk(recorder)
    passed = [0.0]
    clock = SimpleNamespace(now=store.clock.now, monotonic=lambda: passed[0])

    def wait(seconds: float) -> None:
        passed[0] += seconds

    at: list[float] = []
    plain = discarding(store)

    def work(tx: SqlTx, taken: Taken) -> Resolved:
        at.append(passed[0])
        return plain(tx, taken)

    runner(store, work, clock=cast("Clock", clock), wait=wait, rate=2.0).run(made, lambda _: None)
    assert all(sum(begin <= each < begin + 1 for each in at) <= 2 for begin in at)
    assert passed[0] == pytest.approx(NUMBER / 2)


def test_it_stops_when_it_is_told_to(recorder: Recorder) -> None:
    """What is left stays pending."""
    store = recorder.store
    made = bulk(recorder)
    looks = iter([False, True])
    counts = runner(store, discarding(store)).run(made, lambda _: None, lambda: next(looks))
    assert counts == {"pending": NUMBER - 5, "done": 5, "skipped": 0}


def test_an_ended_bulk_goes_after_its_time_and_an_open_one_stays(recorder: Recorder) -> None:
    """What is left of it is pruned with its letters, in batches."""
    store = recorder.store
    ended = bulk(recorder)
    runner(store, discarding(store)).run(ended, lambda _: None)
    recorder.delivery("later", park=(Reason.UNREADABLE, "not JSON"))
    left = bulk(recorder)
    later = store.clock.now() + timedelta(days=Lifetimes().keys + 1)
    clock = cast("Clock", SimpleNamespace(now=lambda: later, monotonic=store.clock.monotonic))
    Pruner(store, Lifetimes, clock).visit(seconds=10, batch=5)
    with store.read() as tx:
        assert tx.bulks.find(ended.id) == []
        assert tx.bulks.counts(ended.id) == {"pending": 0, "done": 0, "skipped": 0}
        assert [each.id for each in tx.bulks.unfinished()] == [left.id]
        assert tx.bulks.counts(left.id)["pending"] == 1
