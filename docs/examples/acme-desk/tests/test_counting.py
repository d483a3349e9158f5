"""What bears our mark is counted: the conformance suite does not ask for that."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from acme_desk.bench import AcmeBench
from acme_desk.connector import AcmeConnector
from connectors.sdk import CommentIntent, Done, Intent, Operation, Visibility, WriteContext
from connectors.testing.driver import Driver


@pytest.fixture
def there() -> Iterator[AcmeBench]:
    """Run an account."""
    with AcmeBench() as bench:
        yield bench


@pytest.fixture
def driver(there: AcmeBench) -> Iterator[Driver]:
    """Run calls over real HTTP."""
    found = Driver(AcmeConnector(there.settings()), deadline=2.0)
    yield found
    found.close()


def test_a_comment_that_landed_twice_is_counted(there: AcmeBench, driver: Driver) -> None:
    """By its mark; the same words of a person are not counted."""
    ticket = there.open_ticket("Printer", "It is on fire")
    there.say(ticket, "We are at it", public=False)
    intent = Intent(Operation.INTERNAL_NOTE, comment=CommentIntent("c1", "We are at it", Visibility.INTERNAL))
    context = WriteContext("0" * 32, ticket)
    landed = [driver.attempt(intent, context) for _ in range(2)]
    seen = driver.run(driver.connector.effects(intent, context))
    assert [each.remote_id for each in seen.copies] == [
        one.receipt.comment_id for one in landed if isinstance(one, Done)
    ]
    assert len(seen.copies) == 2


def test_a_ticket_of_ours_is_counted_once(driver: Driver) -> None:
    """The desk's key keeps a second attempt from making another."""
    intent = Intent(Operation.CREATE, {"title": "Printer", "body": "On fire", "requester": {"email": "k@example.com"}})
    context = WriteContext("1" * 32)
    for _ in range(2):
        assert isinstance(driver.attempt(intent, context), Done)
    assert len(driver.run(driver.connector.effects(intent, context)).copies) == 1
