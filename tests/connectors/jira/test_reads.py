"""What is read from Jira: who may read a comment, what changed, who works there, and what a check says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from connectors.jira import mapping, polling
from connectors.jira.bench import JiraCloudBench, JiraDataCenterBench
from connectors.jira.connector import JiraConnector
from connectors.sdk import (
    Category,
    Kind,
    Level,
    Priority,
    RemotePerson,
    Status,
    Visibility,
)
from connectors.testing.driver import Driver
from gateway.errors import ConfigError, ThrottledError
from tests.connectors.jira.conftest import connect, stored

OPTIONS = connect().options

# ---------------------------------------------------------------- who may read a comment


@pytest.mark.parametrize(
    ("said", "service", "expected"),
    [
        ({"jsdPublic": True}, True, "public"),
        ({"jsdPublic": True}, False, "public"),
        ({"jsdPublic": False}, True, "internal"),
        ({"jsdPublic": "true"}, True, "internal"),
        ({"properties": [{"key": "sd.public.comment", "value": {"internal": True}}]}, True, "internal"),
        ({"properties": [{"key": "sd.public.comment", "value": {"internal": False}}]}, True, "public"),
        (
            {"jsdPublic": True, "properties": [{"key": "sd.public.comment", "value": {"internal": True}}]},
            True,
            "internal",
        ),
        ({"jsdPublic": True, "visibility": {"type": "role", "value": "Administrators"}}, True, "internal"),
        ({}, True, "internal"),
        ({}, False, "internal"),
        ({"jsdPublic": None, "properties": "x"}, True, "internal"),
    ],
)
def test_who_may_read_a_comment(said: dict[str, Any], service: bool, expected: str) -> None:
    """Internal wherever anything says so, and where nothing says anything."""
    assert mapping.visibility({"id": "7", **said}, OPTIONS, service=service) == Visibility(expected)


def test_what_the_service_desk_shows_to_customers_is_public(driver: Driver, bench: JiraCloudBench) -> None:
    """Data Center's comments do not say it themselves; a comment without any word is public there by Jira's default."""
    ticket = bench.open_ticket("Printer", "On fire")
    records = bench.desk.records
    with bench.desk.lock:
        records.say(records.issues[ticket], records.agents[0], bench.desk.now(), records.kept("Unmarked"), [])
    bench.say(ticket, "Note", public=False)
    read = driver.run(driver.connector.read(ticket))
    assert read is not None
    assert [each.visibility for each in read.comments] == [Visibility.PUBLIC, Visibility.INTERNAL]


def test_a_comment_of_data_center_is_read_before_it_is_believed() -> None:
    """Its webhook does not say whether customers see it."""
    comment = {"id": "7", "body": "Text", "created": "2026-03-01T10:00:00.000+0000", "author": {"name": "robin"}}
    issue = {"id": "1", "fields": {"project": {"key": "HELP", "projectTypeKey": "service_desk"}}}
    body = {"webhookEvent": "comment_created", "timestamp": 1, "comment": comment, "issue": issue}
    connector = connect("https://jira.acme.example", auth={"token": "t"})
    (found,) = connector.parse(stored(msgspec.json.encode(body)))
    assert (found.comment, found.needs_read) == (None, True)


# ---------------------------------------------------------------- words


def test_words_of_the_site_come_first() -> None:
    """Then Jira's defaults, then the category that Jira gives a status; what nobody knows is unknown."""
    options = connect(
        statuses={"Warten": "on_hold", "Done": "closed"},
        priorities={"Dringend": "P1"},
        issue_types={"Outage": "incident"},
    ).options
    assert mapping.status("warten", options) == Status(Category.ON_HOLD, "warten")
    assert mapping.status("Done", options).category is Category.CLOSED
    assert mapping.status("Resolved", options).category is Category.RESOLVED
    assert mapping.status("In Arbeit", options, "indeterminate") == Status(Category.OPEN, "In Arbeit")
    assert mapping.status("Fertig", options, "done").category is Category.RESOLVED
    assert mapping.status("Etwas", options, "undefined") == Status(Category.UNKNOWN, "Etwas")
    assert mapping.priority("dringend", options) == Priority(Level.P1, "dringend")
    assert mapping.priority("P0", options) == Priority(Level.UNSET, "P0")
    assert mapping.kind("Outage", options) is Kind.INCIDENT
    assert mapping.kind("Epic", options) is Kind.OTHER
    assert options.status_words[Category.ON_HOLD][0] == "Warten"
    assert options.priority_words[Level.P1] == "Dringend"


def test_people_of_every_deployment() -> None:
    """Cloud names them by accountId, Data Center by name; portal customers and apps are told."""
    assert mapping.person({"accountId": "a", "name": "n", "displayName": "N"}) == RemotePerson("a", name="N")
    assert mapping.person({"name": "n", "key": "k", "emailAddress": "n@x.example"}) == RemotePerson("n", "n@x.example")
    assert mapping.person({"key": "k"}) == RemotePerson("k")
    assert mapping.person({"accountId": "a", "accountType": "customer"}) == RemotePerson("a", role="customer")
    assert mapping.person({"accountId": "a", "accountType": "app"}) == RemotePerson("a", role="system")
    assert mapping.person(None) is None


def test_custom_fields_are_read_by_their_names() -> None:
    """A choice by its value, a person by their account, a text as it is."""
    options = connect(
        custom_fields={"plant": "customfield_1", "owner": "customfield_2", "note": "customfield_3"}
    ).options
    fields = {"customfield_1": {"value": "Ulm"}, "customfield_2": {"accountId": "a"}, "customfield_3": None}
    found = mapping.ticket({"id": "1", "fields": fields}, options, at=mapping.EPOCH)
    assert found is not None
    assert found.custom == {"plant": "Ulm", "owner": "a"}


# ---------------------------------------------------------------- moves


def test_an_issue_that_moves_keeps_its_number(bench: JiraCloudBench, driver: Driver) -> None:
    """Its key and its address are others, and its old key still leads to it."""
    ticket = bench.open_ticket("Printer", "On fire")
    before = driver.run(driver.connector.read(ticket))
    key = bench.desk.act("move", issue=ticket, project="DEV")
    after = driver.run(driver.connector.read(ticket))
    assert before is not None
    assert after is not None
    assert (before.remote_id, before.queue) == (ticket, "HELP")
    assert (after.remote_id, after.key, after.queue) == (ticket, key, "DEV")
    assert after.url.endswith(f"/browse/{key}")
    again = driver.run(driver.connector.read(before.key))
    assert again is not None
    assert again.remote_id == ticket


# ---------------------------------------------------------------- polls


def test_no_date_is_written_into_a_search(bench: JiraCloudBench, driver: Driver) -> None:
    """It would be read in the account's time zone; minutes of Jira's own clock have none."""
    page = driver.run(driver.connector.changes("", bench.desk.now()))
    assert driver.requests[0].params["jql"] == (
        'project in ("HELP", "DEV") AND updated >= -63m ORDER BY updated DESC, key DESC'
    )
    driver.run(driver.connector.changes(page.cursor, bench.desk.now() + timedelta(seconds=30)))
    assert "updated >= -4m" in driver.requests[0].params["jql"]


def test_changes_while_pages_are_read_are_not_missed(bench: JiraCloudBench, driver: Driver) -> None:
    """What moves to the front in one round is told of in the next; nothing is passed over by what moves."""
    start = driver.run(driver.connector.changes("", bench.desk.now())).cursor
    made = [bench.open_ticket(f"Printer {number}", "x") for number in range(250)]
    told: set[str] = set()
    cursor, number = start, 0
    for rounds in range(2):
        end = False
        while not end:
            bench.desk.clock.skew += timedelta(seconds=5)
            page = driver.run(driver.connector.changes(cursor, bench.desk.now()))
            told |= {each.remote_id for each in page.tickets}
            assert len(page.tickets) <= 100
            cursor, end = page.cursor, page.end
            if rounds == 0:
                bench.set_title(made[number], f"Changed {number}")
                bench.set_title(made[-1 - number], f"Changed {number}")
                number += 1
    assert set(made) <= told


def test_a_place_that_has_grown_old_begins_the_round_again() -> None:
    """And the round that was under way is not taken for done."""
    with JiraCloudBench() as bench:
        driver = Driver(JiraConnector(bench.settings()), deadline=2.0)
        now = bench.desk.now()
        old = polling.Cursor(now - timedelta(minutes=9), now, "another search", "MTAwfHg=")
        page = driver.run(driver.connector.changes(msgspec.json.encode(old).decode(), now))
        assert not page.end
        assert msgspec.json.decode(page.cursor, type=polling.Cursor) == polling.Cursor(old.since)
        driver.close()


def test_a_poll_that_is_throttled_says_how_long(bench: JiraCloudBench, driver: Driver) -> None:
    """By Retry-After."""
    bench.desk.fault("throttle", seconds=17)
    with pytest.raises(ThrottledError) as error:
        driver.run(driver.connector.changes("", bench.desk.now()))
    assert error.value.seconds == 17


# ---------------------------------------------------------------- who, and what a check says


def test_the_agents_that_the_site_names_are_read(bench: JiraCloudBench) -> None:
    """Who is not there is left out, who is deactivated is not active."""
    connector = JiraConnector(bench.settings())
    driver = Driver(connector, deadline=2.0)
    bench.desk.records.users[bench.agents[1]]["active"] = False
    found = driver.run(connector.agents([*bench.agents, "nobody"]))
    driver.close()
    assert {each.account_id: each.active for each in found} == {bench.agents[0]: True, bench.agents[1]: False}


def test_a_check_says_which_jira_it_is(bench: JiraCloudBench) -> None:
    """Spoken to as the other one it fails, and says what to write."""
    other = "cloud" if isinstance(bench, JiraDataCenterBench) else "data_center"
    driver = Driver(JiraConnector(bench.settings(deployment=other, projects=[])), deadline=2.0)
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    driver.close()
    assert not lines["deployment"].ok
    assert lines["deployment"].detail.endswith("set deployment: " + ("data_center" if other == "cloud" else "cloud"))


def test_a_check_names_words_that_jira_does_not_have(bench: JiraCloudBench) -> None:
    """They would never be read."""
    statuses = {"Warten": "on_hold", "To Do": "new"}
    driver = Driver(JiraConnector(bench.settings(statuses=statuses, projects=["HELP", "NOPE"])), deadline=2.0)
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    driver.close()
    assert lines["status words"].detail == "Jira has no status named warten"
    assert lines["project HELP"].detail == "service project; every right is there"
    assert not lines["project NOPE"].ok
    assert not lines["search"].ok


def test_the_deployment_is_told_from_the_address() -> None:
    """Where it is not said."""
    assert connect("https://acme.atlassian.net").options.cloud
    assert not connect("https://jira.acme.example/jira").options.cloud
    assert connect("https://jira.acme.example", deployment="cloud").options.api == "/rest/api/3"
    with pytest.raises(ConfigError, match="auth needs"):
        connect(auth={"email": "x"})


def test_a_service_account_gets_its_token_by_oauth() -> None:
    """The transport gets it; people open the site elsewhere."""
    connector = connect(
        "https://api.atlassian.com/ex/jira/11223344-a1b2-4b33-c444-def123456789",
        auth={"oauth": {"client_id": "an-id", "client_secret": "a-client-secret"}}, site="https://acme.atlassian.net/",
    )  # fmt: skip
    grant = connector.grant()
    assert grant is not None
    assert grant.token_url == "https://auth.atlassian.com/oauth/token"
    assert grant.form == {"grant_type": "client_credentials", "client_id": "an-id", "client_secret": "a-client-secret"}
    assert "a-client-secret" in connector.secrets()
    assert connector.options.cloud
    found = mapping.ticket({"id": "1", "key": "A-1"}, connector.options, at=mapping.EPOCH)
    assert found is not None
    assert found.url == "https://acme.atlassian.net/browse/A-1"
    assert connect().grant() is None
