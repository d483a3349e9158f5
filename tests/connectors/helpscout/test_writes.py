"""What goes out: one field a request, replies that keep the status, and looks for what has no answer."""

from __future__ import annotations

from typing import Any

import pytest

from connectors.helpscout import writes
from connectors.helpscout.bench import HelpScoutBench
from connectors.helpscout.sim_state import plain
from connectors.sdk import (
    Absent,
    Attachment,
    Category,
    CommentIntent,
    Done,
    Found,
    HttpResponse,
    Intent,
    Operation,
    Progress,
    Reason,
    Rejected,
    Throttled,
    Unsure,
    Visibility,
    WriteContext,
)
from connectors.testing.conformance.stand import comment, context, creation
from connectors.testing.driver import Driver
from tests.connectors.helpscout.conftest import connect


def threads(there: HelpScoutBench, ticket: str) -> list[dict[str, Any]]:
    """Return the threads of a conversation as the desk keeps them, the first one left out."""
    return there.desk.records.threads[int(ticket)][1:]


def test_several_fields_are_several_attempts(there: HelpScoutBench, driver: Driver) -> None:
    """One write each; what a person changes meanwhile of what is done stays."""
    ticket = there.open_ticket("Printer", "It is on fire")
    fields: dict[str, Any] = {
        "title": "Net",
        "status": {"category": "resolved"},
        "tags": ["VIP", "b"],
        "assignee": {"external_id": there.agents[0]},
        "queue": "86",
    }
    intent, given = Intent(Operation.SET_FIELDS, fields), context(ticket)
    outcome = driver.attempt(intent, given)
    assert isinstance(outcome, Progress)
    assert outcome.steps == {"subject": True}
    assert len(driver.writes) == 1
    there.set_title(ticket, "A person's")
    later = WriteContext(given.effect_key, ticket, first_sent_at=given.first_sent_at, steps=outcome.steps)
    driver.settle(intent, later)
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert (found.title, found.tags, found.queue) == ("A person's", ("b", "vip"), "86")
    foretold = driver.connector.as_read(intent)
    assert (foretold["tags"], foretold["queue"], foretold["title"]) == (["b", "vip"], "86", "Net")
    assert found.status.category is Category.RESOLVED  # type: ignore[union-attr]
    assert [each.detail.get("path", "tags") for each in there.desk.effects.all(kind="fields", by_api=True)] == [
        "/subject", "/mailboxId", "/assignTo", "tags", "/status",
    ]  # fmt: skip


def test_what_stands_already_is_not_written(there: HelpScoutBench, driver: Driver) -> None:
    """A second time changes nothing and sends nothing."""
    ticket = there.open_ticket("Printer", "It is on fire")
    intent = Intent(Operation.SET_FIELDS, {"title": "Net", "assignee": None})
    driver.settle(intent, context(ticket))
    assert isinstance(driver.attempt(intent, context(ticket)), Done)
    assert driver.writes == []
    assert isinstance(driver.run(driver.connector.probe(intent, context(ticket))), Found)
    other = Intent(Operation.SET_FIELDS, {"title": "Other"})
    assert isinstance(driver.run(driver.connector.probe(other, context(ticket))), Absent)


def test_custom_fields_of_others_are_kept(there: HelpScoutBench) -> None:
    """The desk empties those that are left out."""
    driver = Driver(connect(there.desk.url, custom_fields={"plan": 6688, "gateway": 6689}))
    ticket = there.open_ticket("Printer", "It is on fire")
    driver.settle(Intent(Operation.SET_FIELDS, {"custom.plan": "gold"}), context(ticket))
    driver.settle(Intent(Operation.SET_FIELDS, {"custom.gateway": "x"}), context(ticket))
    found = driver.run(driver.connector.read(ticket))
    driver.close()
    assert found is not None
    assert found.custom == {"plan": "gold", "gateway": "x"}


@pytest.mark.parametrize("category", [Category.OPEN, Category.PENDING_CUSTOMER, Category.RESOLVED])
@pytest.mark.parametrize("operation", [Operation.PUBLIC_REPLY, Operation.INTERNAL_NOTE])
def test_a_comment_keeps_the_status(
    there: HelpScoutBench, driver: Driver, category: Category, operation: Operation
) -> None:
    """A reply that does not name one would open the conversation."""
    ticket = there.open_ticket("Printer", "It is on fire")
    there.set_status(ticket, category)
    driver.settle(comment(operation, "We are at it"), context(ticket))
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert found.status.category is category  # type: ignore[union-attr]


def test_a_comment_carries_our_mark_where_nobody_sees_it(there: HelpScoutBench, driver: Driver) -> None:
    """As a note or as a reply to the customer."""
    ticket = there.open_ticket("Printer", "It is on fire")
    given = context(ticket)
    driver.settle(comment(Operation.PUBLIC_REPLY, "We are **at it**"), given)
    (reply,) = threads(there, ticket)
    assert reply["body"] == f'<div class="gateway-{given.effect_key}"><p>We are <strong>at it</strong></p></div>'
    assert plain(reply["body"]) == "We are at it"
    assert reply["type"] == "message"


def test_a_desk_that_takes_marks_away_is_looked_at_by_content(there: HelpScoutBench, driver: Driver) -> None:
    """Same words, same readers, ours, new, and not known already; for a creation, in its inbox with its subject."""
    there.desk.keeps_classes = False
    ticket = there.open_ticket("Printer", "It is on fire")
    there.say(ticket, "We are at it")
    intent, given = comment(Operation.PUBLIC_REPLY, "We are at it"), context(ticket)
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Absent)
    receipt = driver.settle(intent, given)
    found = driver.run(driver.connector.probe(intent, given))
    assert isinstance(found, Found)
    assert found.receipt.comment_id == receipt.comment_id
    known = context(ticket, known_comments=frozenset({receipt.comment_id}))
    assert isinstance(driver.run(driver.connector.probe(intent, known)), Absent)
    made, given = creation(there), context()
    there.open_ticket("The net is down", "Since this morning.", email="kim@example.com")
    assert isinstance(driver.run(driver.connector.probe(made, given)), Absent)
    receipt = driver.settle(made, given)
    found = driver.run(driver.connector.probe(made, given))
    assert isinstance(found, Found)
    assert found.receipt.remote_id == receipt.remote_id


def test_a_creation_is_known_by_a_field_where_the_settings_name_one(there: HelpScoutBench) -> None:
    """And then by nothing else."""
    there.desk.keeps_classes = False
    driver = Driver(connect(there.desk.url, ticket_marker=6689))
    intent, given = creation(there), context()
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Absent)
    receipt = driver.settle(intent, given)
    found = driver.run(driver.connector.read(receipt.remote_id))
    assert found is not None
    assert found.marker == given.effect_key
    assert found.custom == {}
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Found)
    assert isinstance(driver.run(driver.connector.probe(intent, context())), Absent)
    assert isinstance(driver.run(driver.connector.probe(intent, WriteContext(given.effect_key))), Unsure)
    driver.close()


def test_doubles_are_counted_and_a_second_conversation_is_closed(there: HelpScoutBench, driver: Driver) -> None:
    """By their mark; twice does no harm."""
    intent, given = creation(there), context()
    first = driver.settle(intent, given)
    second = driver.settle(intent, given)
    copies = driver.run(driver.connector.effects(intent, given)).copies
    assert [copy.remote_id for copy in copies] == [first.remote_id, second.remote_id]
    undo = Intent(Operation.UNDO, params={"of": "create", "copy": second.remote_id})
    for _ in range(2):
        assert isinstance(driver.attempt(undo, context(first.remote_id)), Done)
    assert there.shown(second.remote_id).status == "closed"
    reply, given = comment(Operation.INTERNAL_NOTE, "We are at it"), context(first.remote_id)
    for count in (1, 2):
        driver.settle(reply, given)
        assert len(driver.run(driver.connector.effects(reply, given)).copies) == count
    undo = Intent(Operation.UNDO, params={"of": "internal_note", "copy": "1"})
    assert isinstance(driver.attempt(undo, context(first.remote_id)), Rejected)


def test_files_go_with_the_thread(there: HelpScoutBench, driver: Driver) -> None:
    """As base64 in its own request: a lost answer leaves neither half of it behind."""
    ticket = there.open_ticket("Printer", "It is on fire")
    data = bytes(range(256)) * 40
    blob = driver.files.put(data)
    file = Attachment("фото.png", "image/png", blob.size, sha256=blob.sha256)
    note = comment(Operation.INTERNAL_NOTE, "See the picture")
    intent = Intent(note.operation, comment=note.comment, attachments=(file,))
    there.desk.fault("reset_after", method="POST", path="notes", count=1)
    receipt = driver.settle(intent, context(ticket))
    (kept,) = there.shown(ticket).files
    assert (kept.name, kept.data, kept.public) == ("фото.png", data, False)
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert receipt.file_ids == (found.comments[0].attachments[0].remote_id,)
    made = creation(there)
    made = Intent(made.operation, made.fields, params=made.params, attachments=(file,))
    receipt = driver.settle(made, context())
    assert [each.data for each in there.shown(receipt.remote_id).files] == [data]
    assert len(receipt.file_ids) == 1


def test_an_internal_comment_never_becomes_public(there: HelpScoutBench, driver: Driver) -> None:
    """Whatever the operation says."""
    ticket = there.open_ticket("Printer", "It is on fire")
    secret = Intent(Operation.PUBLIC_REPLY, comment=CommentIntent("c", "Secret", Visibility.INTERNAL))
    assert isinstance(driver.attempt(secret, context(ticket)), Rejected)
    assert threads(there, ticket) == []


def test_a_merged_conversation_takes_no_more(there: HelpScoutBench, driver: Driver) -> None:
    """And the refusal says where it went."""
    first, second = there.open_ticket("Printer", "It is on fire"), there.open_ticket("Printer", "It burns")
    there.merge(second, first)
    for intent in (comment(Operation.PUBLIC_REPLY, "Hello"), Intent(Operation.SET_FIELDS, {"title": "x"})):
        outcome = driver.attempt(intent, context(second))
        assert isinstance(outcome, Rejected)
        assert f"merged into {first}" in outcome.detail


def test_a_conversation_of_nobody_is_our_users(there: HelpScoutBench, driver: Driver) -> None:
    """Unless the sync rule names a stand-in."""
    receipt = driver.settle(creation(there, requester={"name": "Kim"}), context())
    made = there.desk.records.conversations[int(receipt.remote_id)]
    assert made["primaryCustomer"]["email"] == "gateway@desk.example"
    intent = creation(there, requester=None)
    intent.params["customer"] = "desk@example.com"
    receipt = driver.settle(intent, context())
    made = there.desk.records.conversations[int(receipt.remote_id)]
    assert made["primaryCustomer"]["email"] == "desk@example.com"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": {"category": "unknown"}}, "unknown"),
        ({"status": {"category": "open", "native": "snoozed"}}, "'snoozed'"),
        ({"queue": "Unheard of"}, "mailboxes"),
        ({"custom.unheard": "x"}, "custom_fields"),
    ],
)
def test_what_the_desk_has_no_word_for_is_unmapped(fields: dict[str, Any], words: str) -> None:
    """Said before anything is sent."""
    driver = Driver(connect())
    outcome = driver.attempt(Intent(Operation.SET_FIELDS, fields), context("1"))
    driver.close()
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED
    assert words in outcome.detail
    assert driver.requests == []


def test_a_refusal_names_the_field(there: HelpScoutBench, driver: Driver) -> None:
    """As the desk says it; a conversation that is full is refused for good."""
    ticket = there.open_ticket("Printer", "It is on fire")
    intent = Intent(Operation.SET_FIELDS, {"assignee": {"external_id": "999"}})
    outcome = driver.attempt(intent, context(ticket))
    assert isinstance(outcome, Rejected)
    assert "Validation error: assignTo: user does not exist" in outcome.detail
    full = HttpResponse(412, {}, b'{"message":"too many threads"}')
    assert isinstance(writes.refusal(full), Rejected)
    wait = HttpResponse(429, {"x-ratelimit-retry-after": "9"}, b'{"message":"API rate limit exceeded"}')
    assert writes.refusal(wait) == Throttled('HTTP 429 {"message":"API rate limit exceeded"}', 9)
    assert writes.made(HttpResponse(201, {"resource-id": "7"}, b"")) == "7"
    assert writes.made(HttpResponse(201, {"location": "https://api.helpscout.net/v2/conversations/8"}, b"")) == "8"
    assert writes.made(HttpResponse(200, {"resource-id": "7"}, b"")) == ""
