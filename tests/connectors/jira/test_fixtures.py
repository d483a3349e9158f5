"""Payloads that others captured from real Jiras, Cloud and Server of many years: each is read into the right facts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.jira import mapping
from connectors.jira.asking import complaint
from connectors.jira.rendering import transition_to
from connectors.sdk import (
    Category,
    Event,
    EventKind,
    FieldChange,
    HttpResponse,
    Kind,
    Level,
    Priority,
    RemotePerson,
    RemoteTicket,
    Status,
    Visibility,
)
from tests.connectors.jira.conftest import CAPTURED, connect, stored

pytestmark = pytest.mark.skipif(not CAPTURED.is_dir(), reason="the captured payloads are not beside this checkout")

LEO = RemotePerson("lfranchi", "othello@zulip.com", "", "Leo Franchi")
LEONARDO = RemotePerson("leo", "leo@zulip.com", "", "Leonardo Franchi [Administrator]")
HEMANTH = RemotePerson("5c76b994e1bcdf6294d0eb0f", "", "", "Hemanth V. Alluri")
OPEN = Status(Category.NEW, "Open")
MAJOR = Priority(Level.P3, "Major")


def facts(name: str, **options: str) -> tuple[Event, ...]:
    """Parse one captured webhook."""
    return connect(**options).parse(stored((CAPTURED / name).read_bytes()))


def one(name: str, **options: str) -> tuple[Event, RemoteTicket]:
    """Parse a webhook of one fact; returns it with its snapshot."""
    (found,) = facts(name, **options)
    assert found.snapshot is not None
    return found, found.snapshot


def bug(snapshot: RemoteTicket) -> dict[str, Any]:
    """Return what the captured bug BUG-15 always is, as it was read."""
    names = ("remote_id", "key", "title", "body", "status", "priority", "kind", "queue", "tags", "requester")
    return {name: getattr(snapshot, name) for name in names}


BUG = {
    "remote_id": "10400", "key": "BUG-15", "title": "New bug with hook", "body": "Fix me please", "status": OPEN,
    "priority": MAJOR, "kind": Kind.PROBLEM, "queue": "BUG", "tags": (), "requester": LEO,
}  # fmt: skip


def test_created() -> None:
    """`jira:issue_created` of an old server, unassigned."""
    found, shot = one("webhook_created_v2.json")
    assert (found.kind, found.remote_id, found.key) == (EventKind.CREATED, "10400", "created:10400")
    assert found.at == datetime(2013, 3, 27, 16, 53, 58, 301000, tzinfo=UTC)
    assert found.actor == LEO
    assert bug(shot) == BUG
    assert shot.assignee is None
    assert not found.needs_read


def test_created_with_signs_of_other_scripts() -> None:
    """Text is read as it is."""
    found, shot = one("webhook_created_with_unicode_v2.json")
    assert found.kind is EventKind.CREATED
    assert shot.title == "New bug with à hook"
    assert found.actor == msgspec.structs.replace(LEO, name="Leo Franchià")
    assert bug(shot) | {"title": BUG["title"]} == BUG


def test_created_and_assigned() -> None:
    """The hour of a site west of Greenwich is read in UTC."""
    found, shot = one("webhook_created_assignee_v2.json")
    assert (found.kind, found.remote_id, shot.key, shot.queue) == (EventKind.CREATED, "10003", "TEST-4", "TEST")
    assert found.at == datetime(2013, 9, 6, 15, 20, 24, 101000, tzinfo=UTC)
    assert (shot.title, shot.body) == ("Test Created Assignee", "This is the description, so descriptive it is")
    assert shot.assignee == shot.requester == found.actor == LEONARDO
    assert (shot.status, shot.priority) == (Status(Category.NEW, "To Do"), MAJOR)
    assert shot.kind is Kind.REQUEST


def test_reassigned() -> None:
    """The history's entry names the change."""
    found, shot = one("webhook_reassigned_v2.json")
    assert (found.kind, found.key) == (EventKind.CHANGED, "change:10400:10600")
    assert found.changes == (FieldChange("assignee", LEO, None),)
    assert found.actor == LEO
    assert found.at == datetime(2013, 3, 27, 16, 57, 45, 325000, tzinfo=UTC)
    assert bug(shot) == BUG


def test_priority_changed() -> None:
    """Both words are kept beside what they mean."""
    found, shot = one("webhook_updated_priority_v2.json")
    assert (found.kind, found.remote_id, found.key) == (EventKind.CHANGED, "10000", "change:10000:10102")
    assert found.changes == (FieldChange("priority", MAJOR, Priority(Level.P2, "Critical")),)
    assert found.actor == LEONARDO
    assert (shot.key, shot.title, shot.body) == ("TEST-1", "Fix That", "Please")
    assert shot.status == Status(Category.NEW, "To Do")


def test_commented_on_an_old_server() -> None:
    """A comment comes as a change of the issue. Nothing says who may read it: it is internal."""
    found, shot = one("webhook_commented_v2.json")
    assert (found.kind, found.remote_id, found.key) == (EventKind.COMMENTED, "10400", "comment:10400")
    assert found.at == datetime(2013, 3, 27, 17, 5, 34, 250000, tzinfo=UTC)
    said = found.comment
    assert said is not None
    assert (said.remote_id, said.body) == ("10400", "Adding a comment. Oh, what a comment it is!")
    assert said.author == found.actor == LEO
    assert said.visibility is Visibility.INTERNAL
    assert bug(shot) == BUG


def test_a_site_may_say_that_comments_are_public() -> None:
    """Where Jira has no word for it."""
    (found,) = facts("webhook_commented_v2.json", unmarked_comments="public")
    assert found.comment is not None
    assert found.comment.visibility is Visibility.PUBLIC


def test_a_changed_comment_is_read_again() -> None:
    """It is no second comment, and reads as it does now."""
    found, shot = one("webhook_comment_edited_v2.json")
    assert (found.kind, found.remote_id, found.needs_read) == (EventKind.OBSERVED, "10400", True)
    assert (found.changes, found.actor) == ((), LEO)
    said = found.comment
    assert said is not None
    assert (said.remote_id, said.body) == ("10400", "Adding a comment. Oh, what a comment it is!")
    assert said.visibility is Visibility.INTERNAL
    assert bug(shot) == BUG


def test_commented_on_cloud() -> None:
    """An event of its own, with a few fields of the issue; Jira says who may read it."""
    found, shot = one("webhook_comment_created.json")
    assert (found.kind, found.remote_id, found.key) == (EventKind.COMMENTED, "10000", "comment:10000")
    assert found.at == datetime(2019, 8, 16, 14, 0, 17, 153000, tzinfo=UTC)
    said = found.comment
    assert said is not None
    assert said.body.startswith("Sounds like it’s pretty important. I’ll get this fixed ASAP")
    assert said.visibility is Visibility.PUBLIC
    assert said.author == found.actor == HEMANTH
    assert (shot.key, shot.queue) == ("SP-1", "SP")
    assert shot.title == "Add support for newer format Jira issue comment events"
    assert (shot.status, shot.priority) == (Status(Category.NEW, "To Do"), Priority(Level.P3, "Medium"))
    assert shot.kind is Kind.TASK
    assert isinstance(shot.assignee, RemotePerson)
    assert shot.assignee.external_id == HEMANTH.external_id
    assert found.needs_read, "a ticket that is not known yet must be read: this has no description"


def test_a_damaged_body_without_an_issue() -> None:
    """A stray comma is mended, and the number of the issue is in the address of the comment."""
    found, shot = one("webhook_comment_created_no_issue_details.json")
    assert (found.kind, found.remote_id, found.key) == (EventKind.COMMENTED, "10000", "comment:12000")
    assert found.comment is not None
    assert found.comment.visibility is Visibility.INTERNAL
    assert found.comment.author == RemotePerson("admin", "", "", "Hemanth V. Alluri")
    assert (found.needs_read, shot.title) == (True, msgspec.UNSET)


def test_an_event_that_is_not_known() -> None:
    """It asks for a read."""
    found, shot = one("webhook_unknown_v2.json")
    assert (found.kind, found.remote_id, found.needs_read) == (EventKind.OBSERVED, "10400", True)
    assert bug(shot) == BUG


def test_every_captured_webhook_has_its_test() -> None:
    """None is left out."""
    told = Path(__file__).read_text(encoding="utf-8")
    assert [each.name for each in CAPTURED.glob("webhook_*") if each.name not in told] == []


def test_captured_answers_are_read() -> None:
    """Issues of a search, with people of whom only the name is said."""
    page = msgspec.json.decode((CAPTURED / "api_jiracli_search.json").read_bytes())
    options = connect().options
    found = [mapping.ticket({**each, "id": "1"}, options, at=mapping.EPOCH) for each in page["issues"]]
    assert [each.title for each in found if each] == ["Bug summary", "Story summary", "Task summary"]
    assert [each.status for each in found if each] == [
        Status(Category.NEW, "To Do"), Status(Category.OPEN, "In Progress"), Status(Category.RESOLVED, "Done")
    ]  # fmt: skip
    assert [each.tags for each in found if each] == [(), ("critical", "feature"), ()]
    assert [each.assignee for each in found if each] == [None, None, RemotePerson(name="Person A")]
    alone = msgspec.json.decode((CAPTURED / "api_jiracli_issue-1.json").read_bytes())
    assert mapping.ticket(alone, options, at=mapping.EPOCH) is None, "without its number it is nobody's"


def test_captured_transitions_are_chosen_by_name() -> None:
    """Old answers do not say where a transition leads; one that is not available is not taken."""
    ways = msgspec.json.decode((CAPTURED / "api_jiracli_transitions.json").read_bytes())["transitions"]
    options = connect().options
    chosen = transition_to(options, {"category": "open"}, ways)
    assert chosen is not None
    assert chosen["id"] == "21"
    assert transition_to(options, {"category": "resolved"}, ways) is None


def test_captured_errors_are_told_in_their_words() -> None:
    """What Jira says, and no JSON around it."""
    for name, words in {
        "error_404_issue_not_visible.json": "Issue does not exist or you do not have permission to see it.",
        "error_404_errormessages_permission_scheme.json": "Permission scheme 101001 does not exist",
    }.items():
        assert complaint(HttpResponse(404, {}, (CAPTURED / name).read_bytes())) == f"HTTP 404 {words}"
