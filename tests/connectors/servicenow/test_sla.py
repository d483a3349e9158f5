"""ServiceNow's own SLA clocks: what the rows of task_sla become in our words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from connectors.sdk import Event, EventKind
from connectors.servicenow.bench import ServiceNowBench
from connectors.servicenow.connector import ServiceNowConnector
from connectors.servicenow.sim_state import stamp
from connectors.testing.driver import Driver
from gateway.domain.desk_promise import DeskPromise, DeskSays


@pytest.fixture
def counting(there: ServiceNowBench, driver: Driver) -> Driver:
    """Connect where a policy takes ServiceNow's word."""
    settings = msgspec.structs.replace(there.settings(), counts=frozenset({"resolution"}))
    driver.connector = ServiceNowConnector(settings)
    return driver


def polled(driver: Driver, now: datetime, cursor: str = "") -> tuple[list[Event], str]:
    """Poll to the end; return the events and the cursor."""
    events: list[Event] = []
    for _ in range(60):
        page = driver.run(driver.connector.changes(cursor, now))
        events += page.events
        cursor = page.cursor
        if page.end:
            return events, cursor
    pytest.fail("never ended")


def promises(events: list[Event]) -> list[DeskPromise]:
    """Return what events promise."""
    return [event.promise for event in events if event.promise is not None]


def test_the_life_of_a_promise_is_told(there: ServiceNowBench, counting: Driver) -> None:
    """Begun, due, paused, gone on with another due time, kept; each once, however often the row is seen."""
    ticket = there.open_ticket("Printer", "On fire")
    now = there.desk.now().replace(microsecond=0)
    ends = now + timedelta(hours=8)
    row = there.desk.act("sla", sys_id=ticket, planned_end_time=stamp(ends), schedule="b" * 32)
    events, cursor = polled(counting, now)
    assert {(event.kind, event.remote_id, event.automatic) for event in events} == {(EventKind.PROMISED, ticket, True)}
    told = promises(events)
    assert {(each.says, each.target_s, each.business, each.due) for each in told} == {
        (DeskSays.STARTED, 0, False, None),
        (DeskSays.TARGET, 8 * 3600, True, None),
        (DeskSays.DUE, 0, False, ends),
    }
    assert {(each.metric, each.cycle, each.policy) for each in told} == {("resolution", 1, "Gold")}
    steps = (
        ({"stage": "paused", "pause_time": stamp(now + timedelta(minutes=5)), "planned_end_time": ""}, "paused"),
        (
            {
                "stage": "in_progress",
                "pause_time": "",
                "pause_duration": "1970-01-01 00:05:00",
                "planned_end_time": stamp(ends + timedelta(minutes=5)),
            },
            "started",
        ),
        ({"stage": "completed", "end_time": stamp(now + timedelta(minutes=15))}, "stopped"),
    )
    seen = {event.key for event in events}
    for columns, word in steps:
        there.desk.clock.skew += timedelta(minutes=5)
        there.desk.act("sla", sys_id=ticket, row=row, **columns)
        now += timedelta(minutes=5)
        events, cursor = polled(counting, now, cursor)
        fresh = [each.promise.says for each in events if each.key not in seen and each.promise is not None]
        assert word in fresh
        assert DeskSays.BREACHED not in fresh
        seen |= {event.key for event in events}


def test_a_broken_promise_is_told_when_it_broke(there: ServiceNowBench, counting: Driver) -> None:
    """At its planned end, and due no more."""
    ticket = there.open_ticket("Printer", "On fire")
    now = there.desk.now().replace(microsecond=0)
    ends = now - timedelta(minutes=3)
    there.desk.act(
        "sla", sys_id=ticket, planned_end_time=stamp(ends), has_breached="true", **{"sla.target": "response"}
    )
    told = promises(polled(counting, now)[0])
    (broken,) = [each for each in told if each.says is DeskSays.BREACHED]
    assert (broken.metric, broken.at) == ("first_response", ends)
    assert DeskSays.DUE not in {each.says for each in told}


def test_what_was_cancelled_is_taken_back(there: ServiceNowBench, counting: Driver) -> None:
    """Another priority brought another definition."""
    ticket = there.open_ticket("Printer", "On fire")
    row = there.desk.act("sla", sys_id=ticket)
    now = there.desk.now()
    _, cursor = polled(counting, now)
    there.desk.clock.skew += timedelta(minutes=2)
    there.desk.act("sla", sys_id=ticket, row=row, stage="cancelled")
    there.desk.act("sla", sys_id=ticket, **{"sla.name": "Silver", "sla.duration": "1970-01-02 00:00:00"})
    told = promises(polled(counting, now + timedelta(minutes=2), cursor)[0])
    assert {each.withdrawn for each in told if each.id.startswith(row)} == {True}
    (target,) = [each for each in told if each.says is DeskSays.TARGET and not each.withdrawn]
    assert (target.target_s, target.policy, target.cycle) == (86_400, "Silver", 1)


def test_a_promise_after_one_that_was_kept_is_the_next(there: ServiceNowBench, counting: Driver) -> None:
    """Of the same sort only."""
    ticket = there.open_ticket("Printer", "On fire")
    now = there.desk.now().replace(microsecond=0)
    early = stamp(now - timedelta(minutes=30))
    kept = {"stage": "completed", "start_time": early, "end_time": stamp(now - timedelta(minutes=20))}
    there.desk.act("sla", sys_id=ticket, **kept)
    there.desk.act("sla", sys_id=ticket, **kept, **{"sla.target": "response"})
    there.desk.act("sla", sys_id=ticket, start_time=stamp(now - timedelta(minutes=10)))
    told = promises(polled(counting, now)[0])
    assert {(each.metric, each.cycle) for each in told} == {("resolution", 1), ("first_response", 1), ("resolution", 2)}


def test_a_definition_without_a_target_says_nothing(there: ServiceNowBench, counting: Driver) -> None:
    """Nor does an empty row."""
    ticket = there.open_ticket("Printer", "On fire")
    there.desk.act("sla", sys_id=ticket, **{"sla.target": ""})
    there.desk.act("sla", sys_id=ticket, start_time="")
    assert polled(counting, there.desk.now())[0] == []


def test_every_row_is_read_over_many_pages(there: ServiceNowBench, counting: Driver) -> None:
    """Also of one second."""
    there.desk.clock.frozen = datetime.now(UTC)
    made = set()
    for number in range(240):
        ticket = there.open_ticket(f"Printer {number}", "On fire")
        made.add(there.desk.act("sla", sys_id=ticket))
    told = promises(polled(counting, there.desk.now())[0])
    assert {each.id.partition(":")[0] for each in told} == made


def test_they_are_asked_once_a_minute_and_only_where_somebody_wants_them(
    there: ServiceNowBench, counting: Driver
) -> None:
    """Neither a policy nor `sla_events: true`: no request."""
    there.desk.act("sla", sys_id=there.open_ticket("Printer", "On fire"))
    now = there.desk.now()
    events, cursor = polled(counting, now)
    assert events
    assert polled(counting, now + timedelta(seconds=30), cursor)[0] == []
    plain = Driver(ServiceNowConnector(there.settings()), deadline=2.0)
    assert polled(plain, now)[0] == []
    plain.connector = ServiceNowConnector(there.settings(sla_events=True))
    assert polled(plain, now)[0]
    assert [line.name for line in plain.run(plain.connector.check()) if line.name == "task_sla" and line.ok]
    plain.close()
