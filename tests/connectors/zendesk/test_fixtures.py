"""Payloads that others captured: each is read into just what it says, or stands here with the reason why it is not."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.sdk import Category, EventKind, Kind, Level, Priority, RemotePerson, Status
from tests.connectors.zendesk.conftest import connect, stored

SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
FIXTURES = SHARED / "fixtures" / "zendesk"
pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the captured payloads are not here")

#: template -> what its snapshot says; each is a hint to read its ticket
TEMPLATES: dict[str, dict[str, Any]] = {
    "aspnet_ZendeskPostMessage.json": {"remote_id": "5", "title": msgspec.UNSET, "status": msgspec.UNSET},
    "webhook_trigger_ticket_update_template.json": {
        "remote_id": "12345",
        "priority": Priority(Level.P3, "normal"),
        "tags": ("new",),
        "queue": "9000",
        "assignee": RemotePerson("9001", "kren@example.com", role="agent"),
    },
    "webhook_trigger_zulip_template.json": {
        "remote_id": "7",
        "title": "Hello world",
        "body": "I am writing this to create a ticket.",
        "status": Status(Category.OPEN, "open"),
        "priority": Priority(Level.P3, "normal"),
        "kind": Kind.INCIDENT,
        "tags": ("change_address", "help", "order"),
        "url": "https://acme.zendesk.com/agent/tickets/7",
        # the names of both people are there, and a name alone is nobody
        "requester": msgspec.UNSET,
        "assignee": msgspec.UNSET,
    },
}
NO_TICKETS = {"webhook_event_user_group_membership_created.json": "a user joined a group: nothing about a ticket"}
ANSWERS = {
    "error_422_record_invalid.json": "the answer to a change of a closed ticket: test_writes.py says what becomes of it"
}


def test_every_captured_file_is_looked_at() -> None:
    """None is left out without a reason."""
    assert {path.name for path in FIXTURES.iterdir()} == {*TEMPLATES, *NO_TICKETS, *ANSWERS}


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_captured_template_is_a_hint_that_says_what_it_says(name: str) -> None:
    """Nobody is said to have done it, nothing is said to have changed, and the ticket is read."""
    (found,) = connect("https://acme.zendesk.com").parse(stored((FIXTURES / name).read_bytes()))
    assert (found.kind, found.remote_id) == (EventKind.OBSERVED, TEMPLATES[name]["remote_id"])
    assert (found.actor, found.comment, found.changes, found.needs_read) == (None, None, (), True)
    assert found.snapshot is not None
    assert {each: getattr(found.snapshot, each) for each in TEMPLATES[name]} == TEMPLATES[name]


@pytest.mark.parametrize("name", NO_TICKETS)
def test_a_captured_event_about_something_else_is_none_of_ours(name: str) -> None:
    """Understood, and nothing to do."""
    assert connect("https://acme.zendesk.com").parse(stored((FIXTURES / name).read_bytes())) == ()
