"""Lists of dead letters: in pages, by any filter, by cause, and quick when there are very many."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable
from datetime import timedelta
from itertools import islice

import msgspec
import pytest

from dead_letters import DeadLetter, Filter
from gateway.domain.update import Operation, Reason, UpdateState
from gateway.store import SqlStore
from gateway.store.unit import SqlTx
from tests.length import length
from tests.records import Recorder
from tests.store.many import give_up

MANY = length(20_000, 100_000)
#: what a person is asked to wait, on a machine that is shared
SECONDS = 2.0


@pytest.fixture
def crowded(store: SqlStore) -> SqlStore:
    """Give a record with very many dead letters, on each database."""
    give_up(store, MANY, store.clock.now())
    return store


@pytest.mark.long
def test_very_many_answer_quickly_and_in_constant_memory(crowded: SqlStore) -> None:
    """A page, each filter, the groups, a count and the shares of a dry run; and all of them in pages."""
    asked: dict[str, Callable[[SqlTx], object]] = {
        "list": lambda tx: tx.letters.page(Filter(), limit=50),
        "text": lambda tx: tx.letters.page(Filter(text=f"of {MANY * 4 // 5 - 1}"), limit=50),
        "ticket": lambda tx: tx.letters.page(Filter(ticket_id="t-7"), limit=50),
        "nothing": lambda tx: tx.letters.page(Filter(error_class="HTTP 599", connection="acme-zendesk"), limit=50),
        "groups": lambda tx: tx.letters.groups(Filter(), limit=50),
        "count": lambda tx: tx.letters.count(Filter()),
        "dry run": lambda tx: tx.letters.shares(Filter(), {}),
        "filtered dry run": lambda tx: tx.letters.shares(Filter(connection="engineering-rt", reason="rejected"), {}),
        "since": lambda tx: tx.letters.page(Filter(given_up_since=crowded.clock.now()), limit=50),
    }
    took = {}
    with crowded.read() as tx:
        for name, ask in asked.items():
            took[name] = min(_seconds(lambda ask=ask: ask(tx)) for _ in range(3))  # type: ignore[misc]
        assert {name: seconds for name, seconds in took.items() if seconds > SECONDS} == {}
        assert tx.letters.count(Filter()) == MANY
        tracemalloc.start()
        for page in islice(tx.letters.pages(Filter()), 30):
            assert len(page) == 500
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 8_000_000


def _seconds(ask: Callable[[], object]) -> float:
    begun = time.monotonic()
    ask()
    return time.monotonic() - begun


def test_pages_hold_each_letter_once_in_order_of_age(store: SqlStore) -> None:
    """Updates and deliveries are one list; letters of one instant are not lost between two pages."""
    recorder = Recorder(store, store.ids, store.clock.now())
    for number in range(7):
        ticket, lane = recorder.ticket(f"t{number}", number=number)
        recorder.update(ticket, lane, UpdateState.DEAD, reason=Reason.REJECTED, operation=Operation.INTERNAL_NOTE)
        at = recorder.now - timedelta(milliseconds=400 if number % 2 else 900)
        recorder.delivery(f"d{number}", at=at, park=(Reason.UNREADABLE, "not JSON"))
    with store.read() as tx:
        for size in (1, 2, 3, 50):
            found = [each for page in tx.letters.pages(Filter(), size) for each in page]
            assert len({each.id for each in found}) == len(found) == 14
            assert found == sorted(found, key=lambda each: (each.at, each.id))
        assert tx.letters.count(Filter()) == 14


@pytest.fixture
def recorder(store: SqlStore) -> Recorder:
    """Give a record with one dead letter of each kind."""
    made = Recorder(store, store.ids, store.clock.now())
    ticket, lane = made.ticket("one", number=1)
    detail = "group 4711 of kim@customer.example is not there"
    made.update(
        ticket, lane, UpdateState.DEAD, reason=Reason.REJECTED, detail=detail, operation=Operation.INTERNAL_NOTE,
        summary="internal note",
    )  # fmt: skip
    made.update(*made.ticket("two", number=2, linked=False), UpdateState.AMBIGUOUS, reason=Reason.AMBIGUOUS)
    made.delivery("1", at=made.now - timedelta(days=3), park=(Reason.POISON, "the parser of zendesk broke: KeyError"))
    return made


FILTERS = {
    Filter(): "delivery ambiguous dead",
    Filter(connection="engineering-rt"): "ambiguous dead",
    Filter(reason="rejected"): "dead",
    Filter(error_class="KeyError"): "delivery",
    Filter(error_class="HTTP 201"): "",
    Filter(cause="group # of"): "dead",
    Filter(rule="engineering"): "ambiguous dead",
    Filter(text="KEYERROR"): "delivery",
    Filter(text="note"): "dead",
    Filter(text="%"): "",
    Filter(what="update"): "ambiguous dead",
    Filter(what="delivery"): "delivery",
    Filter(state="parked"): "delivery",
    Filter(state="ambiguous"): "ambiguous",
    Filter(no_ambiguous=True): "delivery dead",
    Filter(reason="rejected", rule="another"): "",
}


def test_a_filter_narrows(recorder: Recorder) -> None:
    """Each by its own word, on both sides of the list; what is given must all hold."""
    with recorder.store.read() as tx:
        for chosen, found in FILTERS.items():
            page = tx.letters.page(chosen)
            assert sorted(_name(each) for each in page) == sorted(found.split()), chosen
            assert tx.letters.count(chosen) == len(page)
            assert sum(each.number for each in tx.letters.groups(chosen, limit=9)) == len(page)
            assert sum(each.number for each in tx.letters.shares(chosen, {})) == len(page)


def _name(letter: DeadLetter) -> str:
    return letter.state if letter.what == "update" else letter.what


def test_a_filter_narrows_by_ticket_and_age(recorder: Recorder) -> None:
    """A parked delivery is of the ticket that its remote ticket is linked to."""
    with recorder.store.read() as tx:
        (first,) = [each.id for each in tx.view.tickets() if each.title == "one"]
        of_one = [_name(each) for each in tx.letters.page(Filter(ticket_id=first))]
        old = [_name(each) for each in tx.letters.page(Filter(before=recorder.now - timedelta(days=1)))]
        young = [_name(each) for each in tx.letters.page(Filter(after=recorder.now - timedelta(days=1)))]
        since = tx.letters.page(Filter(given_up_since=recorder.now - timedelta(seconds=1)))
        later = tx.letters.page(Filter(given_up_since=recorder.now + timedelta(seconds=1)))
    assert of_one == ["delivery", "dead"]
    assert (old, sorted(young)) == (["delivery"], ["ambiguous", "dead"])
    assert (len(since), len(later)) == (3, 0)


def test_a_group_leaves_out_what_is_each_ones_own(recorder: Recorder) -> None:
    """Two that differ in a number and an address have one cause."""
    ticket, lane = recorder.ticket("three", number=3)
    recorder.update(
        ticket, lane, UpdateState.DEAD, reason=Reason.REJECTED, operation=Operation.INTERNAL_NOTE,
        detail="group 4712 of bo@customer.example is not there",
    )  # fmt: skip
    with recorder.store.read() as tx:
        first = tx.letters.groups(Filter(), limit=9)[0]
    assert (first.number, first.cause, first.connection) == (2, "group # of # is not there", "engineering-rt")
    assert first.oldest <= first.newest


def test_a_share_says_what_may_have_landed(recorder: Recorder) -> None:
    """An attempt without a certain end counts, and so does one of which a person has to decide."""
    ticket, lane = recorder.ticket("four", number=4)
    recorder.update(ticket, lane, UpdateState.DEAD, reason=Reason.EXHAUSTED, operation=Operation.PUBLIC_REPLY)
    with recorder.store.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE attempts SET outcome = 'unknown' WHERE update_id IN "
            "(SELECT id FROM updates WHERE operation = 'public_reply')"
        )
    with recorder.store.read() as tx:
        shares = {(each.operation, bool(each.maybe)) for each in tx.letters.shares(Filter(what="update"), {})}
    assert shares == {("internal_note", False), ("create", True), ("public_reply", True)}


def test_what_waits_for_a_connection_that_is_gone_is_one_of_the_list(recorder: Recorder) -> None:
    """Marked, in its place by age, in pages, groups and counts; of a connection that is named nothing of it shows."""
    ticket, lane = recorder.ticket("five", number=5)
    waits = recorder.update(ticket, lane, UpdateState.READY, operation=Operation.INTERNAL_NOTE, summary="a note")
    gone, there = Filter(named=("acme-zendesk",)), Filter(named=("acme-zendesk", "engineering-rt"))
    with recorder.store.read() as tx:
        for size in (1, 2, 50):
            found = [each for page in tx.letters.pages(gone, size) for each in page]
            assert found == sorted(found, key=lambda each: (each.at, each.id))
            assert {_name(each): each.removed for each in found} == {
                "delivery": False, "ambiguous": True, "dead": True, "waiting": True
            }  # fmt: skip
        assert tx.letters.count(gone) == sum(each.number for each in tx.letters.groups(gone, limit=9)) == 4
        assert [each.id for each in tx.letters.page(msgspec.structs.replace(gone, state="waiting"))] == [waits]
        assert {_name(each): each.removed for each in tx.letters.page(there)} == {
            "delivery": False, "ambiguous": False, "dead": False
        }  # fmt: skip
        assert tx.dead_letters.find(waits, gone.named) == [("update", waits)]
        assert tx.dead_letters.find(waits, there.named) == tx.dead_letters.find(waits) == []
        letter = tx.dead_letters.letter(waits, gone.named)
        assert letter is not None
        assert letter.waits
        assert tx.dead_letters.letter(waits) is None
