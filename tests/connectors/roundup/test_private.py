"""A tracker with a property that keeps messages from customers: notes go there, and only a plain no is public."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.roundup import SPEC
from connectors.roundup.simulator import SimulatedRoundup
from connectors.sdk import CommentIntent, Intent, Operation, Rejected, Strategy, Visibility
from connectors.testing.driver import Driver
from tests.connectors.roundup.stand import Stand, context, reply


@pytest.fixture
def stand() -> Iterator[Stand]:
    """Give a tracker whose messages have the property."""
    with SimulatedRoundup() as desk:
        made = Stand(desk.url, desk.passwords)
        made.connector = made.connect(private="private")
        made.driver = Driver(made.connector)
        yield made
        made.driver.close()


def note(text: str) -> Intent:
    """Return an internal note."""
    return Intent(Operation.INTERNAL_NOTE, comment=CommentIntent("c1", text, Visibility.INTERNAL))


def test_notes_are_there_where_the_settings_name_the_property() -> None:
    """For the check of rules as well; without it there are none."""
    assert Operation.INTERNAL_NOTE not in SPEC.of({}).operations
    assert SPEC.of({"private": "private"}).operations[Operation.INTERNAL_NOTE].strategy is Strategy.PROBE


def test_a_note_is_private_and_a_reply_is_not(stand: Stand) -> None:
    """Each once."""
    number = stand.issue()
    stand.settled(note("For us"), context("k1", number))
    stand.settled(reply("For all"), context("k2", number))
    stand.settled(note("For us"), context("k1", number))
    found = stand.whole(number).comments
    assert [(one.body, one.visibility) for one in found] == [
        ("For us", Visibility.INTERNAL),
        ("For all", Visibility.PUBLIC),
    ]


def test_without_it_a_note_is_refused(stand: Stand) -> None:
    """All who see the issue would read it."""
    number = stand.issue()
    classic = stand.connect()
    driver = Driver(classic)
    outcome = driver.run(classic.write(note("For us"), context("k1", number)))
    driver.close()
    assert isinstance(outcome, Rejected)
    assert stand.whole(number).comments == ()
