"""Instants as admins write them: a date is the whole of its day, and a time without a zone is local."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gateway.domain.wall import Wall, zone
from rules.problem import Problem
from rules.source import Spot

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATE = len("2026-08-03")


def moment(spot: Spot, timezone: str, problems: list[Problem], *, end: bool = False) -> datetime | None:
    """Return an instant in UTC; None, with a problem, when there is no such day or time.

    As an end, a date means the end of that day. `timezone` is that of the hours that it stands with, empty: UTC. A
    local time that a clock jumps over is the instant of the jump, and one that it reads twice the first, as in
    calendars.
    """
    text = str(spot.value)
    try:
        found = datetime.fromisoformat(text)
        if end and len(text) == _DATE:
            found += timedelta(days=1)
    except (ValueError, OverflowError):
        problems.append(spot.error("bad-date", f"there is no such day or time as '{text[:40]}'", "write 2026-08-03"))
        return None
    if found.tzinfo is not None:
        return found.astimezone(UTC)
    place = zone(timezone or "UTC")
    assert place is not None, "a calendar has found it"  # noqa: S101 - for the type checker
    wall = found.replace(tzinfo=UTC) - _EPOCH
    return _EPOCH + timedelta(seconds=Wall(place).boundary(wall.days * 86_400 + wall.seconds))
