"""Comments of one event are taken in the order in which they were said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.event import Event, EventKind, RemoteComment, RemoteTicket
from gateway.domain.ticket import Visibility
from gateway.flow.comments import sort_comments

SAID = datetime(2026, 3, 2, 9, tzinfo=UTC)


def comment(number: str, *, later: int = 0) -> RemoteComment:
    """Return what was said under a number of the desk."""
    return RemoteComment(number, SAID + timedelta(seconds=later), f"comment {number}", Visibility.PUBLIC)


def heard(shown: tuple[RemoteComment, ...], told: RemoteComment | None = None) -> list[str]:
    """Return in which order the comments of an event are taken: those that the desk shows, and the one it tells of."""
    snapshot = RemoteTicket("1", SAID, comments=shown)
    event = Event(kind=EventKind.COMMENTED, remote_id="1", key="txn:1", at=SAID, snapshot=snapshot, comment=told)
    new, _, _ = sort_comments(event, (), frozenset(), by_us=None)
    return [each.remote_id for each in new]


@pytest.mark.parametrize("numbers", [("99", "100", "101"), ("998", "1000"), ("b7", "a1", "c3")])
def test_comments_of_one_second_are_taken_in_the_order_of_the_desk(numbers: tuple[str, ...]) -> None:
    """A desk that counts in seconds lists them in their order, which is not that of its numbers as words."""
    assert heard(tuple(comment(number) for number in numbers)) == list(numbers)


def test_the_comment_that_an_event_tells_of_has_its_place_among_those_that_the_desk_shows() -> None:
    """What was said before it in the same second, and not heard of yet, comes before it."""
    shown = (comment("99"), comment("100"), comment("101"))
    assert heard(shown, comment("100")) == ["99", "100", "101"]


def test_a_comment_that_the_desk_does_not_show_comes_last_of_its_second() -> None:
    """It is younger than what was read, but for what was said in a later second."""
    shown = (comment("99"), comment("100"), comment("102", later=1))
    assert heard(shown, comment("101")) == ["99", "100", "101", "102"]
