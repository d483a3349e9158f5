"""Which updates are looked at after they were resolved, when, and what becomes of one that is there twice."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from gateway.domain.update import Copy, Operation, UpdateState
from gateway.ports import AttemptEnd, AttemptStart, LaneClaim, Look, NewUpdate
from gateway.store import SqlStore
from gateway.store.look_tables import looks
from gateway.store.retention import Lifetimes, Pruner
from gateway.store.tables import attempts
from tests.store.test_record import a_link, an_update, claim

NOTE, FIELDS = Operation.INTERNAL_NOTE, Operation.SET_FIELDS


def intend(store: SqlStore, lane: LaneClaim, update: NewUpdate, number: int = 1) -> str:
    """Commit the intent of an attempt; return its id."""
    attempt, now = store.ids.new(), store.clock.now()
    start = AttemptStart(
        attempt, update.id, lane.link_id, "desk", lane.epoch, number, 1, now, 10.0, b"{}", "t" * 32,
        expect=frozenset({UpdateState.READY, UpdateState.SENDING, UpdateState.UNKNOWN}),
    )  # fmt: skip
    assert store.write(lambda tx: tx.outbox.intend([start], lease=30, now=now)) == {attempt}
    return attempt


def record(
    store: SqlStore, lane: LaneClaim, update: NewUpdate, state: UpdateState, outcome: str, attempt: str | None
) -> bool:
    """Record an end; True when the lane was still ours."""
    now = store.clock.now()
    end = AttemptEnd(
        update.id, lane.link_id, "desk", lane.epoch, state, now, attempt, outcome=outcome,
        look_at=now + timedelta(seconds=20) if state in {UpdateState.DONE, UpdateState.OBSERVED} else None,
    )  # fmt: skip
    return bool(store.write(lambda tx: tx.outbox.record([end], lease=30, now=now)))


def due(store: SqlStore, later: timedelta = timedelta()) -> list[Look]:
    """Return the looks that are due."""
    with store.read() as tx:
        return list(tx.looks.due(store.clock.now() + later, ["desk"], 9))


@pytest.mark.parametrize(
    ("operation", "first", "second", "looked_at"),
    [
        (NOTE, "unknown", "done", True),
        (NOTE, None, "done", True),
        (NOTE, "rejected", "done", False),
        (NOTE, "notsent", "done", False),
        (NOTE, "unknown", None, False),
        (FIELDS, "unknown", None, True),
        (FIELDS, "throttled", "done", False),
    ],
)
def test_what_may_have_left_twice_is_looked_at(
    store: SqlStore, operation: Operation, first: str | None, second: str | None, *, looked_at: bool
) -> None:
    """A comment when two attempts may have left, a value also when one did that nobody heard of."""
    update = an_update(store, a_link(store), operation, title="x")
    (lane,) = claim(store)
    attempt = intend(store, lane, update)
    if first is not None:
        record(store, lane, update, UpdateState.UNKNOWN, first, attempt)
    again = intend(store, lane, update, 2) if second is not None else None
    record(store, lane, update, UpdateState.DONE if again else UpdateState.OBSERVED, second or "found", again)
    assert due(store) == []
    found = due(store, timedelta(seconds=21))
    assert [(each.update_id, each.step) for each in found] == ([(update.id, 0)] if looked_at else [])


def test_a_sender_whose_lane_is_anothers_is_the_best_witness(store: SqlStore) -> None:
    """Its attempt keeps what it says, the update does not; the look is due at once, and never twice."""
    update = an_update(store, a_link(store), NOTE)
    (mine,) = claim(store, lease=-1.0)
    started = store.clock.now()
    attempt = store.ids.new()
    values = {"id": attempt, "day": 1, "update_id": update.id, "number": 1, "epoch": mine.epoch, "payload_version": 1,
              "started_at": started, "deadline": 1.0, "trace_id": "t" * 32}  # fmt: skip
    store.write(lambda tx: tx.connection.execute(attempts.insert().values(values)))
    (theirs,) = claim(store)
    other = intend(store, theirs, update)
    assert record(store, theirs, update, UpdateState.DONE, "done", other)
    assert not record(store, mine, update, UpdateState.UNKNOWN, "done", attempt)
    with store.read() as tx:
        row = tx.outbox.get(update.id)
        outcome = tx.connection.execute(select(attempts.c.outcome).where(attempts.c.id == attempt)).scalar_one()
    assert row is not None
    assert (row.state, outcome) == (UpdateState.DONE, "done")
    assert [each.update_id for each in due(store)] == [update.id]


def begun(store: SqlStore) -> tuple[NewUpdate, Look]:
    """Return an update with a look that is due."""
    update = an_update(store, a_link(store), NOTE)
    (lane,) = claim(store)
    record(store, lane, update, UpdateState.UNKNOWN, "unknown", intend(store, lane, update))
    record(store, lane, update, UpdateState.DONE, "done", intend(store, lane, update, 2))
    store.write(lambda tx: tx.looks.at_once({update.id: "desk"}, store.clock.now()))
    (look,) = due(store)
    return update, look


def test_a_copy_that_is_told_of_during_a_look_makes_another_due(store: SqlStore) -> None:
    """The look that was under way began before it, and ends nothing."""
    update, look = begun(store)
    store.write(lambda tx: tx.looks.witness(update.effect_key, store.clock.now()))
    store.write(lambda tx: tx.looks.taken(look, None))
    (again,) = due(store)
    store.write(lambda tx: tx.looks.taken(again, None))
    assert due(store, timedelta(days=2)) == []


def double(store: SqlStore, look: Look, now: datetime) -> bool:
    """Say that two copies were seen."""
    copies = [Copy("1"), Copy("2", now)]
    return store.write(lambda tx: tx.looks.double(look, copies, "it is there 2 times: 1, 2", now))


def test_one_copy_more_of_a_known_double_is_told_once(store: SqlStore) -> None:
    """Whoever stood still says that they have sent it: it is looked at again, and what is known of it stays."""
    update, look = begun(store)
    now = store.clock.now()
    assert double(store, look, now)
    copies = [Copy("1"), Copy("2", now), Copy("3", now)]

    def more(look: Look) -> bool:
        return store.write(lambda tx: tx.looks.double(look, copies, "it is there 3 times", now, known=True))

    store.write(lambda tx: tx.looks.at_once({update.id: "desk"}, now))
    (again,) = due(store)
    store.write(lambda tx: tx.looks.taken(again, None))
    with store.read() as tx:
        assert len(tx.looks.copies(update.id)) == 2
    store.write(lambda tx: tx.looks.at_once({update.id: "desk"}, now))
    (again,) = due(store)
    assert more(again)
    assert not more(again)
    with store.read() as tx:
        assert tx.looks.copies(update.id) == copies


def test_a_double_is_a_dead_letter_once_and_stays_until_a_person_has_seen_it(store: SqlStore) -> None:
    """It holds nothing, goes with its update when that has lived its time, and not before it was closed."""
    update, look = begun(store)
    now = store.clock.now()
    assert double(store, look, now)
    assert not double(store, look, now)
    with store.read() as tx:
        (letter,) = tx.view.dead_letters()
        assert (letter.reason, letter.holds) == ("doubled", False)
        assert tx.looks.copies(update.id) == [Copy("1"), Copy("2", now)]
        assert tx.outbox.next_due() is None
    store.write(lambda tx: tx.looks.witness(update.effect_key, now))
    assert due(store, timedelta(days=2)) == []
    pruner = Pruner(store, lambda: Lifetimes(deliveries=-1, keys=90), store.clock)
    assert pruner.visit()[0] == 0
    store.write(lambda tx: tx.dead_letters.close(update.id, "discarded", store.clock.now()))
    pruner.visit()
    with store.read() as tx:
        assert tx.connection.execute(select(looks)).all() == []
        assert tx.outbox.get(update.id) is None
