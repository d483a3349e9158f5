"""What is read: cases whole, polls to the end, who is there, and what a check says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.dynamics365 import asking, mapping
from connectors.dynamics365.bench import SECRET, Dynamics365Bench
from connectors.dynamics365.connector import Dynamics365Connector
from connectors.dynamics365.simulator import Dynamics365Simulator
from connectors.sdk import AgentState, Category, Kind, Level, RemoteTicket, Visibility
from connectors.testing.driver import Driver
from gateway.errors import ConfigError, ThrottledError, TransportError
from tests.connectors.dynamics365.conftest import connect


def whole(driver: Driver, case: str) -> RemoteTicket:
    """Read a case that must be there."""
    found = driver.run(driver.connector.read(case))
    assert found is not None
    return found


def poll(driver: Driver, desk: Dynamics365Simulator, cursor: str) -> tuple[list[RemoteTicket], str, int]:
    """Poll to the end; returns hints, cursor and the number of pages."""
    seen: list[RemoteTicket] = []
    for pages in range(1, 500):
        page = driver.run(driver.connector.changes(cursor, desk.now()))
        seen += page.tickets
        cursor = page.cursor
        assert len(driver.requests) <= 1, "a page is one request"
        if page.end:
            return seen, cursor, pages
    pytest.fail("no end")


def test_notes_emails_and_files_are_read(bench: Dynamics365Bench, driver: Driver) -> None:
    """HTML as Markdown; a draft is nothing yet; a note that is only a file is a file of the case."""
    case = bench.open_ticket("Printer", "It is on fire")
    desk = bench.desk
    desk.act("note", case_id=case, text="<div>Only for <b>us</b></div>")
    desk.act("email", case_id=case, html="<p>Any <i>news</i>?</p>", sender="Kim@Example.com")
    desk.act("email", case_id=case, html="<p>We are at it</p>", incoming=False)
    draft = desk.act("email", case_id=case, html="<p>Not sent</p>", incoming=False)
    desk.records.all["emails"][draft]["statecode"] = 0
    desk.act("attach", case_id=case, name="log.txt", data=b"12345")
    desk.act("attach", case_id=case, name="plan.txt", data=b"plan", text="See the plan")
    found = whole(driver, case)
    assert {one.body: one.visibility for one in found.comments} == {
        "Only for **us**": Visibility.INTERNAL,
        "Any *news*?": Visibility.PUBLIC,
        "We are at it": Visibility.PUBLIC,
        "See the plan": Visibility.INTERNAL,
    }
    by_body = {one.body: one for one in found.comments}
    asked = by_body["Any *news*?"].author
    assert asked is not None
    assert (asked.email, asked.role) == ("kim@example.com", "customer")
    assert [(one.name, one.size) for one in found.attachments] == [("log.txt", 5)]
    assert [(one.name, one.size) for one in by_body["See the plan"].attachments] == [("plan.txt", 4)]


def test_a_merged_case_says_into_which(bench: Dynamics365Bench, driver: Driver) -> None:
    """By a read and by the poll; a deleted one is not there."""
    first, second, third = (bench.open_ticket(f"Printer {number}", "On fire") for number in range(3))
    _, cursor, _ = poll(driver, bench.desk, "")
    bench.merge(first, second)
    bench.delete(third)
    assert whole(driver, first).merged_into == second
    assert driver.run(driver.connector.read(third)) is None
    seen, _, _ = poll(driver, bench.desk, cursor)
    assert {one.remote_id: one.merged_into for one in seen}[first] == second


def test_deletions_are_told_by_tracking(bench: Dynamics365Bench, driver: Driver) -> None:
    """As often as they happen, once."""
    first, second = (bench.open_ticket(f"Printer {number}", "On fire") for number in range(2))
    _, cursor, _ = poll(driver, bench.desk, "")
    bench.delete(first)
    seen, cursor, _ = poll(driver, bench.desk, cursor)
    told = {one.remote_id: one.deleted for one in seen}
    assert told[first]
    assert not told.get(second, False)
    again, _, _ = poll(driver, bench.desk, cursor)
    assert first not in {one.remote_id for one in again}


def test_a_delta_link_that_has_expired_loses_nothing(bench: Dynamics365Bench, driver: Driver) -> None:
    """What changed since is found by its time, and tracking begins anew."""
    bench.open_ticket("Long ago", "On fire")
    _, cursor, _ = poll(driver, bench.desk, "")
    bench.desk.clock.skew += timedelta(days=8)
    made = {bench.open_ticket(f"Printer {number}", "On fire") for number in range(3)}
    bench.desk.expired = bench.desk.records.next_version()
    seen, cursor, _ = poll(driver, bench.desk, cursor)
    assert made <= {one.remote_id for one in seen}
    gone = bench.open_ticket("Printer", "On fire")
    seen, cursor, _ = poll(driver, bench.desk, cursor)
    assert gone in {one.remote_id for one in seen}
    bench.delete(gone)
    seen, _, _ = poll(driver, bench.desk, cursor)
    assert [one.remote_id for one in seen if one.deleted] == [gone]


def test_without_tracking_changes_are_found_by_their_time(bench: Dynamics365Bench, driver: Driver) -> None:
    """Where it is off, or not for us; it is tried again an hour later."""
    bench.desk.tracks = False
    case = bench.open_ticket("Printer", "On fire")
    seen, cursor, _ = poll(driver, bench.desk, "")
    assert case in {one.remote_id for one in seen}
    bench.desk.clock.skew += timedelta(minutes=5)
    bench.set_title(case, "Out")
    bench.desk.journal.clear()
    seen, cursor, _ = poll(driver, bench.desk, cursor)
    assert case in {one.remote_id for one in seen}
    assert [line.status for line in bench.desk.journal if line.status != 200] == []
    bench.desk.tracks = True
    bench.desk.clock.skew += timedelta(hours=2)
    _, cursor, _ = poll(driver, bench.desk, cursor)
    bench.delete(case)
    seen, _, _ = poll(driver, bench.desk, cursor)
    assert [one.remote_id for one in seen if one.deleted] == [case]


def test_the_first_walk_tells_of_nothing_old(bench: Dynamics365Bench, driver: Driver) -> None:
    """Tracking begins with every case there is; those before the first look are for the import."""
    old = bench.open_ticket("Long ago", "On fire")
    bench.desk.clock.skew += timedelta(days=2)
    fresh = bench.open_ticket("Today", "On fire")
    seen, _, _ = poll(driver, bench.desk, "")
    told = {one.remote_id for one in seen}
    assert fresh in told
    assert old not in told


def test_ten_thousand_changes_come_a_page_at_a_time(bench: Dynamics365Bench, driver: Driver) -> None:
    """None is missed, and no page is larger than was asked for."""
    _, cursor, _ = poll(driver, bench.desk, "")
    records, now = bench.desk.records, bench.desk.now()
    contact = records.contact("kim@example.com", now)
    given = {"title": "Printer", "customerid_contact@odata.bind": f"/contacts({contact})"}
    made = {str(records.add("incidents", given, records.agent, now)["incidentid"]) for _ in range(10_000)}
    seen, _, pages = poll(driver, bench.desk, cursor)
    assert made <= {one.remote_id for one in seen}
    assert pages >= 10_000 / asking.PAGE


def test_a_next_page_leads_nowhere_else() -> None:
    """Only addresses below the environment's own Web API are followed."""
    account = connect().account
    inside = {"@odata.nextLink": "https://acme.crm4.dynamics.com/api/data/v9.2/incidents?$skiptoken=1"}
    assert asking.link(account, inside, "@odata.nextLink").endswith("=1")
    for address in (
        "https://acme.crm4.dynamics.com.evil.example/api/data/v9.2/incidents",
        "http://127.0.0.1/api/data/v9.2/incidents",
        "/api/data/v9.2/incidents",
    ):
        with pytest.raises(TransportError):
            asking.link(account, {"@odata.nextLink": address}, "@odata.nextLink")


def test_agents(bench: Dynamics365Bench, driver: Driver) -> None:
    """People with a seat, deactivated ones as such; our own application is none of them."""
    one, other = bench.agents
    bench.desk.records.all["systemusers"][other]["isdisabled"] = True
    connector = driver.connector
    assert isinstance(connector, Dynamics365Connector)
    found = {each.account_id: each for each in driver.run(connector.agents(()))}
    assert {number: each.active for number, each in found.items()} == {one: True, other: False}
    assert found[one].state is AgentState.UNKNOWN


def test_a_check_says_what_is_missing(bench: Dynamics365Bench, driver: Driver) -> None:
    """Tracking that is off is a warning; a throttled read says for how long."""
    bench.desk.tracks = False
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert (lines["change_tracking"].ok, lines["change_tracking"].warning) == (False, True)
    assert lines["cases"].ok
    bench.desk.fault("throttle", seconds=9)
    with pytest.raises(ThrottledError) as caught:
        driver.run(driver.connector.read(bench.open_ticket("Printer", "On fire")))
    assert caught.value.seconds == 9


def test_a_token_is_got_by_the_apps_own_credentials() -> None:
    """For this environment alone; no secret is shown."""
    desk = Dynamics365Simulator(
        token="t-0123456789", client="app", client_secret="hush-0123456789", webhook_secret=SECRET
    )
    oauth = {"client_id": "app", "client_secret": "hush-0123456789"}
    with desk:
        connector = connect(desk.url, auth={"oauth": {**oauth, "token_url": f"{desk.url}/tenant/oauth2/v2.0/token"}})
        driver = Driver(connector, deadline=2.0)
        assert driver.run(connector.whoami()).person.external_id == desk.records.me
        driver.close()
    assert "hush-0123456789" in connector.secrets()
    assert "hush" not in repr(connector.account)
    grant = connect(auth={"oauth": {**oauth, "tenant_id": "t-1"}}).grant()
    assert grant is not None
    assert grant.token_url == "https://login.microsoftonline.com/t-1/oauth2/v2.0/token"
    assert grant.form["scope"] == "https://acme.crm4.dynamics.com/.default"
    with pytest.raises(ConfigError, match="auth needs"):
        connect(auth={"oauth": oauth})


def test_numbers_of_an_environment() -> None:
    """The site's meanings go before the known ones; an unknown number stays a word; a wrong meaning is a mistake."""
    account = connect(
        statuses={"100000001": "pending_customer"}, priorities={"1": "P1"}, types={"7": "incident"}
    ).account
    assert mapping.status(account, 100000001).category is Category.PENDING_CUSTOMER
    assert (mapping.status(account, 77).category, mapping.status(account, 77).native) == (Category.UNKNOWN, "77")
    assert mapping.priority(account, 1).level is Level.P1
    assert mapping.kind(account, 7) is Kind.INCIDENT
    with pytest.raises(ConfigError, match="'sleeping' is no meaning"):
        connect(statuses={"1": "sleeping"})
    with pytest.raises(ConfigError, match="logical name"):
        connect(custom_fields={"x": "a,b"})
