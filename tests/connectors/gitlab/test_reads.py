"""GitLab in reads: issues that went elsewhere, customers who mail, marks of strangers, several projects, files."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.gitlab import texts
from connectors.gitlab.bench import GitLabBench
from connectors.gitlab.connector import GitLabConnector
from connectors.gitlab.sim_state import PRODUCT
from connectors.sdk import (
    Category,
    CheckResult,
    HoldReason,
    Kind,
    Level,
    Priority,
    RemotePerson,
    RemoteTicket,
    Status,
)
from connectors.testing.driver import Driver
from gateway.errors import ThrottledError

KEY = "0123456789abcdef0123456789abcdef"


def whole(driver: Driver, issue: str) -> RemoteTicket:
    """Read one issue that must be there."""
    found = driver.run(driver.connector.read(issue))
    assert found is not None
    return found


def poll(there: GitLabBench, driver: Driver, cursor: str = "") -> tuple[list[RemoteTicket], str, int]:
    """Poll to the end; returns what was told, the cursor and the number of pages."""
    seen: list[RemoteTicket] = []
    for number in range(1, 200):
        page = driver.run(driver.connector.changes(cursor, there.desk.now()))
        seen += page.tickets
        cursor = page.cursor
        if page.end:
            return seen, cursor, number
    pytest.fail("no end")


def checks(driver: Driver) -> dict[str, CheckResult]:
    """Return the lines of a check by name."""
    return {line.name: line for line in driver.run(driver.connector.check())}


def test_a_duplicate_names_its_original(there: GitLabBench, driver: Driver) -> None:
    """As one that was merged into it."""
    one, other = there.open_ticket("Printer", "On fire"), there.open_ticket("Printer again", "Still")
    there.merge(other, one)
    assert whole(driver, other).merged_into == one
    assert whole(driver, one).merged_into == ""


def test_a_moved_issue_names_its_place(there: GitLabBench, driver: Driver) -> None:
    """By GitLab's own note, which is believed only where the issue there is the right one."""
    issue = there.open_ticket("Printer", "On fire")
    there.desk.act("note", issue=issue, text="moved to acme/support#99")
    place = there.desk.act("move", issue=issue, to=PRODUCT)
    assert place == "6-1"
    found = whole(driver, issue)
    assert found.merged_into == place
    assert [one.body for one in found.comments] == ["moved to acme/support#99"], "GitLab's own note is no comment"
    assert whole(driver, place).queue == "acme/product"
    held = there.desk.records.find("5", "1")
    assert held is not None
    held["moved_to_id"] = 1
    assert whole(driver, issue).merged_into == ""


@pytest.mark.parametrize("words", ["nach {} verschoben", "{} に移動しました", "déplacé vers {}."])
@pytest.mark.parametrize("is_near", [True, False])
def test_a_move_is_known_in_any_words(there: GitLabBench, driver: Driver, words: str, *, is_near: bool) -> None:
    """By the id of where it went; within one group the note names the project alone. Other notes name other issues."""
    there.desk.move_words = words
    if not is_near:
        there.desk.records.projects[PRODUCT]["path_with_namespace"] = "plant/product"
    issue, other = there.open_ticket("Printer", "On fire"), there.open_ticket("Printer again", "Still")
    place = there.desk.act("move", issue=issue, to=PRODUCT)
    held = there.desk.records.find(*issue.split("-"))
    assert held is not None
    named = f"support#{other.split('-')[1]}"
    for said in (f"mentioned in issue acme/{named}", f"marked this issue as related to {named}"):
        there.desk.records.note(held, said, there.desk.records.agent, there.desk.now(), internal=False, system=True)
    told = [each["body"] for each in there.desk.records.notes[held["id"]] if each["system"]]
    assert words.format("product#1" if is_near else "plant/product#1") in told
    assert whole(driver, issue).merged_into == place


def test_a_customer_who_mails_is_the_requester(there: GitLabBench, driver: Driver) -> None:
    """And the author of what the support bot writes; an address that is shown in part names nobody."""
    issue = there.open_ticket("Printer", "On fire", email="kim@example.com")
    there.ask(issue, "Any news?")
    found = whole(driver, issue)
    kim = RemotePerson(email="kim@example.com", role="customer")
    assert found.requester == kim
    assert found.comments[0].author == kim
    held = there.desk.records.find("5", "1")
    assert held is not None
    held["service_desk_reply_to"] = "ki*****@e*****.c**"
    hidden = whole(driver, issue)
    assert hidden.requester is not kim
    assert hidden.comments[0].author is not None
    assert hidden.comments[0].author.role == "customer"
    assert "*" not in hidden.comments[0].author.email


def test_a_mark_counts_only_where_we_wrote_it(there: GitLabBench, driver: Driver) -> None:
    """Anybody can type one; it is shown to nobody, in any case."""
    issue = there.open_ticket("Printer", "On fire")
    driver.run(driver.connector.whoami())
    there.say(issue, texts.marked("Hello", KEY))
    (said,) = whole(driver, issue).comments
    assert (said.body, said.marker) == ("Hello", "")


def test_labels_say_what_opened_and_closed_do_not(there: GitLabBench, driver: Driver) -> None:
    """A label that fits the state; one of the same scope that nobody named stays a word."""
    driver.connector = GitLabConnector(
        there.settings(
            status_labels={"on_hold/third_party": "status::vendor", "cancelled": "status::wontfix"},
            priority_labels={"P1": "severity::high", "P2": "urgent"},
        )
    )
    issue = there.open_ticket("Printer", "On fire")
    expected = {
        ("", ""): (Status(Category.OPEN, "opened"), Priority(Level.UNSET, ""), ()),
        ("status::vendor,severity::high,red", ""): (
            Status(Category.ON_HOLD, "status::vendor", HoldReason.THIRD_PARTY),
            Priority(Level.P1, "severity::high"),
            ("red",),
        ),
        ("status::strange,severity::odd", ""): (
            Status(Category.UNKNOWN, "status::strange"),
            Priority(Level.UNSET, "severity::odd"),
            (),
        ),
        ("status::vendor,urgent", "close"): (Status(Category.RESOLVED, "closed"), Priority(Level.P2, "urgent"), ()),
        ("status::wontfix", "close"): (Status(Category.CANCELLED, "status::wontfix"), Priority(Level.UNSET, ""), ()),
    }
    for (labels, event), (status, priority, tags) in expected.items():
        held = there.desk.records.find("5", "1")
        assert held is not None
        held["labels"], held["state"] = [one for one in labels.split(",") if one], "closed" if event else "opened"
        found = whole(driver, issue)
        assert (found.status, found.priority, found.tags) == (status, priority, tags)


def test_confidential_issues_are_synced_or_left_alone(there: GitLabBench, driver: Driver) -> None:
    """As the site says; a rule sees `custom.confidential`."""
    made = there.desk.act("open", title="Secret", body="x", confidential=True)
    issue = f"5-{made['iid']}"
    assert whole(driver, issue).custom == {"confidential": True}
    driver.connector = GitLabConnector(there.settings(confidential="skip"))
    assert driver.run(driver.connector.read(issue)) is None
    told, _, _ = poll(there, driver)
    assert issue not in {one.remote_id for one in told}


def test_an_incident_is_one(there: GitLabBench, driver: Driver) -> None:
    """By its type."""
    made = there.desk.act("open", title="Down", body="x", issue_type="incident")
    assert whole(driver, f"5-{made['iid']}").kind is Kind.INCIDENT


def test_every_project_is_polled(there: GitLabBench, driver: Driver) -> None:
    """One after the other; each goes on where it was."""
    issue = there.open_ticket("Printer", "On fire")
    place = there.desk.act("move", issue=issue, to=PRODUCT)
    told, cursor, _ = poll(there, driver)
    assert {one.remote_id for one in told} == {issue, place}
    there.desk.clock.skew += timedelta(minutes=5)
    there.desk.act("set", issue=place, title="Renamed")
    told, _, pages = poll(there, driver, cursor)
    assert place in {one.remote_id for one in told}
    assert pages == 2


def test_more_issues_of_one_instant_than_a_page_holds(there: GitLabBench, driver: Driver) -> None:
    """Are told of page by page, none twice in a row for ever."""
    there.desk.clock.frozen = there.desk.now()
    made = {there.open_ticket(f"Printer {number}", "On fire") for number in range(250)}
    told, _, _ = poll(there, driver)
    assert {one.remote_id for one in told} == made


def test_files_in_notes_are_attachments(there: GitLabBench, driver: Driver) -> None:
    """A picture is shown in the text, another file is named; both are fetched."""
    issue = there.open_ticket("Printer", "On fire")
    there.attach(issue, "smoke.png", b"\x89PNG", public=True)
    there.attach(issue, "net log.txt", b"words", public=False)
    one, other = whole(driver, issue).comments
    (picture,), (log,) = one.attachments, other.attachments
    assert one.body == f"See ![smoke.png](attachment:{picture.remote_id})"
    assert other.body == "See net log.txt"
    assert (picture.name, picture.mime, picture.inline, picture.visibility.value) == (
        "smoke.png",
        "image/png",
        True,
        "public",
    )
    assert (log.name, log.inline, log.visibility.value) == ("net log.txt", False, "internal")
    connector = driver.connector
    assert isinstance(connector, GitLabConnector)
    for file, data in ((picture, b"\x89PNG"), (log, b"words")):
        blob = driver.run(connector.fetch(file))
        assert blob is not None
        assert driver.files.held[blob.sha256] == data  # type: ignore[union-attr]


def test_a_check_says_what_is_missing(there: GitLabBench, driver: Driver) -> None:
    """A role that is too small, a project out of sight, labels that are not there yet."""
    assert checks(driver)["project acme/support"].ok
    assert "status::waiting" in checks(driver)["labels acme/support"].detail
    there.desk.records.guest = True
    assert "Reporter" in checks(driver)["project acme/support"].detail
    driver.connector = GitLabConnector(there.settings(project="acme/none"))
    assert not checks(driver)["project acme/none"].ok


def test_members_are_agents(there: GitLabBench, driver: Driver) -> None:
    """Guests and blocked ones are not given anything."""
    there.desk.records.users[there.desk.records.agent]["access_level"] = 10
    blocked = there.desk.records.user("gone", "Gone", "")
    there.desk.records.users[blocked]["state"] = "blocked"
    connector = driver.connector
    assert isinstance(connector, GitLabConnector)
    found = {one.account_id: one.active for one in driver.run(connector.agents(()))}
    assert found == {there.agents[0]: False, there.agents[1]: True, str(blocked): False}


def test_a_limit_says_when_it_ends(there: GitLabBench, driver: Driver) -> None:
    """By Retry-After."""
    there.desk.fault("throttle", seconds=9)
    with pytest.raises(ThrottledError) as told:
        driver.run(driver.connector.whoami())
    assert told.value.seconds == 9
