"""Bodies of GitHub in which the issue does not look as the action left it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from connectors.sdk import Event, EventKind
from tests.connectors.github.conftest import connect, stored

BUG, KIM = {"name": "bug"}, {"login": "kim"}


def parse(action: str, *, issue: dict[str, Any], **more: Any) -> Event:
    """Parse an event about an issue that is open, and has nothing."""
    shown = {
        "number": 12, "title": "Printer", "body": "On fire", "state": "open", "user": {"login": "robin"}, "labels": [],
        "assignees": [], "updated_at": "2026-03-01T10:00:00Z", "created_at": "2026-03-01T09:00:00Z", **issue,
    }  # fmt: skip
    body = {"action": action, "issue": shown, "repository": {"full_name": "acme/help"}, **more}
    (found,) = connect().parse(stored(msgspec.json.encode(body)))
    return found


@pytest.mark.parametrize(
    ("action", "stale", "right", "more"),
    [
        ("unlabeled", {"labels": [BUG]}, {}, {"label": BUG}),
        ("labeled", {}, {"labels": [BUG]}, {"label": BUG}),
        ("unassigned", {"assignee": None, "assignees": [KIM]}, {}, {"assignee": KIM}),
        ("assigned", {}, {"assignees": [KIM]}, {"assignee": KIM}),
        ("closed", {}, {"state": "closed"}, {}),
        ("reopened", {"state": "closed"}, {}, {}),
    ],
)
def test_an_issue_that_its_event_contradicts_is_read(
    action: str, stale: dict[str, Any], right: dict[str, Any], more: dict[str, Any]
) -> None:
    """GitHub shows it as it is when it sends, before the action or after the next one; else it need not be read."""
    assert parse(action, issue=stale, **more).needs_read
    told = parse(action, issue=right, **more)
    assert (told.kind, told.needs_read) == (EventKind.CHANGED, False)
