"""Calendars agree with an oracle that steps through the minutes, over random hours around odd changes of the clock."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.domain.calendar import Calendar
from tests.domain.calendar_oracle import DAYS, Oracle, instant
from tests.length import length

#: zones with what their clocks did around a date
ODD = (
    ("Europe/Prague", "2025-03-30"),
    ("Europe/Prague", "2025-10-26"),
    ("America/New_York", "2025-03-09"),
    ("America/New_York", "2025-11-02"),
    ("Australia/Lord_Howe", "2025-04-06"),  # half an hour
    ("Australia/Lord_Howe", "2025-10-05"),
    ("Pacific/Apia", "2011-12-30"),  # a Friday that was left out
    ("Pacific/Kwajalein", "1993-08-21"),  # a Saturday that was left out
    ("Africa/Cairo", "2025-04-25"),  # no midnight
    ("America/Sao_Paulo", "2018-02-18"),  # midnight went back to the day before
    ("America/Sao_Paulo", "2018-11-04"),
    ("America/St_Johns", "2010-11-07"),  # back to the day before at one past midnight
    ("America/Havana", "2025-11-02"),
    ("Antarctica/Troll", "2025-03-30"),  # two hours
    ("America/Scoresbysund", "2024-03-31"),  # a new offset and summer time at once
    ("Pacific/Chatham", "2025-09-28"),
    ("Africa/Casablanca", "2025-02-23"),  # Ramadan
    ("America/Toronto", "1919-03-31"),  # midnight within the gap
    ("Asia/Pyongyang", "2015-08-15"),
    ("Asia/Kathmandu", "2025-12-31"),
    ("UTC", "2024-12-31"),
    ("Pacific/Kiritimati", "2025-01-01"),  # fourteen hours ahead, over a new year
    ("Pacific/Pago_Pago", "2026-01-01"),
)

CLOCKS = st.one_of(
    st.sampled_from(
        ["00:00", "00:01", "01:00", "01:30", "02:00", "02:15", "02:30", "03:00", "06:00", "23:00", "23:30"]
    ),
    st.builds("{:02}:{:02}".format, st.integers(0, 23), st.integers(0, 59)),
)
INTERVAL = st.tuples(CLOCKS, CLOCKS | st.just("24:00"))
HOURS = st.lists(INTERVAL, max_size=2)
WEEK = st.one_of(
    st.dictionaries(st.sampled_from(DAYS), HOURS, max_size=7),
    st.builds(lambda hours: dict.fromkeys(DAYS, hours), HOURS),
)


def _whole_minutes(zone: str, day: date) -> bool:
    """Say whether the oracle, which steps through minutes, can know a zone then: local mean time has odd seconds."""
    offset = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).utcoffset()
    return offset is not None and offset.seconds % 60 == 0


@st.composite
def hours(draw: st.DrawFn, zone: str, middle: date) -> dict[str, Any]:
    """Return a calendar with hours whose exceptions lie around a date."""
    near = st.integers(-2, 2).map(lambda days: str(middle + timedelta(days=days)))
    spec: dict[str, Any] = {"tz": zone, "weekly": draw(WEEK)}
    if draw(st.booleans()):
        spec["breaks"] = draw(WEEK)
    if draw(st.booleans()):
        spec["exceptions"] = draw(st.dictionaries(near, st.one_of(st.just([]), HOURS), max_size=4))
    if draw(st.booleans()):
        spec["holidays"] = draw(st.lists(near, max_size=3, unique=True))
    if draw(st.booleans()):
        spec["holiday_scope"] = draw(st.sampled_from(["calendar_day", "shift_start"]))
    if draw(st.integers(0, 3)) == 0:
        spec["dst"] = "rfc5545"
    return spec


@st.composite
def situations(draw: st.DrawFn) -> tuple[dict[str, Any], datetime]:
    """Return calendars by name, the last of them often a union, and a middle of time."""
    zone, day = draw(st.sampled_from(ODD))
    middle = date.fromisoformat(day)
    found: dict[str, Any] = {"a": draw(hours(zone, middle))}
    if draw(st.integers(0, 3)) == 0:
        other = draw(st.sampled_from([zone for zone, _ in ODD if _whole_minutes(zone, middle)]))
        found["b"] = draw(hours(other, middle))
        found["c"] = {"union": ["a", "b"]}
        if draw(st.booleans()):
            found["d"] = {"union": ["c", "a"]}
    return found, instant(day)


OFFSETS = st.tuples(st.integers(0, 7 * 24 * 60 - 1), st.sampled_from([0, 0, 0, 1, 17, 59]))


@pytest.mark.long
@settings(
    max_examples=length(25, 240),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(situation=situations(), places=st.lists(OFFSETS, min_size=3, max_size=8), targets=st.data())
def test_it_agrees_with_the_oracle(situation: Any, places: list[tuple[int, int]], targets: st.DataObject) -> None:
    """Each of its answers is what stepping through the minutes finds."""
    specs, middle = situation
    name = list(specs)[-1]
    calendar = Calendar.from_spec(specs[name], specs)
    start = middle - timedelta(days=3)
    oracle = Oracle(specs[name], specs, start, 7)
    end = start + timedelta(days=7)
    instants = sorted(start + timedelta(minutes=minutes, seconds=seconds) for minutes, seconds in places)
    for at in instants:
        assert calendar.is_open(at) is oracle.is_open(at), at
        opening = oracle.next_opening(at)
        found = calendar.next_opening(at)
        assert found == opening if opening else found is None or found >= end
        seconds = targets.draw(st.integers(0, 6 * 86_400) | st.sampled_from([0, 1, 3600, 8 * 3600]))
        due = oracle.due(at, seconds)
        found = calendar.due(at, seconds)
        assert found == due if due else found is None or found > end
    low, *between, high = instants
    assert calendar.elapsed(low, high) == oracle.elapsed(low, high)
    for at in between:
        assert calendar.elapsed(low, at) + calendar.elapsed(at, high) == calendar.elapsed(low, high)
    spent = calendar.elapsed(low, high)
    back = calendar.due(low, spent)
    assert back is not None
    assert back <= high
    assert calendar.elapsed(low, back) == spent
    windows = list(calendar.windows(low, high))
    assert sum((closes - opens).total_seconds() for opens, closes in windows) == spent
    assert all(closes < opens for (_, closes), (opens, _) in pairwise(windows))


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(situation=situations(), first=st.integers(1, 9990), span=st.integers(0, 9), cut=st.floats(0, 1))
@example(situation=({"a": {"tz": "UTC", "weekly": {}}}, None), first=1, span=9, cut=0.5)
def test_far_away_years_are_like_those_nearby(situation: Any, first: int, span: int, cut: float) -> None:
    """Anywhere from the year 1 to 9999, the parts of a span add up to it, and it is what its windows hold."""
    specs, _ = situation
    calendar = Calendar.from_spec(specs[list(specs)[-1]], specs)
    low = instant(f"{first:04}-06-01")
    high = instant(f"{first + span:04}-12-31T23:59:59")
    middle = low + timedelta(seconds=int((high - low).total_seconds() * cut))
    total = calendar.elapsed(low, high)
    assert calendar.elapsed(low, middle) + calendar.elapsed(middle, high) == total
    assert sum((closes - opens).total_seconds() for opens, closes in calendar.windows(low, high)) == total
    due = calendar.due(low, total)
    assert due is not None
    assert due <= high
    assert total == 0 or calendar.elapsed(low, due - timedelta(seconds=1)) == total - 1
