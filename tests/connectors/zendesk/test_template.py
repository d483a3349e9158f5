"""Trigger-driven webhooks: finding the ticket in whatever an admin wrote."""

from __future__ import annotations

import msgspec
import pytest

from connectors.sdk import Category, EventKind, Level, Priority, RemotePerson, Status
from connectors.zendesk.template import ticket_id
from gateway.errors import UnreadableError
from tests.connectors.zendesk.conftest import connect, stored


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"ticket_id": "5"}', "5"),
        (b'{"ticketID": 12345, "type": "End User Comment"}', "12345"),
        (b'{"Ticket-Id": "#77"}', "77"),
        (b'\xef\xbb\xbf{"notification": {"body": "x", "ticket_id": "5"}}', "5"),
        (b'{"ticket": {"id": 9, "requester": {"id": 4}}}', "9"),
        (b'{"ticket.id": "9", "id": "4"}', "9"),
        (b'{"id": 8, "ticket_status": "open"}', "8"),
        (b'{"data": [{"ticket": {"id": "31"}}]}', "31"),
        (b'{"link": "https://acme.zendesk.com/agent/tickets/7?x=1"}', "7"),
        (b'{"ticket_url": "acme.zendesk.com/agent/tickets/123456789012"}', "123456789012"),
        (b'{"zendesk": {"ticket_number": 3}}', "3"),
        (b"ticket_id=55&status=open&comment=a%20b", "55"),
        (b"ticket%5Bid%5D=56&ticket%5Bstatus%5D=open", "56"),
        (b"ticket[id]=57", "57"),
        (b"<ticket><id>12</id><ticket_id>61</ticket_id></ticket>", "61"),
        (b'<?xml version="1.0"?><t><ticket-id type="integer">62</ticket-id></t>', "62"),
        (b'{"id": "71", "title": "T", "comment": "c", "author": "x"}', "71"),
        (b'{\n"id": "72",\n"comment": "<p>a "quoted" word</p>"\n}', "72"),
        (b'{"botId": "b",\n"message": "one\ntwo",\n"conversationId": "73",\n"type": "message",\n}', "73"),
        (b'{"ticket_id": 76, "comment": "a\tb", }', "76"),
        (b'{"id": 8}', ""),
        (b'{"id": 8, "user": "x"}', ""),
        (b'{"ticket_id": "{{ticket.id}}"}', ""),
        (b'{"ticket_id": 0}', ""),
        (b'{"ticket_id": true}', ""),
        (b'{"ticket_id": "5/../6"}', ""),
        (b'{"a": {"a": {"a": {"a": {"a": {"a": {"a": {"a": {"ticket_id": 1}}}}}}}}}', ""),
        (b"hello", ""),
        (b"<" * 100_000, ""),
    ],
)
def test_where_the_id_is_found(body: bytes, expected: str) -> None:
    """By name, by place, by link; never a bare `id` of something else."""
    assert ticket_id(body) == expected


def test_a_template_is_a_hint_to_read() -> None:
    """Nothing else in it is trusted, so the ticket is read."""
    delivery = stored(b'{"ticket_id": "5", "status": "Gel\xc3\xb6st"}')
    (found,) = connect("https://acme.zendesk.com").parse(delivery)
    assert (found.kind, found.remote_id, found.needs_read) == (EventKind.OBSERVED, "5", True)


def test_a_template_without_a_ticket_is_unreadable() -> None:
    """The reason says what to add to the template."""
    with pytest.raises(UnreadableError, match="ticket_id"):
        connect("https://acme.zendesk.com").parse(stored(b"<note>hello</note>"))


def test_what_a_template_plainly_says_is_kept() -> None:
    """In our words, for people; Zendesk's heading of a description is no part of it."""
    body = (
        b'{"ticket": {"id": 9, "title": "Export stops", "status": "Pending", "priority": "Urgent", "tags": "vip sla",'
        b'"description": "----------------------------------------------\\n\\nR, Feb 3, 2026, 19:59\\n\\nAt 10 %.",'
        b'"requester": {"name": "R", "email": "r@customer.example"}, "assignee": {"name": "A", "email": ""}}}'
    )
    (found,) = connect("https://acme.zendesk.com").parse(stored(body))
    shot = found.snapshot
    assert (found.kind, found.needs_read) == (EventKind.OBSERVED, True)
    assert shot is not None
    assert (shot.title, shot.body, shot.tags) == ("Export stops", "At 10 %.", ("sla", "vip"))
    assert (shot.status, shot.priority) == (Status(Category.PENDING_CUSTOMER, "pending"), Priority(Level.P1, "urgent"))
    assert shot.requester == RemotePerson(email="r@customer.example", name="R")
    assert shot.assignee is msgspec.UNSET, "a name alone is nobody"


def test_a_form_and_xml_say_the_same() -> None:
    """With their own escapes; a NUL, which PostgreSQL cannot store, is left out."""
    for body in (
        b"ticket_id=61&ticket_title=T%C3%A4st+%26+more%00&ticket_status=Solved",
        "<t><ticket_id>61</ticket_id><title>Täst &amp; more</title><status>Solved</status></t>".encode(),
    ):
        (found,) = connect("https://acme.zendesk.com").parse(stored(body))
        assert found.snapshot is not None
        assert (found.snapshot.title, found.snapshot.status) == ("Täst & more", Status(Category.RESOLVED, "solved"))


def test_of_a_body_that_must_be_guessed_only_the_id_is_taken() -> None:
    """A quotation mark in a comment could end one value and begin another."""
    body = b'{"ticket_id": "75", "title": "T", "comment": "he said "x", "status": "solved"", "status": "open"}'
    (found,) = connect("https://acme.zendesk.com").parse(stored(body))
    assert found.remote_id == "75"
    assert found.snapshot is not None
    assert (found.snapshot.title, found.snapshot.status) == (msgspec.UNSET, msgspec.UNSET)
