"""What is read: cases whole, polls to the end, who is there, and what a check says."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.salesforce import asking, mapping
from connectors.salesforce.bench import SECRET, SalesforceBench
from connectors.salesforce.connector import SalesforceConnector
from connectors.salesforce.simulator import SalesforceSimulator
from connectors.sdk import AgentState, Category, RemoteTicket, Status, Visibility
from connectors.testing.driver import Driver
from gateway.errors import ConfigError, ThrottledError, TransportError
from tests.connectors.salesforce.conftest import connect


def whole(driver: Driver, case: str) -> RemoteTicket:
    """Read a case that must be there."""
    found = driver.run(driver.connector.read(case))
    assert found is not None
    return found


def poll(driver: Driver, desk: SalesforceSimulator, cursor: str) -> tuple[list[RemoteTicket], str, int]:
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


def test_emails_are_comments_but_for_the_one_that_made_the_case(bench: SalesforceBench, driver: Driver) -> None:
    """What came in is the customer's and public, what went out is the agent's; a draft is nothing yet."""
    case = bench.open_ticket("Printer", "It is on fire")
    desk = bench.desk
    desk.act("email", case_id=case, body="It is  on fire")
    desk.act("email", case_id=case, body="Any news?", sender="Kim@Example.com")
    desk.act("email", case_id=case, body="We are at it", incoming=False)
    draft = desk.act("email", case_id=case, body="Not sent yet", incoming=False)
    hidden = desk.act("email", case_id=case, body="Not in the portal", incoming=False)
    desk.records.all["EmailMessage"][draft]["Status"] = "5"
    desk.records.all["EmailMessage"][hidden]["IsExternallyVisible"] = False
    desk.records.all["EmailMessage"][hidden] |= {"TextBody": "", "HtmlBody": "<p>Not in the <b>portal</b></p>"}
    bench.say(case, "Only for us", public=False)
    said = whole(driver, case).comments
    assert {one.body: one.visibility for one in said} == {
        "Any news?": Visibility.PUBLIC,
        "We are at it": Visibility.PUBLIC,
        "Not in the **portal**": Visibility.INTERNAL,
        "Only for us": Visibility.INTERNAL,
    }
    by_body = {one.body: one for one in said}
    asked, told = by_body["Any news?"].author, by_body["We are at it"].author
    assert asked is not None
    assert (asked.email, asked.role) == ("kim@example.com", "customer")
    assert told is not None
    assert told.external_id == desk.records.agent


def test_an_org_without_emails_is_read(bench: SalesforceBench, driver: Driver) -> None:
    """Without Email-to-Case there is no such object; its list is tried again an hour later."""
    bench.desk.records.without |= {"EmailMessage", "Attachment", "UserServicePresence"}
    case = bench.open_ticket("Printer", "It is on fire")
    assert whole(driver, case).comments == ()
    seen, cursor, _ = poll(driver, bench.desk, "")
    assert case in {one.remote_id for one in seen}
    before = bench.desk.used
    poll(driver, bench.desk, cursor)
    assert bench.desk.used - before == 3, "cases, comments and files only"


def test_deleted_and_merged_cases_are_told(bench: SalesforceBench, driver: Driver) -> None:
    """By the poll and by a read, as long as they lie in the recycle bin."""
    first, second, third = (bench.open_ticket(f"Printer {number}", "On fire") for number in range(3))
    _, cursor, _ = poll(driver, bench.desk, "")
    bench.desk.clock.skew += timedelta(minutes=5)
    bench.delete(first)
    bench.merge(second, third)
    seen, _, _ = poll(driver, bench.desk, cursor)
    told = {one.remote_id: one for one in seen}
    assert told[first].deleted
    assert told[second].merged_into == third
    assert not told[second].deleted
    assert whole(driver, first).deleted
    assert whole(driver, second).merged_into == third


def test_a_comment_that_does_not_touch_its_case_is_polled(bench: SalesforceBench, driver: Driver) -> None:
    """And its case reads as newer than before."""
    case = bench.open_ticket("Printer", "It is on fire")
    before = whole(driver, case)
    _, cursor, _ = poll(driver, bench.desk, "")
    bench.desk.clock.skew += timedelta(minutes=5)
    bench.say(case, "We are at it")
    seen, _, _ = poll(driver, bench.desk, cursor)
    (hint,) = [one for one in seen if one.version > before.version]
    assert hint.remote_id == case
    after = whole(driver, case)
    assert after.version == hint.version
    assert after.updated_at == before.updated_at, "the case itself was not touched"


def test_a_file_that_does_not_touch_its_case_is_polled(bench: SalesforceBench, driver: Driver) -> None:
    """Of either kind, by the record that it was put on."""
    first, second = (bench.open_ticket(f"Printer {number}", "It is on fire") for number in range(2))
    _, cursor, _ = poll(driver, bench.desk, "")
    bench.desk.clock.skew += timedelta(minutes=5)
    bench.attach(first, "log.txt", b"12345")
    bench.desk.act("old_attachment", case_id=second, name="old.txt", data=b"older")
    seen, _, _ = poll(driver, bench.desk, cursor)
    assert {first, second} <= {one.remote_id for one in seen}


def test_a_forgotten_locator_loses_nothing(bench: SalesforceBench, driver: Driver) -> None:
    """The walk goes on from the last row, though all of them are of one second."""
    _, cursor, _ = poll(driver, bench.desk, "")
    bench.desk.clock.frozen = bench.desk.now()
    bench.desk.page = 7
    made = {bench.open_ticket(f"Printer {number}", "On fire") for number in range(40)}
    seen: set[str] = set()
    for number in range(100):
        page = driver.run(driver.connector.changes(cursor, bench.desk.now()))
        seen |= {one.remote_id for one in page.tickets}
        cursor = page.cursor
        if number % 2:
            bench.desk.act("forget")
        if page.end:
            break
    assert made <= seen


def test_ten_thousand_changes_come_a_page_at_a_time(bench: SalesforceBench, driver: Driver) -> None:
    """None is missed, and no page is more than Salesforce gives at once."""
    _, cursor, _ = poll(driver, bench.desk, "")
    made = set()
    records, guest = bench.desk.records, bench.desk.guest()
    for number in range(10_000):
        now = bench.desk.now() + timedelta(seconds=number // 900)
        made.add(records.add("Case", {"Subject": f"Printer {number}"}, guest, now)["Id"])
    bench.desk.clock.skew += timedelta(minutes=5)
    bench.desk.page = 2000
    seen, _, pages = poll(driver, bench.desk, cursor)
    assert made <= {one.remote_id for one in seen}
    assert pages >= 7


@pytest.mark.parametrize(
    "path",
    [
        "https://elsewhere.example/services/data/v62.0/query/01g-200",
        "/services/data/v62.0/query/../sobjects",
        "query/01g",
    ],
)
def test_a_locator_leads_nowhere_else(path: str) -> None:
    """A next page that is no page of a query is not asked for."""
    assert asking.following({"done": False, "nextRecordsUrl": "/services/data/v62.0/query/01g-200"}).endswith("01g-200")
    with pytest.raises(TransportError):
        asking.following({"done": False, "nextRecordsUrl": path})


def test_agents_and_how_they_are_shown(bench: SalesforceBench, driver: Driver) -> None:
    """Presence where there is one; whoever has none is unknown, and whoever is deactivated is nobody."""
    desk = bench.desk
    one, other = bench.agents
    desk.act("presence", user=one)
    desk.act("presence", user=other, away=True)
    gone = desk.records.user("Agent Gone", "gone@org.example", desk.now())
    desk.records.all["User"][gone]["IsActive"] = False
    customer = desk.records.user("Kim", "kim@example.com", desk.now(), "CspLitePortal")
    connector = driver.connector
    assert isinstance(connector, SalesforceConnector)
    found = {each.account_id: each for each in driver.run(connector.agents(()))}
    assert (found[one].state, found[other].state) == (AgentState.AVAILABLE, AgentState.AWAY)
    assert found[one].since is not None
    assert (found[gone].active, found[gone].state) == (False, AgentState.UNKNOWN)
    assert found[desk.records.me].state is AgentState.UNKNOWN
    assert customer not in found


def test_the_usage_of_the_day_is_told(bench: SalesforceBench, driver: Driver) -> None:
    """By a check, as a warning where it comes near the end; a read past it is told to wait."""
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert lines["requests"].ok
    assert "of 100000 requests" in lines["requests"].detail
    bench.desk.used, bench.desk.most = 950, 1000
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    assert (lines["requests"].ok, lines["requests"].warning) == (False, True)
    bench.desk.most = 0
    with pytest.raises(ThrottledError) as caught:
        driver.run(driver.connector.read(bench.open_ticket("Printer", "On fire")))
    assert caught.value.seconds == 900


def test_a_check_names_what_an_org_lacks(bench: SalesforceBench) -> None:
    """The field of the key, and words of picklists."""
    settings = bench.settings(key_field="Other_Key__c", statuses={"Waiting": "pending_customer"})
    driver = Driver(SalesforceConnector(settings), deadline=2.0)
    lines = {line.name: line for line in driver.run(driver.connector.check())}
    driver.close()
    assert not lines["key_field"].ok
    assert lines["key_field"].facts == {"marker": False}
    assert "Waiting" in lines["status"].detail
    assert lines["priority"].ok


def test_a_token_is_got_by_the_apps_own_credentials() -> None:
    """Client credentials, as Salesforce's connected apps have them."""
    desk = SalesforceSimulator(
        token="t-0123456789", client="app", client_secret="hush-0123456789", webhook_secret=SECRET
    )
    oauth = {"client_id": "app", "client_secret": "hush-0123456789"}
    with desk:
        connector = connect(desk.url, auth={"oauth": oauth})
        driver = Driver(connector, deadline=2.0)
        assert driver.run(connector.whoami()).person.external_id == desk.records.me
        driver.close()
    assert "hush-0123456789" in connector.secrets()
    assert "hush" not in repr(connector.account)
    grant = connect(auth={"oauth": {**oauth, "refresh_token": "r-1"}}).grant()
    assert grant is not None
    assert grant.form["grant_type"] == "refresh_token"
    assert grant.token_url == "https://acme.my.salesforce.com/services/oauth2/token"
    with pytest.raises(ConfigError, match="auth needs"):
        connect(auth={"oauth": {"client_id": "app"}})


def test_words_of_an_org() -> None:
    """The site's own words go before the known ones; an unknown one stays a word; a wrong meaning is a mistake."""
    account = connect(statuses={"Working": "on_hold", "At the vendor": "on_hold"}).account
    assert account.statuses["working"] is Category.ON_HOLD
    assert account.status_words[Category.ON_HOLD] == "Working"
    assert mapping.status(account, "At the Vendor").category is Category.ON_HOLD
    assert mapping.status(account, "Parked") == Status(Category.UNKNOWN, "Parked")
    with pytest.raises(ConfigError, match="'sleeping' is no meaning"):
        connect(statuses={"Working": "sleeping"})
    with pytest.raises(ConfigError, match="API name"):
        connect(custom_fields={"x": "Id FROM User --"})
