"""What is written to Zammad, and what Zammad makes of it by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.sdk import (
    Absent,
    Attachment,
    CommentIntent,
    Done,
    Found,
    Intent,
    Operation,
    Progress,
    Reason,
    Rejected,
    Status,
    Unknown,
    Unsure,
    Visibility,
    WriteContext,
)
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from connectors.zammad.bench import ZammadBench
from connectors.zammad.connector import ZammadConnector

KEY = "0123456789abcdef0123456789abcdef"


def context(ticket: str = "", **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(KEY, ticket, first_sent_at=datetime.now(UTC), **more)


def said(operation: Operation, text: str = "We are at it", **more: Any) -> Intent:
    """Return the intent to reply or to note."""
    public = operation is Operation.PUBLIC_REPLY
    visibility = Visibility.PUBLIC if public else Visibility.INTERNAL
    return Intent(operation, comment=CommentIntent("c", text, visibility), **more)


def fields(**values: Any) -> Intent:
    """Return the intent to set fields."""
    return Intent(Operation.SET_FIELDS, values)


def creation(**values: Any) -> Intent:
    """Return the intent to create a ticket."""
    given = {"title": "Down", "body": "Since *today*", **values}
    return Intent(Operation.CREATE, given, params={"group": "Support"})


# ---------------------------------------------------------------- create


def test_a_creation_is_the_customers_word(there: ZammadBench, driver: Driver) -> None:
    """The first article is theirs, though our account makes it; tags and group go along."""
    intent = creation(requester={"email": "kim@example.com"}, tags=["net", "a,b"])
    receipt = driver.settle(intent, context())
    records = there.desk.records
    ticket = records.ticket_view(int(receipt.remote_id))
    (article,) = records.articles_of(int(receipt.remote_id))
    assert (ticket["group"], ticket["customer"], ticket["gateway_key"]) == ("Support", "kim@example.com", KEY)
    assert (article["sender"], article["type"], article["internal"]) == ("Customer", "note", False)
    assert records.tags[int(receipt.remote_id)] == ["a b", "net"]


def test_a_creation_without_a_requester_is_our_own_accounts(there: ZammadBench, driver: Driver) -> None:
    """Zammad keeps no ticket without a customer."""
    receipt = driver.settle(creation(), context())
    assert there.desk.records.tickets[int(receipt.remote_id)]["customer_id"] == there.desk.records.me


def test_a_creation_needs_a_group(driver: Driver) -> None:
    """Said by us, before anything is sent."""
    outcome = driver.attempt(Intent(Operation.CREATE, {"title": "Down"}), context())
    assert isinstance(outcome, Rejected)
    assert "group" in outcome.detail
    assert driver.requests == []


def test_a_ticket_is_found_by_its_mark_at_once(there: ZammadBench, driver: Driver) -> None:
    """In the database: the index does not show it yet."""
    there.desk.fault(FaultKind.RESET_AFTER, method="POST")
    assert isinstance(driver.attempt(creation(), context()), Unknown)
    found = driver.run(driver.connector.probe(creation(), context()))
    assert isinstance(found, Found)
    assert int(found.receipt.remote_id) in there.desk.records.tickets


def test_without_the_attribute_a_look_is_unsure(there: ZammadBench, driver: Driver) -> None:
    """What cannot be searched for is never called absent."""
    there.open_ticket("Printer", "On fire")
    there.desk.records.attributes = ()
    for ticket in there.desk.records.tickets.values():
        del ticket["gateway_key"]
    assert isinstance(driver.run(driver.connector.probe(creation(), context())), Unsure)


def test_a_group_that_is_not_there_is_refused_in_zammads_words(driver: Driver) -> None:
    """422 with `error_human`."""
    outcome = driver.attempt(Intent(Operation.CREATE, {"title": "x"}, params={"group": "Nowhere"}), context())
    assert isinstance(outcome, Rejected)
    assert "No lookup value found for 'group'" in outcome.detail


# ---------------------------------------------------------------- fields


@pytest.mark.parametrize("category", ["on_hold", "pending_customer"])
def test_a_pending_state_gets_its_time(there: ZammadBench, driver: Driver, category: str) -> None:
    """Zammad refuses it without; one that people have set stays."""
    ticket = there.open_ticket("Printer", "On fire")
    driver.settle(fields(status={"category": category}), context(ticket))
    until = there.desk.records.tickets[int(ticket)]["pending_time"]
    assert until > there.desk.now().isoformat()
    there.desk.act("set", ticket=ticket, pending_time="2031-01-01T00:00:00.000Z")
    driver.settle(fields(status={"category": category}), context(ticket))
    assert there.desk.records.tickets[int(ticket)]["pending_time"] == "2031-01-01T00:00:00.000Z"


def test_a_creation_in_a_pending_state_gets_its_time(there: ZammadBench, driver: Driver) -> None:
    """By the desk's own clock."""
    receipt = driver.settle(creation(status={"category": "on_hold"}), context())
    assert there.desk.records.tickets[int(receipt.remote_id)]["pending_time"] > there.desk.now().isoformat()


def test_an_owner_who_may_not_work_there_is_seen(there: ZammadBench, driver: Driver) -> None:
    """Zammad answers 200 and gives the ticket to nobody."""
    ticket = there.open_ticket("Printer", "On fire")
    outsider = str(there.desk.records.outsider)
    outcome = driver.attempt(fields(assignee={"external_id": outsider}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "owner" in outcome.detail


def test_an_attribute_that_is_not_there_is_seen(there: ZammadBench, driver: Driver) -> None:
    """It is dropped without a word."""
    ticket = there.open_ticket("Printer", "On fire")
    outcome = driver.attempt(fields(**{"custom.sla_due": "2026-03-10T17:00:00Z"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "sla_due" in outcome.detail


def test_a_custom_attribute_is_written_and_read_by_its_name() -> None:
    """As the settings name it."""
    with ZammadBench() as there:
        there.desk.records.attributes = ("gateway_key", "sla_due")
        driver = Driver(ZammadConnector(there.settings(custom_fields=["sla_due"])), deadline=2.0)
        ticket = there.open_ticket("Printer", "On fire")
        intent = fields(**{"custom.sla_due": "2026-03-10T17:00:00Z"})
        driver.settle(intent, context(ticket))
        found = driver.run(driver.connector.read(ticket))
        driver.close()
    assert found is not None
    assert found.custom == {"sla_due": "2026-03-10T17:00:00Z"}
    assert driver.connector.as_read(intent) == {"custom.sla_due": "2026-03-10T17:00:00Z"}


def test_nobody_is_an_owner_too(there: ZammadBench, driver: Driver) -> None:
    """User 1."""
    ticket = there.open_ticket("Printer", "On fire")
    there.assign(ticket, there.agents[0])
    driver.settle(fields(assignee=None), context(ticket))
    assert there.shown(ticket).assignee == ""
    assert driver.connector.as_read(fields(assignee=None)) == {"assignee": None}


def test_tags_come_and_go_one_write_an_attempt(there: ZammadBench, driver: Driver) -> None:
    """Those of the intent stand in the end, whatever stood before; fields go first."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.records.tags[int(ticket)] = ["old", "stays"]
    intent = fields(title="Tagged", tags=["new", "stays", "more"])
    first = driver.attempt(intent, context(ticket))
    assert isinstance(first, Progress)
    assert len(driver.writes) == 1
    driver.settle(intent, context(ticket, steps=first.steps))
    assert sorted(there.desk.records.tags[int(ticket)]) == ["more", "new", "stays"]
    assert there.shown(ticket).title == "Tagged"
    assert driver.connector.as_read(intent)["tags"] == ["more", "new", "stays"]


def test_what_landed_is_known_though_a_person_changed_it_since(there: ZammadBench, driver: Driver) -> None:
    """By the history: it is not written again over what an agent wants."""
    ticket = there.open_ticket("Printer", "On fire")
    intent = fields(title="Ours", priority={"level": "P2"})
    there.desk.fault(FaultKind.RESET_AFTER, method="PUT")
    assert isinstance(driver.attempt(intent, context(ticket)), Unknown)
    there.set_title(ticket, "A person's")
    assert isinstance(driver.run(driver.connector.probe(intent, context(ticket))), Found)
    other = fields(title="Never written")
    assert isinstance(driver.run(driver.connector.probe(other, context(ticket))), Absent)


def test_what_zammad_has_no_word_for_is_unmapped(there: ZammadBench, driver: Driver) -> None:
    """An unknown status, and a body that is there already."""
    ticket = there.open_ticket("Printer", "On fire")
    for intent in (fields(status={"category": "unknown"}), fields(body="Other words")):
        outcome = driver.attempt(intent, context(ticket))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.UNMAPPED
        assert driver.writes == []


# ---------------------------------------------------------------- articles


def test_a_reply_by_email_goes_to_the_customer_and_opens_a_new_ticket() -> None:
    """As side_effects foretells; a note leaves it new."""
    with ZammadBench() as there:
        driver = Driver(ZammadConnector(there.settings(reply_as="email")), deadline=2.0)
        ticket = there.open_ticket("Printer", "On fire", email="kim@example.com")
        reply = said(Operation.PUBLIC_REPLY)
        foretold = driver.connector.side_effects(reply, {"status": {"category": "new"}})
        driver.settle(reply, context(ticket))
        made = there.desk.records.articles_of(int(ticket))[-1]
        found = driver.run(driver.connector.read(ticket))
        driver.close()
    assert (made["type"], made["to"], made["internal"]) == ("email", "kim@example.com", False)
    assert found is not None
    assert isinstance(found.status, Status)
    assert foretold["status"]["native"] == found.status.native == "open"
    note = ZammadConnector(there.settings())
    assert note.side_effects(reply, {"status": {"category": "new"}}) == {}


def test_files_go_with_an_article(there: ZammadBench, driver: Driver) -> None:
    """As base64 in the same request, which brings their ids; a text that shows one names it."""
    ticket = there.open_ticket("Printer", "On fire")
    blob = driver.files.put(b"\x89PNG and more")
    file = Attachment("flames.png", "image/png", blob.size, sha256=blob.sha256)
    note = said(Operation.INTERNAL_NOTE, f"Look: ![flames.png](attachment:{blob.sha256})", attachments=(file,))
    receipt = driver.settle(note, context(ticket))
    (kept,) = there.shown(ticket).files
    assert (kept.name, kept.data, kept.public) == ("flames.png", b"\x89PNG and more", False)
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert found.comments[-1].body == "Look: [flames.png]"
    assert receipt.file_ids == tuple(each.remote_id for each in found.comments[-1].attachments)
    assert len(receipt.file_ids) == 1


def test_a_comment_without_its_mark_is_found_by_its_words(there: ZammadBench, driver: Driver) -> None:
    """On a Zammad that keeps no preferences: ours, with our words and visibility, and none that is known."""
    there.desk.keeps_preferences = False
    ticket = there.open_ticket("Printer", "On fire")
    note = said(Operation.INTERNAL_NOTE)
    there.say(ticket, "We are at it", public=False)
    assert isinstance(driver.run(driver.connector.probe(note, context(ticket))), Absent)
    receipt = driver.settle(note, context(ticket))
    found = driver.run(driver.connector.probe(note, context(ticket)))
    assert isinstance(found, Found)
    assert found.receipt.comment_id == receipt.comment_id
    known = context(ticket, known_comments=frozenset({receipt.comment_id}))
    assert isinstance(driver.run(driver.connector.probe(note, known)), Absent)
    assert isinstance(driver.run(driver.connector.probe(said(Operation.PUBLIC_REPLY), context(ticket))), Absent)


# ---------------------------------------------------------------- counting


def test_tickets_and_articles_of_ours_are_counted(there: ZammadBench, driver: Driver) -> None:
    """By our mark, wherever it stands twice; a person's copy is not ours."""
    receipt = driver.settle(creation(), context())
    driver.attempt(creation(), context())
    again = msgspec.structs.replace(context(receipt.remote_id), effect_key="f" * 32)
    there.desk.records.tickets[int(there.open_ticket("Copy", "x"))]["gateway_key"] = KEY
    seen = driver.run(driver.connector.effects(creation(), context()))
    assert len(seen.copies) == 2
    assert seen.copies[0].remote_id == receipt.remote_id
    note = said(Operation.INTERNAL_NOTE)
    for _ in range(2):
        driver.attempt(note, again)
    there.say(receipt.remote_id, "We are at it", public=False)
    seen = driver.run(driver.connector.effects(note, again))
    assert len(seen.copies) == 2


def test_the_history_tells_who_set_a_field_last(there: ZammadBench, driver: Driver) -> None:
    """Ours until a person sets it again."""
    ticket = there.open_ticket("Printer", "On fire")
    intent = fields(title="Ours", priority={"level": "P2"})
    driver.settle(intent, context(ticket))
    there.set_title(ticket, "Theirs")
    seen = driver.run(driver.connector.effects(intent, context(ticket)))
    assert seen.ours == {"priority"}
    assert seen.ticket is not None
    assert seen.ticket.title == "Theirs"


def test_a_second_copy_of_a_ticket_is_closed_once(there: ZammadBench, driver: Driver) -> None:
    """With a note for colleagues; again, or when it is gone, it does no harm."""
    ticket = there.open_ticket("Printer", "On fire")
    undo = Intent(Operation.UNDO, params={"copy": ticket, "of": "create"})
    for _ in range(2):
        assert isinstance(driver.attempt(undo, context()), Done)
    shown = there.shown(ticket)
    assert shown.status == "closed"
    assert [each.public for each in shown.comments] == [False]
    there.delete(ticket)
    assert isinstance(driver.attempt(undo, context()), Done)
    comment = Intent(Operation.UNDO, params={"copy": "5", "of": "internal_note"})
    assert isinstance(driver.attempt(comment, context()), Rejected)
