"""What Intercom sends: its signature, its endpoint check, and what must never be answered."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from connectors.intercom.connector import IntercomConnector
from connectors.sdk import AuthenticationError, Envelope, Handshake, IncomingRequest, RawDelivery, Visibility
from gateway.ports import ConnectionSettings

SECRET = "a-client-secret-0123456789"
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def connect(**options: Any) -> IntercomConnector:
    """Make a connector."""
    given = {"auth": {"token": "t"}, "webhook_secret": SECRET, **options}
    return IntercomConnector(ConnectionSettings("acme", "intercom", "https://api.intercom.io", given))


def test_the_signature_is_sha1_of_the_raw_body() -> None:
    """By a second computation; without its prefix, of another body or in capitals it does not hold."""
    body = b'{"topic": "ping",\n "data": {}}'
    found = hmac.new(SECRET.encode(), body, hashlib.sha1).hexdigest()
    request = IncomingRequest("POST", "/hooks/acme", {}, {"x-hub-signature": f"sha1={found}"}, body)
    connect().verify(request, AT)
    for value in (found, f"sha256={found}", f"sha1={found.upper()}", f"sha1={found[:-1]}", ""):
        with pytest.raises(AuthenticationError):
            connect().verify(msgspec.structs.replace(request, headers={"x-hub-signature": value}), AT)


def test_an_endpoint_check_is_answered_without_a_signature() -> None:
    """HEAD gets 200 and nothing else; any other method needs the signature, whatever it brings."""
    request = IncomingRequest("HEAD", "/hooks/acme", {}, {}, b"")
    connect().verify(request, AT)
    assert connect().envelope(request) == Handshake(200)
    assert isinstance(connect().envelope(msgspec.structs.replace(request, method="POST")), Envelope)
    for method in ("GET", "POST", "PUT", "head"):
        with pytest.raises(AuthenticationError):
            connect().verify(msgspec.structs.replace(request, method=method), AT)


def test_a_delivery_is_named_by_its_signed_id() -> None:
    """Tried again, it has the same name though it says so."""
    content = {"id": "notif_1", "topic": "ticket.created", "data": {"item": {"type": "ticket", "id": "7"}}}

    def named(**what: Any) -> Envelope:
        request = IncomingRequest("POST", "/hooks/acme", {}, {}, msgspec.json.encode({**content, **what}))
        found = connect().envelope(request)
        assert isinstance(found, Envelope)
        return found

    assert named() == named(delivery_attempts=2) == Envelope("notif_1", "7")
    assert named(id="notif_2") != named()
    assert named(id=None).source_event_id.startswith("sha256:")


def said(part: dict[str, Any], topic: str = "conversation.admin.replied") -> list[Any]:
    """Return the comments of a notification with one part."""
    parts = {"conversation_parts": [{"id": "9", "created_at": 1767225600, **part}], "total_count": 1}
    item = {"type": "conversation", "id": "501", "state": "open", "conversation_parts": parts}
    body = msgspec.json.encode({"id": "n", "topic": topic, "data": {"item": item}})
    return [event.comment for event in connect().parse(RawDelivery("n", AT, {}, body)) if event.comment]


@pytest.mark.parametrize(
    ("sort", "author", "to", "visibility"),
    [
        ("comment", "admin", None, "public"),
        ("comment", "bot", None, "public"),
        ("quick_reply", "admin", None, "public"),
        ("close", "admin", None, "public"),
        ("open", "user", None, "public"),
        ("open", "lead", None, "public"),
        ("assignment", "admin", "admin-1", "public"),
        ("assign_and_reopen", "admin", "admin-1", "public"),
        ("assignment", "admin", "admin-2", "internal"),
        ("assignment", "admin", None, "internal"),
        ("note", "admin", None, "internal"),
        ("note", "user", None, "internal"),
        ("note_and_reopen", "admin", None, "internal"),
        ("participant_added", "admin", None, "internal"),
        ("", "admin", None, "internal"),
        ("forwarded", "team", None, "internal"),
    ],
)
def test_who_may_read_each_kind_of_part(sort: str, author: str, to: str | None, visibility: str) -> None:
    """What is not known to be for the customer is for colleagues."""
    assigned = {"type": "admin", "id": to} if to else None
    (found,) = said({
        "part_type": sort, "body": "<p>Words</p>", "author": {"type": author, "id": "admin-1"}, "assigned_to": assigned
    })  # fmt: skip
    assert found.body == "Words"
    assert found.visibility is Visibility(visibility)


@pytest.mark.parametrize("topic", ["conversation.admin.noted", "ticket.note.created"])
def test_what_a_topic_of_notes_brings_is_never_public(topic: str) -> None:
    """Also where the part calls itself a comment: the topic says who it is for."""
    part = {"part_type": "comment", "body": "<p>Only for us</p>", "author": {"type": "admin", "id": "5"}}
    assert [each.visibility for each in said(part, topic)] == [Visibility.INTERNAL]


def test_what_is_taken_back_is_not_said_again() -> None:
    """A redaction brings the words that are no more, in some versions: the ticket is read in their place."""
    part = {"part_type": "comment", "body": "<p>my password</p>", "author": {"type": "user", "id": "5"}}
    assert said(part, "conversation_part.redacted") == []


def test_who_closed_with_a_note_is_known() -> None:
    """The note and the state are told by one part: its author did both, and the note stays internal."""
    part = {"id": "9", "part_type": "note_and_close", "body": "<p>Spam</p>", "author": {"type": "admin", "id": "5"}}
    parts = {"conversation_parts": [{**part, "created_at": 1767225600}], "total_count": 1}
    item = {"type": "conversation", "id": "501", "state": "closed", "conversation_parts": parts}
    body = msgspec.json.encode({"id": "n", "topic": "conversation.admin.closed", "data": {"item": item}})
    changed, note = connect().parse(RawDelivery("n", AT, {}, body))
    assert changed.key == "status:9"
    assert changed.actor is not None
    assert changed.actor.external_id == "5"
    assert note.comment is not None
    assert note.comment.visibility is Visibility.INTERNAL


def test_a_picture_in_the_text_is_a_file_of_the_part() -> None:
    """Named in the text, and not read as somebody's address."""
    address = "https://downloads.intercomcdn.com/i/o/1/fire.png?expires=1&signature=2"
    html = f'<p>See</p><img src="{address.replace("&", "&amp;")}" alt="fire.png"><p>and the manual</p>'
    (found,) = said({
        "part_type": "comment", "body": html, "author": {"type": "user", "id": "1"}, "attachments": [
            {"type": "upload", "name": "fire.png", "url": address, "content_type": "image/png", "filesize": 4},
            {"type": "upload", "name": "manual.pdf", "url": "https://downloads.intercomcdn.com/i/o/1/manual.pdf"},
        ],
    })  # fmt: skip
    assert found.body == "See\n\n![fire.png](attachment:501:9:0)\n\nand the manual"
    assert [(each.name, each.inline) for each in found.attachments] == [("fire.png", True), ("manual.pdf", False)]
    assert found.lost == ()


@pytest.mark.parametrize(
    "part",
    [
        {"part_type": "comment", "body": None},
        {"part_type": "comment", "body": "<p></p>"},
        {"part_type": "comment", "body": "<p>This message was deleted</p>", "redacted": True},
        {
            "part_type": "channel_and_reply_time_expectation",
            "body": "<p>Soon</p>",
            "author": {"type": "bot", "id": "1"},
        },
        {"part_type": "close", "body": None, "author": {"type": "admin", "id": "1"}},
    ],
)
def test_what_is_no_comment(part: dict[str, Any]) -> None:
    """Nothing was said, it was taken back, or a machine said when somebody will."""
    assert said(part) == []
