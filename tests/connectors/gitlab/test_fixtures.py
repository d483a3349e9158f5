"""What others captured of GitLab's webhooks: every one is read into the right facts."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.gitlab.connector import GitLabConnector
from connectors.sdk import (
    Category,
    Event,
    EventKind,
    FieldChange,
    Level,
    Priority,
    RawDelivery,
    RemotePerson,
    Status,
    UnreadableError,
    Visibility,
)
from gateway.ports import ConnectionSettings

SHARED = Path(os.environ.get("GATEWAY_SHARED") or Path(__file__).parents[4] / "shared")
FIXTURES = SHARED / "fixtures" / "gitlab"
#: file -> the project that it is about
FILES = {
    "issue_hook.json": "gitlabhq/gitlab-test",
    "issue_hook_gogitlab.json": "gitlabhq/gitlab-test",
    "note_hook_issue.json": "gitlab-org/gitlab-test",
    "note_hook_issue_gogitlab.json": "gitlab-org/gitlab-test",
}

pytestmark = pytest.mark.skipif(not FIXTURES.exists(), reason="the captured payloads are not here")


def parsed(name: str, project: str = "", **options: Any) -> tuple[Event, ...]:
    """Read one file."""
    given = {"auth": {"token": "glpat-0"}, "project": project or FILES[name], **options}
    connector = GitLabConnector(ConnectionSettings("gl", "gitlab", "http://example.com", given))
    return connector.parse(RawDelivery("d", datetime(2026, 3, 1, tzinfo=UTC), {}, (FIXTURES / name).read_bytes()))


def test_every_file_is_known_here() -> None:
    """None is passed over in silence, and none is refused."""
    assert {path.name for path in FIXTURES.iterdir()} == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_another_project_is_none_of_our_business(name: str) -> None:
    """A hook of a group tells of all its projects."""
    assert parsed(name, "another/project") == ()


def test_an_issue_of_an_old_version() -> None:
    """Without the id of the user, of the project, or of labels."""
    (event,) = parsed("issue_hook.json")
    shot = event.snapshot
    assert shot is not None
    assert (event.kind, event.remote_id, event.key) == (EventKind.CREATED, "14-23", "created:14-23")
    assert event.at == datetime(2013, 12, 3, 17, 15, 43, tzinfo=UTC)
    assert event.actor == RemotePerson("root", name="Administrator")
    assert (shot.title, shot.body) == (
        "New API: create/update/delete file",
        "Create new API for manipulations with repository",
    )
    assert shot.status == Status(Category.OPEN, "opened")
    assert shot.key == "gitlabhq/gitlab-test#23"
    assert shot.queue == "gitlabhq/gitlab-test"
    assert shot.url == "http://example.com/diaspora/issues/23"
    assert shot.assignee == RemotePerson("51", name="User1")
    assert shot.requester == RemotePerson("51")
    assert shot.created_at == datetime(2013, 12, 3, 17, 15, 43, tzinfo=UTC)
    assert not event.needs_read


def test_an_issue_with_labels_and_changes() -> None:
    """It was opened, whatever its example of changes says."""
    (event,) = parsed("issue_hook_gogitlab.json", priority_labels={"P1": "API"})
    shot = event.snapshot
    assert shot is not None
    assert (event.kind, event.remote_id) == (EventKind.CREATED, "14-23")
    assert event.actor == RemotePerson("1", "admin@example.com", name="Administrator")
    assert shot.title == "New API: create/update/delete file"
    assert shot.status == Status(Category.OPEN, "opened")
    assert shot.priority == Priority(Level.P1, "API")
    assert shot.tags == ()
    assert shot.assignee == RemotePerson("51", name="User1")
    (plain,) = parsed("issue_hook_gogitlab.json")
    assert plain.snapshot is not None
    assert plain.snapshot.tags == ("API",)


def test_what_its_changes_say_when_it_is_an_update() -> None:
    """The same body as GitLab sends it after an edit."""
    body = msgspec.json.decode((FIXTURES / "issue_hook_gogitlab.json").read_bytes())
    body["object_attributes"]["action"] = "update"
    given = {"auth": {"token": "glpat-0"}, "project": "14"}
    connector = GitLabConnector(ConnectionSettings("gl", "gitlab", "http://example.com", given))
    (event,) = connector.parse(RawDelivery("d", datetime(2026, 3, 1, tzinfo=UTC), {}, msgspec.json.encode(body)))
    changes = {change.field: change for change in event.changes}
    assert event.kind is EventKind.CHANGED
    assert changes["title"] == FieldChange("title", "New API: create/update/delete file", "")
    assert changes["body"].value == "Create new API for manipulations with repository"


@pytest.mark.parametrize(
    ("name", "title", "user"),
    [
        ("note_hook_issue.json", "test", RemotePerson("1", "admin@example.com", name="Administrator")),
        ("note_hook_issue_gogitlab.json", "test_issue", RemotePerson("42", "user1@example.com", name="User1")),
    ],
)
def test_a_note(name: str, title: str, user: RemotePerson) -> None:
    """Public, as an event `note` is; by who wrote it; on an issue that is closed."""
    (event,) = parsed(name)
    shot, said = event.snapshot, event.comment
    assert shot is not None
    assert said is not None
    assert (event.kind, event.remote_id, event.key) == (EventKind.COMMENTED, "5-17", "comment:1241")
    assert (said.remote_id, said.body, said.visibility) == ("1241", "Hello world", Visibility.PUBLIC)
    assert said.at == event.at == datetime(2015, 5, 17, 17, 6, 40, tzinfo=UTC)
    assert said.author == event.actor == user
    assert shot.title == title
    assert shot.status == Status(Category.RESOLVED, "closed")
    assert shot.tags == ("Afterpod", "Element")
    assert shot.assignee is None
    assert shot.key == "gitlab-org/gitlab-test#17"


def test_what_is_cut_short_says_why() -> None:
    """In one line."""
    given = {"auth": {"token": "glpat-0"}, "project": "14"}
    connector = GitLabConnector(ConnectionSettings("gl", "gitlab", "http://example.com", given))
    body = (FIXTURES / "issue_hook.json").read_bytes()
    with pytest.raises(UnreadableError, match="not JSON"):
        connector.parse(RawDelivery("d", datetime(2026, 3, 1, tzinfo=UTC), {}, body[:200]))
