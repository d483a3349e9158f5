from __future__ import annotations

import pytest

from dead_letters import (
    DeadLetterError,
    Person,
    Terms,
    discard_delivery,
    discard_update,
    replay_delivery,
    replay_update,
)
from gateway.domain.update import Operation, Reason, Strategy, UpdateState
from gateway.ports import OperationClaim, UpdateRow
from gateway.store import SqlStore
from tests.records import Recorder

WHO = Person("olle", "the queue exists now")
PROBE = Terms(OperationClaim(Strategy.PROBE))


@pytest.fixture
def recorder(store: SqlStore) -> Recorder:
    """Write records at this moment, on each database."""
    return Recorder(store, store.ids, store.clock.now())


def row(store: SqlStore, update_id: str) -> UpdateRow:
    """Read one update."""
    with store.read() as tx:
        found = tx.outbox.get(update_id)
    assert found is not None
    return found


def given_up(
    recorder: Recorder, state: UpdateState = UpdateState.DEAD, *, linked: bool = False
) -> tuple[str, str, str]:
    """Return ticket, lane and a dead letter (a create) at its head."""
    ticket, lane = recorder.ticket("t", linked=linked)
    dead = recorder.update(ticket, lane, state, detail="no such queue", reason=Reason.REJECTED)
    return ticket, lane, dead


def has_due(store: SqlStore) -> bool:
    """Say whether any lane can be worked on."""
    with store.read() as tx:
        return tx.outbox.next_due() is not None


def test_a_replay_is_a_new_series_under_the_same_key(store: SqlStore, recorder: Recorder) -> None:
    """In its old place; its lane is due; the trail says who and why; and it can die and be replayed again."""
    ticket, _, dead = given_up(recorder)
    before = row(store, dead)
    assert not has_due(store)
    now = store.clock.now()
    store.write(lambda tx: replay_update(tx, dead, PROBE, now, WHO, accept_duplicate=False))
    after = row(store, dead)
    assert (after.state, after.attempts, after.reason) == (UpdateState.READY, 0, None)
    assert (after.effect_key, after.seq, after.payload_version) == (before.effect_key, before.seq, 1)
    assert has_due(store)
    with store.read() as tx:
        entry = tx.view.audit(ticket_id=ticket)[0]
        assert tx.dead_letters.find(dead) == []
    assert (entry["actor"], entry["action"]) == ("person:olle", "dead letter replayed")
    assert entry["detail"]["why"] == "the queue exists now"
    with pytest.raises(DeadLetterError, match="in the meantime"):
        store.write(lambda tx: replay_update(tx, dead, PROBE, now, WHO, accept_duplicate=False))


def test_a_discard_lets_the_lane_go_on(store: SqlStore, recorder: Recorder) -> None:
    """What waited behind is due; the row stays for the record."""
    ticket, lane = recorder.ticket("t")
    dead = recorder.update(
        ticket, lane, UpdateState.DEAD, operation=Operation.INTERNAL_NOTE, reason=Reason.REJECTED, summary="note"
    )
    behind = recorder.update(ticket, lane, UpdateState.READY, operation=Operation.PUBLIC_REPLY)
    assert not has_due(store)
    done = store.write(lambda tx: discard_update(tx, dead, store.clock.now(), WHO))
    assert (done.ring, done.others) == ("deliver", ())
    assert has_due(store)
    assert row(store, dead).resolution == "discarded"
    assert row(store, behind).state is UpdateState.READY
    with store.read() as tx:
        assert tx.view.dead_letters() == []
        assert tx.view.counts()["dead_letters"] == 0


def test_what_waits_behind_a_create_goes_with_it(store: SqlStore, recorder: Recorder) -> None:
    """There will be no ticket to write it to."""
    ticket, lane, dead = given_up(recorder)
    behind = recorder.update(ticket, lane, UpdateState.READY, operation=Operation.PUBLIC_REPLY)
    done = store.write(lambda tx: discard_update(tx, dead, store.clock.now(), WHO))
    assert (done.others, done.ring) == ((behind,), "")
    assert row(store, behind).resolution == "discarded"
    assert not has_due(store)


def test_what_waits_behind_a_create_that_was_made_after_all_goes_on(store: SqlStore, recorder: Recorder) -> None:
    """The ticket is there, only its status could not be set: nobody's words are thrown away."""
    ticket, lane, dead = given_up(recorder, linked=True)
    behind = recorder.update(ticket, lane, UpdateState.READY, operation=Operation.PUBLIC_REPLY)
    done = store.write(lambda tx: discard_update(tx, dead, store.clock.now(), WHO))
    assert (done.others, done.ring) == ((), "deliver")
    assert row(store, behind).state is UpdateState.READY
    assert has_due(store)


def test_an_ambiguous_one_needs_a_person_where_nothing_can_tell(store: SqlStore, recorder: Recorder) -> None:
    """Nothing is changed by the refusal."""
    _, _, dead = given_up(recorder, UpdateState.AMBIGUOUS)
    now = store.clock.now()
    none = Terms(OperationClaim(Strategy.NONE))
    with pytest.raises(DeadLetterError):
        store.write(lambda tx: replay_update(tx, dead, none, now, WHO, accept_duplicate=False))
    assert row(store, dead).state is UpdateState.AMBIGUOUS
    store.write(lambda tx: replay_update(tx, dead, none, now, WHO, accept_duplicate=True))
    assert row(store, dead).state is UpdateState.READY


def test_parked_deliveries(store: SqlStore, recorder: Recorder) -> None:
    """Back in line or closed for good, once."""
    one = recorder.delivery("one", park=(Reason.UNREADABLE, "not JSON"))
    two = recorder.delivery("two", park=(Reason.POISON, "a defect"))
    now = store.clock.now()
    assert store.write(lambda tx: replay_delivery(tx, one, now, WHO)).ring == "apply"
    store.write(lambda tx: discard_delivery(tx, two, now, WHO))
    with store.read() as tx:
        states = {tx.inbox.get(each).state for each in (one, two)}  # type: ignore[union-attr]
        assert tx.view.dead_letters() == []
    assert states == {"pending", "discarded"}
    for again in (replay_delivery, discard_delivery):
        with pytest.raises(DeadLetterError):
            store.write(lambda tx, again=again: again(tx, two, now, WHO))  # type: ignore[misc]


def test_it_is_found_by_a_part_of_its_id(store: SqlStore, recorder: Recorder) -> None:
    """Six characters of an end are enough, wildcards are characters, and what is not dead is not found."""
    _, _, dead = given_up(recorder)
    ticket, lane = recorder.ticket("other", number=2)
    alive = recorder.update(ticket, lane, UpdateState.READY)
    with store.read() as tx:
        assert tx.dead_letters.find(dead[-6:]) == [("update", dead)]
        assert tx.dead_letters.find(dead) == [("update", dead)]
        for word in (dead[-5:], alive, "%%%%%%", "______", ""):
            assert tx.dead_letters.find(word) == []


def test_a_skipped_letter_goes_to_the_end_of_its_lane(store: SqlStore, recorder: Recorder) -> None:
    """Where the connection does not hold its lane, what was behind has gone ahead."""
    ticket, lane = recorder.ticket("t")
    dead = recorder.update(ticket, lane, UpdateState.DEAD, operation=Operation.INTERNAL_NOTE, reason=Reason.REJECTED)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE updates SET standing = (1 = 0)")
    later = recorder.update(ticket, lane, UpdateState.DONE, operation=Operation.PUBLIC_REPLY)
    store.write(lambda tx: replay_update(tx, dead, PROBE, store.clock.now(), WHO, accept_duplicate=False))
    assert row(store, dead).seq > row(store, later).seq
    assert has_due(store)
