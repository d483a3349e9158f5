"""Proof of origin and naming of deliveries, and the promise that parse raises nothing but UnreadableError."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.sdk import hmac_base64
from connectors.zendesk.connector import ZendeskConnector
from gateway.errors import AuthenticationError, UnreadableError
from gateway.ports import IncomingRequest
from gateway.system import SystemClock
from tests.connectors.zendesk.conftest import SECRET, connect, stored
from tests.length import length

SAMPLES = Path(__file__).parent / "samples"
SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
FIXTURES = SHARED / "fixtures" / "zendesk"
NOW = SystemClock().now()


def signed(body: bytes, *, secret: str = SECRET, stamp: str = "2026-02-01T09:15:31Z", **more: str) -> IncomingRequest:
    """Return a request as Zendesk signs it."""
    signature = hmac_base64(secret, stamp.encode() + body)
    headers = {
        "x-zendesk-webhook-signature": signature,
        "x-zendesk-webhook-signature-timestamp": stamp,
        "content-type": "application/json",
        **{name.replace("_", "-"): value for name, value in more.items()},
    }
    return IncomingRequest("POST", "/hooks/acme-zendesk", {}, headers, body)


@pytest.fixture
def connector() -> ZendeskConnector:
    """Make a connector that will not be connected."""
    return connect("https://acme.zendesk.com")


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="the captured payloads are not here")
def test_known_answer_of_a_captured_webhook() -> None:
    """A captured body, secret and timestamp give the captured signature (secret used as text, not decoded)."""
    body = (FIXTURES / "webhook_event_user_group_membership_created.json").read_bytes()
    secret = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="
    expected = "10IqYzYTLHRftNsNE+im0DeOM6/JactIRuy0XCHJ9B8="
    request = signed(body, secret=secret, stamp="1234")
    assert request.headers["x-zendesk-webhook-signature"] == expected
    connector = connect("https://acme.zendesk.com", webhook_secret=secret)
    connector.verify(request, NOW)
    assert connector.parse(stored(body)) == ()


def test_good_signature_of_any_age_and_an_empty_body_pass(connector: ZendeskConnector) -> None:
    """There is no freshness window, and Zendesk may send no body at all."""
    connector.verify(signed(b"{}", stamp="2001-01-01T00:00:00Z"), NOW)
    connector.verify(signed(b""), NOW)


@pytest.mark.parametrize("part", ["body", "stamp", "signature", "no-signature", "no-stamp", "unicode"])
def test_tampering_is_noticed(connector: ZendeskConnector, part: str) -> None:
    """Each signed part matters, and a missing one is refused."""
    request = signed(b'{"ticket_id": 1}')
    headers, body = dict(request.headers), request.body
    match part:
        case "body":
            body = b'{"ticket_id": 2}'
        case "stamp":
            headers["x-zendesk-webhook-signature-timestamp"] = "2026-02-01T09:15:32Z"
        case "signature":
            headers["x-zendesk-webhook-signature"] = "A" + headers["x-zendesk-webhook-signature"][1:] + "A"
        case "no-signature":
            del headers["x-zendesk-webhook-signature"]
        case "no-stamp":
            del headers["x-zendesk-webhook-signature-timestamp"]
        case _:
            headers["x-zendesk-webhook-signature"] = "ключ\ud800"
    with pytest.raises(AuthenticationError):
        connector.verify(msgspec.structs.replace(request, headers=headers, body=body), NOW)


def test_two_secrets_hold_during_a_rotation_and_none_holds_without() -> None:
    """A list of secrets accepts each of them; a connection without a secret trusts nothing."""
    both = connect("https://acme.zendesk.com", webhook_secret=["new", "old"])
    both.verify(signed(b"x", secret="old"), NOW)
    both.verify(signed(b"x", secret="new"), NOW)
    with pytest.raises(AuthenticationError):
        both.verify(signed(b"x", secret="other"), NOW)
    without = connect("https://acme.zendesk.com", webhook_secret=None)
    with pytest.raises(AuthenticationError, match="no webhook_secret"):
        without.verify(signed(b"x", secret=""), NOW)


def test_an_event_is_named_by_its_signed_id(connector: ZendeskConnector) -> None:
    """The unsigned header has no say in the name of an event subscription's delivery."""
    body = (SAMPLES / "comment_added.json").read_bytes()
    one = connector.envelope(signed(body, x_zendesk_webhook_invocation_id="a"))
    two = connector.envelope(signed(body, x_zendesk_webhook_invocation_id="b"))
    assert one.source_event_id == two.source_event_id == "cbe4028c-7239-495d-b020-f22348516046"
    assert one.ref == "5158"
    assert "x-zendesk-webhook-signature" not in one.headers


def test_a_template_is_named_by_invocation_and_content(connector: ZendeskConnector) -> None:
    """Its `id` is the ticket's; a retry keeps its name, another body under one invocation id gets another."""
    first = connector.envelope(signed(b'{"id": 7, "ticket_status": "open"}', x_zendesk_webhook_invocation_id="01H"))
    again = connector.envelope(signed(b'{"id": 7, "ticket_status": "open"}', x_zendesk_webhook_invocation_id="01H"))
    other = connector.envelope(signed(b'{"id": 8, "ticket_status": "open"}', x_zendesk_webhook_invocation_id="01H"))
    assert first.source_event_id == again.source_event_id != other.source_event_id
    assert first.source_event_id.startswith("01H:")
    assert (first.ref, other.ref) == ("7", "8")
    bare = connector.envelope(signed(b'{"id": 7, "ticket_status": "open"}'))
    assert bare.source_event_id.startswith("sha256:")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty"),
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b'"text"', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a": 1' + b"0" * 400 + b"}", "template"),
        (b'{"hello": "world"}', "template"),
        (b'{"type": "zen:event-type:ticket.created"}', "names no ticket"),
        (b'{"type": "zen:event-type:ticket.created", "detail": [], "event": 1, "subject": 7}', "names no ticket"),
        (b'{"type": "zen:event-type:ticket.created", "detail": {"id": "' + b"9" * 5000 + b'"}}', "names no ticket"),
    ],
)
def test_what_cannot_be_read_says_why_in_one_line(connector: ZendeskConnector, body: bytes, words: str) -> None:
    """The reason becomes the dead letter's: one line, without the body in it."""
    connector.envelope(signed(body))
    with pytest.raises(UnreadableError, match=words) as caught:
        connector.parse(stored(body))
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_large_body_is_read(connector: ZendeskConnector) -> None:
    """A megabyte of text, NUL and every plane of Unicode survive; NUL is left out."""
    body = msgspec.json.decode((SAMPLES / "comment_added.json").read_bytes())
    body["event"]["comment"]["body"] = "a\x00b😀" * 200_000
    (event,) = connector.parse(stored(msgspec.json.encode(body)))
    assert event.comment is not None
    assert event.comment.body == "ab😀" * 200_000


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=20,
)
TYPES = ["created", "comment_added", "status_changed", "tags_changed", "custom_field_changed", "merged", "whatever"]


@pytest.mark.long
@settings(max_examples=length(100, 1200), deadline=None)
@given(
    st.sampled_from(TYPES),
    st.dictionaries(
        st.sampled_from(["id", "status", "tags", "subject", "description", "updated_at", "via", "created_at",
                         "custom_fields", "group_id", "requester_id", "actor_id", "external_id", "type"]),
        JSON,
    ),
    st.dictionaries(
        st.sampled_from(["comment", "current", "previous", "tags_added", "target_ticket_id", "custom_field"]), JSON
    ),
    st.dictionaries(st.sampled_from(["id", "subject", "time", "account_id"]), JSON),
)  # fmt: skip
def test_parse_of_event_shapes_raises_nothing_else(
    name: str, detail: dict[str, Any], event: dict[str, Any], rest: dict[str, Any]
) -> None:
    """Whatever stands in the places of an event, parse returns events or raises UnreadableError."""
    body = msgspec.json.encode({**rest, "type": f"zen:event-type:ticket.{name}", "detail": detail, "event": event})
    connector = connect("https://acme.zendesk.com")
    assert connector.envelope(signed(body)).source_event_id
    try:
        events = connector.parse(stored(body))
    except UnreadableError:
        return
    assert all(found.remote_id and found.key for found in events)
    msgspec.json.encode(events)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400) | JSON.map(msgspec.json.encode))
def test_parse_of_anything_raises_nothing_else(body: bytes) -> None:
    """Any bytes at all."""
    connector = connect("https://acme.zendesk.com")
    assert connector.envelope(signed(body)).source_event_id
    try:
        connector.parse(stored(body, **{"content-type": "application/x-www-form-urlencoded"}))
    except UnreadableError:
        return
