"""Webhooks that others captured, read by the examples of the page: their content, and what is refused with its reason.

The files lie beside the checkout, where they are; they are read from there and not copied.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.generic.options import read_options
from connectors.generic.signing import full, sign
from connectors.generic.webhook import parse, verify
from connectors.sdk import (
    AuthenticationError,
    Category,
    Envelope,
    Event,
    EventKind,
    HttpRequest,
    IncomingRequest,
    Level,
    Priority,
    RawDelivery,
    RemotePerson,
    Status,
    UnreadableError,
    Visibility,
)
from gateway.ports import ConnectionSettings
from tests.connectors.generic.examples import ROOT, connect

SHARED = Path(os.environ.get("GATEWAY_SHARED") or ROOT.parent / "shared") / "fixtures"
NOW = datetime(2026, 7, 13, 6, tzinfo=UTC)

#: what no event comes of, and why
REFUSED = {
    "chatwoot/webhook_message_created_docs_jsonc.txt": "the body is not JSON",
    "standard_webhooks/contact_created_full.json": "which ticket it is about",
    "standard_webhooks/example_event.json": "which ticket it is about",
    "standard_webhooks/kat_body.json": "which ticket it is about",
}


def body(name: str) -> bytes:
    """Return a captured file; the test is skipped where there are none."""
    path = SHARED / name
    if not path.exists():
        pytest.skip("the captured payloads are not here")
    return path.read_bytes()


def read(connection: str, content: bytes) -> list[Event]:
    """Read a body by an example of the page."""
    connector = connect(connection, "https://desk.example")
    named = connector.envelope(IncomingRequest("POST", "/hooks/x", {}, {}, content))
    assert isinstance(named, Envelope)
    return list(connector.parse(RawDelivery(named.source_event_id, NOW, named.headers, content)))


def test_a_message_of_chatwoot() -> None:
    """Nested in its conversation: who asks, whose words they are, who may read them."""
    (event,) = read("chatwoot", body("chatwoot/webhook_message_created_nested.json"))
    assert (event.kind, event.remote_id, event.key) == (EventKind.COMMENTED, "11", "comment:174")
    assert event.comment is not None
    assert (event.comment.body, event.comment.visibility) == ("转人工", Visibility.PUBLIC)
    assert event.comment.author == RemotePerson("12")
    assert event.comment.at == datetime.fromtimestamp(1783918924, UTC)
    assert event.snapshot is not None
    assert event.snapshot.status == Status(Category.OPEN, "open")
    assert event.snapshot.priority == Priority(Level.P2, "high")
    assert event.snapshot.tags == ("vip",)
    assert event.needs_read


def test_a_change_of_chatwoot() -> None:
    """Named by the number that people see; a word in capitals is nobody's word, and the ticket is read."""
    (event,) = read("chatwoot", body("chatwoot/webhook_conversation_updated.json"))
    assert (event.kind, event.remote_id, event.needs_read) == (EventKind.CHANGED, "1001", True)
    assert event.snapshot is not None
    assert event.snapshot.status is msgspec.UNSET


def test_chatwoots_lists_are_read() -> None:
    """A page of conversations and a private note."""
    reader = connect("chatwoot", "https://desk.example").reader  # type: ignore[attr-defined]
    listed = msgspec.json.decode(body("chatwoot/api_conversations_list.json"))["data"]["payload"]
    first = reader.ticket(listed[0])
    assert (first.remote_id, first.status, first.priority) == (
        "1", Status(Category.OPEN, "open"), Priority(Level.P2, "high"),
    )  # fmt: skip
    note = reader.comment(msgspec.json.decode(body("chatwoot/api_private_note_created.json")))
    assert (note.body, note.visibility) == ("Internal note", Visibility.INTERNAL)
    assert note.at == datetime.fromtimestamp(1700000000, UTC)


def test_an_event_of_pagerduty() -> None:
    """With its known answer: the signature is of these very bytes."""
    content = body("pagerduty/webhook_signed_kat_body.json")
    secret = "lDQHScfUeXUKaQRNF+8XIiDKZ7XX3itBAYzwU0TARw8lJqRnkKl2iB1anSb0Z+IK"
    known = "v1=0c0b9495b893a39e70d1fea2fe11fbe0a825f88b9f67846f6cc07dd2bc5476cd"
    connector = connect("pagerduty", "https://api.pagerduty.com", PAGERDUTY_SECRET=secret)
    for shown in (known, f"v1={'0' * 64},{known}"):
        connector.verify(IncomingRequest("POST", "/", {}, {"x-pagerduty-signature": shown}, content), NOW)
    for shown in ("", known.removeprefix("v1="), known[:-1], known.replace("v1", "v0")):
        with pytest.raises(AuthenticationError):
            connector.verify(IncomingRequest("POST", "/", {}, {"x-pagerduty-signature": shown}, content), NOW)
    (event,) = read("pagerduty", content)
    assert (event.kind, event.remote_id) == (EventKind.OBSERVED, "PGR0VU2")
    assert event.key == "observed:01BWDWL3NYY7LUFPZCC28QUCMK"
    assert event.at == datetime(2021, 4, 26, 17, 36, 27, 458000, UTC)
    assert event.actor == RemotePerson("PLH1HKV", name="Tenex Engineer")
    assert event.snapshot is not None
    assert event.snapshot.title == "A little bump in the road"
    assert event.snapshot.status == Status(Category.NEW, "triggered")
    assert event.snapshot.priority == Priority(Level.P1, "P1")
    assert event.snapshot.assignee == RemotePerson("PTUXL6G")
    assert event.snapshot.queue == "API Service"
    assert event.needs_read


@pytest.mark.parametrize(
    "name", ["service.created", "service.updated", "service.deleted", "service.custom_field_values.updated"]
)
def test_a_service_of_pagerduty_is_no_incident(name: str) -> None:
    """A subscription of an account tells of its services, too."""
    data = {"id": "PF9KMXH", "type": "service", "summary": "API Service"}
    event = {"id": "01", "event_type": name, "resource_type": "service", "occurred_at": "2026-01-05T10:00:00Z"}
    assert read("pagerduty", msgspec.json.encode({"event": {**event, "data": data}})) == []


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_says_why(name: str) -> None:
    """A body with comments in it is no JSON; an event about a contact is about no ticket."""
    connection = "chatwoot" if name.startswith("chatwoot") else "home-desk"
    with pytest.raises(UnreadableError, match=REFUSED[name]):
        read(connection, body(name))


def test_a_contact_can_be_ignored() -> None:
    """By the settings: what is none of our business is named as such."""
    content = body("standard_webhooks/contact_created_full.json")
    options = read_options(_settings({"event": {"at": "type", "other": "ignored"}, "signature": {}}))
    found = _parse(options, content)
    assert found == ()


def test_standard_webhooks_sign_as_the_specification_says() -> None:
    """The known answer of its own libraries, and each of several secrets while one is changed."""
    content = body("standard_webhooks/kat_body.json")
    at = datetime.fromtimestamp(1614265330, UTC)
    secret, name = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek"
    known = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    sent = HttpRequest("POST", "/", headers={"webhook-id": name}, body=content)
    assert sign(full({}), [secret], sent, at) == {"webhook-signature": known, "webhook-timestamp": "1614265330"}
    headers = {"webhook-id": name, "webhook-timestamp": "1614265330", "webhook-signature": f"v1,{'A' * 43}= {known}"}
    for secrets in ([secret], ["whsec_" + "b2xkZXI=" * 4, secret]):
        options = read_options(_settings({}, secrets))
        verify(options, IncomingRequest("POST", "/", {}, headers, content), at)


def _settings(incoming: dict[str, Any], secrets: list[str] | None = None) -> ConnectionSettings:
    options = {"incoming": incoming, "webhook_secret": secrets or ["s"], "ticket": {"id": "data.ticket"}}
    return ConnectionSettings("desk", "generic", "https://desk.example", options)


def _parse(options: Any, content: bytes) -> tuple[Event, ...]:

    return parse(options, RawDelivery("x", NOW, {}, content))
