"""Cover: how many people of each region work in each hour, and when nobody is there at all."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from gateway.domain.roster import Roster
from gateway.domain.shifts import Stint, Window, gaps, stints

HOUR = timedelta(hours=1)


class Row(msgspec.Struct, frozen=True):
    """One region on one day: how few people it ever has in each of its hours."""

    #: empty: those of no region; `on call` is a row of its own
    region: str
    hours: tuple[int, ...]


class Day(msgspec.Struct, frozen=True):
    """A day, hour by hour."""

    start: datetime
    rows: tuple[Row, ...]


ON_CALL = "on call"


def picture(roster: Roster, start: datetime, days: int) -> list[Day]:
    """Return the cover of some days from an instant on, for each region and for those on call."""
    end = start + timedelta(days=days)
    regions = [*roster.regions(), *([""] if "" in roster.of_region else [])]
    cover = {region: roster.cover(region, start, end) for region in regions}
    cover[ON_CALL] = list(stints(roster.call, start, end, roster.away))
    found = []
    for number in range(days):
        first = start + timedelta(days=number)
        rows = [Row(name, tuple(_least(shifts, first + HOUR * hour) for hour in range(24)))
                for name, shifts in cover.items()]  # fmt: skip
        found.append(Day(first, tuple(rows)))
    return found


def _least(shifts: list[Stint], start: datetime) -> int:
    """Return how few people work at any time of an hour."""
    end = start + HOUR
    inside = [each for each in shifts if each.start < end and each.end > start]
    edges = sorted({start, *(max(each.start, start) for each in inside), *(min(each.end, end) for each in inside)})
    return min(
        len(frozenset[str]().union(*(each.people for each in inside if each.start <= edge < each.end)))
        for edge in edges
        if edge < end
    )


def uncovered(roster: Roster, start: datetime, end: datetime, region: str | None = None) -> list[Window]:
    """Return when nobody works: of a region, or anywhere, those on call included."""
    if region is None:
        return roster.uncovered(start, end)
    return list(gaps(roster.cover(region, start, end), start, end))
