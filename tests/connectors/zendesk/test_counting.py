"""What is there of an update long after it landed, who set a field last, and taking a second ticket back."""

from __future__ import annotations

import pytest

from connectors.sdk import Done, Intent, Operation, Rejected, Sighting, WriteContext
from connectors.testing.driver import Driver
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.system import SystemClock
from tests.connectors.zendesk.test_writes import NOTE

KEY = "fedcba9876543210fedcba9876543210"
CREATE = Intent(Operation.CREATE, {"title": "Once", "body": "Only once.", "requester": {"email": "kim@example.com"}})


def count(driver: Driver, intent: Intent, given: WriteContext) -> Sighting:
    """Take one look."""
    found = driver.run(driver.connector.effects(intent, given))
    assert driver.writes == []
    return found


def made(desk: ZendeskSimulator, driver: Driver, key: str = KEY) -> str:
    """Make the ticket; the desk has forgotten that it did so before."""
    desk._keys.clear()
    outcome = driver.run(driver.connector.write(CREATE, WriteContext(key)))
    assert isinstance(outcome, Done)
    return outcome.receipt.remote_id


def test_tickets_of_ours_are_counted_and_a_clone_is_not(desk: ZendeskSimulator, driver: Driver) -> None:
    """The first one first; what a customer made with our mark in it is theirs."""
    first = made(desk, driver)
    desk.act("create", subject="Once", body="b", external_id=f"gateway:{KEY}")
    made(desk, driver, "0" * 32)
    assert [each.remote_id for each in count(driver, CREATE, WriteContext(KEY)).copies] == [first]
    second = made(desk, driver)
    assert [each.remote_id for each in count(driver, CREATE, WriteContext(KEY)).copies] == [first, second]


@pytest.mark.parametrize("metadata", [True, False], ids=["with marks", "without"])
def test_a_comment_that_landed_twice_is_counted(desk: ZendeskSimulator, driver: Driver, *, metadata: bool) -> None:
    """By its mark, and where the desk shows none by words, author and time; an agent's with these words is not it."""
    number = str(desk.act("create", subject="Help", body="b")["id"])
    desk.echoes_metadata = metadata
    assert NOTE.comment is not None
    desk.act("comment", ticket_id=number, body=NOTE.comment.body, public=False)
    given = WriteContext(KEY, number, first_sent_at=SystemClock().now())
    driver.run(driver.connector.write(NOTE, given))
    (first,) = count(driver, NOTE, given).copies
    driver.run(driver.connector.write(NOTE, given))
    seen = count(driver, NOTE, given).copies
    assert seen == (first, seen[-1])
    assert first.remote_id < seen[-1].remote_id


def test_the_audits_tell_who_set_a_field_last(desk: ZendeskSimulator, driver: Driver) -> None:
    """Ours until an agent sets it, whatever the value."""
    number = str(desk.act("create", subject="Help", body="b")["id"])
    intent = Intent(Operation.SET_FIELDS, {"title": "Ours", "priority": {"level": "P1"}})
    given = WriteContext(KEY, number)
    driver.run(driver.connector.write(intent, given))
    seen = count(driver, intent, given)
    assert seen.ours == {"title", "priority"}
    assert seen.ticket is not None
    assert seen.ticket.title == "Ours"
    desk.act("set", ticket_id=number, subject="Theirs")
    desk.act("set", ticket_id=number, subject="Ours")
    assert count(driver, intent, given).ours == {"priority"}


def test_a_second_copy_of_a_ticket_is_solved_and_tagged(desk: ZendeskSimulator, driver: Driver) -> None:
    """Twice does no harm, the one that is kept stays, and a ticket that is gone needs nothing."""
    kept, copy = made(desk, driver), made(desk, driver)
    undo = Intent(Operation.UNDO, params={"copy": copy, "of": "create", "kept": kept})
    for _ in range(2):
        assert driver.run(driver.connector.write(undo, WriteContext(KEY, kept))) == Done()
        ticket = desk.records.tickets[int(copy)]
        assert (ticket["status"], ticket["tags"]) == ("solved", ["gateway_double"])
    assert desk.records.tickets[int(copy)]["assignee_id"] == desk.records.me
    assert desk.records.tickets[int(kept)]["status"] == "new"
    desk.act("delete", ticket_id=copy)
    assert driver.run(driver.connector.write(undo, WriteContext(KEY, kept))) == Done()


def test_a_comment_is_not_taken_back(driver: Driver) -> None:
    """Redacting is for good, so that it is left to a person; nothing is sent."""
    undo = Intent(Operation.UNDO, params={"copy": "7", "of": "internal_note", "kept": "6"})
    assert isinstance(driver.run(driver.connector.write(undo, WriteContext(KEY, "1"))), Rejected)
    assert driver.requests == []
