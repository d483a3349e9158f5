"""What is learnt from tickets that waited: from the last ones, from no fewer than five, and not from closed hours."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.presence import Wait
from gateway.flow.routing.measuring import LAST, LEAST, WINDOW, added, expected, learnt
from gateway.ports.ways import Waited, Way
from tests.rules.routing.making import AFTER_HOURS, BOTH, routing

NOW = datetime(2026, 3, 10, 14, tzinfo=UTC)
ROSTER = routing().roster


def waits(*minutes: int, ago: timedelta = timedelta()) -> list[Waited]:
    """Return waits of so many minutes that ended a while ago."""
    return [Waited(NOW - ago, each * 60) for each in minutes]


def test_the_middle_of_the_last_ones_is_expected() -> None:
    """One that lay over night moves nothing; whole seconds, also of an even number."""
    assert expected({"emea": waits(5, 6, 7, 8, 900)}, NOW) == {"emea": Wait(7 * 60, 5)}
    assert expected({"emea": waits(5, 6, 7, 8, 9, 10)}, NOW) == {"emea": Wait(7 * 60, 6)}


def test_of_too_few_or_too_old_ones_nothing_is_learnt() -> None:
    """Then the site's own word counts."""
    assert expected({"emea": waits(*range(LEAST - 1)), "": []}, NOW) == {}
    assert expected({"emea": waits(*range(LEAST), ago=WINDOW)}, NOW) == {}
    mixed = [*waits(100, 100, ago=WINDOW), *waits(*range(LEAST))]
    assert expected({"emea": mixed}, NOW) == {"emea": Wait(2 * 60, LEAST)}


def test_only_the_last_ones_are_kept() -> None:
    """The oldest goes."""
    last = added(waits(*range(LAST)), Waited(NOW, 7))
    assert (len(last), last[0].seconds, last[-1].seconds) == (LAST, 60, 7)


@pytest.mark.parametrize(
    ("way", "region", "seconds"),
    [
        (Way(ticket_id="a", outcome="queued", region="emea", waiting_since=BOTH), "emea", 600),
        (Way(ticket_id="a", outcome="queued", region="", waiting_since=BOTH), "amer", 600),
        (Way(ticket_id="a", outcome="queued", region="emea", waiting_since=BOTH), "amer", None),
        (Way(ticket_id="a", outcome="queued", region="emea", waiting_since=AFTER_HOURS), "emea", None),
        (Way(ticket_id="a", outcome="unroutable", region="", waiting_since=BOTH), "emea", None),
        (Way(ticket_id="a", outcome="queued", region="emea"), "emea", None),
        (Way(ticket_id="a"), "emea", None),
    ],
    ids=["room", "any region", "overflowed", "closed", "nobody fits", "not in the queue", "new"],
)
def test_what_counts_as_a_wait(way: Way, region: str, seconds: int | None) -> None:
    """It waited for room in an open region, which then took it."""
    begun = way.waiting_since or BOTH
    found = learnt(way, region, ROSTER, begun + timedelta(minutes=10))
    assert (found.seconds if found is not None else None) == seconds
