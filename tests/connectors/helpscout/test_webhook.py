"""Proof of origin, names of deliveries, and what may be concluded from a body whose event nobody signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.helpscout.bench import SECRET, HelpScoutBench
from connectors.sdk import (
    AuthenticationError,
    Envelope,
    EventKind,
    IncomingRequest,
    RemotePerson,
    UnreadableError,
    Visibility,
)
from connectors.testing.bench import Sink
from connectors.testing.conformance.stand import raw
from connectors.testing.driver import Driver
from tests.connectors.helpscout.conftest import NOW, connect, stored

BODY = b'{"id":291938,"number":349,"subject":"Help","mailboxId":85,"status":"active","threads":1}'


def signed(body: bytes, secret: str = SECRET, **more: str) -> IncomingRequest:
    """Return a request as Help Scout signs it, by the standard library alone."""
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha1).digest()).decode()
    headers = {"x-helpscout-signature": signature, "x-helpscout-event": "convo.status", **more}
    return IncomingRequest("POST", "/hooks/acme", {}, headers, body)


def test_the_signature_is_hmac_sha1_of_the_body_in_base64() -> None:
    """By a second implementation: the vendor publishes no known answer. The value was made once with openssl."""
    request = signed(b'{"id":1}', "correct horse")
    assert request.headers["x-helpscout-signature"] == "gpjalbRXu0mp+J2TkpptEHhpzEg="
    connect(webhook_secret="correct horse").verify(request, NOW)


@pytest.mark.parametrize("signature", ["", "x", "gpjalbRXu0mp+J2TkpptEHhpzEg=", "ä" * 28])
def test_another_signature_is_refused(signature: str) -> None:
    """Also that of another body."""
    request = signed(BODY, **{"x-helpscout-signature": signature})
    with pytest.raises(AuthenticationError):
        connect().verify(request, NOW)


def test_without_a_secret_nothing_is_taken() -> None:
    """An empty key would be anybody's."""
    with pytest.raises(AuthenticationError, match="webhook_secret"):
        connect(webhook_secret=[]).verify(signed(BODY, ""), NOW)


def test_a_delivery_is_named_by_what_is_signed() -> None:
    """The header can neither rename it nor make two of it."""
    one = connect().envelope(signed(BODY))
    assert isinstance(one, Envelope)
    assert one.ref == "291938"
    for word in ("convo.created", "convo.deleted", ""):
        other = connect().envelope(signed(BODY, **{"x-helpscout-event": word}))
        assert isinstance(other, Envelope)
        assert other.source_event_id == one.source_event_id


def test_what_is_deleted_is_known_by_the_desk_and_not_by_the_header(
    there: HelpScoutBench, sink: Sink, driver: Driver
) -> None:
    """A signed body with an id alone tells that something was deleted; the desk tells whether it was this."""
    connector = driver.connector
    kept, gone = there.open_ticket("Printer", "It is on fire"), there.open_ticket("Printer", "It burns")
    # that a tag with the number of a conversation was deleted is signed; who changes the header gains nothing by it
    (hint,) = connector.parse(stored(msgspec.json.encode({"id": int(kept)}), "convo.deleted"))
    assert (hint.kind, hint.remote_id, hint.needs_read) == (EventKind.OBSERVED, kept, True)
    found = driver.run(connector.read(kept))
    assert found is not None
    assert not found.deleted
    there.desk.webhooks.flush(5)
    sink.requests.clear()
    there.delete(gone)
    there.desk.webhooks.flush(5)
    (request,) = sink.requests
    connector.verify(request, NOW)
    named = connector.envelope(request)
    assert isinstance(named, Envelope)
    (hint,) = connector.parse(raw(request, named))
    assert (hint.kind, hint.remote_id) == (EventKind.OBSERVED, gone)
    found = driver.run(connector.read(gone))
    assert found is not None
    assert found.deleted
    # of another one that is not there nobody said that it was deleted
    assert driver.run(connector.read("987654321")) is None


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ({"id": 4, "tag": "vip", "slug": "vip"}, "tag.created"),
        ({"id": 4}, "tag.deleted"),
        ({"id": 4}, "customer.deleted"),
        ({"id": 5, "firstName": "Vernon", "emails": []}, "customer.created"),
        ({"id": 6, "rating": 1, "comments": "Great"}, "satisfaction.ratings"),
        ({"id": "5b7c5bd2-e43a-4a9a-a4d4-1d1d1d1d1d1d", "mailboxId": 85}, "beacon.chat.created"),
        ({"id": 5, "firstName": "Vernon", "emails": []}, ""),
    ],
)
def test_what_is_about_no_conversation_is_ignored(body: dict[str, object], event: str) -> None:
    """Customers, tags, ratings and chats."""
    assert connect().parse(stored(msgspec.json.encode(body), event)) == ()


@pytest.mark.parametrize(
    "body",
    [
        {"uri": "https://api.helpscout.net/v2/conversations/291938"},
        {"id": 291938, "_links": {"self": {"href": "https://api.helpscout.net/v2/conversations/291938"}}},
        {"id": 291938},
    ],
)
def test_a_notification_is_a_hint(body: dict[str, object]) -> None:
    """A webhook may be set to send the address of what changed and nothing else."""
    (event,) = connect().parse(stored(msgspec.json.encode(body), "convo.tags"))
    assert (event.kind, event.remote_id, event.needs_read) == (EventKind.OBSERVED, "291938", True)


def thread(number: int, kind: str, body: str, **more: object) -> dict[str, object]:
    """Return a thread as version 2 shows it beside its conversation."""
    by = {"id": 55, "type": "user"} if kind in {"note", "message"} else {"id": 256, "type": "customer"}
    at = f"2026-01-05T1{number}:00:00Z"
    return {"id": number, "type": kind, "state": "published", "body": body, "createdBy": by, "createdAt": at, **more}


def conversation(*threads: dict[str, object], hidden: int = 0) -> bytes:
    """Return a conversation with its threads, the newest first; so many more are not shown."""
    return msgspec.json.encode(
        {"id": 789, "number": 12, "threads": len(threads) + hidden, "type": "email", "status": "active",
         "subject": "Help", "mailboxId": 85,
         "createdAt": "2026-01-05T11:00:00Z", "userUpdatedAt": "2026-01-05T12:00:00Z",
         "_embedded": {"threads": list(reversed(threads))}}
    )  # fmt: skip


def test_the_threads_of_version_2_are_read() -> None:
    """They stand in `_embedded`; the first is what it is about, and the last is told of, whatever the header says."""
    asked = thread(1, "customer", "<p>The <b>export</b> stops</p>")
    answered = thread(2, "message", "Try <i>again</i>")
    for word in ("convo.note.created", "convo.status", ""):
        body = conversation(asked, answered, thread(3, "note", "He is a VIP"))
        told, hint = connect().parse(stored(body, word))
        assert (told.kind, told.key, told.remote_id) == (EventKind.COMMENTED, "comment:3", "789")
        assert told.comment is not None
        assert (told.comment.body, told.comment.visibility) == ("He is a VIP", Visibility.INTERNAL)
        assert told.actor == told.comment.author == RemotePerson("55", role="agent")
        assert (hint.kind, hint.needs_read) == (EventKind.OBSERVED, True)
        assert hint.snapshot is not None
        assert hint.snapshot.body == "The **export** stops"
        assert [(said.body, said.visibility) for said in hint.snapshot.comments] == [
            ("Try *again*", Visibility.PUBLIC), ("He is a VIP", Visibility.INTERNAL)
        ]  # fmt: skip
    (alone,) = connect().parse(stored(conversation(asked), "convo.status"))
    assert alone.kind is EventKind.OBSERVED


def test_what_is_not_sent_is_not_told() -> None:
    """A draft is nothing that was said; what a user did is no comment; a hidden answer is for colleagues."""
    asked = thread(1, "customer", "Help")
    for other in (thread(2, "message", "Draft", state="draft"), thread(2, "lineitem", "")):
        (hint,) = connect().parse(stored(conversation(asked, other)))
        assert hint.kind is EventKind.OBSERVED
    told, _ = connect().parse(stored(conversation(asked, thread(2, "customer", "Psst", state="hidden"))))
    assert told.comment is not None
    assert told.comment.visibility is Visibility.INTERNAL


def test_a_note_is_never_taken_for_the_description() -> None:
    """Where older threads are not shown, what is there are comments; the body is to be read."""
    told, hint = connect().parse(stored(conversation(thread(3, "note", "He is a VIP"), hidden=2)))
    assert (told.kind, told.key) == (EventKind.COMMENTED, "comment:3")
    assert hint.snapshot is not None
    assert hint.snapshot.body is msgspec.UNSET


def test_another_thread_is_another_state() -> None:
    """Though nothing else in the conversation says so."""
    asked = thread(1, "customer", "Help")
    keys = [connect().parse(stored(conversation(asked, *more)))[-1].key for more in ((), (thread(2, "note", "x"),))]
    assert keys[0] != keys[1]


def test_one_state_has_one_key() -> None:
    """Told twice it is the same; with another tag it is another, though no time in it says so."""
    (one,) = connect().parse(stored(BODY))
    (again,) = connect().parse(stored(BODY, "convo.tags", "delivery-2"))
    (other,) = connect().parse(stored(BODY.replace(b'"threads":1', b'"threads":1,"tags":[{"id":1,"tag":"vip"}]')))
    assert one.key == again.key != other.key


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id":"x"}', b'{"subject":"Help"}'])
def test_what_cannot_be_read_says_so(body: bytes) -> None:
    """In one line."""
    with pytest.raises(UnreadableError) as error:
        connect().parse(stored(body, "convo.created"))
    assert "\n" not in str(error.value)


@settings(max_examples=200, deadline=None)
@given(
    st.binary(max_size=300) | st.dictionaries(st.text(max_size=12), st.integers() | st.text()).map(msgspec.json.encode)
)
def test_parse_of_anything_raises_nothing_else(body: bytes) -> None:
    """Whatever comes."""
    connect().envelope(signed(body))
    try:
        connect().parse(stored(body, "convo.created"))
    except UnreadableError as error:
        assert "\n" not in str(error)  # noqa: PT017 - what is raised is one of two good ends


def test_a_creation_that_is_told_late_was_when_it_was_made() -> None:
    """And not when the conversation was changed last."""
    made = {"id": 10, "number": 1, "subject": "Help", "status": "active", "mailboxId": 85, "threadCount": 1,
            "createdAt": "2026-02-27T09:00:00Z", "userUpdatedAt": "2026-02-28T10:00:00Z"}  # fmt: skip
    events = connect().parse(stored(msgspec.json.encode(made), "convo.created"))
    at = {event.kind: event.at for event in events}
    assert at[EventKind.CREATED] == datetime(2026, 2, 27, 9, tzinfo=UTC)
    assert at[EventKind.OBSERVED] == datetime(2026, 2, 28, 10, tzinfo=UTC)
