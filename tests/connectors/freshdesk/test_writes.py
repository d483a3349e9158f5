"""What goes out: HTML with our mark, private unless it is said to be public, looked for where the answer was lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.content import from_html
from connectors.freshdesk.bench import FreshdeskBench
from connectors.freshdesk.rendering import description
from connectors.freshdesk.sim_state import plain
from connectors.sdk import (
    Absent,
    Attachment,
    CommentIntent,
    Done,
    Found,
    Intent,
    Operation,
    Reason,
    Rejected,
    Unsure,
    Visibility,
)
from connectors.testing.conformance.stand import comment, context, creation
from connectors.testing.driver import Driver
from tests.connectors.freshdesk.conftest import connect


def said(there: FreshdeskBench, ticket: str) -> list[dict[str, Any]]:
    """Return the conversations of a ticket as the desk keeps them."""
    return there.desk.records.conversations[int(ticket)]


def test_a_comment_carries_our_mark_where_nobody_sees_it(there: FreshdeskBench, driver: Driver) -> None:
    """And a note is private without being told so."""
    ticket = there.open_ticket("Printer", "It is on fire")
    given = context(ticket)
    driver.settle(comment(Operation.INTERNAL_NOTE, "We are **at it**"), given)
    (note,) = said(there, ticket)
    assert note["private"] is True
    assert note["body"] == f'<div class="gateway-{given.effect_key}"><p>We are <strong>at it</strong></p></div>'
    assert plain(note["body"]) == "We are at it"
    (read,) = driver.run(driver.connector.read(ticket)).comments  # type: ignore[union-attr]
    assert (read.marker, read.body) == (given.effect_key, "We are **at it**")


def test_a_quotation_of_our_words_is_not_ours(there: FreshdeskBench, driver: Driver) -> None:
    """A customer's mail program keeps our mark in what it quotes."""
    ticket = there.open_ticket("Printer", "It is on fire")
    driver.settle(comment(Operation.PUBLIC_REPLY, "We are at it"), context(ticket))
    quoted = said(there, ticket)[0]["body"]
    there.desk.act("say", ticket=ticket, body="", html=quoted, by="requester")
    there.desk.act("say", ticket=ticket, body="", html=f"<div>Thanks</div><blockquote>{quoted}</blockquote>")
    there.desk.act("say", ticket=ticket, body="", html=f'<div class="freshdesk_quote">{quoted}</div>')
    markers = [one.marker for one in driver.run(driver.connector.read(ticket)).comments]  # type: ignore[union-attr]
    assert [bool(marker) for marker in markers] == [True, False, False, False]


def test_a_desk_that_takes_marks_away_is_looked_at_by_content(there: FreshdeskBench, driver: Driver) -> None:
    """Same words, same readers, ours, new, and not known already; a person's same words are not it."""
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
    note = comment(Operation.INTERNAL_NOTE, "We are at it")
    assert isinstance(driver.run(driver.connector.probe(note, given)), Absent)


def test_a_public_reply_may_be_a_public_note(there: FreshdeskBench) -> None:
    """Where nobody wants the desk to mail it."""
    ticket = there.open_ticket("Printer", "It is on fire")
    driver = Driver(connect(there.desk.url, product=there.product, public_as="note"))
    driver.settle(comment(Operation.PUBLIC_REPLY, "We are at it"), context(ticket))
    driver.close()
    (note,) = said(there, ticket)
    assert (note["private"], note["source"]) == (False, 2)


def test_an_internal_comment_never_becomes_public(there: FreshdeskBench, driver: Driver) -> None:
    """Whatever the operation says."""
    ticket = there.open_ticket("Printer", "It is on fire")
    secret = Intent(Operation.PUBLIC_REPLY, comment=CommentIntent("c", "Secret", Visibility.INTERNAL))
    assert isinstance(driver.attempt(secret, context(ticket)), Rejected)
    assert said(there, ticket) == []


def test_a_created_ticket_is_found_though_the_search_is_late(there: FreshdeskBench, driver: Driver) -> None:
    """By the list, which is the desk's own record; the search only finds, and denies nothing."""
    there.desk.search_lag = 600
    given, intent = context(), creation(there)
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Absent)
    receipt = driver.settle(intent, given)
    found = driver.run(driver.connector.probe(intent, given))
    assert isinstance(found, Found)
    assert found.receipt.remote_id == receipt.remote_id
    nameless = context()
    nameless = type(nameless)(given.effect_key)
    assert isinstance(driver.run(driver.connector.probe(intent, nameless)), Unsure)
    there.desk.search_lag = 0
    assert isinstance(driver.run(driver.connector.probe(intent, nameless)), Found)


def test_a_created_ticket_is_found_behind_many(there: FreshdeskBench, driver: Driver) -> None:
    """Over more pages than one."""
    given, intent = context(), creation(there)
    driver.settle(intent, given)
    for number in range(120):
        there.open_ticket(f"Printer {number}", "It is on fire")
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Found)


def test_tickets_of_ours_are_counted_and_taken_back(there: FreshdeskBench, driver: Driver) -> None:
    """By their mark; a second copy is closed and tagged, twice does no harm."""
    given, intent = context(), creation(there)
    first = driver.settle(intent, given)
    assert isinstance(driver.attempt(intent, given), Done)
    copies = driver.run(driver.connector.effects(intent, given)).copies
    assert [copy.remote_id for copy in copies] == [first.remote_id, str(int(first.remote_id) + 1)]
    undo = Intent(Operation.UNDO, params={"of": "create", "copy": copies[1].remote_id})
    for _ in range(2):
        assert isinstance(driver.attempt(undo, context(first.remote_id)), Done)
    held = there.desk.records.tickets[int(copies[1].remote_id)]
    assert (held["status"], held["tags"]) == (5, ["gateway_double"])
    reply = Intent(Operation.UNDO, params={"of": "public_reply", "copy": "1"})
    assert isinstance(driver.attempt(reply, context(first.remote_id)), Rejected)


def test_comments_of_ours_are_counted(there: FreshdeskBench, driver: Driver) -> None:
    """Every copy that bears the mark."""
    ticket = there.open_ticket("Printer", "It is on fire")
    intent, given = comment(Operation.PUBLIC_REPLY, "We are at it"), context(ticket)
    there.say(ticket, "We are at it")
    for count in (1, 2):
        driver.settle(intent, given)
        assert len(driver.run(driver.connector.effects(intent, given)).copies) == count


def test_what_markdown_cannot_show_of_a_body_is_kept() -> None:
    """The new text comes after the old one."""
    kept = '<p><span style="color: red">Old</span></p>'
    assert from_html(kept).lost
    assert description("<p>Old</p>", "New") == "<p>New</p>"
    assert description(kept, "New") == f"{kept}<hr><p>New</p>"


def test_fields_of_every_sort(there: FreshdeskBench, driver: Driver) -> None:
    """Numbers, groups by name, custom fields by name, a body, tags in order."""
    connector = connect(there.desk.url, product=there.product, groups={"Support": 5_000_012})
    own = Driver(connector)
    ticket = there.open_ticket("Printer", "It is on fire")
    field = "employee_id" if there.product == "freshservice" else "plan"
    fields: dict[str, Any] = {
        "queue": "Support", "tags": ["vip", "a tag", "vip"], "kind": "incident", "body": "It *was* on fire",
        f"custom.{field}": "gold",
    }  # fmt: skip
    intent = Intent(Operation.SET_FIELDS, fields)
    own.settle(intent, context(ticket))
    read = own.run(connector.read(ticket))
    assert read is not None
    assert (read.queue, read.tags, read.kind, read.body) == (
        "Support",
        ("a tag", "vip"),
        "incident",
        "It *was* on fire",
    )
    assert read.custom == {field: "gold"}
    foretold = connector.as_read(intent)
    assert {name: foretold[name] for name in ("queue", "tags", "kind", "body")} == {
        "queue": "Support", "tags": ["a tag", "vip"], "kind": "incident", "body": "It *was* on fire",
    }  # fmt: skip
    assert isinstance(own.run(connector.probe(intent, context(ticket))), Found)
    own.settle(Intent(Operation.SET_FIELDS, {"assignee": None, "queue": ""}), context(ticket))
    own.close()
    assert there.desk.records.tickets[int(ticket)]["group_id"] is None


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"status": {"category": "unknown"}}, "statuses"),
        ({"status": {"category": "open", "native": "Escalated"}}, "'Escalated'"),
        ({"queue": "Unheard of"}, "groups"),
        ({"priority": {"level": "P9"}}, "priority"),
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


def test_a_refusal_names_the_field(there: FreshdeskBench, driver: Driver) -> None:
    """As the desk says it."""
    ticket = there.open_ticket("Printer", "It is on fire")
    title = {"title": "Again"}
    outcome = driver.attempt(Intent(Operation.SET_FIELDS, {**title, "custom.gone": "x"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert outcome.fields == ("custom.gone",)
    fields = {**title, "assignee": {"external_id": "99"}}
    outcome = driver.attempt(Intent(Operation.SET_FIELDS, fields), context(ticket))
    assert isinstance(outcome, Rejected)
    assert outcome.fields == ("assignee",)
    assert "Validation failed: responder_id: There is no agent matching" in outcome.detail
    there.desk.records.custom.clear()
    outcome = driver.attempt(creation(there), context())
    assert isinstance(outcome, Rejected)
    assert "gateway_key" in outcome.detail


def test_a_ticket_of_nobody_is_our_agents(there: FreshdeskBench, driver: Driver) -> None:
    """Unless the sync rule names a stand-in: the desk takes none without a requester."""
    records = there.desk.records
    receipt = driver.settle(creation(there, requester={"name": "Kim"}), context())
    assert records.tickets[int(receipt.remote_id)]["requester_id"] == records.me
    intent = creation(there, requester=None)
    intent.params["requester"] = "desk@example.com"
    receipt = driver.settle(intent, context())
    contact = records.contacts[records.tickets[int(receipt.remote_id)]["requester_id"]]
    assert "desk@example.com" in contact.values()


def test_files_go_with_the_comment(there: FreshdeskBench, driver: Driver) -> None:
    """As one form: a lost answer leaves neither half of it behind."""
    ticket = there.open_ticket("Printer", "It is on fire")
    data = bytes(range(256)) * 40
    blob = driver.files.put(data)
    file = Attachment('фото "1".png', "image/png", blob.size, sha256=blob.sha256)
    note = comment(Operation.INTERNAL_NOTE, "See the picture")
    intent = Intent(note.operation, comment=note.comment, attachments=(file,))
    given = context(ticket)
    there.desk.fault("reset_after", method="POST", count=1)
    receipt = driver.settle(intent, given)
    (kept,) = there.shown(ticket).files
    assert (kept.data, kept.public) == (data, False)
    read = driver.run(driver.connector.read(ticket))
    assert read is not None
    (listed,) = read.comments[0].attachments
    assert (listed.size, listed.mime) == (len(data), "image/png")
    assert receipt.file_ids == (listed.remote_id,)
    brought = driver.run(driver.connector.fetch(listed))  # type: ignore[attr-defined]
    assert brought == blob
    gone = Attachment("x", url=f"{there.desk.url}/attachments/1/original/x?Signature=old")
    assert driver.run(driver.connector.fetch(gone)) is None  # type: ignore[attr-defined]


def test_a_new_ticket_takes_files_and_all_its_fields_in_one_form(there: FreshdeskBench, driver: Driver) -> None:
    """Nested names as Rails reads them."""
    blob = driver.files.put(b"hello")
    made = creation(there, tags=["a", "b"], priority={"level": "P1"})
    intent = Intent(
        made.operation,
        made.fields,
        params=made.params,
        attachments=(Attachment("a.txt", "text/plain", 5, sha256=blob.sha256),),
    )
    given = context()
    receipt = driver.settle(intent, given)
    held = there.desk.records.tickets[int(receipt.remote_id)]
    assert (held["tags"], held["priority"], len(held["attachments"])) == (["a", "b"], 4, 1)
    assert given.effect_key in held["custom_fields"].values()
    assert datetime.now(UTC) - datetime.fromisoformat(held["created_at"]) < timedelta(minutes=5)


@pytest.mark.parametrize("hours", [2, 48])
def test_a_due_time_goes_with_that_of_the_first_response(there: FreshdeskBench, driver: Driver, hours: int) -> None:
    """The desk takes both or neither, and the first no later than the second; what it counts itself stays else."""
    ticket = there.open_ticket("Printer", "It is on fire")
    known = there.desk.records.tickets[int(ticket)]
    first = there.desk.now().replace(microsecond=0) + timedelta(hours=8)
    known["fr_due_by"] = known["due_by"] = first.strftime("%Y-%m-%dT%H:%M:%SZ")
    wanted = there.desk.now().replace(microsecond=0) + timedelta(hours=hours)
    intent = Intent(Operation.SET_FIELDS, {"due": wanted.isoformat(), "priority": {"level": "P1"}})
    driver.settle(intent, context(ticket))
    assert datetime.fromisoformat(known["due_by"]) == wanted
    assert datetime.fromisoformat(known["fr_due_by"]) == min(first, wanted)
    read = driver.run(driver.connector.read(ticket))
    assert read is not None
    assert read.due == wanted
    assert driver.connector.as_read(intent)["due"] == wanted.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert isinstance(driver.run(driver.connector.probe(intent, context(ticket))), Found)
    later = Intent(Operation.SET_FIELDS, {"due": (wanted + timedelta(hours=1)).isoformat()})
    assert isinstance(driver.run(driver.connector.probe(later, context(ticket))), Absent)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_ticket_that_is_over_takes_no_due_time(there: FreshdeskBench, driver: Driver, *, at_once: bool) -> None:
    """The rest of the update goes on without it; nor is a due time ever emptied."""
    ticket = there.open_ticket("Printer", "It is on fire")
    known = there.desk.records.tickets[int(ticket)]
    before = known["due_by"]
    status = {"category": "resolved", "native_id": "4", "native_label": "Resolved"}
    fields = {"due": "2030-03-10T17:00:00Z", "title": "Printer is out"}
    if not at_once:
        driver.settle(Intent(Operation.SET_FIELDS, {"status": status}), context(ticket))
    driver.settle(Intent(Operation.SET_FIELDS, {**fields, **({"status": status} if at_once else {})}), context(ticket))
    assert (known["subject"], known["status"], known["due_by"]) == ("Printer is out", 4, before)
    none = Intent(Operation.SET_FIELDS, {"due": None})
    assert isinstance(driver.attempt(none, context(ticket)), Done)
    assert driver.connector.as_read(none) == {}
    assert known["due_by"] == before


def test_a_due_time_that_the_desk_refuses_is_named(there: FreshdeskBench, driver: Driver) -> None:
    """One before the ticket came to be is: the other fields can go on without it."""
    ticket = there.open_ticket("Printer", "It is on fire")
    outcome = driver.attempt(
        Intent(Operation.SET_FIELDS, {"due": "2001-03-10T17:00:00Z", "title": "x"}), context(ticket)
    )
    assert isinstance(outcome, Rejected)
    assert outcome.fields == ("due",)
