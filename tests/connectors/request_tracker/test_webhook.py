"""Webhooks without a desk: signatures, names, and every kind of transaction, written by hand from what RT sends."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.request_tracker import connect
from connectors.request_tracker.connection import RequestTracker
from gateway.domain.event import Event, EventKind
from gateway.domain.person import RemotePerson
from gateway.domain.ticket import Category, Level, Priority, Status, Visibility
from gateway.errors import AuthenticationError, ConfigError, UnreadableError
from gateway.ports import ConnectionSettings, IncomingRequest, RawDelivery

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = "1-27-" + "ab" * 16

BODY: dict[str, Any] = {
    "event": "Correspond",
    "type": "Correspond",
    "transaction_id": 512,
    "transaction_ticket_id": 7,
    "ticket_id": 7,
    "effective_id": 7,
    "field": None,
    "old_value": None,
    "new_value": None,
    "created": "2026-03-01T11:59:58Z",
    "creator": {"id": 29, "name": "agent1", "real_name": "First Agent", "email": "a@desk.test", "privileged": True},
    "private": False,
    "message": "hello\r\nthere\n",
    "content_type": "text/plain",
    "attachments": [],
    "transaction_custom_fields": {},
    "subject": "Printer",
    "status": "open",
    "queue": "Support",
    "priority": 75,
    "owner": "Nobody",
    "requestors": ["c@customer.test"],
    "custom_fields": {"ExternalRef": None, "Product": "x"},
    "last_updated": "2026-03-01T11:59:59Z",
    "url": "https://rt.test/Ticket/Display.html?id=7",
}


def connection(**options: Any) -> RequestTracker:
    """Return a connector with two webhook secrets."""
    given_options = {"auth": {"token": TOKEN}, "webhook_secret": ["old", "new"], **options}
    made = connect(ConnectionSettings("rt", "request_tracker", "https://rt.test", given_options))
    assert isinstance(made, RequestTracker)
    return made


def signed(body: bytes, secret: str, **headers: str) -> IncomingRequest:
    """Return a request signed by `secret` with a second implementation of the signature."""
    code = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return IncomingRequest("POST", "/hooks/rt", {}, {"x-rt-signature": f"sha256={code}", **headers}, body)


def parse(**changes: Any) -> tuple[Event, ...]:
    """Parse BODY with changes."""
    body = json.dumps({**BODY, **changes}).encode()
    return connection().parse(RawDelivery("x", NOW, {}, body))


def only(**changes: Any) -> Event:
    """Parse BODY with changes into its one event."""
    (event,) = parse(**changes)
    return event


class TestVerify:
    """Authentication comes first."""

    @pytest.mark.parametrize("secret", ["old", "new"])
    def test_each_secret_of_a_rotation_is_good(self, secret: str) -> None:
        """Both the old and the new one."""
        connection().verify(signed(b"{}", secret), NOW)

    @pytest.mark.parametrize(
        "headers",
        [{}, {"x-rt-signature": ""}, {"x-rt-signature": "sha256="}, {"x-rt-signature": "sha256=" + "0" * 64}],
    )
    def test_a_missing_or_wrong_signature_is_refused(self, headers: dict[str, str]) -> None:
        """Whatever stands there."""
        with pytest.raises(AuthenticationError, match="X-RT-Signature"):
            connection().verify(IncomingRequest("POST", "/hooks/rt", {}, headers, b"{}"), NOW)

    def test_another_body_under_the_same_signature_is_refused(self) -> None:
        """The signature covers the raw bytes."""
        good = signed(b'{"a":1}', "new")
        with pytest.raises(AuthenticationError):
            connection().verify(msgspec.structs.replace(good, body=b'{"a": 1}'), NOW)

    def test_without_a_secret_nothing_is_accepted(self) -> None:
        """An empty key would let everybody in."""
        with pytest.raises(AuthenticationError, match="webhook_secret"):
            connection(webhook_secret="").verify(signed(b"{}", ""), NOW)


class TestEnvelope:
    """Names of deliveries."""

    def test_the_signed_transaction_names_the_delivery(self) -> None:
        """The header is not signed, so a replay under another one is the same delivery."""
        body = json.dumps(BODY).encode()
        one = connection().envelope(signed(body, "new", **{"x-rt-delivery": "rt.test-512"}))
        two = connection().envelope(signed(body, "new", **{"x-rt-delivery": "something-else"}))
        assert one == two
        assert (one.source_event_id, one.ref) == ("txn:512", "7")

    def test_without_a_transaction_the_header_or_the_bytes_name_it(self) -> None:
        """Bodies that are not understood are stored too."""
        with_header = connection().envelope(signed(b"[]", "new", **{"x-rt-delivery": "rt.test-9"}))
        assert with_header.source_event_id == "rt.test-9"
        assert connection().envelope(signed(b"\xff", "new")).source_event_id.startswith("sha256:")

    @given(st.binary(max_size=200))
    def test_an_envelope_never_raises(self, body: bytes) -> None:
        """Whatever the body."""
        assert connection().envelope(signed(body, "new")).source_event_id


class TestParse:
    """Facts of transactions."""

    def test_a_reply_of_an_agent(self) -> None:
        """Public, by the account, in canonical text."""
        event = only(transaction_custom_fields={"GatewayKey": "k1"})
        assert (event.kind, event.key, event.version, event.remote_id) == (EventKind.COMMENTED, "txn:512", 512, "7")
        assert event.comment is not None
        assert (event.comment.body, event.comment.visibility) == ("hello\nthere", Visibility.PUBLIC)
        assert (event.comment.marker, event.comment.remote_id) == ("k1", "512")
        assert event.actor == RemotePerson("agent1", "a@desk.test", name="First Agent", role="agent")
        assert event.at == datetime(2026, 3, 1, 11, 59, 58, tzinfo=UTC)
        assert not event.automatic

    @pytest.mark.parametrize("changes", [{"type": "Comment", "private": True}, {"type": "Comment"}, {"private": True}])
    def test_a_comment_and_anything_private_is_internal(self, changes: dict[str, Any]) -> None:
        """Fail closed."""
        comment = only(**changes).comment
        assert comment is not None
        assert comment.visibility is Visibility.INTERNAL

    def test_a_message_without_words_and_files_says_nothing(self) -> None:
        """RT records them."""
        assert parse(message="") == ()
        event = only(message="", attachments=[{"id": 5, "name": "a.png", "type": "image/png", "size": 9}])
        assert event.comment is not None
        assert event.comment.attachments[0].name == "a.png"

    def test_a_creation_carries_the_ticket_and_its_marker(self) -> None:
        """The first message is the body, not a comment."""
        event = only(type="Create", custom_fields={"ExternalRef": "9" * 32, "Product": "x"})
        assert event.kind is EventKind.CREATED
        assert event.comment is None
        snapshot = event.snapshot
        assert snapshot is not None
        assert (snapshot.marker, snapshot.body, snapshot.title) == ("9" * 32, "hello\nthere", "Printer")
        assert snapshot.status == Status(Category.OPEN, "open")
        assert snapshot.priority == Priority(Level.P2, "75")
        assert snapshot.requester == RemotePerson(email="c@customer.test")
        assert snapshot.assignee is None
        assert snapshot.custom == {"Product": "x"}
        assert snapshot.url == "https://rt.test/Ticket/Display.html?id=7"

    @pytest.mark.parametrize(
        ("changes", "field", "value"),
        [
            (
                {"type": "Status", "field": "Status", "new_value": "stalled"},
                "status",
                Status(Category.ON_HOLD, "stalled"),
            ),
            ({"type": "Status", "new_value": "odd"}, "status", Status(Category.UNKNOWN, "odd")),
            ({"type": "Set", "field": "Subject", "new_value": "New"}, "title", "New"),
            ({"type": "Set", "field": "Priority", "new_value": "100"}, "priority", Priority(Level.P1, "100")),
            ({"type": "Set", "field": "Priority", "new_value": "0"}, "priority", Priority(Level.UNSET, "0")),
            ({"type": "Set", "field": "Queue", "new_value": "4", "queue": "Sales"}, "queue", "Sales"),
            ({"type": "Set", "field": "Owner", "new_value": "6"}, "assignee", None),
            ({"type": "Take", "owner": "agent2"}, "assignee", RemotePerson("agent2")),
            ({"type": "AddWatcher", "field": "Requestor"}, "requester", RemotePerson(email="c@customer.test")),
            ({"type": "DelWatcher", "field": "Requestor", "requestors": []}, "requester", None),
        ],
    )
    def test_a_change_of_a_field(self, changes: dict[str, Any], field: str, value: Any) -> None:
        """From the transaction, or from the ticket beside it where RT says numbers of its own."""
        event = only(**changes)
        assert event.kind is EventKind.CHANGED
        assert [(change.field, change.value) for change in event.changes] == [(field, value)]

    def test_a_custom_field_is_in_the_snapshot(self) -> None:
        """Its transaction names it by a number only."""
        event = only(type="CustomField", field="4", new_value="x")
        assert (event.kind, event.changes) == (EventKind.CHANGED, ())
        assert event.snapshot is not None
        assert event.snapshot.custom == {"Product": "x"}

    def test_rts_own_doing_is_automatic(self) -> None:
        """RT_System is nobody."""
        event = only(type="Status", new_value="open", creator={"id": 1, "name": "RT_System", "privileged": False})
        assert event.automatic
        assert connection().is_us(event.actor) is False

    def test_a_deletion_and_a_merge(self) -> None:
        """A merge is told on both tickets; only the one that went says something."""
        assert only(type="Status", new_value="deleted").kind is EventKind.DELETED
        merge = {"type": "AddLink", "field": "MergedInto", "new_value": "fsck.com-rt://rt.test/ticket/7"}
        event = only(**merge, transaction_ticket_id=3)
        assert (event.kind, event.remote_id, event.merged_into) == (EventKind.MERGED, "3", "7")
        assert parse(**merge, transaction_ticket_id=7) == ()

    @pytest.mark.parametrize(
        "changes",
        [
            {"type": "EmailRecord"},
            {"type": "SetWatcher", "field": "Owner"},
            {"type": "AddWatcher", "field": "Cc"},
            {"type": "Set", "field": "TimeWorked"},
            {"type": "AddLink", "field": "RefersTo"},
            {"type": "SomethingOfAnExtension"},
        ],
    )
    def test_types_that_say_nothing_give_no_event(self, changes: dict[str, Any]) -> None:
        """Authentic, understood, none of our business."""
        assert parse(**changes) == ()

    def test_our_login_is_learnt_from_our_number(self) -> None:
        """The token names user 27."""
        made = connection()
        ours = {**BODY, "creator": {"id": 27, "name": "gateway", "privileged": True}}
        theirs = {**BODY, "creator": {"id": 29, "name": "agent1", "privileged": True}}
        (one,) = made.parse(RawDelivery("x", NOW, {}, json.dumps(theirs).encode()))
        assert made.is_us(one.actor) is False
        assert made.is_us(RemotePerson("somebody")) is None
        (two,) = made.parse(RawDelivery("y", NOW, {}, json.dumps(ours).encode()))
        assert made.is_us(two.actor) is True

    @pytest.mark.parametrize("body", [b"", b"nonsense", b"\xff\xfe", b"[1]", b'"x"', b"{}", b'{"ticket_id":1}'])
    def test_what_is_not_understood_says_why(self, body: bytes) -> None:
        """In one line."""
        with pytest.raises(UnreadableError) as error:
            connection().parse(RawDelivery("x", NOW, {}, body))
        assert "\n" not in str(error.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(BODY)), inner, max_size=4),
    max_leaves=8,
)
TYPES = ["Create", "Correspond", "Comment", "Status", "Set", "AddLink", "AddWatcher", "CustomField", "Take"]
FIELDS = ["Subject", "Priority", "Queue", "Owner", "Requestor", "MergedInto"]


@given(
    st.dictionaries(st.sampled_from(sorted(BODY)), json_values, max_size=8),
    st.sampled_from(TYPES),
    st.sampled_from(FIELDS),
    st.sampled_from(["text/plain", "text/html"]),
)
def test_parse_never_raises_anything_but_unreadable(
    changes: dict[str, Any], kind: str, field: str, content_type: str
) -> None:
    """Whatever an authentic body holds, in the right places or not."""
    body = {**BODY, "type": kind, "field": field, "content_type": content_type, **changes}
    try:
        events = connection().parse(RawDelivery("x", NOW, {}, json.dumps(body).encode()))
    except UnreadableError:
        return
    assert all(msgspec.json.decode(msgspec.json.encode(event), type=Event).key == event.key for event in events)


@given(st.binary(max_size=300))
def test_bytes_never_raise_anything_but_unreadable(body: bytes) -> None:
    """Whatever arrives."""
    with pytest.raises(UnreadableError):
        connection().parse(RawDelivery("x", NOW, {}, body))


def test_html_of_any_depth_is_read() -> None:
    """What is too deep to convert keeps its words."""
    event = only(message="<div>" * 5000 + "words" + "</div>" * 5000, content_type="text/html")
    assert event.comment is not None
    assert "words" in event.comment.body


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"auth": {}}, "auth"),
        ({"statuses": {"testing": "nonsense"}}, "statuses"),
        ({"priorities": {"P9": 1}}, "priorities"),
        ({"priorities": {"P1": "high"}}, "priorities"),
    ],
)
def test_settings_that_cannot_work_are_named(options: dict[str, Any], words: str) -> None:
    """When the connection is made, not at the first write."""
    with pytest.raises(ConfigError, match=words):
        connection(**options)


def test_no_secret_is_in_a_repr_and_all_are_known_for_redaction() -> None:
    """Logs and errors."""
    made = connection()
    assert TOKEN not in repr(made.options)
    assert set(made.secrets()) == {TOKEN, "old", "new"}
