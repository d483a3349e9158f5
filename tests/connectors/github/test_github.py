"""What GitHub is told and tells: labels, states, moves, limits, marks, and every sort of event."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from connectors.github import mapping
from connectors.github.asking import is_throttled, refusal, wait_of
from connectors.github.bench import GitHubBench
from connectors.github.calls import read
from connectors.github.connector import GitHubConnector
from connectors.github.sim_state import READ
from connectors.sdk import (
    Absent,
    Category,
    Done,
    Event,
    EventKind,
    FieldChange,
    Forbidden,
    Found,
    HttpResponse,
    Intent,
    Kind,
    Level,
    Operation,
    Priority,
    Progress,
    Reason,
    Rejected,
    RemotePerson,
    Status,
    Throttled,
    UnreadableError,
    Visibility,
)
from connectors.testing.conformance.stand import comment, context, creation
from connectors.testing.driver import Driver
from gateway.errors import ConfigError, ThrottledError
from tests.connectors.github.conftest import connect, stored

OPTIONS = connect().options
ISSUE: dict[str, Any] = {
    "number": 12, "title": "Printer", "body": "On fire", "state": "open", "state_reason": None,
    "user": {"login": "kim"},
    "labels": [{"name": "export"}], "assignees": [], "updated_at": "2026-03-01T10:00:00Z",
    "created_at": "2026-03-01T09:00:00Z",
}  # fmt: skip


def fields(**values: Any) -> Intent:
    """Return the intent to set fields."""
    return Intent(Operation.SET_FIELDS, values)


def held(bench: GitHubBench, ticket: str) -> dict[str, Any]:
    """Return an issue as the desk keeps it."""
    repository, _, number = ticket.rpartition("#")
    return bench.desk.records.issues[repository][int(number)]


# ---------------------------------------------------------------- events


def parse(action: str, issue: dict[str, Any] | None = None, **more: Any) -> tuple[Event, ...]:
    """Parse an event about issue 12."""
    body = {
        "action": action, "issue": {**ISSUE, **(issue or {})}, "repository": {"full_name": "ACME/Help"},
        "sender": {"login": "robin"}, **more,
    }  # fmt: skip
    return connect().parse(stored(msgspec.json.encode(body)))


@pytest.mark.parametrize(
    ("action", "issue", "more", "expected"),
    [
        ("edited", {}, {"changes": {"title": {"from": "Old"}}}, FieldChange("title", "Printer", "Old")),
        ("edited", {}, {"changes": {"body": {"from": "Old"}}}, FieldChange("body", "On fire", "Old")),
        (
            "closed", {"state": "closed", "state_reason": "not_planned"}, {},
            FieldChange("status", Status(Category.CANCELLED, "not_planned"), Status(Category.OPEN, "open")),
        ),
        (
            "closed", {"state": "closed", "state_reason": "duplicate"}, {},
            FieldChange("status", Status(Category.CANCELLED, "duplicate"), Status(Category.OPEN, "open")),
        ),
        (
            "labeled", {"labels": [{"name": "Status: on hold"}]}, {"label": {"name": "Status: on hold"}},
            FieldChange("status", Status(Category.ON_HOLD, "Status: on hold"), Status(Category.OPEN, "open")),
        ),
        (
            "unlabeled", {"labels": []}, {"label": {"name": "priority: high"}},
            FieldChange("priority", Priority(Level.UNSET, ""), Priority(Level.P2, "priority: high")),
        ),
        ("labeled", {}, {"label": {"name": "export"}}, FieldChange("tags", ("export",), ())),
        (
            "unassigned", {}, {"assignee": {"login": "sam"}},
            FieldChange("assignee", None, RemotePerson("sam")),
        ),
        ("typed", {"type": {"name": "Bug"}}, {"type": {"name": "Bug"}}, FieldChange("kind", Kind.PROBLEM, Kind.OTHER)),
    ],
)  # fmt: skip
def test_each_action(action: str, issue: dict[str, Any], more: dict[str, Any], expected: FieldChange) -> None:
    """The value as it is now, and as it was; the repository is named as the settings write it."""
    (found,) = parse(action, issue, **more)
    assert (found.kind, found.remote_id) == (EventKind.CHANGED, "acme/help#12")
    assert found.changes == (expected,)


@pytest.mark.parametrize(
    "action", ["milestoned", "demilestoned", "locked", "unlocked", "pinned", "unpinned", "field_added", "a-new-one", ""]
)
def test_other_actions_say_how_it_looks_now(action: str) -> None:
    """Also those that GitHub does not have yet."""
    (found,) = parse(action)
    assert (found.kind, found.changes) == (EventKind.OBSERVED, ())


@pytest.mark.parametrize("action", ["edited", "deleted", "pinned"])
def test_a_changed_comment_asks_for_a_read(action: str) -> None:
    """It is no new one."""
    (found,) = parse(action, comment={"id": 9, "body": "x", "user": {"login": "sam"}})
    assert (found.kind, found.needs_read) == (EventKind.OBSERVED, True)
    assert (found.comment is not None) is (action == "edited")


def test_pull_requests_and_other_things_are_none_of_our_business() -> None:
    """Comments on pull requests are issue comments to GitHub."""
    assert parse("created", {"pull_request": {"url": "x"}}, comment={"id": 9, "body": "x"}) == ()
    connector = connect()
    for body in (
        {"action": "opened", "pull_request": {"number": 1}, "repository": {"full_name": "acme/help"}},
        {"action": "created", "discussion": {"number": 1}, "comment": {"id": 1}, "repository": {}},
        {"ref": "refs/heads/main", "commits": [], "repository": {"full_name": "acme/help"}},
        {"action": "opened", "issue": ISSUE, "repository": {"full_name": "acme/other"}},
    ):
        assert connector.parse(stored(msgspec.json.encode(body))) == ()


def test_a_webhook_may_send_a_form() -> None:
    """`application/x-www-form-urlencoded`: JSON in one field."""
    body = b'{"action":"opened","issue":{"number":12,"title":"a&b"},"repository":{"full_name":"acme/help"}}'
    (found,) = connect().parse(stored(b"payload=" + quote(body).encode()))
    assert (found.kind, found.remote_id) == (EventKind.CREATED, "acme/help#12")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"issue": {"number": 1}, "action": "opened"}', "names no issue"),
        (b'{"issue": {}, "repository": {"full_name": "acme/help"}, "action": "opened"}', "names no issue"),
        (b'{"hello": 1}', "no event of GitHub"),
        (b"payload=%7B", "not JSON"),
    ],
)
def test_what_cannot_be_read_says_why(body: bytes, words: str) -> None:
    """In one line."""
    with pytest.raises(UnreadableError, match=words):
        connect().parse(stored(body))


# ---------------------------------------------------------------- moves and deletions


def test_a_moved_issue_is_the_one_there(bench: GitHubBench, driver: Driver) -> None:
    """The old one says which it is now, however often it moved, and no write follows it by itself."""
    ticket = bench.open_ticket("Printer", "On fire")
    new = bench.desk.act("transfer", issue=ticket, repository="acme/plant")
    gone = driver.run(driver.connector.read(ticket))
    assert gone is not None
    assert (gone.remote_id, gone.merged_into) == (ticket, new)
    moved = driver.run(driver.connector.read(new))
    assert moved is not None
    assert (moved.queue, moved.title) == ("acme/plant", "Printer")
    for intent in (fields(title="x"), comment(Operation.PUBLIC_REPLY, "x")):
        assert isinstance(driver.attempt(intent, context(ticket)), Rejected)


def test_an_issue_that_was_moved_twice_leads_to_where_it_is(bench: GitHubBench, driver: Driver) -> None:
    """Each place redirects to the next; one that was deleted there is gone."""
    ticket = bench.open_ticket("Printer", "On fire")
    there = bench.desk.act("transfer", issue=ticket, repository="acme/plant")
    back = bench.desk.act("transfer", issue=there, repository="acme/help")
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert found.merged_into == back
    bench.delete(back)
    assert driver.run(driver.connector.read(ticket)) is None


def test_an_issue_that_left_our_repositories_is_gone(bench: GitHubBench, driver: Driver) -> None:
    """Wherever the redirect leads."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.desk.act("transfer", issue=ticket, repository="acme/plant")
    assert isinstance(driver.connector, GitHubConnector)
    elsewhere = msgspec.structs.replace(driver.connector.options, repositories=("acme/help",))
    assert driver.run(read(elsewhere, ticket)) is None


def test_a_deleted_issue_is_gone(bench: GitHubBench, driver: Driver) -> None:
    """410, not 404."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.delete(ticket)
    assert driver.run(driver.connector.read(ticket)) is None
    assert isinstance(driver.attempt(fields(title="x"), context(ticket)), Rejected)


# ---------------------------------------------------------------- writes


def test_labels_of_others_stay(bench: GitHubBench, driver: Driver) -> None:
    """GitHub sets them all at once: those that are no field of ours, or no field that is set, are sent again."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.desk.act("set", issue=ticket, labels=["vip", "priority: low", "status: on hold", "bug"])
    driver.settle(fields(priority={"level": "P1"}, status={"category": "pending_customer"}), context(ticket))
    assert sorted(held(bench, ticket)["labels"]) == ["bug", "priority: urgent", "status: waiting for customer", "vip"]
    driver.settle(fields(tags=["a b", "c"], kind="question"), context(ticket))
    assert sorted(held(bench, ticket)["labels"]) == [
        "a b", "c", "priority: urgent", "question", "status: waiting for customer"
    ]  # fmt: skip


def test_closing_takes_the_label_of_an_open_status_off(bench: GitHubBench, driver: Driver) -> None:
    """In one request, with its reason."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.set_status(ticket, Category.ON_HOLD)
    driver.settle(fields(status={"category": "cancelled"}), context(ticket))
    assert driver.writes[0].json == {"labels": [], "state": "closed", "state_reason": "not_planned"}
    driver.settle(fields(status={"category": "resolved"}), context(ticket))
    assert driver.writes[0].json == {"state": "closed", "state_reason": "completed"}


def test_what_github_drops_without_a_word_is_told(bench: GitHubBench, driver: Driver) -> None:
    """200, and nobody is assigned; no label is set without the role."""
    ticket = bench.open_ticket("Printer", "On fire")
    outcome = driver.attempt(fields(assignee={"external_id": "stranger"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "has not set assignees" in outcome.detail
    bench.desk.records.role = READ
    outcome = driver.attempt(fields(priority={"level": "P1"}), context(ticket))
    assert isinstance(outcome, Rejected)
    assert "has not set labels" in outcome.detail


def test_a_status_without_a_label_is_refused(bench: GitHubBench, driver: Driver) -> None:
    """And a word that is none."""
    ticket = bench.open_ticket("Printer", "On fire")
    for status in ({"category": "unknown"}, {"category": "open", "native": "Warten"}):
        outcome = driver.attempt(fields(status=status), context(ticket))
        assert isinstance(outcome, Rejected)
        assert outcome.reason is Reason.UNMAPPED
    assert driver.writes == []


def test_a_body_keeps_its_mark(bench: GitHubBench, driver: Driver) -> None:
    """Otherwise the issue would no more be known as ours."""
    given = context()
    receipt = driver.settle(creation(bench), given)
    driver.settle(fields(body="Another"), context(receipt.remote_id))
    read = driver.run(driver.connector.read(receipt.remote_id))
    assert read is not None
    assert (read.body, read.marker) == ("Another", given.effect_key)


def test_a_body_with_html_is_added_to(bench: GitHubBench, driver: Driver) -> None:
    """Twice adds once."""
    html = "<details><summary>Log</summary>\n\nx\n</details>"
    ticket = bench.open_ticket("Printer", html)
    for _ in range(2):
        driver.settle(fields(body="And more"), context(ticket))
    assert held(bench, ticket)["body"] == f"{html}\n\n---\n\nAnd more"


def test_an_issue_that_is_born_closed_takes_two_attempts(bench: GitHubBench, driver: Driver) -> None:
    """GitHub opens every issue."""
    intent, given = creation(bench, status={"category": "resolved"}), context()
    first = driver.attempt(intent, given)
    assert isinstance(first, Progress)
    receipt = driver.settle(intent, context(steps=first.steps))
    assert receipt.remote_id == first.receipt.remote_id
    assert held(bench, receipt.remote_id)["state"] == "closed"
    assert len(bench.desk.effects.all(kind="create")) == 1


def test_what_landed_is_not_written_over_what_a_person_made_of_it(bench: GitHubBench, driver: Driver) -> None:
    """The issue's events tell what we did set."""
    ticket = bench.open_ticket("Printer", "On fire")
    given = context(ticket)
    bench.desk.clock.skew += timedelta(seconds=2)
    bench.desk.fault("reset_after", method="PATCH")
    intent = fields(title="Ours", priority={"level": "P1"}, status={"category": "resolved"})
    driver.attempt(intent, given)
    bench.set_title(ticket, "Theirs")
    bench.set_priority(ticket, Level.P4)
    bench.set_status(ticket, Category.OPEN)
    assert isinstance(driver.run(driver.connector.probe(intent, given)), Found)
    assert isinstance(driver.attempt(intent, given), Done)
    assert driver.writes == []


def test_in_which_repository(bench: GitHubBench, driver: Driver) -> None:
    """The rule says, unless there is but one."""
    outcome = driver.attempt(Intent(Operation.CREATE, {"title": "x"}), context())
    assert isinstance(outcome, Rejected)
    assert "repository" in outcome.detail
    intent = Intent(Operation.CREATE, {"title": "x"}, params={"repository": "ACME/Plant", "labels": ["from-desk"]})
    receipt = driver.settle(intent, context())
    assert receipt.remote_id == "acme/plant#1"
    assert held(bench, receipt.remote_id)["labels"] == ["from-desk"]


# ---------------------------------------------------------------- texts


def test_nobody_is_called_by_a_text_of_ours() -> None:
    """Nor is another issue linked; code stays as it is, and it reads back as it was."""
    given = "Ask @robin, see #12 and `@code` or a@b.example\n\n```\n@all #1\n```\n\n[@Kim](mention:7)"
    written = mapping.marked(given, "0123456789abcdef")
    assert "@\u2060robin" in written
    assert "#\u206012" in written
    assert "`@code`" in written
    assert "a@b.example" in written
    assert "\n@all #1\n" in written
    assert "@\u2060Kim" in written
    read = mapping.body_of(written)
    assert read == given.replace("[@Kim](mention:7)", "@Kim")
    assert mapping.marker_of(written) == "0123456789abcdef"


def test_issues_of_other_repositories_are_not_linked() -> None:
    """In each spelling; an address stays what it is."""
    given = "As acme/tool.js#3 and GH-7 say; https://acme.io/repo#3, [docs](https://acme.io/page#4), a/b, GHz-1"
    written = mapping.calling_nobody(given)
    assert "acme/tool.js#\u20603" in written
    assert "GH-\u20607" in written
    assert written.count("\u2060") == 2
    assert mapping.body_of(written) == given


def test_html_of_people_is_markdown_as_far_as_it_goes() -> None:
    """Pictures, breaks and hidden comments; what is left is said to be lost."""
    said = 'Look:<br>\n<img width="1" alt="Shot" src="https://x.example/a.png" />\r\n<!-- template -->\nEnd'
    assert mapping.body_of(said).split() == ["Look:", "![Shot](https://x.example/a.png)", "End"]
    assert mapping.lost_of(said) == ()
    assert mapping.lost_of("<details>x</details>") == ("HTML in the text",)
    assert mapping.lost_of("`<details>` is a tag, and a < b") == ()


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("status", "headers", "body", "seconds"),
    [
        (429, {"retry-after": "17"}, b"", 17),
        (403, {"retry-after": "17"}, b"", 17),
        (
            403,
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1772359230", "date": "Sun, 01 Mar 2026 10:00:00 GMT"},
            b"", 30,
        ),
        (403, {"x-ratelimit-remaining": "4000"}, b'{"message": "You have exceeded a secondary rate limit"}', 60),
        (429, {}, b"", 60),
    ],
)  # fmt: skip
def test_limits_say_how_long(status: int, headers: dict[str, str], body: bytes, seconds: int) -> None:
    """The primary one by its reset, told by GitHub's own clock; a secondary one by Retry-After, else a minute."""
    response = HttpResponse(status, headers, body)
    assert is_throttled(response)
    assert wait_of(response) == seconds
    assert isinstance(refusal(response), Throttled)


def test_other_refusals() -> None:
    """403 without a limit, a locked issue, a redirect, and what is invalid."""
    assert isinstance(refusal(HttpResponse(403, {"x-ratelimit-remaining": "9"}, b'{"message": "Resource"}')), Forbidden)
    locked = b'{"message": "Unable to create comment because issue is locked."}'
    assert isinstance(refusal(HttpResponse(403, {}, locked)), Rejected)
    moved = refusal(HttpResponse(301, {}, b'{"message": "Moved Permanently"}'))
    assert isinstance(moved, Rejected)
    wrong = b'{"message": "Validation Failed", "errors": [{"resource": "Issue", "field": "title", "code": "missing"}]}'
    assert refusal(HttpResponse(422, {}, wrong)) == Rejected("HTTP 422 Validation Failed; title missing")


def test_a_throttled_poll_keeps_its_place(bench: GitHubBench, driver: Driver) -> None:
    """And says how long."""
    bench.desk.fault("throttle", seconds=9)
    with pytest.raises(ThrottledError) as error:
        driver.run(driver.connector.changes("", bench.desk.now()))
    assert error.value.seconds == 9


# ---------------------------------------------------------------- polls, counting, people


def test_more_changes_in_one_second_than_a_page_holds(bench: GitHubBench, driver: Driver) -> None:
    """In two repositories; what is pushed from page to page while they are read is told in the next round."""
    bench.desk.clock.skew += timedelta(seconds=1)
    frozen = bench.desk.now().replace(microsecond=0)
    made = [bench.open_ticket(f"Printer {number}", "x") for number in range(230)]
    made += [str(bench.desk.act("create", title="Press", body="x", repository="acme/plant")) for _ in range(3)]
    for ticket in made[:230]:
        held(bench, ticket)["updated_at"] = frozen
    told: set[str] = set()
    cursor, number = "", 0
    for rounds in range(3):
        end = False
        while not end:
            page = driver.run(driver.connector.changes(cursor, bench.desk.now()))
            told |= {each.remote_id for each in page.tickets}
            cursor, end, number = page.cursor, page.end, number + 1
            if rounds == 0:
                bench.desk.clock.skew += timedelta(seconds=1)
                bench.set_title(made[number], f"Changed {number}")
            assert number < 30
    assert set(made) <= told


def test_doubles_are_counted_by_their_mark(bench: GitHubBench, driver: Driver) -> None:
    """What a person copied is theirs."""
    given, intent = context(), creation(bench)
    for _ in range(2):
        driver.attempt(intent, given)
    first = driver.run(driver.connector.effects(intent, given)).copies
    assert [copy.remote_id for copy in first] == ["acme/help#1", "acme/help#2"]
    bench.open_ticket("Copied", str(held(bench, "acme/help#1")["body"]))
    assert len(driver.run(driver.connector.effects(intent, given)).copies) == 2
    ticket = bench.open_ticket("Printer", "On fire")
    given, intent = context(ticket), comment(Operation.PUBLIC_REPLY, "Text")
    assert driver.run(driver.connector.probe(intent, given)) == Absent()
    for _ in range(3):
        driver.attempt(intent, given)
    assert len(driver.run(driver.connector.effects(intent, given)).copies) == 3


def test_the_events_tell_who_set_a_field_last(bench: GitHubBench, driver: Driver) -> None:
    """Ours, until a person changes it."""
    ticket = bench.open_ticket("Printer", "On fire")
    intent = fields(title="Ours", priority={"level": "P1"}, tags=["a"])
    driver.settle(intent, context(ticket))
    bench.set_title(ticket, "Theirs")
    seen = driver.run(driver.connector.effects(intent, context(ticket)))
    assert seen.ours == {"priority", "tags"}
    assert seen.ticket is not None
    assert seen.ticket.title == "Theirs"


def test_those_who_can_be_assigned_are_the_agents(bench: GitHubBench) -> None:
    """Of all repositories, each once."""
    connector = GitHubConnector(bench.settings())
    driver = Driver(connector, deadline=2.0)
    found = driver.run(connector.agents(()))
    driver.close()
    assert sorted(each.account_id for each in found) == ["gateway-bot", "robin", "sam"]
    assert all(each.active for each in found)


def test_comments_of_a_repository_of_colleagues_are_internal(bench: GitHubBench) -> None:
    """Where the site says so."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.say(ticket, "Between us")
    driver = Driver(GitHubConnector(bench.settings(comments="internal")), deadline=2.0)
    read = driver.run(driver.connector.read(ticket))
    driver.close()
    assert read is not None
    assert [each.visibility for each in read.comments] == [Visibility.INTERNAL]


def test_a_check_says_what_is_wrong_with_a_repository(bench: GitHubBench) -> None:
    """One that is not there, and a role that is too little."""
    bench.desk.records.role = READ
    driver = Driver(GitHubConnector(bench.settings(repositories=["acme/help", "acme/nope"])), deadline=2.0)
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    driver.close()
    assert "Triage" in lines["acme/help"].detail
    assert not lines["acme/nope"].ok


def test_settings_that_cannot_work_are_refused() -> None:
    """Said when the connection is made."""
    given: list[dict[str, Any]] = [{"repositories": []}, {"repositories": ["help"]}, {"auth": {}}]
    for wrong in given:
        with pytest.raises(ConfigError):
            connect(**wrong)
    server = connect("https://git.acme.example/api/v3").options
    found = mapping.ticket({"number": 3}, "acme/help", server, at=mapping.EPOCH)
    assert found is not None
    assert found.url == "https://git.acme.example/acme/help/issues/3"


def test_labels_of_the_site_come_before_the_usual_ones() -> None:
    """For what the site has none of, the usual ones stay."""
    options = connect(priorities={"P0": "P1"}, statuses={"triage": "new"}).options
    assert mapping.priority(["p0"], options).level is Level.P1
    assert mapping.priority(["priority: urgent"], options).level is Level.UNSET
    assert mapping.priority(["priority: low", "P0"], options) == Priority(Level.P1, "P0")
    assert mapping.status("open", "", ["triage"], options) == Status(Category.NEW, "triage")
    assert mapping.status("open", "", ["status: on hold"], options).category is Category.ON_HOLD
    assert mapping.status("closed", "", ["triage"], OPTIONS) == Status(Category.RESOLVED, "closed")
