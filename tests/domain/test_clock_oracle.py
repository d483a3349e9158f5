"""Clocks agree with an oracle that counts minutes, and keep what is promised of them, over random lives."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.calendar import Calendar
from gateway.domain.clock import Clock, ClockEvent, Options, replay
from gateway.domain.clock_event import in_order, known, read
from tests.domain.calendar_oracle import DAYS as DAYS_OF_WEEK
from tests.domain.calendar_oracle import Oracle, instant
from tests.domain.clock_oracle import ClockOracle

CALENDARS: dict[str, Any] = {
    "office": {
        "tz": "Europe/Prague",
        "weekly": {day: [["09:00", "17:00"]] for day in DAYS_OF_WEEK[:5]},
    },
    "nights": {
        "tz": "Europe/Prague",
        "weekly": {day: [["22:00", "06:00"]] for day in DAYS_OF_WEEK},
        "exceptions": {"2025-03-31": []},
    },
    "york": {"tz": "America/New_York", "weekly": {"mon": [["00:00", "24:00"]], "tue": [["08:30", "12:00"]]}},
    "always": {"always": True},
}
#: a Friday before a night of 23 hours in Prague
BEGIN = instant("2025-03-28T00:00")
DAYS = 6
HOURS = {name: Oracle(spec, CALENDARS, BEGIN, DAYS + 1) for name, spec in CALENDARS.items()}
MADE = {name: Calendar.from_spec(spec, CALENDARS) for name, spec in CALENDARS.items()}

MINUTES = st.integers(0, DAYS * 24 * 60 - 1)
NAMES = st.sampled_from(sorted(CALENDARS))
TARGETS = st.integers(1, 40 * 60).map(lambda minutes: 60 * minutes)
OPTIONS = st.fixed_dictionaries(
    {
        "retarget": st.sampled_from(["carry", "restart", "retro_no_pause", "carry_percent", "tighten_only", "freeze"]),
        "reopen": st.sampled_from(["continue_exclude", "continue_include", "new_cycle", "ignore"]),
        "calendar_change": st.sampled_from(["segmented", "next_cycle_only", "recompute"]),
    },
    optional={
        "max_pause_s": st.integers(1, 3000).map(lambda minutes: 60 * minutes),
        "out_of_hours_s": st.integers(0, 600).map(lambda minutes: 60 * minutes),
        "reopen_within_s": st.integers(0, 3000).map(lambda minutes: 60 * minutes),
    },
)
KINDS = ["pause", "resume", "pause", "resume", "retarget", "stop", "reopen", "calendar", "reset", "cancel", "override"]


@st.composite
def lives(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Return the events of a clock: its start, and what comes after it."""
    found: list[dict[str, Any]] = [{"id": "0", "type": "start", "at": BEGIN + timedelta(minutes=draw(MINUTES) // 4)}]
    for number in range(1, draw(st.integers(0, 9)) + 1):
        at = BEGIN + timedelta(minutes=draw(MINUTES))
        event: dict[str, Any] = {"id": str(number), "type": draw(st.sampled_from(KINDS)), "at": at}
        if event["type"] == "retarget":
            event["target_s"] = draw(TARGETS)
        if event["type"] == "calendar":
            event["calendar"] = draw(NAMES)
        if event["type"] == "override":
            event["due"] = draw(st.none() | MINUTES.map(lambda minutes: BEGIN + timedelta(minutes=minutes)))
        found.append(event)
    return found


def state_of(target: int, life: list[dict[str, Any]], name: str, options: Any, at: datetime) -> Any:
    """Replay a life until an instant."""
    return replay(target, life, calendar=name, calendars=MADE, options=options, known_at=at, query_at=at)


@settings(max_examples=150)
@given(target=TARGETS, life=lives(), name=NAMES, options=OPTIONS, queries=st.lists(MINUTES, min_size=1, max_size=2))
def test_it_agrees_with_the_oracle(
    target: int, life: list[dict[str, Any]], name: str, options: dict[str, Any], queries: list[int]
) -> None:
    """Phase, outcome, cycle, elapsed, remaining, the instant of the breach and the history are those of counting."""
    oracle = ClockOracle(target, HOURS, name, options, BEGIN)
    waiting = life
    for minute in sorted(queries):
        at = BEGIN + timedelta(minutes=minute)
        oracle.run(waiting, at)
        waiting = [each for each in life if each["at"] > at]
        state = state_of(target, life, name, options, at)
        found = (state.phase, state.outcome, state.cycle, state.elapsed_s, state.remaining_s, state.breached_at)
        expected = (oracle.phase, oracle.outcome, oracle.cycle, oracle.elapsed, oracle.left(), oracle.breached)
        assert found == expected
        told = [(each.cycle, each.outcome, each.elapsed_s, each.breached_at) for each in state.history]
        assert told == oracle.history
        if state.phase == "running" and state.outcome == "pending" and state.due is not None:
            last = max(each["at"] for each in life if each["at"] <= at)
            assert MADE[oracle.calendar].elapsed(at, state.due) == state.remaining_s
            assert state.due >= last or oracle.pinned is not None
        elif state.outcome == "breached":
            assert state.due == state.breached_at
        else:
            alive = state.phase in {"running", "paused"}
            assert state.due is None or state.phase == "running" or (alive and state.due == oracle.pinned)


@given(target=TARGETS, life=lives(), name=NAMES, options=OPTIONS, order=st.randoms(), at=MINUTES)
def test_the_order_in_which_events_are_heard_of_changes_nothing(
    target: int, life: list[dict[str, Any]], name: str, options: dict[str, Any], order: Any, at: int
) -> None:
    """Nor does it when some of them are told twice."""
    when = BEGIN + timedelta(minutes=at)
    expected = state_of(target, life, name, options, when)
    mixed = [*life, *life[:3]]
    order.shuffle(mixed)
    assert state_of(target, mixed, name, options, when) == expected


@given(target=TARGETS, life=lives(), name=NAMES, options=OPTIONS)
def test_one_event_more_is_a_replay_with_it(
    target: int, life: list[dict[str, Any]], name: str, options: dict[str, Any]
) -> None:
    """`advance` gives the state that a replay of everything gives, and leaves the clock before it as it was."""
    clock = Clock.of(target, MADE[name], MADE, _options(options))
    events = sorted((read(each, ClockEvent) for each in life), key=in_order)
    for number, event in enumerate(events):
        before = clock.state(event.at) if number else None
        after = clock.advance(event)
        assert before is None or clock.state(event.at) == before
        so_far = events[: number + 1]
        if all(each in so_far for each in known(events, known_at=event.at, until=event.at)):
            assert after.state(event.at) == state_of(target, life, name, options, event.at)
        clock = after


@given(target=TARGETS, name=NAMES, begin=MINUTES, pauses=st.lists(MINUTES, min_size=2, max_size=8, unique=True))
def test_a_pause_never_brings_a_due_time_nearer(target: int, name: str, begin: int, pauses: list[int]) -> None:
    """With another pause it is due at the same instant or later, or never."""
    start = {"id": "s", "type": "start", "at": BEGIN + timedelta(minutes=begin)}
    times = sorted(BEGIN + timedelta(minutes=begin + each) for each in pauses)[: len(pauses) // 2 * 2]
    kinds = ("pause", "resume")
    turns = [{"id": str(n), "type": kinds[n % 2], "at": at} for n, at in enumerate(times)]
    at = BEGIN + timedelta(days=3 * DAYS)
    with_all = state_of(target, [start, *turns], name, {}, at)
    with_fewer = state_of(target, [start, *turns[:-2]], name, {}, at)
    if with_all.due is not None:
        assert with_fewer.due is not None
        assert with_fewer.due <= with_all.due
    assert with_all.elapsed_s <= with_fewer.elapsed_s


@given(target=TARGETS, life=lives(), name=NAMES, late=st.integers(0, 9), by=st.integers(0, 5000), at=MINUTES)
def test_what_is_heard_of_late_counts_from_then_on_as_if_it_had_been_known(
    target: int, life: list[dict[str, Any]], name: str, late: int, by: int, at: int
) -> None:
    """Before it is heard of, it has not happened."""
    when = BEGIN + timedelta(minutes=at)
    one = life[late % len(life)]
    told = {**one, "arrived": one["at"] + timedelta(minutes=by)}
    others = [each for each in life if each is not one]
    expected = life if told["arrived"] <= when else others
    assert state_of(target, [*others, told], name, {}, when) == state_of(target, expected, name, {}, when)


def test_an_event_that_belongs_before_the_last_one_cannot_be_taken_up() -> None:
    """Then the clock has to be replayed, and says so."""
    clock = Clock.of(60, MADE["always"]).advance(read({"id": "a", "type": "start", "at": BEGIN}, ClockEvent))
    with pytest.raises(ValueError, match="replay the clock"):
        clock.advance(read({"id": "b", "type": "pause", "at": BEGIN - timedelta(minutes=1)}, ClockEvent))


def _options(told: dict[str, Any]) -> Options:

    return msgspec.convert(told, Options)
