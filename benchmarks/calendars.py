"""Open time of a calendar, asked of ours, of two libraries and of the loop over days that one would write first.

Office hours of Prague, over 90 days and more, from many starts. All give the same answers, which is seen first.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from importlib import import_module
from typing import Any
from zoneinfo import ZoneInfo

from benchmarks.report import Measure, Progress
from gateway.domain.calendar import Calendar

STAGE = "calendars"
ROUNDS = 5
DAYS = 90
SPEC = {"timezone": "Europe/Prague", "week": {"mon-fri": ["09:00-17:00"]}}
ZONE = ZoneInfo("Europe/Prague")
STEPS = 6

Span = tuple[datetime, datetime]
#: a start and a target in seconds
Ask = tuple[datetime, int]


def run(progress: Progress) -> list[Measure]:
    """Measure."""
    calendar = Calendar.from_spec(SPEC)
    spans = _spans(DAYS)
    asks = [(start, calendar.elapsed(start, end)) for start, end in spans]
    progress.step("ours")
    elapsed, due = _microseconds(calendar.elapsed, spans), _microseconds(calendar.due, asks)
    found = [
        Measure(STAGE, f"elapsed over {DAYS} days", elapsed, "µs", "under 10 µs", elapsed < 10),
        Measure(STAGE, f"due after {DAYS} days", due, "µs", "under 10 µs", due < 10),
    ]
    for days, words in ((1, "1 day"), (3650, "10 years")):
        progress.step(f"ours over {words}")
        others = _spans(days)
        targets = [(start, calendar.elapsed(start, end)) for start, end in others]
        found += [
            _flat(f"elapsed over {words}", _microseconds(calendar.elapsed, others), elapsed),
            _flat(f"due after {words}", _microseconds(calendar.due, targets), due),
        ]
    # Two starts in a hundred are enough for what takes milliseconds.
    few, few_asks = spans[:20], asks[:20]
    for name, prepare in (
        ("loop over days", _loop),
        ("businesstimedelta", _timedelta),
        ("business-duration", _duration),
    ):
        progress.step(name)
        found += _rival(name, prepare, few, few_asks, (elapsed, due))
    return found


def _flat(name: str, value: float, usual: float) -> Measure:
    return Measure(STAGE, name, value, "µs", f"as over {DAYS} days", value < 2 * usual)


def _rival(
    name: str, prepare: Callable[[], tuple[Any, Any]], spans: Sequence[Span], asks: Sequence[Ask], ours: Sequence[float]
) -> list[Measure]:
    """Measure what is not ours, once it has given the answers that ours gives."""
    try:
        elapsed, due = prepare()
    except ModuleNotFoundError:
        return [Measure(STAGE, name, 0.0, "µs", note="is not installed; `make rivals` installs it")]
    calendar = Calendar.from_spec(SPEC)
    found = []
    for words, ask, questions, own, answer in (
        ("elapsed", elapsed, spans, ours[0], calendar.elapsed),
        ("due", due, asks, ours[1], calendar.due),
    ):
        if ask is None:
            continue
        wrong = sum(ask(*each) != answer(*each) for each in questions)
        value = _microseconds(ask, questions)
        note = f"{value / own:,.0f} times ours" + (f"; {wrong} of {len(questions)} answers differ" if wrong else "")
        found.append(Measure(STAGE, f"{name}, {words}", value, "µs", note=note))
    return found


def _spans(days: int) -> list[Span]:
    """Return spans of so many days from many starts."""
    chosen = random.Random(4)
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    starts = [begin + timedelta(minutes=chosen.randrange(2 * 365 * 1440)) for _ in range(1000)]
    return [(start, start + timedelta(days=days, minutes=chosen.randrange(1440))) for start in starts]


def _microseconds(ask: Callable[..., Any], questions: Sequence[tuple[Any, ...]]) -> float:
    """Return what one question takes: the best of some rounds, after one that does not count."""
    best = float("inf")
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        for question in questions:
            ask(*question)
        best = min(best, time.perf_counter() - began)
    return best / len(questions) * 1e6


def _loop() -> tuple[Any, Any]:
    def hours(day: date) -> Span:
        opens, closes = (datetime(day.year, day.month, day.day, hour, tzinfo=ZONE) for hour in (9, 17))
        return opens.astimezone(UTC), closes.astimezone(UTC)

    def elapsed(start: datetime, end: datetime) -> int:
        total, day = timedelta(), start.astimezone(ZONE).date()
        while day <= end.astimezone(ZONE).date():
            if day.weekday() < 5:
                opens, closes = hours(day)
                total += max(min(closes, end) - max(opens, start), timedelta())
            day += timedelta(days=1)
        return int(total.total_seconds())

    def due(start: datetime, seconds: int) -> datetime:
        left, day = timedelta(seconds=seconds), start.astimezone(ZONE).date()
        while True:
            if day.weekday() < 5:
                opens, closes = hours(day)
                begins = max(opens, start)
                if begins < closes:
                    if closes - begins >= left:
                        return begins + left
                    left -= closes - begins
            day += timedelta(days=1)

    return elapsed, due


def _timedelta() -> tuple[Any, Any]:
    library = import_module("businesstimedelta")
    # It speaks the time zones of a library of its own.
    zone = import_module("pytz").timezone("Europe/Prague")
    rule = library.WorkDayRule(datetime(2024, 1, 1, 9, tzinfo=UTC).time(), datetime(2024, 1, 1, 17, tzinfo=UTC).time(),
                               tz=zone)  # fmt: skip
    rules = library.Rules([rule])

    def elapsed(start: datetime, end: datetime) -> int:
        return int(rules.difference(start, end).timedelta.total_seconds())

    def due(start: datetime, seconds: int) -> Any:
        return start + library.BusinessTimeDelta(rules, seconds=seconds)

    return elapsed, due


def _duration() -> tuple[Any, Any]:
    count = import_module("business_duration").businessDuration
    opens, closes = (datetime(2024, 1, 1, hour, tzinfo=UTC).time() for hour in (9, 17))

    def elapsed(start: datetime, end: datetime) -> int:
        # It counts in local time without a zone.
        local = [at.astimezone(ZONE).replace(tzinfo=None) for at in (start, end)]
        return int(count(local[0], local[1], opens, closes, unit="sec"))

    return elapsed, None  # it counts, and cannot say when
