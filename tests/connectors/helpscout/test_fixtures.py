"""Payloads that others captured: each is read into just what it says, or stands here with the reason why it is not."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from connectors.helpscout import writes
from connectors.sdk import (
    Category,
    Event,
    EventKind,
    HttpResponse,
    RemotePerson,
    RemoteTicket,
    Status,
    Unknown,
    Visibility,
)
from tests.connectors.helpscout.conftest import connect, stored

SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
FIXTURES = SHARED / "fixtures" / "helpscout"
pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the captured payloads are not here")

CONVERSATIONS = {
    "api_or_webhook_conversation_v2.json",
    "legacy_v1_conversation_11.json",
    "legacy_v1_conversation_13.json",
}
#: what is refused or ignored, and why
NOT_READ = {
    "legacy_v1_customer.json": "a customer is no conversation: ignored",
    "error_500.json": "an answer of the API, and no webhook",
}
KARL = RemotePerson("customer:150", "karl@worldoftesters.com", "5552368", "Karl Tester", "customer")


def read(name: str, event: str = "") -> tuple[Event, ...]:
    """Parse one file as a webhook."""
    return connect().parse(stored((FIXTURES / name).read_bytes(), event))


def shot(events: tuple[Event, ...]) -> RemoteTicket:
    """Return the state that a webhook tells of."""
    assert all(event.needs_read for event in events)
    found = events[-1].snapshot
    assert found is not None
    return found


def test_every_captured_file_is_looked_at() -> None:
    """None is left out without a reason."""
    assert {path.name for path in FIXTURES.glob("*.json")} == CONVERSATIONS | set(NOT_READ)


def test_a_conversation_of_version_2() -> None:
    """As webhooks and the API show it."""
    events = read("api_or_webhook_conversation_v2.json", "convo.status")
    assert [(event.kind, event.remote_id, event.actor) for event in events] == [(EventKind.OBSERVED, "123", None)]
    found = shot(events)
    assert (found.key, found.url) == ("15473", "https://secure.helpscout.net/conversation/123/15473")
    assert (found.title, found.channel, found.queue) == ("Need Help", "email", "Support")
    assert found.status == Status(Category.RESOLVED, "closed")
    assert found.assignee == RemotePerson("256", "none@nowhere.com", "", "Mr Robot", "agent")
    assert found.requester == RemotePerson("customer:238604", role="customer")
    assert found.tags == ("vip",)
    assert found.custom == {"6688": "33077"}
    assert str(found.created_at) == "2017-04-21 14:39:56+00:00"
    assert str(found.updated_at) == str(events[0].at) == "2017-04-21 14:43:24+00:00"
    assert not found.complete
    assert not found.deleted
    connector = connect(custom_fields={"Account Type": 6688}, closed_means="closed")
    named = shot(connector.parse(stored((FIXTURES / "api_or_webhook_conversation_v2.json").read_bytes())))
    assert named.custom == {"Account Type": "33077"}
    assert named.status == Status(Category.CLOSED, "closed")


def test_the_word_of_the_header_decides_nothing() -> None:
    """It is not signed: whatever stands there, the same state is told of, and the ticket is read."""
    name = "api_or_webhook_conversation_v2.json"
    plain = read(name)
    for word in ("convo.deleted", "convo.merged", "customer.deleted", "convo.note.created", "a word of tomorrow", ""):
        assert read(name, word) == plain
    created = read(name, "convo.created")
    assert [event.kind for event in created] == [EventKind.CREATED, EventKind.OBSERVED]
    assert created[0].actor == RemotePerson("customer:12", "bear@acme.com", "", "", "customer")
    assert created[1] == plain[0]


@pytest.mark.parametrize("name", ["legacy_v1_conversation_11.json", "legacy_v1_conversation_13.json"])
def test_a_conversation_of_version_1(name: str) -> None:
    """With its threads in it; what the first one says is the body."""
    events = read(name, "convo.customer.reply.created")
    assert [(event.kind, event.remote_id) for event in events] == [(EventKind.OBSERVED, "11")]
    found = shot(events)
    assert (found.key, found.title, found.body, found.queue) == ("123", "Subject", "Hello", "1")
    assert found.status == Status(Category.OPEN, "active")
    assert found.assignee is None
    assert found.requester == KARL
    assert found.comments == ()
    assert str(found.updated_at) == "2016-01-03 21:35:51+00:00"
    custom = {"10": "Project 1", "11": "Hey", "12": "5", "13": "2015-01-02", "14": "4"}
    assert found.custom == (custom if name.endswith("13.json") else msgspec.UNSET)


def test_the_threads_of_version_1_are_comments() -> None:
    """A second one that is added to the captured body by hand."""
    body = msgspec.json.decode((FIXTURES / "legacy_v1_conversation_11.json").read_bytes())
    first = body["item"]["threads"][0]
    note = {
        **first,
        "id": 3124898,
        "type": "note",
        "body": "<p>Call <b>him</b></p>",
        "createdBy": {"id": 7, "type": "user"},
    }
    body["item"]["threads"].append({**note, "createdAt": "2016-01-04T21:35:51Z"})
    found = shot(connect().parse(stored(msgspec.json.encode(body))))
    assert found.body == "Hello"
    (said,) = found.comments
    assert (said.remote_id, said.body, said.visibility) == ("3124898", "Call **him**", Visibility.INTERNAL)
    assert said.author == RemotePerson("7", role="agent")


def test_what_is_no_conversation_is_ignored() -> None:
    """Whatever the header calls it."""
    for word in ("customer.updated", "convo.created", ""):
        assert read("legacy_v1_customer.json", word) == ()


def test_a_captured_error_is_unknown() -> None:
    """500 may have taken effect."""
    answer = HttpResponse(500, {}, (FIXTURES / "error_500.json").read_bytes())
    assert isinstance(writes.refusal(answer), Unknown)
    assert "Internal error" in writes.complaint(answer)
