"""Zendesk's own SLA clocks: what its metric events and the `slas` of tickets become in our words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.sdk import AuthenticationError, ChangePage, Event, EventKind
from connectors.testing.driver import Driver
from connectors.zendesk.connector import ZendeskConnector
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.domain.desk_promise import DeskSays
from tests.connectors.zendesk.conftest import connect

POLICY = {"id": 7, "title": "Gold", "description": None}
TARGET = {"target": 300, "business_hours": True, "policy": POLICY, "target_in_seconds": 18000}


@pytest.fixture
def zendesk(desk: ZendeskSimulator) -> ZendeskConnector:
    """Connect where a policy takes Zendesk's word."""
    plain = connect(desk.url)
    return ZendeskConnector(msgspec.structs.replace(plain.settings, counts=frozenset({"first_response"})))


def polled(driver: Driver, now: datetime, cursor: str = "") -> tuple[list[Event], str]:
    """Poll to the end; return the events and the cursor."""
    events: list[Event] = []
    for _ in range(20):
        page: ChangePage = driver.run(driver.connector.changes(cursor, now))
        events += page.events
        cursor = page.cursor
        if page.end:
            return events, cursor
    pytest.fail("never ended")


def ticket(desk: ZendeskSimulator) -> int:
    """Make a ticket."""
    return int(desk.act("create", subject="Help", body="b")["id"])


def says(desk: ZendeskSimulator, number: int, kind: str, metric: str = "reply_time", **more: Any) -> int:
    """Let Zendesk's clocks say something."""
    made: int = desk.act("metric", ticket_id=number, metric=metric, type=kind, **more)
    return made


def test_what_zendesk_says_is_told_in_our_words(desk: ZendeskSimulator, driver: Driver) -> None:
    """Target, business hours, policy, instance and instant, in the order of Zendesk."""
    number = ticket(desk)
    ago = desk.now().replace(microsecond=0) - timedelta(minutes=20)
    says(desk, number, "activate")
    says(desk, number, "apply_sla", sla=TARGET)
    says(desk, number, "apply_sla", metric="requester_wait_time", sla={"target": 5, "policy": POLICY})
    says(desk, number, "activate", instance_id=4)
    says(desk, number, "breach", metric="agent_work_time", time=ago.strftime("%Y-%m-%dT%H:%M:%SZ"))
    gone = says(desk, number, "breach")
    desk.act("unmetric", number=gone)
    events, _ = polled(driver, desk.now())
    told = [each.promise for each in events if each.promise is not None]
    assert {each.kind for each in events} == {EventKind.PROMISED}
    assert {each.remote_id for each in events} == {str(number)}
    assert [(each.metric, each.cycle, each.says, each.target_s, each.business, each.withdrawn) for each in told] == [
        ("agent_work", 1, DeskSays.BREACHED, 0, False, False),
        ("first_response", 1, DeskSays.STARTED, 0, False, False),
        ("first_response", 1, DeskSays.TARGET, 18000, True, False),
        ("requester_wait", 1, DeskSays.TARGET, 300, False, False),
        ("next_reply", 3, DeskSays.STARTED, 0, False, False),
        ("first_response", 1, DeskSays.BREACHED, 0, False, True),
    ]
    assert told[0].at == ago
    assert told[2].policy == "Gold"
    assert events[-1].key == f"metric:{gone}:withdrawn"


def test_what_is_no_promise_is_left_out(desk: ZendeskSimulator, driver: Driver) -> None:
    """Sums, group SLAs, and what nobody knows."""
    number = ticket(desk)
    says(desk, number, "update_status", status={"calendar": 3, "business": 1})
    says(desk, number, "measure")
    says(desk, number, "apply_group_sla", metric="group_ownership_time", group_sla=TARGET)
    says(desk, number, "activate", metric="patience_time")
    says(desk, number, "activate", time="yesterday")
    assert polled(driver, desk.now())[0] == []


def test_when_it_is_due_is_read_from_the_ticket(desk: ZendeskSimulator, driver: Driver) -> None:
    """Of tickets that the events are about; a clock that is paused is due at no time."""
    number = ticket(desk)
    says(desk, number, "activate")
    desk.act("slas", ticket_id=number, first_reply_time="2027-01-01T00:00:00Z", requester_wait_time=None)
    events, _ = polled(driver, desk.now())
    (due,) = [each.promise for each in events if each.promise is not None and each.promise.says is DeskSays.DUE]
    assert (due.metric, due.due) == ("first_response", datetime(2027, 1, 1, tzinfo=UTC))


def test_a_breach_that_is_still_to_come_is_a_due_time(desk: ZendeskSimulator, driver: Driver) -> None:
    """Told as a breach when it has come, and nothing in between is missed."""
    number = ticket(desk)
    now = desk.now().replace(microsecond=0)
    coming = says(desk, number, "breach", time=(now + timedelta(minutes=3)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    events, cursor = polled(driver, now)
    (due,) = [each.promise for each in events if each.promise is not None]
    assert (due.says, due.due) == (DeskSays.DUE, now + timedelta(minutes=3))
    paused = says(desk, number, "pause", time=(now + timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))
    events, cursor = polled(driver, now + timedelta(minutes=2), cursor)
    assert f"metric:{paused}" in {each.key for each in events}
    events, _ = polled(driver, now + timedelta(minutes=4), cursor)
    assert f"metric:{coming}" in {each.key for each in events}


def test_the_check_tells_whether_they_can_be_read(desk: ZendeskSimulator, driver: Driver) -> None:
    """An agent who may not export leaves those metrics without a promise: that has to be said."""
    found = []
    for may in (True, False):
        desk.exports = may
        found += [each for each in driver.run(driver.connector.check()) if each.name == "metric_events"]
    assert [each.ok for each in found] == [True, False]
    assert "an admin" in found[1].detail


def test_it_is_asked_once_a_minute_and_goes_on_where_it_was(desk: ZendeskSimulator, driver: Driver) -> None:
    """Between two looks there is no further request; what came meanwhile is there in the next."""
    number = ticket(desk)
    says(desk, number, "activate")
    now = desk.now()
    events, cursor = polled(driver, now)
    assert len(events) == 1
    asked = [each for each in driver.requests if "metric_events" in each.url]
    events, cursor = polled(driver, now + timedelta(seconds=30), cursor)
    assert (events, len(asked)) == ([], 1)
    says(desk, number, "pause")
    events, _ = polled(driver, now + timedelta(seconds=90), cursor)
    assert [each.promise.says for each in events if each.promise is not None] == [DeskSays.STARTED, DeskSays.PAUSED]


def test_nothing_is_missed_over_full_pages(desk: ZendeskSimulator, driver: Driver) -> None:
    """More than a page of them, some in one second."""
    number = ticket(desk)
    began = desk.now().replace(microsecond=0) - timedelta(minutes=30)
    made = set()
    for place in range(2300):
        at = (began + timedelta(seconds=place // 3)).strftime("%Y-%m-%dT%H:%M:%SZ")
        made.add(f"metric:{says(desk, number, 'activate', time=at, instance_id=place + 1)}")
    events, _ = polled(driver, desk.now())
    assert {each.key for each in events} == made


def test_an_account_that_may_not_export_says_nothing(desk: ZendeskSimulator, driver: Driver) -> None:
    """Polling goes on, and it is tried again later; lost credentials are an error as ever."""
    says(desk, ticket(desk), "activate")
    desk.exports = False
    now = desk.now()
    events, cursor = polled(driver, now)
    assert events == []
    desk.exports = True
    assert len(polled(driver, now + timedelta(minutes=6), cursor)[0]) == 1
    desk.expected = "Bearer other"
    with pytest.raises(AuthenticationError):
        polled(driver, now + timedelta(minutes=12), cursor)


def test_it_is_not_asked_where_nobody_wants_it(desk: ZendeskSimulator) -> None:
    """Neither a policy nor `sla_events: true`."""
    says(desk, ticket(desk), "activate")
    driver = Driver(connect(desk.url))
    assert polled(driver, desk.now())[0] == []
    assert [each for each in driver.requests if "metric_events" in each.url] == []
    driver.close()
