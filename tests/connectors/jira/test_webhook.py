"""Jira's webhooks: who may send them, what they are about, and each sort of change."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from connectors.jira.bench import SECRET
from connectors.sdk import (
    AuthenticationError,
    Category,
    Envelope,
    Event,
    EventKind,
    FieldChange,
    IncomingRequest,
    Kind,
    RemotePerson,
    Status,
    UnreadableError,
    hmac_hex,
)
from tests.connectors.jira.conftest import connect, stored

FIELDS: dict[str, Any] = {
    "summary": "Printer", "description": "On fire", "status": {"name": "In Progress"}, "priority": {"name": "High"},
    "issuetype": {"name": "Task"}, "project": {"key": "HELP", "projectTypeKey": "service_desk"}, "labels": ["a", "b"],
    "assignee": {"accountId": "new", "displayName": "New"}, "reporter": {"accountId": "kim", "displayName": "Kim"},
    "created": "2026-03-01T10:00:00.000+0000", "updated": "2026-03-01T11:00:00.000+0000",
}  # fmt: skip


def parse(event: str, **more: Any) -> tuple[Event, ...]:
    """Parse a webhook about issue 10400."""
    issue = {"id": "10400", "key": "HELP-1", "fields": FIELDS}
    body = {"webhookEvent": event, "timestamp": 1772362800000, "issue": issue, **more}
    return connect().parse(stored(msgspec.json.encode({name: each for name, each in body.items() if each is not None})))


def item(field: str, old: str | None, new: str | None, **ids: Any) -> dict[str, Any]:
    """Return an item of the history."""
    return {"field": field, "fieldtype": "jira", "fromString": old, "toString": new, "from": None, "to": None, **ids}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (item("summary", "Old", "Printer"), FieldChange("title", "Printer", "Old")),
        (item("description", "Old", "On fire"), FieldChange("body", "On fire", "Old")),
        (
            item("status", "To Do", "In Progress"),
            FieldChange("status", Status(Category.OPEN, "In Progress"), Status(Category.NEW, "To Do")),
        ),
        (
            item("assignee", "Old", "New", **{"from": "old", "to": "new"}),
            FieldChange("assignee", RemotePerson("new", name="New"), RemotePerson("old", name="Old")),
        ),
        (
            item("reporter", None, "Kim", to="kim"),
            FieldChange("requester", RemotePerson("kim", name="Kim"), None),
        ),
        (item("labels", "a", "a b"), FieldChange("tags", ("a", "b"), ("a",))),
        (item("issuetype", "Bug", "Task"), FieldChange("kind", Kind.TASK, Kind.PROBLEM)),
        (item("Key", "DEV-9", "HELP-1"), FieldChange("queue", "HELP", "DEV")),
    ],
    ids=lambda given: given["field"] if isinstance(given, dict) else "",
)
def test_each_field_of_the_history(given: dict[str, Any], expected: FieldChange) -> None:
    """The value as it is now, and as it was."""
    (found,) = parse("jira:issue_updated", changelog={"id": "77", "items": [given]})
    assert (found.kind, found.key) == (EventKind.CHANGED, "change:10400:77")
    assert found.changes == (expected,)


def test_several_fields_are_one_change() -> None:
    """With a file beside them, the issue is to be read as well."""
    items = [item("summary", "a", "Printer"), item("resolution", None, "Done"), item("Attachment", None, "x.png")]
    changed, hint = parse("jira:issue_updated", changelog={"id": "77", "items": items})
    assert [change.field for change in changed.changes] == ["title"]
    assert (hint.kind, hint.needs_read) == (EventKind.OBSERVED, True)
    (found,) = parse("jira:issue_updated", changelog={"id": "78", "items": [item("Rank", "", "Higher")]})
    assert (found.kind, found.changes, found.needs_read) == (EventKind.OBSERVED, (), False)


def test_a_comment_with_a_change_is_both() -> None:
    """As old Jiras send what was done on one screen."""
    comment = {"id": "9", "body": "Done", "jsdPublic": True, "created": "2026-03-01T11:00:00.000+0000"}
    found = parse(
        "jira:issue_updated", comment=comment, issue_event_type_name="issue_resolved",
        changelog={"id": "77", "items": [item("status", "To Do", "In Progress")]},
    )  # fmt: skip
    assert [each.key for each in found] == ["comment:9", "change:10400:77"]


def test_a_comment_that_shows_a_file_is_read_with_it() -> None:
    """Its webhook names the file, and has not its number, unless the issue is there as a whole."""
    said = {"id": "9", "body": "See !shot.png|thumbnail!", "jsdPublic": True}
    (found,) = parse("comment_created", comment=said)
    assert (found.comment, found.needs_read) == (None, True)
    shot = {"id": "77", "filename": "shot.png", "size": 3, "mimeType": "image/png"}
    issue = {"id": "10400", "key": "HELP-1", "fields": {**FIELDS, "attachment": [shot]}}
    (found,) = parse("comment_created", comment=said, issue=issue)
    assert found.comment is not None
    assert found.comment.body == "See ![shot.png](attachment:77)"
    assert [file.remote_id for file in found.comment.attachments] == ["77"]
    (found,) = parse("comment_created", comment={**said, "body": "Wow! Great! See !https://x.example/a.png!"})
    assert found.comment is not None


@pytest.mark.parametrize("event", ["comment_updated", "comment_deleted"])
def test_a_changed_comment_asks_for_a_read(event: str) -> None:
    """It is no new one."""
    (found,) = parse(event, comment={"id": "9", "body": "x", "jsdPublic": True})
    assert (found.kind, found.needs_read) == (EventKind.OBSERVED, True)
    assert (found.comment is not None) is (event == "comment_updated")


def test_what_a_rule_put_in_unescaped_is_mended() -> None:
    """A raw line break in a description and a comma too many, as *Send web request* makes them."""
    body = b'{"issue": {"id": "10400", "fields": {"summary": "Printer",\n"description": "one\ntwo\tthree",}},}'
    (found,) = connect().parse(stored(body))
    assert (found.kind, found.remote_id, found.needs_read) == (EventKind.OBSERVED, "10400", True)
    assert found.snapshot is not None
    assert found.snapshot.title == "Printer"


def test_a_deleted_issue_is_deleted() -> None:
    """And is not asked for."""
    (found,) = parse("jira:issue_deleted")
    assert (found.kind, found.key, found.needs_read) == (EventKind.DELETED, "deleted:10400", False)


@pytest.mark.parametrize(
    "event",
    ["jira:worklog_updated", "worklog_created", "jira:version_released", "user_created", "sprint_started",
     "issuelink_created", "project_updated", "attachment_created", "board_created", "option_voting_changed"],
)  # fmt: skip
def test_what_is_not_about_an_issue_is_ignored(event: str) -> None:
    """Links, work logs, sprints, versions, people."""
    assert parse(event, issue=None) == ()


def test_issues_of_other_projects_are_none_of_our_business() -> None:
    """Unless they have just been moved there."""
    issue = {"id": "1", "key": "OPS-1", "fields": {**FIELDS, "project": {"key": "OPS"}}}
    connector = connect(projects=["HELP"])
    body: dict[str, Any] = {"webhookEvent": "jira:issue_created", "timestamp": 1, "issue": issue}
    assert connector.parse(stored(msgspec.json.encode(body))) == ()
    items = [item("project", "Help", "Ops"), item("Key", "HELP-3", "OPS-1")]
    body |= {"webhookEvent": "jira:issue_updated", "changelog": {"id": "5", "items": items}}
    (found,) = connector.parse(stored(msgspec.json.encode(body)))
    assert found.changes == (FieldChange("queue", "OPS", "HELP"),)


def test_an_automation_rule_may_send_an_issue() -> None:
    """Alone, as *Issue data* is sent, or within what the rule's author wrote."""
    connector = connect()
    for body in ({"id": 10400, "key": "HELP-1", "fields": FIELDS}, {"issue": {"id": "10400"}, "why": "SLA"}):
        (found,) = connector.parse(stored(msgspec.json.encode(body)))
        assert (found.kind, found.remote_id, found.needs_read) == (EventKind.OBSERVED, "10400", True)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"issue": {"key": "HELP-1"}}', "by its key alone"),
        (b'{"webhookEvent": "jira:issue_updated"}', "neither issue.id nor the address of its comment"),
        (b'{"hello": 1}', "names no issue"),
        (b"[1]", "a JSON list"),
        (b"<html>", "not JSON"),
    ],
)
def test_what_cannot_be_read_says_why(body: bytes, words: str) -> None:
    """In one line."""
    with pytest.raises(UnreadableError, match=words):
        connect().parse(stored(body))


def request(body: bytes, **headers: str) -> IncomingRequest:
    """Return a request."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return IncomingRequest("POST", "/hooks/acme-jira", {}, named, body)


def test_a_rule_proves_itself_by_the_secret() -> None:
    """As a bearer token, where nothing is signed; never instead of a signature that is wrong."""
    connector = connect()
    now = stored(b"").received_at
    connector.verify(request(b"{}", authorization=f"Bearer {SECRET}"), now)
    basic = base64.b64encode(f"jira:{SECRET}".encode()).decode()
    connector.verify(request(b"{}", authorization=f"Basic {basic}"), now)
    for wrong in ({"authorization": SECRET}, {"authorization": "Bearer x"}, {"authorization": "Bearer "},
                  {"authorization": "Basic =="},
                  {"authorization": "Basic " + base64.b64encode(b"jira:").decode()},
                  {"authorization": f"Bearer {SECRET}", "x_hub_signature": "sha256=00"}, {}):  # fmt: skip
        with pytest.raises(AuthenticationError):
            connector.verify(request(b"{}", **wrong), now)


def test_the_header_names_its_algorithm() -> None:
    """Those that Jira may use, and no weaker one."""
    connector = connect()
    now = stored(b"").received_at
    for algorithm in ("sha256", "sha384", "sha512"):
        connector.verify(request(b"{}", x_hub_signature=f"{algorithm}={hmac_hex(SECRET, b'{}', algorithm)}"), now)
    with pytest.raises(AuthenticationError):
        connector.verify(request(b"{}", x_hub_signature=f"sha1={hmac_hex(SECRET, b'{}', 'sha1')}"), now)


def test_no_unsigned_header_names_a_delivery() -> None:
    """Jira's identifier is not signed; the body, which is, holds the time."""
    connector = connect()
    body = b'{"issue": {"id": "10400"}}'
    one = connector.envelope(request(body, x_atlassian_webhook_identifier="a"))
    other = connector.envelope(request(body, x_atlassian_webhook_identifier="b"))
    assert isinstance(one, Envelope)
    assert one == other
    assert one.ref == "10400"


def test_a_post_function_tells_of_a_transition() -> None:
    """It names no event; the words of its screen come without a number, and are read with the issue."""
    step = {"workflowId": 7, "transitionName": "Start", "from_status": "To Do", "to_status": "In Progress"}
    (found,) = parse("", webhookEvent=None, transition=step, comment="Will do")
    assert (found.kind, found.needs_read, found.comment) == (EventKind.CHANGED, True, None)
    assert found.changes == (
        FieldChange("status", Status(Category.OPEN, "In Progress"), Status(Category.NEW, "To Do")),
    )
    (still,) = parse("", webhookEvent=None, transition={**step, "from_status": "In Progress"}, comment="")
    assert (still.kind, still.needs_read) == (EventKind.OBSERVED, True)


def test_an_old_jira_says_by_the_times_alone_that_a_comment_was_edited() -> None:
    """So it is no second comment; told is how it reads now."""
    said = {"id": "9", "body": "Mended", "jsdPublic": True, "created": "2026-03-01T10:00:00.000+0000"}
    (new,) = parse("jira:issue_updated", comment={**said, "updated": said["created"]})
    assert new.kind is EventKind.COMMENTED
    (edited,) = parse("jira:issue_updated", comment={**said, "updated": "2026-03-01T11:00:00.000+0000"})
    assert (edited.kind, edited.needs_read) == (EventKind.OBSERVED, True)
    assert edited.comment is not None
    assert edited.comment.body == "Mended"


def test_a_comment_that_is_told_of_and_not_given_is_read() -> None:
    """As where the webhook leaves its body out."""
    (found,) = parse("jira:issue_updated", issue_event_type_name="issue_commented")
    assert (found.kind, found.needs_read) == (EventKind.OBSERVED, True)


def test_a_change_without_its_history_is_told_by_its_type() -> None:
    """As an assignment of many issues at once: who it was before is not said, and the issue is read."""
    (found,) = parse("jira:issue_updated", issue_event_type_name="issue_assigned", changelog={"id": "7", "items": []})
    assert (found.kind, found.needs_read) == (EventKind.CHANGED, True)
    assert found.changes == (FieldChange("assignee", RemotePerson("new", name="New")),)
    (seen,) = parse("jira:issue_updated", issue_event_type_name="issue_generic", changelog={"id": "7", "items": []})
    assert (seen.kind, seen.changes, seen.needs_read) == (EventKind.OBSERVED, (), True)
