"""The SLAs of Jira Service Management: what their cycles become in our words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from connectors.jira.bench import JiraCloudBench
from connectors.jira.connector import JiraConnector
from connectors.sdk import Event, EventKind
from connectors.testing.driver import Driver
from gateway.domain.desk_promise import DeskPromise, DeskSays
from gateway.errors import TransportError


@pytest.fixture
def counting(bench: JiraCloudBench, driver: Driver) -> Driver:
    """Connect where a policy takes Jira's word."""
    driver.connector = JiraConnector(msgspec.structs.replace(bench.settings(), counts=frozenset({"resolution"})))
    return driver


def instant(at: datetime) -> dict[str, Any]:
    """Write an instant as Service Management does."""
    written = at.strftime("%Y-%m-%dT%H:%M:%S+0000")
    return {"iso8601": written, "friendly": "today", "epochMillis": int(at.timestamp() * 1000)}


def cycle(began: datetime, hours: float = 8, *, ends: datetime | None = None, **more: Any) -> dict[str, Any]:
    """Write a cycle."""
    millis = int(hours * 3_600_000)
    due = ends or began + timedelta(milliseconds=millis)
    return {
        "startTime": instant(began),
        "breachTime": instant(due),
        "breached": False,
        "paused": False,
        "withinCalendarHours": True,
        "goalDuration": {"millis": millis, "friendly": f"{hours}h"},
        "elapsedTime": {"millis": 0, "friendly": "0m"},
        **more,
    }


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


def test_the_life_of_a_promise_is_told(bench: JiraCloudBench, counting: Driver) -> None:
    """Begun, due, waiting, gone on with another due time, kept; each once, however often the field is seen."""
    ticket = bench.open_ticket("Printer", "On fire")
    began = bench.desk.now().replace(microsecond=0)
    bench.desk.act("sla", issue=ticket, ongoingCycle=cycle(began))
    events, cursor = polled(counting, began)
    assert {(event.kind, event.remote_id, event.automatic) for event in events} == {(EventKind.PROMISED, ticket, True)}
    told = promises(events)
    assert [(each.says, each.target_s, each.business, each.due) for each in told] == [
        (DeskSays.STARTED, 0, False, None),
        (DeskSays.TARGET, 8 * 3600, False, None),
        (DeskSays.DUE, 0, False, began + timedelta(hours=8)),
    ]
    assert {(each.metric, each.cycle, each.policy) for each in told} == {("resolution", 1, "Time to resolution")}
    seen = {event.key for event in events}
    used: dict[str, Any] = {"elapsedTime": {"millis": 300_000}}
    later = began + timedelta(hours=8, minutes=5)
    done = cycle(began, ends=later) | {"stopTime": instant(began + timedelta(minutes=15))}
    steps: list[tuple[dict[str, Any], list[DeskSays]]] = [
        ({"ongoingCycle": cycle(began, paused=True, **used)}, [DeskSays.PAUSED]),
        ({"ongoingCycle": cycle(began, ends=later, **used)}, [DeskSays.STARTED, DeskSays.DUE]),
        ({"completedCycles": [done]}, [DeskSays.STOPPED]),
    ]
    for value, words in steps:
        bench.desk.clock.skew += timedelta(minutes=5)
        bench.desk.act("sla", issue=ticket, **value)
        events, cursor = polled(counting, bench.desk.now(), cursor)
        assert [each.says for each in promises([one for one in events if one.key not in seen])] == words
        seen |= {event.key for event in events}
        bench.desk.clock.skew += timedelta(minutes=2)
        events, cursor = polled(counting, bench.desk.now(), cursor)
        assert {event.key for event in events} <= seen


def test_a_promise_whose_goal_applies_no_more_is_taken_back(bench: JiraCloudBench, counting: Driver) -> None:
    """Every word of it, once; not where nothing of the SLA is shown."""
    ticket = bench.open_ticket("Printer", "On fire")
    began = bench.desk.now().replace(microsecond=0)
    bench.desk.act("sla", issue=ticket, ongoingCycle=cycle(began))
    told, cursor = polled(counting, began)
    bench.desk.clock.skew += timedelta(minutes=5)
    bench.desk.act("sla", issue=ticket, ongoingCycle=cycle(began, paused=True))
    more, cursor = polled(counting, bench.desk.now(), cursor)
    words = {each.id for each in promises([*told, *more])}
    bench.desk.clock.skew += timedelta(minutes=5)
    bench.desk.act("sla", issue=ticket)
    hidden = bench.desk.records.issues[ticket].pop("slas")
    unseen, cursor = polled(counting, bench.desk.now(), cursor)
    assert unseen == []
    assert hidden
    bench.desk.clock.skew += timedelta(minutes=5)
    bench.desk.act("sla", issue=ticket)
    gone, cursor = polled(counting, bench.desk.now(), cursor)
    assert {each.id for each in promises(gone) if each.withdrawn} == words
    assert len({each.key for each in gone}) == len(gone) == len(words)
    bench.desk.clock.skew += timedelta(minutes=5)
    bench.desk.act("sla", issue=ticket)
    assert polled(counting, bench.desk.now(), cursor)[0] == []


def test_a_breach_is_told_though_nothing_happened_to_the_issue(bench: JiraCloudBench, counting: Driver) -> None:
    """Time alone breaks it, and the issue is not changed by that."""
    ticket = bench.open_ticket("Printer", "On fire")
    began = bench.desk.now().replace(microsecond=0)
    bench.desk.act("sla", issue=ticket, ongoingCycle=cycle(began))
    _, cursor = polled(counting, began)
    bench.desk.clock.skew += timedelta(hours=9)
    bench.desk.act("sla", issue=ticket, touch=False, ongoingCycle=cycle(began, breached=True))
    events, _ = polled(counting, bench.desk.now(), cursor)
    (broken,) = [each for each in promises(events) if each.says is DeskSays.BREACHED]
    assert broken.at == began + timedelta(hours=8)


def test_cycles_are_counted_in_their_order(bench: JiraCloudBench, counting: Driver) -> None:
    """What was answered and asked again begins anew; a clock that rests counts business hours."""
    ticket = bench.open_ticket("Printer", "On fire")
    first = bench.desk.now().replace(microsecond=0)
    second = first + timedelta(minutes=10)
    done = cycle(first, 1, breached=True) | {"stopTime": instant(first + timedelta(minutes=5))}
    again = cycle(second, 1, ends=second + timedelta(hours=15))
    bench.desk.act("sla", issue=ticket, name="Time to first response", completedCycles=[done], ongoingCycle=again)
    events, _ = polled(counting, second)
    told = [(each.cycle, each.says, each.business) for each in promises(events) if each.says is DeskSays.TARGET]
    assert told == [(1, DeskSays.TARGET, False), (2, DeskSays.TARGET, True)]
    assert {each.metric for each in promises(events)} == {"first_response"}


def test_a_name_of_the_site_is_a_metric_of_ours_and_others_are_left_out(bench: JiraCloudBench, driver: Driver) -> None:
    """`sla_metrics:` says so; where nobody wants them nothing is asked."""
    ticket = bench.open_ticket("Printer", "On fire")
    now = bench.desk.now()
    bench.desk.act("sla", issue=ticket, name="Time to first response", ongoingCycle=cycle(now))
    assert polled(driver, now)[0] == []
    settings = bench.settings()
    options = {**settings.options, "sla_events": True, "sla_metrics": {"Time to First Response": "resolution"}}
    driver.connector = JiraConnector(msgspec.structs.replace(settings, options=options))
    assert {each.metric for each in promises(polled(driver, now)[0])} == {"resolution"}


@pytest.mark.parametrize(
    "value",
    [{"ongoingCycle": []}, {"completedCycles": {"a": 1}}, {"ongoingCycle": {"startTime": {"epochMillis": "x"}}}],
)
def test_what_cannot_be_read_says_nothing(bench: JiraCloudBench, counting: Driver, value: dict[str, Any]) -> None:
    """A field of another shape is no promise, and stops nothing."""
    ticket = bench.open_ticket("Printer", "On fire")
    bench.desk.act("sla", issue=ticket, **value)
    assert polled(counting, bench.desk.now())[0] == []


def test_a_search_that_is_refused_is_told(bench: JiraCloudBench, counting: Driver) -> None:
    """The issues are not lost by that: the cursor stays, and the next poll shows both."""
    bench.open_ticket("Printer", "On fire")
    _, cursor = polled(counting, bench.desk.now())
    bench.desk.clock.skew += timedelta(minutes=5)
    bench.desk.fault("error_without_effect", method="GET", path="/search", after=1, status=400)
    with pytest.raises(TransportError, match="refuses the search"):
        polled(counting, bench.desk.now(), cursor)
