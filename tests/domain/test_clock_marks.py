"""Marks of clocks: where there is room for them, and where there is none."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from gateway.domain.clock import Target
from gateway.domain.clock_marks import Mark, thresholds
from tests.domain.calendar_oracle import instant

OFFICE = {"timezone": "Europe/Prague", "week": {"mon-fri": ["09:00-17:00"]}}
#: a Thursday, 09:00 in Prague
NINE = instant("2025-06-05T07:00")


def event(kind: str, at: str, **more: Any) -> dict[str, Any]:
    """Return an event that day."""
    return {"id": f"{kind} {at}", "type": kind, "at": f"2025-06-05T{at}Z", **more}


def marks(target: Target, *names: str, events: tuple[dict[str, Any], ...] = (), **options: Any) -> list[str | None]:
    """Return when each mark is reached by a clock that starts at nine, in UTC."""
    start = event("start", "07:00")
    found = thresholds(target, [start, *events], names, calendar=OFFICE, options=options)
    return [None if each is None else f"{each:%d %H:%M:%S}" for each in found.values()]


def test_a_warning_without_room_is_left_out_and_what_comes_after_the_due_time_is_not() -> None:
    """More time left than there ever was, more than all of it used: these are no warnings."""
    assert marks(3600, "left:3600", "left:3601", "due-3601", "wall:3601", "120%") == ["05 07:00:00", *[None] * 4]
    assert marks(3600, "due", "100%", "due+28800", "wall:1800") == [
        "05 08:00:00", "05 08:00:00", "06 08:00:00", "05 07:30:00"]  # fmt: skip


def test_a_share_is_never_reached_early() -> None:
    """Half of three seconds is two of them."""
    assert marks(3, "50%", "1%") == ["05 07:00:02", "05 07:00:01"]


def test_a_clock_that_stopped_came_no_further() -> None:
    """What lies behind the stop is never reached; a pause moves what lies behind it."""
    stopped = (event("stop", "07:40"),)
    assert marks(3600, "50%", "75%", "due", events=stopped) == ["05 07:30:00", None, None]
    paused = (event("pause", "07:30"), event("resume", "12:00"))
    assert marks(3600, "50%", "75%", "wall:600", events=paused) == ["05 07:30:00", "05 12:15:00", "05 12:20:00"]


def test_what_a_shorter_target_has_passed_already_is_reached_at_the_change() -> None:
    """And it is due then, when more has elapsed than it allows."""
    change = (event("retarget", "11:00", target_s=7200),)
    assert marks(28800, "50%", "due", "due+14400", events=change) == ["05 08:00:00", "05 11:00:00", "05 15:00:00"]


def test_a_date_does_not_move() -> None:
    """Marks of a date, and of a due time that a person set, lie on the way to it, whatever pauses."""
    paused = (event("pause", "07:30"),)
    assert marks(instant("2025-06-05T11:00"), "50%", "due", "due+3600", "left:3600", events=paused) == [
        "05 09:00:00", "05 11:00:00", "05 12:00:00", "05 10:00:00"]  # fmt: skip
    pinned = (event("override", "07:10", due="2025-06-05T09:00Z"),)
    assert marks(28800, "50%", "due", "wall:600", events=pinned) == ["05 08:00:00", "05 09:00:00", "05 08:50:00"]


def test_before_a_clock_starts_there_is_nothing() -> None:
    """Nor is there after its calendar has closed for good."""
    assert thresholds(60, [], ["due"], calendar=OFFICE) == {"due": None}
    closed: dict[str, datetime | None] = thresholds(
        60, [event("start", "07:00")], ["due", "50%"], calendar={"timezone": "UTC", "week": {}}
    )
    assert closed == {"due": None, "50%": None}


@pytest.mark.parametrize("text", ["", "50", "-5%", "left:", "left:1.5", "due+", "due + 5", "late", "99999%", "due--1"])
def test_what_is_no_mark_is_said(text: str) -> None:
    """One clear line with the forms that there are."""
    with pytest.raises(ValueError, match="is no mark: write 75%"):
        Mark.of(text)


def test_what_was_reached_before_a_stop_or_a_pause_was_reached() -> None:
    """Real seconds as well as open ones; and what lies behind the stop is not, also on the way to a date."""
    stop = (event("stop", "07:40"),)
    assert marks(3600, "wall:1800", "wall:600", events=stop) == ["05 07:30:00", None]
    assert marks(3600, "wall:1800", "wall:600", events=(event("pause", "07:40"),)) == ["05 07:30:00", None]
    late = (event("pause", "07:40"), event("resume", "12:00"))
    assert marks(3600, "wall:1800", "wall:600", events=late) == ["05 07:30:00", "05 12:10:00"]
    date = instant("2025-06-05T08:00")
    assert marks(date, "50%", "75%", "due", "due+60", "wall:1800", "wall:600", events=stop) == [
        "05 07:30:00", None, None, None, "05 07:30:00", None]  # fmt: skip


def test_a_date_that_was_broken_at_a_change_is_due_there() -> None:
    """What is due after a breach is the breach, and what comes after it counts from there."""
    change = (event("retarget", "10:00", target="2025-06-05T09:00:00Z"),)
    assert marks(28800, "due", "due+3600", events=change) == ["05 10:00:00", "05 11:00:00"]


def test_a_pause_that_ends_by_itself_lets_marks_be_reached() -> None:
    """Nobody has to tell that it is over."""
    pause = (event("pause", "07:30"),)
    assert marks(7200, "50%", "due", events=pause, max_pause_s=3600) == ["05 09:00:00", "05 10:00:00"]
    assert marks(7200, "50%", "due", events=pause) == [None, None]
