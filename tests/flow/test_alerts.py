"""When an alert is raised, told again and over, and what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from gateway.flow.alerts import CALM, judge, text
from gateway.flow.telling import Told
from gateway.ports import AlertState, Backlog
from rules.alerts import Alert, Metric

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
AGE = Alert("dead_letter_age > 30m", {"runbook": "https://wiki.example/dead"}, Metric.DEAD_LETTER_AGE, 1800)
HOURLY = Alert("dead_letters_per_hour > 20", {}, Metric.DEAD_LETTERS_PER_HOUR, 20)
BACKLOG = Backlog(23, AT - timedelta(minutes=42, seconds=9), 21, "engineering-rt", "rejected", "update", 17)


def run(looks: list[tuple[float, bool]]) -> list[tuple[float, Told]]:
    """Look at (minute, is it too much) and return what is said when."""
    state, said = AlertState("k"), []
    for minute, exceeded in looks:
        state, told = judge(state, AT + timedelta(minutes=minute), exceeded=exceeded)
        if told:
            said.append((minute, told))
    return said


def test_an_alert_is_told_at_once_and_repeated_ever_more_seldom() -> None:
    """After an hour, two, four, eight, sixteen; then once a day."""
    said = run([(minute, True) for minute in range(4 * 24 * 60)])
    hours = [minute / 60 for minute, _ in said]
    assert hours == [0, 1, 3, 7, 15, 31, 55, 79]
    assert [told for _, told in said] == [Told.RAISED] + [Told.STILL] * 7


def test_it_is_over_after_five_calm_minutes_and_then_it_may_begin_again() -> None:
    """One message for the end, none for a flutter."""
    assert timedelta(minutes=5) == CALM
    assert run([(0, True), (1, False), (5, False), (5.9, False), (6, False), (7, False), (8, True)]) == [
        (0, Told.RAISED),
        (6, Told.OVER),
        (8, Told.RAISED),
    ]
    assert run([(0, True), *((minute, minute % 4 == 0) for minute in range(1, 50))]) == [(0, Told.RAISED)]
    assert run([(minute, False) for minute in range(50)]) == []


def test_a_message_says_what_how_many_since_when_why_and_what_next() -> None:
    """Each on a line of its own."""
    said = text(AGE, Told.RAISED, BACKLOG, AT, AT)
    assert said.title == "Desk Gateway: 23 dead letters, the oldest for 42m"
    assert said.body.splitlines() == [
        "Alert `dead_letter_age > 30m`, since 2026-03-01 12:00 UTC.",
        "23 dead letters wait for a person, the oldest since 2026-03-01 11:17 UTC; 21 given up within the last hour.",
        "Most of it (17): updates to engineering-rt, rejected.",
        "Next: `gateway dead-letters list --connection engineering-rt --reason rejected`",
        "Runbook: https://wiki.example/dead",
    ]
    assert text(HOURLY, Told.STILL, BACKLOG, AT, AT).title == "Desk Gateway, still: 21 dead letters within an hour"


@pytest.mark.parametrize(
    ("backlog", "line"),
    [
        (Backlog(), "No dead letter waits any more."),
        (
            Backlog(1, AT, 0, "zen", "", "delivery", 1),
            "1 dead letter waits for a person, the oldest since 2026-03-01 12:00 UTC; 0 given up within the last hour.",
        ),
    ],
)
def test_the_last_message_says_how_long_it_was_and_what_is_left(backlog: Backlog, line: str) -> None:
    """The runbook is not needed any more."""
    said = text(AGE, Told.OVER, backlog, AT, AT + timedelta(hours=2, minutes=10))
    assert said.title == "Desk Gateway: over: dead_letter_age > 30m"
    assert said.body.splitlines()[:2] == ["It began 2026-03-01 12:00 UTC and lasted 2h10m.", line]
    assert "Runbook" not in said.body
