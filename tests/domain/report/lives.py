"""Tickets whose logs a test writes by hand, counted as a report counts them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.domain.calendar import Calendar
from gateway.domain.clock_chain import chains
from gateway.domain.clock_instance import Instance
from gateway.domain.clock_log import EntryKind, LogEntry, counting
from gateway.domain.report.counted import Key, Period, Story, corrections
from gateway.domain.report.course import Course, Slice
from gateway.domain.report.totals import Totals
from gateway.domain.terms import Goal, Terms

CALENDARS = {
    "always@1": Calendar.from_spec("24x7"),
    "office@1": Calendar.from_spec({"timezone": "UTC", "week": {"mon-fri": ["09:00-17:00"]}}),
}
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = 3600
TERMS = {
    name: Terms(
        policy="standard",
        level=name,
        goals={
            "first_response": Goal(HOUR, "always@1"),
            "next_reply": Goal(2 * HOUR, "always@1"),
            "resolution": Goal(8 * HOUR, "office@1"),
            "stage:testing": Goal(4 * HOUR, "office@1"),
        },
    )
    for name in ("P1", "P2")
} | {
    "P3": Terms(policy="updates", level="P3", goals={"periodic_update": Goal(HOUR, "always@1")}),
    "P4": Terms(policy="slow", level="P4", goals={"stage:testing": Goal(4 * HOUR, "office@1")}),
}
_numbers = itertools.count()


def at(hour: float, day: int = 0) -> datetime:
    """Return an instant of that week."""
    return MONDAY + timedelta(days=day, hours=hour)


def say(kind: str, when: datetime, heard: datetime | None = None, **more: Any) -> LogEntry:
    """Return an entry; heard of at once unless told otherwise."""
    return LogEntry(id=f"e{next(_numbers):06}", kind=EntryKind(kind), at=when, arrived=heard or when, **more)


def opened(when: datetime, level: str = "P1", **context: str) -> list[LogEntry]:
    """Return the beginning of a log."""
    return [
        say("opened", when),
        say("terms", when, terms=level),
        say("status", when, name="open"),
        say("context", when, context=context),
    ]


def told(log: Sequence[LogEntry], known: datetime, query: datetime) -> list[Instance]:
    """Return the clocks of a log."""
    found = chains(log, TERMS, calendars=CALENDARS, known_at=known, query_at=query)
    return [instance for chain in found.values() for instance in chain.instances]


def story(
    log: Sequence[LogEntry], period: Period, known: datetime, name: str = "t1", escalated: frozenset[Key] = frozenset()
) -> Story:
    """Return a ticket as a report counts it that is made at an instant."""
    return Story(
        id=name,
        course=Course(counting(log, known_at=known, until=known), TERMS, CALENDARS),
        instances=told(log, known, known),
        standing=told(log, known, min(known, period.end)),
        escalated=escalated,
        corrections=corrections(name, log, TERMS, CALENDARS, period, known) if period.end <= known else (),
    )


def totals(
    logs: Sequence[Sequence[LogEntry]], begin: datetime, end: datetime, known: datetime, by: Slice = Slice.PRIORITY
) -> Totals:
    """Return what the tickets of some logs come to."""
    period = Period(begin, end)
    found = Totals(period, min(known, end), by, UTC)
    for number, log in enumerate(logs, 1):
        found.take(story(log, period, known, f"t{number}"))
    return found
