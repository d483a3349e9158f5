"""Each kind of ticket event, in the shapes that Zendesk has sent over the years."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.sdk import (
    Category,
    Event,
    EventKind,
    Kind,
    Level,
    Org,
    Priority,
    RemotePerson,
    Status,
    Visibility,
)
from tests.connectors.zendesk.conftest import connect, stored

SAMPLE = Path(__file__).parent / "samples" / "comment_added.json"


def event(name: str, said: dict[str, Any], *, detail: dict[str, Any] | None = None, **top: Any) -> Event:
    """Parse the sample turned into another event; None in `top` removes a key."""
    body = msgspec.json.decode(SAMPLE.read_bytes())
    body["type"] = f"zen:event-type:ticket.{name}"
    body["event"] = said
    body["detail"] |= detail or {}
    body = {key: value for key, value in (body | top).items() if value is not None}
    (found,) = connect("https://acme.zendesk.com", groups={"Support": 8447320466430}).parse(
        stored(msgspec.json.encode(body))
    )
    return found


def test_a_comment_with_everything() -> None:
    """A comment is named by its id, internal unless it says true, and its author is the actor."""
    (found,) = connect("https://acme.zendesk.com").parse(stored(SAMPLE.read_bytes()))
    assert found.kind is EventKind.COMMENTED
    assert found.key == "comment:18974155255423"
    assert found.comment is not None
    assert found.comment.visibility is Visibility.INTERNAL
    assert found.comment.author == RemotePerson("8447388090494", name="An Agent", role="agent")
    assert found.actor == found.comment.author
    assert found.at.isoformat() == "2026-02-01T09:15:30.717799+00:00"
    assert found.version == 1769937330 * 1_000_000
    snapshot = found.snapshot
    assert snapshot is not None
    assert snapshot.title == "Der Export bricht ab – 輸出失敗"
    assert snapshot.status == Status(Category.OPEN, "open")
    assert snapshot.priority == Priority(Level.P2, "high")
    assert snapshot.kind is Kind.INCIDENT
    assert snapshot.tags == ("export", "vip")
    assert snapshot.requester == RemotePerson("8447388090494")
    assert snapshot.org == Org("8447346622462")
    assert snapshot.url == "https://acme.zendesk.com/agent/tickets/5158"
    assert not snapshot.complete
    assert found.comment.partial, "the event has the words without their form"
    assert (snapshot.body, found.needs_read) == (msgspec.UNSET, True)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"is_public": True}, Visibility.PUBLIC),
        ({"is_public": False}, Visibility.INTERNAL),
        ({}, Visibility.INTERNAL),
        ({"is_public": None}, Visibility.INTERNAL),
        ({"is_public": "true"}, Visibility.INTERNAL),
        ({"public": True}, Visibility.PUBLIC),
    ],
)
def test_visibility_that_is_not_said_is_internal(said: dict[str, Any], expected: Visibility) -> None:
    """Fail closed on privacy."""
    found = event("comment_added", {"comment": {"id": 7, "body": "x", **said}})
    assert found.comment is not None
    assert found.comment.visibility is expected


def test_the_description_sent_as_a_comment_is_no_comment() -> None:
    """Zendesk keeps the description as first comment; it must not be written twice elsewhere."""
    detail = {"created_at": "2026-02-01T09:15:29Z"}
    said = {"comment": {"id": 1, "body": "The export stops \n at 10 %.", "is_public": True}}
    assert event("comment_added", said, detail=detail).kind is EventKind.OBSERVED
    assert event("comment_added", said).kind is EventKind.COMMENTED, "the same words an hour later are a comment"


def test_a_comment_without_words_or_id_asks_for_a_read() -> None:
    """Attachment-only and redacted comments have no body here."""
    for comment in ({"id": 7}, {"body": "no id"}, {}, None):
        found = event("comment_added", {"comment": comment})
        assert (found.kind, found.needs_read) == (EventKind.OBSERVED, True)


def test_an_older_shape_without_actor_and_sequence() -> None:
    """Ids as integers, enums in lower case, `via.channel` flat: read the same."""
    body = {
        "type": "zen:event-type:ticket.status_changed",
        "account_id": 1,
        "id": "one",
        "time": "2026-02-01T09:15:30Z",
        "subject": "zen:ticket:35436",
        "detail": {
            "id": 35436, "subject": "Help", "description": "d", "status": "pending", "priority": "urgent",
            "type": "problem", "via.channel": "web", "requester_id": 8, "organization_id": 0, "tags": ["a"],
            "updated_at": "2026-02-01T09:15:30Z",
        },
        "event": {"current": "pending", "previous": "open"},
    }  # fmt: skip
    (found,) = connect("https://acme.zendesk.com").parse(stored(msgspec.json.encode(body)))
    assert found.kind is EventKind.CHANGED
    assert found.remote_id == "35436"
    assert found.actor is None
    assert found.changes[0].value == Status(Category.PENDING_CUSTOMER, "pending")
    assert found.changes[0].old == Status(Category.OPEN, "open")
    assert found.snapshot is not None
    assert found.snapshot.channel == "web"
    assert found.snapshot.priority == Priority(Level.P1, "urgent")
    assert found.snapshot.org == Org()


@pytest.mark.parametrize(
    ("name", "said", "field", "value"),
    [
        ("status_changed", {"current": "HOLD", "previous": "OPEN"}, "status", "on_hold"),
        ("status_changed", {"current": "solved"}, "status", "resolved"),
        ("status_changed", {"current": "ARCHIVED"}, "status", "closed"),
        ("status_changed", {"current": "Waiting"}, "status", "unknown"),
        ("priority_changed", {"current": "URGENT", "previous": None}, "priority", "P1"),
        ("priority_changed", {"current": None, "previous": "LOW"}, "priority", "unset"),
        ("subject_changed", {"current": "New", "previous": "Old"}, "title", "New"),
        ("type_changed", {"current": "TASK"}, "kind", "task"),
        ("type_changed", {"current": None, "previous": "TASK"}, "kind", "other"),
        ("agent_assignment_changed", {"current": "77", "previous": ""}, "assignee", "77"),
        ("agent_assignment_changed", {"current": None, "previous": "77"}, "assignee", None),
        ("group_assignment_changed", {"current": 8447320466430}, "queue", "Support"),
        ("group_assignment_changed", {"current": "5"}, "queue", "5"),
        ("requester_changed", {"current": 9}, "requester", "9"),
        ("organization_changed", {"current": "3"}, "org", "3"),
    ],
)
def test_one_changed_field(name: str, said: dict[str, Any], field: str, value: Any) -> None:
    """The change holds the value in our terms, and the snapshot agrees with it."""
    found = event(name, said)
    assert found.kind is EventKind.CHANGED
    (change,) = found.changes
    assert change.field == field
    got = change.value
    assert plain(got) == value
    assert getattr(found.snapshot, field) == got


def plain(value: Any) -> Any:
    """Return the part of a value that the table above names."""
    match value:
        case Status():
            return value.category.value
        case Priority():
            return value.level.value
        case Org():
            return value.id
        case RemotePerson():
            return value.external_id
    return value


def test_an_unknown_status_keeps_its_word() -> None:
    """Nothing is guessed and nothing is lost."""
    (change,) = event("status_changed", {"current": "AWAITING_PARTS"}).changes
    assert change.value == Status(Category.UNKNOWN, "awaiting_parts")


def test_tags_are_all_tags_of_the_ticket() -> None:
    """The event has only what came and went; the detail has the rest."""
    found = event("tags_changed", {"tags_added": ["vip"], "tags_removed": ["old"]})
    assert found.changes[0].value == ("export", "vip")
    assert found.changes[0].old == ("export", "old")


@pytest.mark.parametrize(
    "said",
    [
        {"custom_field": {"id": "360", "title": "T", "type": "text"}, "current": {"value": "A"}, "previous": None},
        {"custom_field": {"id": 360}, "current": "A", "previous": "B"},
    ],
)
def test_a_custom_field(said: dict[str, Any]) -> None:
    """A custom field is known by its id, or by its name in the settings."""
    (change,) = event("custom_field_changed", said).changes
    assert (change.field, change.value) == ("custom", {"360": "A"})


@pytest.mark.parametrize("name", ["soft_deleted", "permanently_deleted", "marked_as_spam"])
def test_deletions(name: str) -> None:
    """A ticket that is gone, in every way of going; `deleted` is no status of ours."""
    found = event(name, {}, detail={"status": "DELETED"})
    assert found.kind is EventKind.DELETED
    assert found.snapshot is not None
    assert found.snapshot.status is msgspec.UNSET


def test_a_merge_names_the_survivor() -> None:
    """The survivor's id comes as text or number."""
    assert event("merged", {"target_ticket_id": "99"}).merged_into == "99"
    assert event("merged", {"target_ticket_id": 99}).kind is EventKind.MERGED


@pytest.mark.parametrize("name", ["comment_made_private", "comment_redacted", "undeleted", "description_changed"])
def test_what_only_a_read_shows(name: str) -> None:
    """These change something that the event does not carry."""
    found = event(name, {"comment": {"id": "1", "is_public": False}})
    assert (found.kind, found.needs_read) == (EventKind.OBSERVED, True)


def test_a_message_of_a_chat_asks_for_a_read() -> None:
    """It names the ticket and not who may read the message, and other events of a conversation name no ticket."""
    body = {
        "type": "zen:event-type:messaging_ticket.message_added",
        "id": "01K",
        "subject": "zen:ticket:141",
        "detail": {"id": "141"},
        "event": {"actor": {"id": "zd:bot", "type": "system"}, "message": {"body": "Hello", "id": "67ab"}},
        "time": "2026-02-11T14:32:05.254571515Z",
    }
    (found,) = connect("https://acme.zendesk.com").parse(stored(msgspec.json.encode(body)))
    assert (found.kind, found.remote_id, found.key) == (EventKind.OBSERVED, "141", "event:01K")
    assert (found.needs_read, found.comment) == (True, None)
    assert found.at.isoformat() == "2026-02-11T14:32:05.254572+00:00"


@pytest.mark.parametrize("name", ["form_changed", "followers_changed", "sla_policy_changed", "of_a_later_year"])
def test_other_ticket_events_show_how_the_ticket_looks(name: str) -> None:
    """A type that means nothing to us still brings a snapshot, but for the body."""
    found = event(name, {"current": "x"})
    assert found.kind is EventKind.OBSERVED
    assert found.key == "event:cbe4028c-7239-495d-b020-f22348516046"
    assert found.snapshot is not None
    assert found.snapshot.title == "Der Export bricht ab – 輸出失敗"


@pytest.mark.parametrize("name", ["user.group_membership_created", "organization.created", "messaging.x", "agent.y"])
def test_events_about_other_things_are_none_of_ours(name: str) -> None:
    """Understood, authentic, and nothing to do."""
    body = msgspec.json.encode({"type": f"zen:event-type:{name}", "id": "1", "subject": "zen:user:5", "detail": {}})
    assert connect("https://acme.zendesk.com").parse(stored(body)) == ()


def test_zendesk_itself_is_automatic() -> None:
    """Triggers and automations act as -1."""
    found = event("status_changed", {"current": "CLOSED"}, detail={"actor_id": "-1"})
    assert found.automatic
    assert found.actor == RemotePerson("-1", role="system")
    assert not event("status_changed", {"current": "CLOSED"}).automatic


def test_the_key_names_the_change_not_the_delivery() -> None:
    """One change sent twice under two event ids has one key; a change back and forth has three."""
    first = event("status_changed", {"current": "SOLVED"})
    assert event("status_changed", {"current": "SOLVED"}, id="another").key == first.key
    again = event("status_changed", {"current": "SOLVED"}, time="2026-02-01T09:20:00Z")
    assert again.key != first.key
    assert event("created", {}).key == "created:5158"


def test_too_little_for_a_new_ticket_asks_for_a_read() -> None:
    """A body with hardly any detail is read first, and so is a creation: no event has the words with their form."""
    thin = {
        "id": "a",
        "type": "zen:event-type:ticket.status_changed",
        "detail": {"id": 5},
        "event": {"current": "OPEN"},
    }
    (found,) = connect("https://acme.zendesk.com").parse(stored(msgspec.json.encode(thin)))
    assert found.needs_read
    thin |= {"type": "zen:event-type:ticket.created", "detail": {"id": 5, "subject": "s"}}
    (found,) = connect("https://acme.zendesk.com").parse(stored(msgspec.json.encode(thin)))
    assert (found.kind, found.needs_read) == (EventKind.CREATED, True)
    assert found.snapshot is not None
    assert found.snapshot.body is msgspec.UNSET


def test_our_marker_is_seen() -> None:
    """A ticket that we created carries our effect key as external id."""
    found = event("created", {}, detail={"external_id": "gateway:0123abcd"})
    assert found.snapshot is not None
    assert found.snapshot.marker == "0123abcd"
    other = event("created", {}, detail={"external_id": "ERP-7"})
    assert other.snapshot is not None
    assert (other.snapshot.marker, other.snapshot.external_id) == ("", "ERP-7")
