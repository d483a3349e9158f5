"""What is written to Intercom, and what its answers mean."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.intercom.bench import IntercomBench
from connectors.intercom.connector import IntercomConnector
from connectors.intercom.sim_state import GATEWAY, NOOR, ROSA
from connectors.sdk import (
    Absent,
    Attachment,
    Category,
    CommentIntent,
    Done,
    Found,
    Intent,
    Operation,
    Progress,
    Rejected,
    RemotePerson,
    RemoteTicket,
    Throttled,
    Visibility,
    WriteContext,
)
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind

KEY = "0f" * 16
FIELDS: dict[str, Any] = {
    "title": "The net is down",
    "body": "Since *today*.",
    "requester": {"email": "kim@example.com"},
}


def reply(text: str = "We are at it", *, public: bool = True) -> Intent:
    """Return the intent to say something."""
    operation = Operation.PUBLIC_REPLY if public else Operation.INTERNAL_NOTE
    visibility = Visibility.PUBLIC if public else Visibility.INTERNAL
    return Intent(operation, comment=CommentIntent("c1", text, visibility))


def whole(driver: Driver, number: str) -> RemoteTicket:
    """Read what is there."""
    found = driver.run(driver.connector.read(number))
    assert found is not None
    return found


def test_a_new_ticket_gets_its_state_by_a_second_write(bench: IntercomBench, driver: Driver) -> None:
    """Intercom makes all in the first state of their type."""
    intent = Intent(Operation.CREATE, {**FIELDS, "status": {"category": "on_hold"}, "assignee": {"external_id": NOOR}})
    first = driver.attempt(intent, WriteContext(KEY))
    assert isinstance(first, Progress)
    outcome = driver.attempt(intent, WriteContext(KEY, steps=first.steps))
    assert isinstance(outcome, Done)
    found = whole(driver, outcome.receipt.remote_id)
    assert found.status.category is Category.ON_HOLD  # type: ignore[union-attr]
    assert found.assignee == RemotePerson(NOOR, "noor@desk.example", name="Noor B", role="agent")
    assert found.requester.email == "kim@example.com"  # type: ignore[union-attr]
    assert len(bench.desk.effects.all(kind="create")) == 1


def test_a_ticket_without_a_type_is_refused(bench: IntercomBench) -> None:
    """In words that say what to do; `create:` of a rule can name one."""
    driver = Driver(IntercomConnector(bench.settings(ticket_type="")))
    outcome = driver.attempt(Intent(Operation.CREATE, FIELDS), WriteContext(KEY))
    named = driver.attempt(Intent(Operation.CREATE, FIELDS, params={"ticket_type": 95}), WriteContext(KEY))
    driver.close()
    assert isinstance(outcome, Rejected)
    assert "ticket_type" in outcome.detail
    assert isinstance(named, Done)


def test_a_creation_is_found_by_our_key_once_the_search_shows_it(bench: IntercomBench, driver: Driver) -> None:
    """It runs behind, which is why the settle time is as long as it is."""
    bench.desk.search_lag = bench.desk.search_lag.__class__(seconds=60)
    given = WriteContext(KEY, first_sent_at=datetime.now(UTC))
    intent = Intent(Operation.CREATE, FIELDS)
    driver.settle(intent, given)
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Absent)
    bench.desk.clock.skew += bench.desk.search_lag * 2
    found = driver.run(driver.connector.probe(intent, given))
    assert isinstance(found, Found)
    assert driver.connector.spec.operations[Operation.CREATE].settle >= 120
    (copy,) = driver.run(driver.connector.effects(intent, given)).copies
    assert copy.remote_id == found.receipt.remote_id


def test_files_of_a_ticket_whose_answer_was_lost_come_after_it(bench: IntercomBench, driver: Driver) -> None:
    """The ticket is found, not made again, and its files follow; once."""
    blob = driver.files.put(b"a file")
    sent = (Attachment("a.txt", "text/plain", blob.size, sha256=blob.sha256),)
    intent = Intent(Operation.CREATE, FIELDS, attachments=sent)
    bench.desk.fault(FaultKind.RESET_AFTER, method="POST", path="^/tickets$")
    given = WriteContext(KEY, first_sent_at=datetime.now(UTC))
    receipt = driver.settle(intent, given)
    assert len(bench.desk.effects.all(kind="create")) == 1
    (file,) = bench.shown(receipt.remote_id).files
    assert (file.name, file.data, file.public) == ("a.txt", b"a file", False)


def test_team_and_teammate_are_two_writes(bench: IntercomBench, driver: Driver) -> None:
    """One field of Intercom's takes either."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    intent = Intent(
        Operation.SET_FIELDS, {"queue": "Support", "assignee": {"email": "ROSA@desk.example"}, "title": "T"}
    )
    driver.settle(intent, WriteContext(KEY, ticket))
    found = whole(driver, ticket)
    assert (found.queue, found.title) == ("Support", "T")
    assert found.assignee.external_id == ROSA  # type: ignore[union-attr]
    driver.settle(Intent(Operation.SET_FIELDS, {"assignee": {}}), WriteContext(KEY, ticket))
    assert whole(driver, ticket).assignee is None


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"queue": "Nobody"}, "no team"),
        ({"assignee": {"email": "nobody@desk.example"}}, "no teammate"),
        ({"status": {"category": "closed", "native": "Parked"}}, "no ticket state 'Parked'"),
        ({"status": {"category": "unknown"}}, "no ticket state for unknown"),
    ],
)
def test_what_has_no_word_is_unmapped(bench: IntercomBench, driver: Driver, fields: dict[str, Any], word: str) -> None:
    """A dead letter that says so, and nothing is sent."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    outcome = driver.attempt(Intent(Operation.SET_FIELDS, fields), WriteContext(KEY, ticket))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "unmapped"
    assert word in outcome.detail
    assert driver.writes == []


def test_a_200_that_left_the_state_is_no_success(bench: IntercomBench, driver: Driver) -> None:
    """What the answer shows is looked at."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    bench.desk.keeps_state = True
    outcome = driver.attempt(
        Intent(Operation.SET_FIELDS, {"status": {"category": "resolved"}}), WriteContext(KEY, ticket)
    )
    assert isinstance(outcome, Rejected)
    assert "left the state as it was" in outcome.detail


def test_a_refused_value_is_explained(bench: IntercomBench, driver: Driver) -> None:
    """By code, field and message."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    intent = Intent(Operation.SET_FIELDS, {"priority": {"level": "P1", "native": "Severe"}})
    outcome = driver.attempt(intent, WriteContext(KEY, ticket))
    assert isinstance(outcome, Rejected)
    assert "parameter_invalid (ticket_attributes): Severe is not a value of Priority" in outcome.detail


def test_a_priority_is_left_alone_where_none_is_named(bench: IntercomBench) -> None:
    """Tickets have none of their own."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    driver = Driver(IntercomConnector(bench.settings(priority_attribute="")))
    intent = Intent(Operation.SET_FIELDS, {"priority": {"level": "P1"}})
    words = "left as it is, for the desk has no word for it: priority"
    assert driver.attempt(intent, WriteContext(KEY, ticket)) == Done(detail=words)
    assert driver.connector.as_read(intent) == {}
    assert driver.writes == []
    driver.close()


def test_a_conversation_is_written_to(bench: IntercomBench, driver: Driver) -> None:
    """Title, state and who has it by a write each; what is so already is left alone; it is never a ticket's write."""
    number = bench.desk.act("conversation", text="Hello")
    fields = {
        "title": "Printer",
        "status": {"category": "resolved"},
        "assignee": {"external_id": NOOR},
        "queue": "Support",
    }
    intent = Intent(Operation.SET_FIELDS, fields)
    receipt = driver.settle(intent, WriteContext(KEY, number))
    found = whole(driver, number)
    assert (found.title, found.queue) == ("Printer", "Support")
    assert found.status.native == "closed"  # type: ignore[union-attr]
    assert found.assignee.external_id == NOOR  # type: ignore[union-attr]
    assert receipt.remote_id == number
    assert isinstance(driver.run(driver.connector.probe(intent, WriteContext(KEY, number))), Found)
    outcome = driver.attempt(
        Intent(Operation.SET_FIELDS, {"status": {"category": "closed"}}), WriteContext(KEY, number)
    )
    assert outcome == Done()
    driver.settle(Intent(Operation.SET_FIELDS, {"status": {"category": "on_hold"}}), WriteContext(KEY, number))
    held = bench.desk.records.held[number]
    assert held["state"] == "snoozed"
    assert abs(held["snoozed_until"] - bench.desk.now().timestamp() - 72 * 3600) < 60
    for public in (True, False):
        driver.settle(reply(public=public), WriteContext("ab" * 16, number))
    said = [each for each in whole(driver, number).comments if each.author is not None]
    assert [each.author.external_id for each in said if each.author] == [GATEWAY, GATEWAY]
    assert [(each.body, each.visibility) for each in said] == [
        ("We are at it", Visibility.PUBLIC), ("We are at it", Visibility.INTERNAL)
    ]  # fmt: skip


def test_a_conversations_title_is_what_is_written(bench: IntercomBench, driver: Driver) -> None:
    """A lost answer is looked for in it, not in a ticket's attributes."""
    number = bench.desk.act("conversation", text="Hello")
    bench.desk.fault(FaultKind.RESET_AFTER, method="PUT", path="/conversations/")
    driver.settle(Intent(Operation.SET_FIELDS, {"title": "Printer"}), WriteContext(KEY, number))
    assert len(bench.desk.effects.all(kind="fields")) == 1


def test_a_look_knows_who_set_a_field(bench: IntercomBench, driver: Driver) -> None:
    """What landed is not written again over what a teammate changed since; the parts tell."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    fields = {
        "title": "Ours",
        "status": {"category": "open"},
        "priority": {"level": "P1"},
        "assignee": {"external_id": NOOR},
    }
    intent = Intent(Operation.SET_FIELDS, fields)
    given = WriteContext(KEY, ticket, first_sent_at=datetime.now(UTC))
    assert not isinstance(driver.run(driver.connector.probe(intent, given)), Found)
    driver.settle(intent, given)
    bench.set_title(ticket, "Theirs")
    bench.set_status(ticket, Category.RESOLVED)
    bench.assign(ticket, ROSA)
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Found)
    sight = driver.run(driver.connector.effects(intent, given))
    assert sight.ticket is not None
    assert sight.ticket.title == "Theirs"
    assert sight.ours == {"priority"}


def test_what_was_said_twice_is_counted(bench: IntercomBench, driver: Driver) -> None:
    """By words, teammate and time; what is known to be another is not."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    bench.say(ticket, "We are at it")
    given = WriteContext(KEY, ticket, first_sent_at=datetime.now(UTC))
    assert driver.run(driver.connector.effects(reply(), given)).copies == ()
    names = [driver.settle(reply(), given).comment_id for _ in range(2)]
    found = driver.run(driver.connector.effects(reply(), given)).copies
    assert [each.remote_id for each in found] == names
    known = msgspec.structs.replace(given, known_comments=frozenset(names[:1]))
    assert [each.remote_id for each in driver.run(driver.connector.effects(reply(), known)).copies] == names[1:]


def test_a_used_up_window_says_how_long(bench: IntercomBench, driver: Driver) -> None:
    """By the time of its end, where there is no Retry-After; a read waits as a write does."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    bench.desk.fault(FaultKind.THROTTLE, method="PUT", seconds=3)
    intent = Intent(Operation.SET_FIELDS, {"title": "Later"})
    outcome = driver.attempt(intent, WriteContext(KEY, ticket))
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after == 3
    bench.desk.used_up = True
    with pytest.raises(Exception, match="asks us to wait") as raised:
        driver.run(driver.connector.read(ticket))
    assert raised.value.seconds == 7  # type: ignore[attr-defined]


def test_whoever_writes_is_asked_for_where_it_is_not_said(bench: IntercomBench) -> None:
    """The app's own teammate; until that is learned nobody can be told to be us."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    connector = IntercomConnector(bench.settings(admin_id=""))
    assert connector.is_us(RemotePerson(GATEWAY)) is None
    driver = Driver(connector)
    driver.settle(reply(), WriteContext(KEY, ticket))
    driver.close()
    assert driver.writes[0].json["admin_id"] == GATEWAY
