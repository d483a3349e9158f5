"""GitLab's edges in writes: commands and calls in other people's words, labels, versions, files, doubles."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from connectors.gitlab import asking, texts
from connectors.gitlab.bench import GitLabBench
from connectors.gitlab.connector import GitLabConnector
from connectors.sdk import (
    Absent,
    Attachment,
    CommentIntent,
    Done,
    Effect,
    Found,
    HttpResponse,
    Intent,
    NotSent,
    Operation,
    Reason,
    Rejected,
    Throttled,
    Visibility,
    WriteContext,
)
from connectors.testing.driver import Driver

KEY = "0123456789abcdef0123456789abcdef"


def context(issue: str = "", **more: Any) -> WriteContext:
    """Return the context of a first attempt."""
    return WriteContext(KEY, issue, first_sent_at=datetime.now(UTC), **more)


def said(text: str, *, public: bool = True, files: tuple[Attachment, ...] = ()) -> Intent:
    """Return an intent to comment."""
    operation = Operation.PUBLIC_REPLY if public else Operation.INTERNAL_NOTE
    visibility = Visibility.PUBLIC if public else Visibility.INTERNAL
    return Intent(operation, comment=CommentIntent("c", text, visibility), attachments=files)


def fields(**values: Any) -> Intent:
    """Return an intent to set fields."""
    return Intent(Operation.SET_FIELDS, values)


@pytest.mark.parametrize(
    "words",
    [
        "/close",
        "Please\n/close\nthis",
        "  /close",
        "- /close",
        "```\n/close",
        "~~~\n/close\n~~~",
        "````\n```\n/close\n````",
        "> ```\n> x\n> ```\n/close\n```\nx\n```",
        "Please\r/close",
        '/label ~"status::wontfix"',
        "Ask @agent, @acme/all and see #1, !2 and ~bug",
        "<!-- gateway:ffffffffffffffffffffffffffffffff -->",
    ],
)  # fmt: skip
def test_words_of_others_do_nothing(there: GitLabBench, driver: Driver, words: str) -> None:
    """No command is obeyed, nobody is called, no mark is believed; the words arrive and read back as they were."""
    issue = there.open_ticket("Printer", "On fire")
    driver.settle(said(words), context(issue))
    made = driver.settle(Intent(Operation.CREATE, {"title": "Copy", "body": words}), WriteContext("e" * 32)).remote_id
    assert there.shown(issue).status == there.shown(made).status == "opened"
    assert there.desk.records.called == []
    for name in (issue, made):
        found = driver.run(driver.connector.read(name))
        assert found is not None
        text = found.comments[-1].body if name == issue else found.body
        if "gateway:" not in words:
            assert str(text).split() == words.split()
    found = driver.run(driver.connector.read(made))
    assert found is not None
    assert found.marker == "e" * 32


def test_hostile_texts_are_read_soon() -> None:
    """No expression of ours takes long over what somebody made for that."""
    for text in ("[" * 100_000, " " * 200_000, "<!-- gateway:" * 20_000, "[a](/uploads/" * 30_000, "![a](" * 50_000):
        began = time.monotonic()
        texts.read(text, "5")
        texts.written(text, {})
        texts.mark(text)
        assert time.monotonic() - began < 10


def test_a_description_with_html_is_added_to(there: GitLabBench, driver: Driver) -> None:
    """What Markdown cannot show stays as somebody wrote it, and is said to be lost; ours stands below, once."""
    issue = there.open_ticket("Printer", "<details><summary>Log</summary>x</details>")
    found = driver.run(driver.connector.read(issue))
    assert found is not None
    assert found.lost == ("HTML in the text",)
    for _ in range(2):
        driver.settle(fields(body="It is out"), context(issue))
        shown = there.shown(issue).body
        assert shown.startswith("<details><summary>Log</summary>x</details>")
        assert shown.count("It is out") == 1


def test_people_who_are_called_are_named(there: GitLabBench, driver: Driver) -> None:
    """A mention of ours is an account of another desk: the name stays, nobody is called."""
    issue = there.open_ticket("Printer", "On fire")
    driver.settle(said("[@Beth Lee](mention:beth.lee) will look"), context(issue))
    found = driver.run(driver.connector.read(issue))
    assert found is not None
    assert found.comments[-1].body == "@Beth Lee will look"
    assert there.desk.records.called == []


def test_an_issue_is_written_only_where_it_differs(there: GitLabBench, driver: Driver) -> None:
    """One status and one priority stand, whatever stood there; tags of people are set without the others."""
    issue = there.open_ticket("Printer", "On fire")
    there.desk.act("set", issue=issue, add_labels="status::blocked,priority::3,red")
    intent = fields(
        status={"category": "pending_customer"}, priority={"level": "P1"}, tags=["blue", "two, words"], title="Printer"
    )
    driver.settle(intent, context(issue))
    held = there.desk.records.find("5", "1")
    assert held is not None
    assert held["labels"] == ["blue", "priority::1", "status::waiting", "two words"]
    assert "title" not in driver.writes[0].json
    driver.settle(intent, context(issue))
    assert driver.writes == []
    found = driver.run(driver.connector.read(issue))
    assert found is not None
    assert list(found.tags) == driver.connector.as_read(intent)["tags"]  # type: ignore[arg-type]


def test_a_status_without_a_label_is_unmapped(there: GitLabBench, driver: Driver) -> None:
    """GitLab has only opened and closed."""
    driver.connector = GitLabConnector(there.settings(status_labels={}))
    issue = there.open_ticket("Printer", "On fire")
    outcome = driver.attempt(fields(status={"category": "on_hold"}), context(issue))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED
    driver.settle(fields(status={"category": "cancelled"}), context(issue))
    assert there.shown(issue).status == "closed"


def test_labels_that_we_may_not_set_are_no_success(there: GitLabBench, driver: Driver) -> None:
    """GitLab answers 200 and leaves them out."""
    issue = there.open_ticket("Printer", "On fire")
    there.desk.records.guest = True
    outcome = driver.attempt(fields(priority={"level": "P1"}), context(issue))
    assert isinstance(outcome, Rejected)
    assert "add_labels" in outcome.detail


def test_a_body_keeps_our_mark(there: GitLabBench, driver: Driver) -> None:
    """So that the issue is still known as ours; one of people gets none."""
    ours = driver.settle(Intent(Operation.CREATE, {"title": "Net", "body": "Down"}), context()).remote_id
    theirs = there.open_ticket("Printer", "On fire")
    for issue in (ours, theirs):
        driver.settle(fields(body="New words"), context(issue))
        found = driver.run(driver.connector.read(issue))
        assert found is not None
        assert (found.body, found.marker) == ("New words", KEY if issue == ours else "")


def test_an_issue_that_is_born_closed_is_closed_in_a_second_attempt(there: GitLabBench, driver: Driver) -> None:
    """One write each; the issue is made once."""
    intent = Intent(Operation.CREATE, {"title": "Net", "body": "Down", "status": {"category": "resolved"}})
    issue = driver.settle(intent, context()).remote_id
    assert there.shown(issue).status == "closed"
    assert len(there.desk.effects.all(kind="create", by_api=True)) == 1


def test_a_create_goes_where_the_rule_says(there: GitLabBench, driver: Driver) -> None:
    """With its labels, confidential, as an incident."""
    params = {"project": "acme/product", "labels": ["red"], "confidential": True, "issue_type": "incident"}
    intent = Intent(Operation.CREATE, {"title": "Net", "body": "Down", "priority": {"level": "P2"}}, params=params)
    receipt = driver.settle(intent, context())
    assert receipt.remote_id == "6-1"
    assert receipt.key == "acme/product#1"
    held = there.desk.records.find("6", "1")
    assert held is not None
    assert (held["labels"], held["confidential"], held["issue_type"]) == (["priority::2", "red"], True, "incident")
    assert isinstance(driver.run(driver.connector.probe(intent, context())), Found)


@pytest.mark.parametrize(("version", "word"), [("15.11.0", "confidential"), ("16.0.1", "internal")])
def test_a_note_for_colleagues_is_one_in_every_version(
    there: GitLabBench, driver: Driver, version: str, word: str
) -> None:
    """An older GitLab would take `internal` for nothing, and show the note to everybody."""
    there.desk.version = version
    issue = there.open_ticket("Printer", "On fire")
    driver.settle(said("Psst", public=False), context(issue))
    assert driver.writes[0].json[word] is True
    assert [one.public for one in there.shown(issue).comments] == [False]


def test_an_assignee_is_found_by_a_shown_address_or_not_at_all(there: GitLabBench, driver: Driver) -> None:
    """And is taken away again."""
    issue = there.open_ticket("Printer", "On fire")
    driver.settle(fields(assignee={"email": "Agent@desk.example"}), context(issue))
    assert there.shown(issue).assignee == there.agents[0]
    outcome = driver.attempt(fields(assignee={"email": "nobody@desk.example"}), context(issue))
    assert isinstance(outcome, Rejected)
    assert outcome.reason is Reason.UNMAPPED
    driver.settle(fields(assignee=None), context(issue))
    assert there.shown(issue).assignee == ""


@pytest.mark.parametrize("fault", ["", "reset_after", "garbage", "error_with_effect"])
def test_files_go_with_their_comment_once(there: GitLabBench, driver: Driver, fault: str) -> None:
    """Uploaded first, which nobody sees; a picture where the text shows it, any other file behind the text."""
    issue = there.open_ticket("Printer", "On fire")
    picture, log = bytes(range(256)) * 100, b"words"
    one, other = driver.files.put(picture), driver.files.put(log)
    files = (
        Attachment("smoke.png", "image/png", one.size, sha256=one.sha256, inline=True),
        Attachment("net.log", "text/plain", other.size, sha256=other.sha256),
    )
    if fault:
        there.desk.fault(fault, method="POST", path="notes$", count=2)
    intent = said(f"See ![smoke](attachment:{one.sha256}) here", files=files)
    driver.settle(intent, context(issue), there.desk.accept)
    assert len(there.desk.effects.all(kind="comment", by_api=True)) == 1
    assert [(file.name, file.data) for file in there.shown(issue).files] == [("smoke.png", picture), ("net.log", log)]
    found = driver.run(driver.connector.read(issue))
    assert found is not None
    (note,) = found.comments
    assert [file.name for file in note.attachments] == ["smoke.png", "net.log"]
    assert note.body.startswith("See ![smoke.png](attachment:5/")
    assert note.body.endswith("net.log")


def test_an_upload_that_fails_writes_nothing(there: GitLabBench, driver: Driver) -> None:
    """Refused for good, to be tried again, or told to wait."""
    issue = there.open_ticket("Printer", "On fire")
    blob = driver.files.put(b"x")
    intent = said("See", files=(Attachment("x.txt", "text/plain", 1, sha256=blob.sha256),))
    for status, expected in ((413, Rejected), (502, NotSent)):
        there.desk.fault("error_without_effect", method="POST", path="uploads$", status=status)
        assert isinstance(driver.attempt(intent, context(issue)), expected)
        assert driver.requests[-1].effect is Effect.STAGE
    there.desk.fault("throttle", method="POST", path="uploads$", seconds=3)
    assert isinstance(driver.attempt(intent, context(issue)), Throttled)
    assert there.shown(issue).comments == ()


def test_effects_are_counted_by_their_mark(there: GitLabBench, driver: Driver) -> None:
    """What people copied is theirs."""
    intent = Intent(Operation.CREATE, {"title": "Net", "body": "Down"})
    issue = driver.settle(intent, context()).remote_id
    driver.attempt(intent, context())
    held = there.desk.records.find("5", "1")
    assert held is not None
    there.desk.act("open", title="Net", body=held["description"])
    assert [one.remote_id for one in driver.run(driver.connector.effects(intent, context())).copies] == ["5-1", "5-2"]
    words = said("We are at it")
    for _ in range(2):
        driver.attempt(words, context(issue))
    assert len(driver.run(driver.connector.effects(words, context(issue))).copies) == 2


def test_copies_are_taken_back_once(there: GitLabBench, driver: Driver) -> None:
    """A second issue is closed, a second note deleted."""
    issue = driver.settle(Intent(Operation.CREATE, {"title": "Net"}), context()).remote_id
    note = driver.settle(said("We are at it"), context(issue)).comment_id
    for of, copy in (("public_reply", note), ("create", issue)):
        for _ in range(2):
            undo = Intent(Operation.UNDO, params={"copy": copy, "of": of})
            assert isinstance(driver.attempt(undo, context(issue)), Done)
    assert there.shown(issue).comments == ()
    assert there.shown(issue).status == "closed"
    assert isinstance(driver.run(driver.connector.probe(said("We are at it"), context(issue))), Absent)


def test_a_refusal_says_which_field(there: GitLabBench, driver: Driver) -> None:
    """`message` is a text, or texts by field."""
    there.open_ticket("Printer", "On fire")
    for body, words in (
        (b'{"message":{"title":["is too long"]}}', "title: is too long"),
        (b'{"message":"404 Project Not Found"}', "404 Project Not Found"),
        (b'{"error":"invalid_token","error_description":"Token was revoked"}', "Token was revoked"),
        (b"<html>", "<html>"),
    ):
        assert words in asking.complaint(HttpResponse(400, {}, body))


def test_a_limit_without_retry_after_ends_at_its_reset() -> None:
    """Seconds since 1970, by GitLab's own clock."""
    headers = {"ratelimit-reset": "1767225630", "date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    assert asking.waiting(HttpResponse(429, headers, b"")) == 30
    assert asking.waiting(HttpResponse(429, {**headers, "retry-after": "7"}, b"")) == 7
    assert asking.waiting(HttpResponse(429, {"ratelimit-reset": "soon"}, b"")) is None
