"""Payloads that others captured: each is read into just what it says, or stands here with the reason why it is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.freshdesk import mapping
from connectors.sdk import Category, EventKind, HoldReason, Kind, Level, Priority, RemotePerson, Status, Visibility
from tests.connectors.freshdesk.conftest import connect, stored

SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
FIXTURES = SHARED / "fixtures"
pytestmark = pytest.mark.skipif(not (FIXTURES / "freshdesk").is_dir(), reason="the captured payloads are not here")

OPEN = Status(Category.OPEN, "Open")
RESOLVED = Status(Category.RESOLVED, "Resolved")
WAITING = Status(Category.PENDING_CUSTOMER, "Waiting on Customer")
BOB = RemotePerson(email="requester-bob@example.com", name="Requester Bob", role="customer")

#: webhook -> kinds of its events, and what its snapshot says
WEBHOOKS: dict[str, tuple[list[EventKind], dict[str, Any]]] = {
    "webhook_template_inline_images.json": (
        [EventKind.CREATED, EventKind.OBSERVED],
        {
            "remote_id": "12",
            "title": "Not enough ☃ guinea pigs",
            "status": OPEN,
            "priority": Priority(Level.P1, "Urgent"),
            "kind": Kind.PROBLEM,
            "requester": msgspec.structs.replace(BOB, name="Requester ☃ Bob"),
        },
    ),
    "webhook_template_priority_changed.json": (
        [EventKind.OBSERVED],
        {
            "remote_id": "11",
            "title": "Test ticket subject",
            "body": "Test ticket description.",
            "status": RESOLVED,
            "priority": Priority(Level.P4, "Low"),
            "kind": Kind.INCIDENT,
            "requester": BOB,
        },
    ),
    "webhook_template_status_changed.json": (
        [EventKind.OBSERVED],
        {
            "remote_id": "11",
            "title": "Test ticket subject ☃",
            "body": "Test ticket description ☃.",
            "status": WAITING,
            "priority": Priority(Level.P4, "Low"),
            "kind": Kind.INCIDENT,
            "requester": BOB,
        },
    ),
    "webhook_template_status_changed_fixture_with_missing_key.json": (
        [EventKind.OBSERVED],
        {"remote_id": "11", "title": "Test ticket subject ☃", "status": WAITING, "priority": Priority(Level.P4, "Low")},
    ),
    "webhook_template_unknown_payload.json": (
        [EventKind.OBSERVED],
        {"remote_id": "11", "title": "Test ticket subject", "status": RESOLVED, "priority": Priority(Level.P4, "Low")},
    ),
}

#: what is no webhook and why it is no ticket either
NOT_READ = {
    "request_create_ticket.json": "what a client sends to create a ticket: it has no id",
}


def test_every_captured_file_is_looked_at() -> None:
    """None is left out without a reason."""
    there = {path.name for desk in ("freshdesk", "freshservice") for path in (FIXTURES / desk).glob("*.json")}
    answers = {name for name in there if name.startswith("api_")}
    assert there == set(WEBHOOKS) | answers | set(NOT_READ)


@pytest.mark.parametrize("name", WEBHOOKS)
def test_a_captured_webhook_says_what_it_says(name: str) -> None:
    """Damaged as they are: each has a comma too many. They have no actor and no comment, and are read again."""
    kinds, facts = WEBHOOKS[name]
    body = (FIXTURES / "freshdesk" / name).read_bytes()
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(body)
    events = connect().parse(stored(body))
    assert [event.kind for event in events] == kinds
    for event in events:
        assert event.remote_id == facts["remote_id"]
        assert event.needs_read, "a template says nothing that can be relied on"
        assert (event.actor, event.comment, event.changes) == (None, None, ())
        assert event.snapshot is not None
        assert {each: getattr(event.snapshot, each) for each in facts} == facts
    assert len({event.key for event in events}) == len(events)


def test_an_inline_image_of_a_captured_webhook_is_named() -> None:
    """By the id that Freshdesk gives it, which is found in no list of attachments."""
    body = (FIXTURES / "freshdesk" / "webhook_template_inline_images.json").read_bytes()
    shot = connect().parse(stored(body))[0].snapshot
    assert shot is not None
    assert isinstance(shot.body, str)
    assert shot.body.startswith("There are too many cat pictures on the internet ☃. We need more guinea pigs.")
    (image,) = shot.attachments
    assert (image.remote_id, image.name, image.inline) == ("12744808", "guinea_pig.png", True)
    assert image.url.startswith("https://cdn.freshdesk.com/data/helpdesk/attachments/production/12744808/")


def _answer(path: str) -> Any:
    return msgspec.json.decode((FIXTURES / path).read_bytes())


def test_captured_tickets_of_freshdesk_are_read() -> None:
    """Old shapes (`ticket_type`, `custom_field`, offsets of a time zone) and new ones."""
    account = connect().account
    (old,) = _answer("freshdesk/api_v2_all_tickets.json")
    found = mapping.ticket(old, account)
    assert found is not None
    assert (found.remote_id, found.title, found.channel) == ("1", "This is a sample ticket", "portal")
    assert found.body == "This is a sample ticket, feel free to delete it."
    assert found.updated_at.isoformat() == "2015-01-01T00:58:39+00:00"
    assert (found.status, found.priority, found.kind) == (OPEN, Priority(Level.P4, "Low"), Kind.QUESTION)
    assert found.tags == ("mytag",)
    assert found.requester == RemotePerson("5004272351", name="Rachel", role="customer")
    assert found.assignee == RemotePerson("5004272350", role="agent")
    mail = mapping.ticket(_answer("freshdesk/api_v2_outbound_email_1.json"), account)
    assert mail is not None
    assert (mail.title, mail.tags, mail.custom) == ("This is a sample outbound email", ("bar", "foo"), {})
    assert mail.body == "This is a sample outbound email, feel free to delete it."
    changed = mapping.ticket(_answer("freshdesk/api_v2_ticket_1_updated.json"), account)
    assert changed is not None
    assert changed.tags == ("hello", "world")
    both = _answer("freshdesk/api_v2_search_tickets.json")["results"]
    assert [mapping.text(each["subject"]) for each in both] == ["This is a sample ticket", "This is another ticket"]
    assert all(mapping.ticket(each, account) is not None for each in both)


def test_captured_conversations_are_read() -> None:
    """Who may read them, who wrote them, and when."""
    account = connect().account
    note, reply = (mapping.comment(each, account) for each in _answer("freshdesk/api_v2_conversations.json"))
    assert note is not None
    assert reply is not None
    assert (note.remote_id, note.body, note.visibility) == ("1", "This is a private note", Visibility.INTERNAL)
    assert (reply.remote_id, reply.body, reply.visibility) == ("2", "This is a reply", Visibility.PUBLIC)
    assert note.author == reply.author == RemotePerson("1", role="agent")
    assert note.at.isoformat() == "2016-05-19T05:36:12+00:00"
    assert mapping.comment(_answer("freshdesk/api_v2_note_1.json"), account) == note


def test_captured_tickets_of_freshservice_are_read() -> None:
    """Out of their envelopes; these two are called spam, and so are no tickets any more."""
    account = connect("https://acme.freshservice.com", product="freshservice").account
    listed = _answer("freshservice/api_tickets_200.json")[0]["tickets"][0]
    for data in (listed, _answer("freshservice/api_update_ticket_200.json")["ticket"]):
        found = mapping.ticket(data, account)
        assert found is not None
        assert (found.remote_id, found.title) == ("14000239432", 'Printer not connected"')
        assert found.body == "How do I connect printer?"
        assert (found.status, found.priority) == (OPEN, Priority(Level.P3, "Medium"))
        assert (found.kind, found.channel, found.tags) == (Kind.INCIDENT, "email", ("Hardware", "Network", "VPN"))
        assert found.custom == {"choice": "First Choice", "employee_id": "E1234"}
        (file,) = found.attachments
        assert (file.name, file.mime, file.size, file.remote_id) == ("doc1.pdf", "application/pdf", 1024, "14000884384")
        assert found.deleted
    assert mapping.ticket(_answer("freshservice/request_create_ticket.json"), account) is None


def test_a_status_of_freshservice_has_no_customer_to_wait_for() -> None:
    """Its accounts begin with four statuses; what an admin adds is named in the settings."""
    own = {"In review": {"id": 8, "category": "on_hold", "hold_reason": "other"}}
    words = connect(product="freshservice", statuses=own).account.words
    assert words.status(6) == Status(Category.UNKNOWN, "6")
    assert words.status(8) == words.status("in review") == Status(Category.ON_HOLD, "In review", HoldReason.OTHER)
