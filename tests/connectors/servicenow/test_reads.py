"""ServiceNow's traps in reads: ignored queries, short pages, zones, rights that are missing, files."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.sdk import (
    AuthenticationError,
    Category,
    CheckResult,
    HoldReason,
    HttpResponse,
    RemoteTicket,
    Status,
    TransportError,
)
from connectors.servicenow import asking
from connectors.servicenow.bench import ServiceNowBench
from connectors.servicenow.connector import ServiceNowConnector
from connectors.testing.driver import Driver
from gateway.errors import ThrottledError


def poll(there: ServiceNowBench, driver: Driver, cursor: str = "") -> tuple[list[RemoteTicket], str]:
    """Poll to the end."""
    seen: list[RemoteTicket] = []
    for _ in range(200):
        page = driver.run(driver.connector.changes(cursor, there.desk.now()))
        seen += page.tickets
        cursor = page.cursor
        if page.end:
            return seen, cursor
    pytest.fail("no end")


def checks(driver: Driver) -> dict[str, CheckResult]:
    """Return the lines of a check by name."""
    return {line.name: line for line in driver.run(driver.connector.check())}


def test_rows_out_of_sight_do_not_end_a_list(there: ServiceNowBench, driver: Driver) -> None:
    """A page is cut before access rules are applied: one may be empty in the middle."""
    made = [there.open_ticket(f"Printer {number}", "On fire") for number in range(230)]
    seen = sorted(made)[:120] + sorted(made)[225:]
    there.desk.hidden = set(made) - set(seen)
    told, _ = poll(there, driver)
    assert {one.remote_id for one in told} == set(seen)
    ticket = seen[0]
    for number in range(150):
        there.say(ticket, f"Comment {number}")
    entries = [one["sys_id"] for one in there.desk.records.journal]
    there.desk.hidden |= set(entries[:120])
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert [one.remote_id for one in found.comments] == entries[120:]


def test_a_query_that_is_ignored_is_noticed(there: ServiceNowBench, driver: Driver) -> None:
    """Nothing of another record is ever taken for an entry of this one."""
    ticket, other = there.open_ticket("Printer", "On fire"), there.open_ticket("Other", "Else")
    there.say(other, "Not of this record")
    for entry in there.desk.records.journal:
        # as if the column could not be queried
        entry["element_ID"] = entry.pop("element_id")
    with pytest.raises(TransportError, match="ignores a part of the query"):
        driver.run(driver.connector.read(ticket))


def test_times_of_queries_in_another_zone_are_noticed(there: ServiceNowBench, driver: Driver) -> None:
    """An account whose zone is not GMT would miss changes: the check says so."""
    there.open_ticket("Printer", "On fire")
    assert checks(driver)["zone"].ok
    there.desk.zone = timedelta(hours=-5)
    line = checks(driver)["zone"]
    assert not line.ok
    assert "GMT" in line.detail


def test_a_zone_to_the_east_brings_no_old_records_twice(there: ServiceNowBench, driver: Driver) -> None:
    """Records that did not change since are not taken: the poll says what is wrong."""
    there.open_ticket("Printer", "On fire")
    there.desk.clock.skew += timedelta(hours=5)
    there.open_ticket("New", "Since")
    there.desk.zone = timedelta(hours=6)
    with pytest.raises(TransportError, match="another zone than UTC"):
        poll(there, driver)


def test_a_check_says_which_rights_are_missing(there: ServiceNowBench, driver: Driver) -> None:
    """Entries out of sight, a column that is not seen, a misspelt query, a group that is not there."""
    ticket = there.open_ticket("Printer", "On fire")
    there.say(ticket, "Hello")
    fine = checks(driver)
    assert fine["journal"].facts == {"journal": True}
    assert fine["columns"].facts == {"marker": True}
    there.desk.hidden = {one["sys_id"] for one in there.desk.records.journal}
    there.desk.unseen = {"correlation_id"}
    connector = ServiceNowConnector(
        there.settings(query="assignment_grup=1^state=1^ORstate=2^ORDERBYnumber", groups={"Gone": "f" * 32})
    )
    driver.connector = connector
    found = checks(driver)
    assert found["journal"].facts == {"journal": False}
    assert found["columns"].facts == {"marker": False}
    assert "assignment_grup" in found["query"].detail
    assert "Gone" in found["groups"].detail
    assert not any(found[name].ok for name in ("journal", "columns", "query", "groups"))


def test_a_new_file_brings_its_record(there: ServiceNowBench, driver: Driver) -> None:
    """Though it does not touch the record."""
    ticket = there.open_ticket("Printer", "On fire")
    _, cursor = poll(there, driver)
    there.desk.clock.skew += timedelta(minutes=5)
    _, cursor = poll(there, driver, cursor)
    there.desk.tells_files = False
    there.attach(ticket, "smoke.png", b"png")
    told, _ = poll(there, driver, cursor)
    assert [one.remote_id for one in told if one.version_token.startswith("file:")] == [ticket]
    assert all(one.version == 0 for one in told if one.version_token.startswith("file:"))


def test_a_file_is_read_whole(there: ServiceNowBench, driver: Driver) -> None:
    """With its name, type and size; its bytes are fetched."""
    ticket = there.open_ticket("Printer", "On fire")
    data = bytes(range(256)) * 500
    there.desk.act("attach", sys_id=ticket, name="smoke.bin", data=data, mime="image/png")
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    (file,) = found.attachments
    assert (file.name, file.mime, file.size) == ("smoke.bin", "image/png", len(data))
    connector = driver.connector
    assert isinstance(connector, ServiceNowConnector)
    blob = driver.run(connector.fetch(file))
    assert blob is not None
    assert driver.files.held[blob.sha256] == data  # type: ignore[union-attr]
    there.desk.hidden = {file.remote_id}
    assert driver.run(connector.fetch(file)) is None


def test_html_in_an_entry_becomes_markdown(there: ServiceNowBench, driver: Driver) -> None:
    """A journal shows as HTML what stands between [code] and [/code]."""
    ticket = there.open_ticket("Printer", "On fire")
    there.say(ticket, "See [code]<b>this</b> <a href='https://acme.example/x'>page</a>[/code], please")
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert found.comments[0].body == "See **this** [page](https://acme.example/x), please"


def test_states_of_an_instance_are_named_in_the_settings(there: ServiceNowBench, driver: Driver) -> None:
    """What is not known stays a word under `unknown`."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.act("set", sys_id=ticket, state="11")
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert found.status == Status(Category.UNKNOWN, "11")
    driver.connector = ServiceNowConnector(there.settings(states={"11": "on_hold/third_party"}))
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    assert found.status == Status(Category.ON_HOLD, "11", HoldReason.THIRD_PARTY)


def test_an_account_without_the_right_to_see_users_still_knows_itself(there: ServiceNowBench, driver: Driver) -> None:
    """By its user name, which stands in every entry."""
    there.desk.hidden = {there.desk.records.me}
    identity = driver.run(driver.connector.whoami())
    assert identity.person.external_id == "gateway"
    assert driver.connector.is_us(identity.person) is True


def test_whose_token_it_is_is_asked(there: ServiceNowBench) -> None:
    """An instance that ignores the question answers with everybody: that is nobody."""
    there.desk.expected = "Bearer t-0"
    driver = Driver(ServiceNowConnector(there.settings(auth={"token": "t-0"})), deadline=2.0)
    identity = driver.run(driver.connector.whoami())
    assert identity.person.external_id == there.desk.records.me
    for user in there.desk.records.users.values():
        user["sys_ID"] = user["sys_id"]
    driver.connector = ServiceNowConnector(there.settings(auth={"token": "t-0"}))
    there.desk.records.users = {
        number: {name: value for name, value in user.items() if name != "sys_ID"}
        for number, user in there.desk.records.users.items()
    }
    there.desk.records.me = "0" * 32
    with pytest.raises(AuthenticationError, match="user_name"):
        driver.run(driver.connector.whoami())
    driver.close()


def test_a_rate_limit_says_when_it_ends(there: ServiceNowBench, driver: Driver) -> None:
    """By Retry-After."""
    there.desk.hourly = 100
    there.open_ticket("Printer", "On fire")
    there.desk.fault("throttle", seconds=9)
    with pytest.raises(ThrottledError) as told:
        driver.run(driver.connector.whoami())
    assert told.value.seconds == 9


def test_an_oauth_token_is_got_by_the_transport() -> None:
    """By client credentials, a refresh token or a password, at the instance's own address unless another is named."""
    with ServiceNowBench() as there:
        client = {"client_id": "c", "client_secret": "s-0123456789"}
        kinds = {
            "client_credentials": {},
            "refresh_token": {"refresh_token": "r-0123456789"},
            "password": {"username": "gateway", "password": "p-0123456789"},
        }
        for kind, more in kinds.items():
            connector = ServiceNowConnector(there.settings(auth={"oauth": {**client, **more}}))
            grant = connector.grant()
            assert grant is not None
            assert grant.token_url == f"{there.desk.url}/oauth_token.do"
            assert grant.form["grant_type"] == kind
            assert {"s-0123456789", *(value for value in more.values() if value[1] == "-")} <= set(connector.secrets())
            assert connector.authorize(None) == {}  # type: ignore[arg-type]


def test_a_limit_without_retry_after_ends_at_its_reset() -> None:
    """Seconds since 1970, by the desk's own clock."""
    headers = {"x-ratelimit-reset": "1767225630", "date": "Thu, 01 Jan 2026 00:00:00 GMT"}
    assert asking.waiting(HttpResponse(429, headers, b"")) == 30
    assert asking.waiting(HttpResponse(429, {**headers, "retry-after": "7"}, b"")) == 7
    assert asking.waiting(HttpResponse(429, {"x-ratelimit-reset": "soon"}, b"")) is None
