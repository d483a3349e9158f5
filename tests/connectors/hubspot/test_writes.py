"""What is written to HubSpot, and what its answers mean."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.hubspot.bench import HubSpotBench
from connectors.hubspot.connector import HubSpotConnector
from connectors.sdk import (
    Attachment,
    CommentIntent,
    Done,
    Found,
    Intent,
    NotSent,
    Operation,
    Rejected,
    RemotePerson,
    Throttled,
    Visibility,
    WriteContext,
)
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind

KEY = "0f" * 16
CREATE = Intent(
    Operation.CREATE, {"title": "The net is down", "body": "Since *today*.", "status": {"category": "open"}}
)


def reply(text: str = "We are at it", *, public: bool = True) -> Intent:
    """Return the intent to say something."""
    operation = Operation.PUBLIC_REPLY if public else Operation.INTERNAL_NOTE
    visibility = Visibility.PUBLIC if public else Visibility.INTERNAL
    return Intent(operation, comment=CommentIntent("c1", text, visibility))


def made(bench: HubSpotBench, driver: Driver, key: str = KEY) -> str:
    """Let the gateway make a ticket."""
    return driver.settle(CREATE, WriteContext(key)).remote_id


def test_a_second_creation_with_our_key_is_the_first(bench: HubSpotBench, driver: Driver) -> None:
    """HubSpot refuses it, because the values of the property are unique, and the ticket that is there is found."""
    first = made(bench, driver)
    outcome = driver.attempt(CREATE, WriteContext(KEY))
    assert isinstance(outcome, Done)
    assert outcome.receipt.remote_id == first
    assert len(bench.desk.effects.all(kind="create")) == 1


def test_a_refused_value_is_explained(bench: HubSpotBench, driver: Driver) -> None:
    """In HubSpot's own words; nothing took effect."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    intent = Intent(Operation.SET_FIELDS, {"priority": {"level": "P1", "native": "SEVERE"}})
    outcome = driver.attempt(intent, WriteContext(KEY, ticket))
    assert isinstance(outcome, Rejected)
    assert "SEVERE was not one of the allowed options" in outcome.detail


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"status": {"category": "closed", "native": "Parked"}}, "no stage 'Parked'"),
        ({"assignee": {"email": "nobody@desk.example"}}, "no owner nobody@desk.example"),
    ],
)
def test_what_has_no_word_is_unmapped(bench: HubSpotBench, driver: Driver, fields: dict[str, Any], word: str) -> None:
    """A dead letter that says so, and nothing is sent."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    outcome = driver.attempt(Intent(Operation.SET_FIELDS, fields), WriteContext(KEY, ticket))
    assert isinstance(outcome, Rejected)
    assert outcome.reason == "unmapped"
    assert word in outcome.detail
    assert driver.writes == []


def test_an_assignee_is_found_by_email_and_taken_away(bench: HubSpotBench, driver: Driver) -> None:
    """By the owners' list."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    for person, expected in (
        ({"email": "noor@desk.example"}, "76299547"),
        ({}, ""),
        ({"external_id": "76299546"}, "76299546"),
    ):
        driver.settle(Intent(Operation.SET_FIELDS, {"assignee": person}), WriteContext(KEY, ticket))
        assert bench.shown(ticket).assignee == expected


def test_a_requester_is_a_contact_that_is_there(bench: HubSpotBench, driver: Driver) -> None:
    """None is made unless the site says so: contacts cost money."""
    bench.open_ticket("Printer", "x", email="kim@example.com")
    for email, people in (("kim@example.com", 1), ("new@example.com", 0)):
        asked = {**CREATE.fields, "requester": {"email": email, "name": "Kim"}}
        receipt = driver.settle(Intent(Operation.CREATE, asked), WriteContext(f"{people}" * 32))
        assert len(bench.desk.linked(receipt.remote_id, "contacts")) == people
    assert bench.desk.effects.all(kind="contact") == []
    eager = Driver(HubSpotConnector(bench.settings(create_contacts=True)))
    asked = {**CREATE.fields, "requester": {"email": "new@example.com", "name": "New"}}
    for key in ("a" * 32, "b" * 32):
        receipt = eager.settle(Intent(Operation.CREATE, asked), WriteContext(key))
        found = eager.run(eager.connector.read(receipt.remote_id))
        assert found is not None
        assert isinstance(found.requester, RemotePerson)
        assert found.requester.email == "new@example.com"
    eager.close()
    assert len(bench.desk.effects.all(kind="contact")) == 1


def test_a_reply_goes_out_the_way_that_the_customer_wrote(bench: HubSpotBench, driver: Driver) -> None:
    """To the address of the last message, from the mailbox that it came to, in a user's name."""
    ticket = bench.open_ticket("Printer", "It is on fire", email="kim@example.com")
    driver.settle(reply(), WriteContext(KEY, ticket))
    thread = bench.desk.records.objects["tickets"][ticket]["properties"]["hs_conversations_originating_thread_id"]
    sent = bench.desk.records.threads[thread][-1]
    assert (sent["type"], sent["channelId"], sent["channelAccountId"]) == ("MESSAGE", "1002", "4021198932")
    (to,) = sent["recipients"]
    assert to["deliveryIdentifier"] == {"type": "HS_EMAIL_ADDRESS", "value": "kim@example.com"}
    assert driver.writes[0].json["senderActorId"] == "A-1002"
    assert driver.writes[0].json["subject"] == "Printer"


def test_a_reply_that_cannot_go_out_is_refused(bench: HubSpotBench, driver: Driver) -> None:
    """A ticket of somebody else without a conversation, and a connection without a user: never in silence."""
    source = ("CRM_UI", "userId:1001")
    record = bench.desk.records.make(
        "tickets", {"subject": "By phone", "hs_pipeline_stage": "1"}, bench.desk.now(), source
    )
    outcome = driver.attempt(reply(), WriteContext(KEY, record["id"]))
    assert isinstance(outcome, Rejected)
    assert "no way to write to its customer" in outcome.detail
    ticket = bench.open_ticket("Printer", "It is on fire")
    nobody = Driver(HubSpotConnector(bench.settings(user_id="")))
    outcome = nobody.attempt(reply(), WriteContext(KEY, ticket))
    nobody.close()
    assert isinstance(outcome, Rejected)
    assert "user_id" in outcome.detail
    assert bench.desk.effects.all(kind="comment", by_api=True) == []


def test_a_reply_on_our_own_copy_is_logged(bench: HubSpotBench, driver: Driver) -> None:
    """Its customer is written to at the other desk: here it stands as an e-mail, which sends nothing."""
    ticket = made(bench, driver)
    receipt = driver.settle(reply(), WriteContext("ab" * 16, ticket))
    assert receipt.comment_id.startswith("email:")
    (shown,) = bench.shown(ticket).comments
    assert (shown.text, shown.public) == ("We are at it", True)
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    (comment,) = found.comments
    assert (comment.remote_id, comment.visibility) == (receipt.comment_id, Visibility.PUBLIC)


def test_a_reply_that_hubspot_could_not_send_is_no_success(bench: HubSpotBench, driver: Driver) -> None:
    """It answers 201 and says FAILED."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    bench.desk.fails_to_send = "The mailbox is disconnected"
    outcome = driver.attempt(reply(), WriteContext(KEY, ticket))
    assert isinstance(outcome, Rejected)
    assert "The mailbox is disconnected" in outcome.detail


@pytest.mark.parametrize("public", [True, False])
def test_a_lost_answer_is_found_without_a_mark(bench: HubSpotBench, driver: Driver, *, public: bool) -> None:
    """Where HubSpot takes our mark off, by words, app and time; what is known to be another is not taken."""
    bench.desk.strips_marks = True
    ticket = made(bench, driver)
    intent = reply(public=public)
    first = driver.settle(intent, WriteContext("ab" * 16, ticket))
    given = WriteContext("cd" * 16, ticket, known_comments=frozenset({first.comment_id}))
    assert not isinstance(driver.run(driver.connector.probe(intent, given)), Found)
    bench.desk.fault(FaultKind.RESET_AFTER, method="POST", path="notes$|emails$")
    receipt = driver.settle(intent, given)
    assert receipt.comment_id not in {"", first.comment_id}
    assert len(bench.shown(ticket).comments) == 2


def test_a_look_knows_who_set_a_field(bench: HubSpotBench, driver: Driver) -> None:
    """What landed is not written again over what an agent changed since; the history of a property tells."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    intent = Intent(Operation.SET_FIELDS, {"title": "Ours", "priority": {"level": "P1"}})
    given = WriteContext(KEY, ticket)
    assert not isinstance(driver.run(driver.connector.probe(intent, given)), Found)
    driver.settle(intent, given)
    bench.set_title(ticket, "Theirs")
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Found)
    sight = driver.run(driver.connector.effects(intent, given))
    assert sight.ticket is not None
    assert sight.ticket.title == "Theirs"
    assert "priority" in sight.ours
    assert "title" not in sight.ours


def test_what_landed_is_counted(bench: HubSpotBench, driver: Driver) -> None:
    """A ticket by our key, a note by its mark."""
    ticket = made(bench, driver)
    assert [each.remote_id for each in driver.run(driver.connector.effects(CREATE, WriteContext(KEY))).copies] == [
        ticket
    ]
    note, given = reply(public=False), WriteContext("ab" * 16, ticket)
    assert driver.run(driver.connector.effects(note, given)).copies == ()
    for _ in range(2):
        assert isinstance(driver.attempt(note, given), Done)
    assert len(driver.run(driver.connector.effects(note, given)).copies) == 2


@pytest.mark.parametrize(("window", "seconds"), [("SECONDLY", 1), ("TEN_SECONDLY_ROLLING", 10), ("DAILY", 3600)])
def test_a_used_up_window_says_how_long(bench: HubSpotBench, driver: Driver, window: str, seconds: int) -> None:
    """HubSpot names the window instead of a Retry-After."""
    bench.desk.used_up = window
    intent = Intent(Operation.SET_FIELDS, {"title": "Later"})
    outcome = driver.attempt(intent, WriteContext(KEY, "501"))
    assert isinstance(outcome, Throttled)
    assert outcome.retry_after == seconds


@pytest.mark.parametrize(("status", "seconds"), [(423, 2), (477, None)])
def test_a_lock_and_a_move_are_worth_another_try(
    bench: HubSpotBench, driver: Driver, status: int, seconds: int | None
) -> None:
    """Nothing took effect: a record is being written elsewhere, an account is being moved."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    bench.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="PATCH", status=status)
    outcome = driver.attempt(Intent(Operation.SET_FIELDS, {"title": "Later"}), WriteContext(KEY, ticket))
    assert isinstance(outcome, NotSent)
    assert outcome.retry_after == seconds


def test_a_description_is_plain(bench: HubSpotBench, driver: Driver) -> None:
    """A picture and a mention are their names, and as_read says so."""
    intent = Intent(Operation.CREATE, {"title": "T", "body": "See ![fire.png](attachment:00ff), [@Noor](mention:7)!"})
    receipt = driver.settle(intent, WriteContext(KEY))
    assert bench.shown(receipt.remote_id).body == "See [fire.png], @Noor!"
    assert driver.connector.as_read(intent)["body"] == "See [fire.png], @Noor!"


@pytest.mark.parametrize("operation", ["create", "internal_note", "public_reply"])
def test_files_go_along_and_come_back(bench: HubSpotBench, driver: Driver, operation: str) -> None:
    """Uploaded once however often it is tried, named by what is written, and read byte for byte."""
    data = bytes(range(256)) * 300
    blob = driver.files.put(data)
    sent = (Attachment("net.png", "image/png", blob.size, sha256=blob.sha256),)
    if operation == "create":
        ticket, intent = "", msgspec.structs.replace(CREATE, attachments=sent)
    else:
        ticket = bench.open_ticket("Printer", "It is on fire")
        intent = msgspec.structs.replace(reply(public=operation == "public_reply"), attachments=sent)
    path = "tickets$|notes$|messages$"
    bench.desk.fault(FaultKind.RESET_BEFORE, method="POST", path=path, count=2)
    receipt = driver.settle(intent, WriteContext(KEY, ticket))
    assert len(receipt.file_ids) == 1 or operation == "create"
    assert len(bench.desk.records.files) == 1
    (shown,) = bench.shown(ticket or receipt.remote_id).files
    assert (shown.name, shown.data, shown.public) == ("net.png", data, operation == "public_reply")
    found = driver.run(driver.connector.read(ticket or receipt.remote_id))
    assert found is not None
    (read,) = found.attachments + tuple(file for comment in found.comments for file in comment.attachments)
    assert (read.name, read.mime) == ("net.png", "image/png")
    kept = driver.run(driver.connector.fetch(read))  # type: ignore[attr-defined]
    assert kept == blob


def test_a_file_that_is_gone_is_none(driver: Driver) -> None:
    """Not an error."""
    assert driver.run(driver.connector.fetch(Attachment("x", remote_id="4711"))) is None  # type: ignore[attr-defined]


def test_a_file_that_has_no_bytes_here_is_left_out(bench: HubSpotBench, driver: Driver) -> None:
    """Only what we have is uploaded."""
    ticket = bench.open_ticket("Printer", "It is on fire")
    intent = Intent(
        Operation.INTERNAL_NOTE,
        comment=CommentIntent("c1", "See", Visibility.INTERNAL),
        attachments=(Attachment("gone.txt"),),
    )
    driver.settle(intent, WriteContext(KEY, ticket))
    assert [request.url for request in driver.requests if request.effect == "stage"] == []
