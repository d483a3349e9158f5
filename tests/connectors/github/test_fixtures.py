"""Payloads and answers of GitHub that its own projects publish: each is read into the right facts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors.github import mapping
from connectors.github.asking import has_next
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
from tests.connectors.github.conftest import CAPTURED, connect, stored

pytestmark = pytest.mark.skipif(not CAPTURED.is_dir(), reason="the captured payloads are not beside this checkout")

HELLO = "Codertocat/Hello-World"
ISSUE = f"{HELLO}#1"
CAT = RemotePerson("Codertocat")
OPEN = Status(Category.OPEN, "open")
TITLE, BODY = "Spelling error in the README file", "It looks like you accidently spelled 'commit' with two 't's."


def one(name: str, *repositories: str) -> tuple[Event, RemoteTicket]:
    """Parse a captured webhook; returns its one fact with its snapshot."""
    connector = connect(repositories=list(repositories) or [HELLO])
    (found,) = connector.parse(stored((CAPTURED / name).read_bytes()))
    assert found.snapshot is not None
    return found, found.snapshot


def told(snapshot: RemoteTicket) -> dict[str, Any]:
    """Return what the captured issue always is."""
    names = (
        "remote_id",
        "title",
        "body",
        "status",
        "priority",
        "kind",
        "queue",
        "tags",
        "requester",
        "assignee",
        "url",
    )
    return {name: getattr(snapshot, name) for name in names}


SPELLING = {
    "remote_id": ISSUE, "title": TITLE, "body": BODY, "status": OPEN, "priority": Priority(Level.UNSET, ""),
    "kind": Kind.PROBLEM, "queue": HELLO, "tags": (), "requester": CAT, "assignee": CAT,
    "url": "https://github.com/Codertocat/Hello-World/issues/1",
}  # fmt: skip


def test_opened() -> None:
    """The label `bug` is a kind."""
    found, shot = one("issues_opened.json")
    assert (found.kind, found.remote_id, found.key) == (EventKind.CREATED, ISSUE, f"created:{ISSUE}")
    assert (found.actor, found.at) == (CAT, datetime(2019, 5, 15, 15, 20, 18, tzinfo=UTC))
    assert told(shot) == SPELLING
    assert not found.needs_read


def test_assigned() -> None:
    """To the first of those who are assigned."""
    found, shot = one("issues_assigned.json")
    assert (found.kind, found.changes) == (EventKind.CHANGED, (FieldChange("assignee", CAT, None),))
    assert found.actor == CAT
    assert told(shot) == SPELLING


def test_labeled() -> None:
    """What the label stands for."""
    found, shot = one("issues_labeled.json")
    assert (found.kind, found.changes) == (EventKind.CHANGED, (FieldChange("kind", Kind.PROBLEM, Kind.OTHER),))
    assert told(shot) == SPELLING


def test_edited_without_changes() -> None:
    """This is how it looks now."""
    found, shot = one("issues_edited.json")
    assert (found.kind, found.changes, found.actor) == (EventKind.OBSERVED, (), CAT)
    assert told(shot) == SPELLING


def test_reopened() -> None:
    """It was closed before."""
    found, shot = one("issues_reopened.json")
    assert (found.kind, found.remote_id) == (EventKind.CHANGED, ISSUE)
    assert found.changes == (FieldChange("status", OPEN, Status(Category.RESOLVED, "closed")),)
    assert found.at == datetime(2021, 10, 11, 16, 40, 56, tzinfo=UTC)
    assert shot.body == ""


def test_deleted() -> None:
    """And is not asked for."""
    found, shot = one("issues_deleted.json")
    assert (found.kind, found.key, found.needs_read) == (EventKind.DELETED, f"deleted:{ISSUE}", False)
    assert shot.status == Status(Category.RESOLVED, "closed")


def test_transferred() -> None:
    """To one of ours it is the issue there; out of ours it is gone; in others it is none of our business."""
    old = "octo-org/octo-repo"
    found, shot = one("issues_transferred.json", old, HELLO)
    assert (found.kind, found.remote_id, found.merged_into) == (EventKind.MERGED, f"{old}#1", ISSUE)
    assert (shot.title, found.actor) == ("Update package.json", CAT)
    found, _ = one("issues_transferred.json", old)
    assert (found.kind, found.remote_id) == (EventKind.DELETED, f"{old}#1")
    assert connect(repositories=[HELLO]).parse(stored((CAPTURED / "issues_transferred.json").read_bytes())) == ()


def test_commented() -> None:
    """Everybody who sees the issue reads it."""
    found, shot = one("issue_comment_created.json")
    assert (found.kind, found.key, found.remote_id) == (EventKind.COMMENTED, "comment:492700400", ISSUE)
    assert found.at == datetime(2019, 5, 15, 15, 20, 21, tzinfo=UTC)
    said = found.comment
    assert said is not None
    assert (said.remote_id, said.body) == ("492700400", "You are totally right! I'll get this fixed right away.")
    assert said.author == found.actor == CAT
    assert said.visibility is Visibility.PUBLIC
    assert told(shot) == SPELLING


def test_a_changed_comment_is_read_again() -> None:
    """It is no second one."""
    found, shot = one("issue_comment_edited.json")
    assert (found.kind, found.needs_read) == (EventKind.OBSERVED, True)
    assert found.comment is not None
    assert (found.comment.remote_id, found.comment.body) == (
        "492700400", "You are totally right! I'll get this fixed today."
    )  # fmt: skip
    assert told(shot) == SPELLING


def test_every_captured_webhook_has_its_test() -> None:
    """None is left out."""
    here = Path(__file__).read_text(encoding="utf-8")
    assert [each.name for each in CAPTURED.glob("issue*") if each.name not in here] == []


def test_recorded_pages_are_followed() -> None:
    """By the Link header, to the end; numbers and texts are those that were recorded."""
    recorded = msgspec.json.decode((CAPTURED / "api_paginate-issues_recorded_http.json").read_bytes())
    pages = [
        HttpResponse(each["status"], {name: str(value) for name, value in each["headers"].items()}, b"")
        for each in recorded
    ]
    assert [has_next(page) for page in pages] == [True] * (len(pages) - 1) + [False]
    options = connect().options
    read = [
        mapping.ticket(item, "octokit-fixture-org/paginate-issues", options, at=mapping.EPOCH)
        for each in recorded
        for item in each["response"]
    ]
    assert [found.title for found in read if found] == [f"Test issue {number}" for number in range(13, 0, -1)]


def test_recorded_issues_are_read() -> None:
    """With a body, without one, and with signs of every plane."""
    (recorded,) = msgspec.json.decode((CAPTURED / "api_search-issues_recorded_http.json").read_bytes())
    items = recorded["response"]["items"]
    found = [mapping.ticket(item, "o/r", connect().options, at=mapping.EPOCH) for item in items]
    assert [each.body for each in found if each] == [
        "I’ve waited all year long, but there was no pop 😭",
        'I tried "open sesame" as seen on Wikipedia but no luck!',
    ]
    assert [each.requester for each in found if each] == [
        RemotePerson("octokit-fixture-user-b"), RemotePerson("octokit-fixture-user-a")
    ]  # fmt: skip
