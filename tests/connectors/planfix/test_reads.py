"""What is read from Planfix, and what it does not show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.planfix import mapping
from connectors.planfix.bench import PlanfixBench
from connectors.planfix.connector import PlanfixConnector
from connectors.planfix.simulator import REQUESTER
from connectors.sdk import (
    AgentState,
    AuthenticationError,
    Category,
    HttpResponse,
    RemotePerson,
    RemoteTicket,
    Visibility,
)
from connectors.testing.driver import Driver
from connectors.testing.faults import FaultKind
from gateway.errors import ConfigError, ThrottledError


def whole(driver: Driver, ticket: str) -> RemoteTicket:
    """Read a task that must be there."""
    found = driver.run(driver.connector.read(ticket))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("point", "at"),
    [
        ({"dateTimeUtcSeconds": "2026-02-03T09:15:30+0000"}, datetime(2026, 2, 3, 9, 15, 30, tzinfo=UTC)),
        ({"dateTimeUtcSeconds": "2026-02-03T12:15+0300"}, datetime(2026, 2, 3, 9, 15, tzinfo=UTC)),
        ({"datetime": "2026-02-03T09:15Z"}, datetime(2026, 2, 3, 9, 15, tzinfo=UTC)),
        ({"dateTimeUtcSeconds": "nonsense", "datetime": "2026-02-03T09:15Z"}, datetime(2026, 2, 3, 9, 15, tzinfo=UTC)),
        ({"date": "03-02-2026", "time": "12:15"}, None),
        (None, None),
    ],
)
def test_a_time_is_read_from_its_parts_that_have_a_zone(point: object, at: datetime | None) -> None:
    """`date` and `time` are of the account's zone, which nothing says."""
    assert mapping.moment(point) == at


def test_a_text_is_html_or_plain(there: PlanfixBench, driver: Driver) -> None:
    """As it looks: programs write plain ones."""
    ticket = str(there.desk.act("create", name="Printer", description="a < b & *c*\nnext"))
    assert whole(driver, ticket).body == "a < b & \\*c\\*\nnext"
    there.desk.act("comment", task=ticket, text="<p>It is <b>on</b> fire</p>")
    assert whole(driver, ticket).comments[0].body == "It is **on** fire"


def test_a_comment_that_does_not_say_is_internal(driver: Driver) -> None:
    """Only `isHidden: false` is public; one that is deleted or empty is none."""
    data = {"id": 1, "description": "x", "dateTime": {"datetime": "2026-02-03T09:15Z"}}
    for hidden, shown in ((False, Visibility.PUBLIC), (True, Visibility.INTERNAL), (None, Visibility.INTERNAL)):
        said = mapping.comment({**data, "isHidden": hidden})
        assert said is not None
        assert said.visibility is shown
    assert mapping.comment({**data, "isDeleted": True}) is None
    assert mapping.comment({**data, "description": ""}) is None


def test_who_asked(there: PlanfixBench, driver: Driver) -> None:
    """The counterparty with their address, or the address in the field that is kept for it."""
    ticket = there.open_ticket("Printer", "On fire", email="kim@example.com")
    asked = whole(driver, ticket).requester
    assert isinstance(asked, RemotePerson)
    assert (asked.email, asked.role) == ("kim@example.com", "customer")
    assert asked.external_id.startswith("contact:")
    there.desk.tasks[int(ticket)]["custom"] = {REQUESTER: "lee@example.com"}
    assert whole(driver, ticket).requester == RemotePerson(email="lee@example.com", role="customer")


def test_a_task_without_its_requesters_card_is_read(there: PlanfixBench, driver: Driver) -> None:
    """A contact that is gone leaves the name."""
    ticket = there.open_ticket("Printer", "On fire", email="kim@example.com")
    there.desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, path="/contact/", status=404)
    asked = whole(driver, ticket).requester
    assert isinstance(asked, RemotePerson)
    assert (asked.email, asked.name) == ("", "kim")


def test_a_deleted_task_is_none(there: PlanfixBench, driver: Driver) -> None:
    """Planfix still shows it, with `isDeleted`."""
    ticket = there.open_ticket("Printer", "On fire")
    there.delete(ticket)
    assert driver.run(driver.connector.read(ticket)) is None


def test_a_change_is_found_whatever_the_employees_zone(there: PlanfixBench, driver: Driver) -> None:
    """Lists are filtered by days of there: near midnight it is another one."""
    for hour in (20, 21, 22, 23, 0, 1):
        moved = there.desk.clock.now().replace(hour=hour, minute=30) + timedelta(days=1)
        there.desk.clock.skew += moved - there.desk.clock.now()
        cursor = driver.run(driver.connector.changes("", there.desk.now())).cursor
        ticket = there.open_ticket(f"At {hour}", "x")
        page = driver.run(driver.connector.changes(cursor, there.desk.now()))
        assert ticket in {each.remote_id for each in page.tickets}


def test_a_comment_is_a_change(there: PlanfixBench, driver: Driver) -> None:
    """The filter by the last change or comment; its time is the newer of both."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.clock.skew += timedelta(days=4)
    cursor = driver.run(driver.connector.changes("", there.desk.now())).cursor
    there.say(ticket, "Said")
    page = driver.run(driver.connector.changes(cursor, there.desk.now()))
    (found,) = page.tickets
    assert found.remote_id == ticket
    assert found.updated_at == whole(driver, ticket).updated_at


def test_the_statuses_of_both_languages_mean_the_same() -> None:
    """And those of a site's own processes what it says."""
    account = PlanfixConnector(PlanfixBench().settings(statuses={"Ждём запчасти": "on_hold"})).account
    for word, category in (
        ("Новая", Category.NEW),
        ("In progress", Category.OPEN),
        ("ждём запчасти", Category.ON_HOLD),
        ("Завершенная", Category.CLOSED),
        ("Something else", Category.UNKNOWN),
    ):
        assert account.status(word).category is category
        assert account.status(word).native == word
    assert account.status_words({"category": "on_hold"})[0] == "Ждём запчасти"


def test_who_has_a_stand_in_is_away(there: PlanfixBench, driver: Driver) -> None:
    """Who is inactive cannot be assigned, who is not there is left out."""
    connector = driver.connector
    assert isinstance(connector, PlanfixConnector)
    there.desk.people[there.desk.agent]["temporaryReplacement"] = {"isEnabled": True}
    there.desk.people[there.desk.other]["status"] = "Inactive"
    found = {each.account_id: each for each in driver.run(connector.agents([*there.agents, "user:99999", "x"]))}
    assert set(found) == set(there.agents)
    assert (found[there.desk.agent].active, found[there.desk.agent].state) == (True, AgentState.AWAY)
    assert (found[there.desk.other].active, found[there.desk.other].state) == (False, AgentState.UNKNOWN)


def test_an_employee_that_is_not_there_is_told(there: PlanfixBench) -> None:
    """A token does not say whose it is, so account_id must be right."""
    driver = Driver(PlanfixConnector(there.settings(account_id="99999")), deadline=2.0)
    with pytest.raises(AuthenticationError, match="account_id"):
        driver.run(driver.connector.whoami())
    driver.close()


def test_the_days_requests_can_be_used_up(driver: Driver) -> None:
    """Code 22, whatever the status: the connection waits an hour."""
    connector = driver.connector
    call = connector.read("7")
    request = next(call)
    body = b'{"result": "fail", "code": 22, "error": "Limit of requests reached"}'
    with pytest.raises(ThrottledError) as told:
        call.send(HttpResponse(400, {}, body))
    assert told.value.seconds == 3600
    assert request.method == "GET"


def test_settings_that_cannot_work_are_told() -> None:
    """Before anything is asked."""
    several: list[dict[str, Any]] = [{"account_id": ""}, {"auth": {}}, {"statuses": {"x": "nonsense"}}]
    for wrong in several:
        with pytest.raises(ConfigError):
            PlanfixConnector(PlanfixBench().settings(**wrong))
