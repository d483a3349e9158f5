"""Payloads that others captured are read into the right facts; they lie beside the project, and need not be there."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.intercom import mapping
from connectors.intercom.connector import IntercomConnector
from connectors.sdk import Category, Envelope, Event, EventKind, IncomingRequest, RawDelivery, Visibility
from gateway.ports import ConnectionSettings

SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
FOLDER = SHARED / "fixtures/intercom"
#: file -> why it is none of our business
IGNORED = {"webhook_ping.json": "a ping says nothing of tickets"}
EESHAN = "5c9553cb27e377f24eed49f7"
ADMIN = "1957471"


def at(seconds: int) -> datetime:
    """Return an instant."""
    return datetime.fromtimestamp(seconds, UTC)


def connect() -> IntercomConnector:
    """Connect with nothing of the workspace's own."""
    options = {"auth": {"token": "t"}, "webhook_secret": "s"}
    return IntercomConnector(ConnectionSettings("acme", "intercom", "https://api.intercom.io", options))


def path_of(name: str) -> Path:
    """Return a captured payload; skips where there are none."""
    if not FOLDER.is_dir():
        pytest.skip("the captured payloads are not here")
    return FOLDER / name


def read(name: str) -> tuple[Envelope, tuple[Event, ...]]:
    """Read one captured webhook."""
    request = IncomingRequest("POST", "/hooks/acme", {}, {}, path_of(name).read_bytes())
    named = connect().envelope(request)
    assert isinstance(named, Envelope)
    return named, connect().parse(RawDelivery(named.source_event_id, at(1), named.headers, request.body))


#: file -> the ticket, and of each event: kind, key, when, by whom, and what is of its kind
CONVERSATIONS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "webhook_conversation_user_created.json": ("21321941764", [
        {"kind": "created", "key": "created:21321941764", "at": 1553290198, "by": EESHAN, "title": "Hello everyone!",
         "body": "Hello everyone!", "status": "open", "assignee": None},
    ]),
    "webhook_conversation_user_replied.json": ("21322009097", [
        {"kind": "commented", "key": "comment:2824391734", "at": 1553291307, "by": EESHAN, "visibility": "public",
         "said": "Well, I need some help getting access to a developer account.", "status": "open", "assignee": ADMIN},
    ]),
    "webhook_conversation_admin_assigned.json": ("21322009097", [
        {"kind": "changed", "key": "assignee:2824382500", "at": 1553291111, "by": ADMIN, "field": "assignee",
         "value": ADMIN, "status": "open", "assignee": ADMIN},
        {"kind": "commented", "key": "comment:2824382500", "at": 1553291111, "by": ADMIN, "visibility": "public",
         "said": "Hey Eeshan! How can I help?", "status": "open", "assignee": ADMIN},
    ]),
    "webhook_conversation_admin_closed.json": ("21322009097", [
        {"kind": "changed", "key": "status:2824395628", "at": 1553291389, "by": ADMIN, "field": "status",
         "value": "closed", "status": "closed", "assignee": ADMIN},
    ]),
    "webhook_conversation_admin_opened.json": ("21330229536", [
        {"kind": "changed", "key": "status:2826953202", "at": 1553380931, "by": ADMIN, "field": "status",
         "value": "open", "status": "open", "assignee": ADMIN},
    ]),
    "webhook_conversation_admin_snoozed.json": ("21330067382", [
        {"kind": "changed", "key": "status:2826902108", "at": 1553378413, "by": ADMIN, "field": "status",
         "value": "snoozed", "status": "snoozed", "assignee": ADMIN},
    ]),
    "webhook_conversation_admin_unsnoozed.json": ("21330067382", [
        {"kind": "changed", "key": "status:2826903472", "at": 1553378474, "by": ADMIN, "field": "status",
         "value": "open", "status": "open", "assignee": ADMIN},
    ]),
    "webhook_conversation_admin_single_created.json": ("21330075292", [
        {"kind": "created", "key": "created:21330075292", "at": 1553378181, "by": ADMIN, "title": "Hello",
         "body": "Hi Eeshan, What's up", "status": "closed", "assignee": ADMIN},
    ]),
}  # fmt: skip


def test_every_captured_webhook_is_known() -> None:
    """None is passed over in silence."""
    known = {*CONVERSATIONS, *IGNORED, "webhook_ticket_created.json"}
    assert {path.name for path in path_of(".").glob("webhook_*.json")} == known


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_what_happened_to_a_conversation(name: str) -> None:
    """Who did what, when, and who may read it."""
    number, expected = CONVERSATIONS[name]
    named, events = read(name)
    assert named.source_event_id == msgspec.json.decode(path_of(name).read_bytes())["id"]
    assert named.ref == number
    assert [event.remote_id for event in events] == [number] * len(expected)
    for event, wanted in zip(events, expected, strict=True):
        assert (event.kind, event.key, event.at) == (EventKind(wanted["kind"]), wanted["key"], at(wanted["at"]))
        assert event.actor is not None
        assert event.actor.external_id == wanted["by"]
        assert event.actor.role == ("agent" if wanted["by"] == ADMIN else "customer")
        shot = event.snapshot
        assert shot is not None
        assert not event.needs_read
        assert shot.status.native == wanted["status"]  # type: ignore[union-attr]
        assert getattr(shot.assignee, "external_id", None) == wanted["assignee"]
        assert shot.version == wanted["at"] * 1_000_000
        assert shot.requester is not None
        assert shot.requester.role == "customer"  # type: ignore[union-attr]
        if event.kind is EventKind.CREATED:
            assert (shot.title, shot.body) == (wanted["title"], wanted["body"])
        if event.kind is EventKind.COMMENTED:
            assert event.comment is not None
            assert (event.comment.body, event.comment.visibility) == (wanted["said"], Visibility(wanted["visibility"]))
            assert event.comment.author == event.actor
        if event.kind is EventKind.CHANGED:
            (change,) = event.changes
            assert change.field == wanted["field"]
            value = change.value.native if change.field == "status" else change.value.external_id
            assert value == wanted["value"]


def test_a_ticket_that_was_made() -> None:
    """With its title, its number in the inbox and its state; notices of a bot are no comments."""
    named, events = read("webhook_ticket_created.json")
    (event,) = events
    assert named.ref == event.remote_id == "215472629311235"
    assert (event.kind, event.key, event.at) == (EventKind.CREATED, "created:215472629311235", at(1768114250))
    shot = event.snapshot
    assert shot is not None
    assert (shot.key, shot.channel) == ("66040342", "messenger")
    assert shot.title == "Unclear user message 'erf' with pending email response"
    assert str(shot.body).startswith("User sent an unclear message 'erf' and was informed")
    assert shot.status.category is Category.NEW  # type: ignore[union-attr]
    assert shot.status.native == "submitted"  # type: ignore[union-attr]
    assert shot.assignee is None
    assert shot.queue == ""
    assert shot.requester.external_id == "696346bbaebb5a479d3851a3"  # type: ignore[union-attr]
    assert shot.created_at == at(1768113868)
    assert not event.needs_read


def test_a_ping_is_understood() -> None:
    """It has no id, and is named by what it says."""
    named, events = read("webhook_ping.json")
    assert named.source_event_id.startswith("sha256:")
    assert events == ()


@pytest.mark.parametrize(
    ("name", "number", "key"),
    [
        ("api_spec_get_ticket_200.json", "631", "38"),
        ("api_spec_search_tickets_200.json", "633", "40"),
    ],
)
def test_the_vendors_own_examples_of_tickets(name: str, number: str, key: str) -> None:
    """As a read and a search give them."""
    data = msgspec.json.decode(path_of(name).read_bytes())
    data = data["tickets"][0] if "tickets" in data else data
    found = mapping.ticket(data, connect().account, at=mapping.EPOCH)
    assert found is not None
    assert (found.remote_id, found.key, found.title, found.body) == (number, key, "attribute_value", "")
    assert found.status.native == "submitted"  # type: ignore[union-attr]
    assert found.assignee is None
    assert mapping.comments(data) == []


def test_the_vendors_own_example_of_a_note() -> None:
    """Its HTML is Markdown, and it is internal."""
    data = msgspec.json.decode(path_of("api_spec_ticket_reply_200.json").read_bytes())
    found = mapping.comment(data, "631", at=mapping.EPOCH)
    assert found is not None
    assert (found.remote_id, found.visibility) == ("156", Visibility.INTERNAL)
    assert found.body.startswith("## An Unordered HTML List\n\n- Coffee\n- Tea\n- Milk")
    assert found.lost == ()


def test_the_vendors_own_example_of_states() -> None:
    """Each has a meaning by its category, one of the workspace's own by its label."""
    data = msgspec.json.decode(path_of("api_spec_ticket_states_200.json").read_bytes())
    account = connect().account
    own = msgspec.structs.replace(account, states={"Admin label 2": Category.ON_HOLD})
    read = [mapping.state({"ticket_state": each}, account).category for each in data["data"]]  # type: ignore[union-attr]
    assert read == [
        Category.NEW,
        Category.OPEN,
        Category.PENDING_CUSTOMER,
        Category.RESOLVED,
        Category.NEW,
        Category.NEW,
    ]
    assert mapping.state({"ticket_state": data["data"][5]}, own).category is Category.ON_HOLD  # type: ignore[union-attr]
