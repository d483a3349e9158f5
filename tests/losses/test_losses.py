"""What webhooks do not bring, polls do: each connector, with its webhooks lost, doubled, late and out of order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pytest

from connectors.testing.bench import Bench
from connectors.testing.outgoing import Weather
from gateway.store import SqlStore
from tests.length import length
from tests.losses.room import POLLED, PROMISE, Room

pytestmark = [pytest.mark.long, pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)]

#: `make losses` takes more
CHANGES, SECONDS = length(10, 18), length(60, 100)


@pytest.fixture(params=POLLED, ids=lambda bench: bench.__name__)
def room(request: pytest.FixtureRequest, store: SqlStore) -> Iterator[Room]:
    """Give a gateway with one desk."""
    bench: type[Bench] = request.param
    with Room(store, bench) as made:
        yield made


def test_with_all_webhooks_lost_changes_arrive_within_a_minute(room: Room) -> None:
    """New tickets, comments, titles, statuses: none is lost, none is there twice, and a poll of rest stores nothing."""
    changes = room.suffer(CHANGES, seconds=SECONDS)
    assert room.open == []
    late = [each for each in changes if each.late > PROMISE]
    assert len(late) <= len(changes) / 100, late
    at_rest(room)


def test_with_half_of_the_webhooks_lost_and_others_doubled_or_late_each_change_is_there_once(room: Room) -> None:
    """What a webhook brought and a poll sees as well is one change."""
    weather = Weather(drop=0.5, duplicate=0.4, reorder=0.3)
    changes = room.suffer(CHANGES, seconds=SECONDS, weather=weather)
    assert room.open == []
    assert [each for each in changes if each.late > PROMISE] == []
    at_rest(room)


def test_what_changes_in_the_second_of_a_poll_arrives_with_the_next(room: Room) -> None:
    """The cursor stands in that second: a desk that counts in seconds cannot tell what came before the poll."""
    first, second = room.opened(), room.opened()
    room.poll()
    late = [room.said(first.ticket), room.retitled(second.ticket), room.opened()]
    room.advance(timedelta(milliseconds=400))
    late.append(room.said(second.ticket))
    room.poll()
    late.append(room.said(first.ticket))
    room.live(PROMISE.total_seconds())
    assert room.open == []
    at_rest(room)


def test_what_a_lagging_list_shows_later_is_not_passed_over(room: Room) -> None:
    """Others that changed later are listed before: the cursor is ahead of what is not shown yet."""
    room.suffer(6, seconds=10)
    room.lag = room.bench.lag
    room.suffer(10, seconds=SECONDS)
    assert room.open == []
    late = [each for each in room.changes if each.late > PROMISE + room.lag]
    assert late == []


def at_rest(room: Room) -> None:
    """See that nothing is there twice, nothing was parked, and that polls find nothing more."""
    spoken = [each.value for each in room.changes if each.what == "said"]
    assert Counter(room.words()) >= Counter(spoken)
    assert [word for word, times in Counter(room.words()).items() if times > 1] == []
    room.bench.desk.webhooks.flush(5)
    room.live(5)
    room.poll()
    room.advance(timedelta(minutes=10))
    room.poll()
    assert room.poll() == 0, "a poll of nothing new stores something"
    counts = room.counts()
    assert not counts.get("deliveries_parked"), counts
    assert not counts.get("deliveries_pending"), counts
