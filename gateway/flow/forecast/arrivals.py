"""When made-up tickets come: more by day than by night, few on days on which a region does not work.

Each ticket has a source of randomness of its own, named by the seed and its number. So the same seed gives the same
tickets in the same order, and each of them the same luck, whatever the rules under trial make of the others.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import msgspec

from gateway.domain.event import Event, EventKind, RemoteTicket
from gateway.domain.roster import Roster
from gateway.domain.ticket import Setter, Stamp, Status, Ticket
from gateway.flow.fold import new_ticket
from gateway.flow.forecast.mix import Fields, Mix, model
from rules.cases.values import synced, with_rest
from rules.decide import RuleSet

HOUR = timedelta(hours=1)
#: how many tickets come in each hour of a working day of their region, beside one another
BY_HOUR = (2, 1, 1, 1, 1, 2, 5, 14, 30, 38, 38, 34, 28, 32, 35, 32, 26, 18, 10, 8, 6, 5, 4, 3)
#: so much of that on a day on which the region does not work
QUIET = 0.2


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """How many tickets come, and when."""

    tickets: int
    begin: datetime
    end: datetime
    seed: int = 1


class Arrival(msgspec.Struct, frozen=True):
    """A ticket comes."""

    number: int
    at: datetime
    fields: Fields
    #: how long it will be in somebody's hands, where that is known
    handling: int | None = None


def luck(seed: int, number: int) -> Random:
    """Return the source of randomness of one ticket."""
    return Random(f"{seed}:{number}")


def arrivals(load: Load, mix: Mix, rules: RuleSet) -> Iterator[Arrival]:
    """Go through tickets that are made up, in the order in which they come."""
    cells, weights = _cells(load, mix, rules)
    chosen = Random(f"{load.seed}")
    counts = [0] * len(cells)
    for place in chosen.choices(range(len(cells)), weights, k=load.tickets):
        counts[place] += 1
    number = 0
    # an hour at a time, so that what is in memory does not grow with the period
    for first in range(0, len(cells), len(mix.regions)):
        hour: list[tuple[int, int]] = []
        for place in range(first, first + len(mix.regions)):
            begin, last, _ = cells[place]
            hour += [(begin + chosen.randrange(last), place - first) for _ in range(counts[place])]
        for at, region in sorted(hour):
            number += 1
            made = luck(load.seed, number)
            fields = mix.draw(mix.regions[region].name, made)
            yield Arrival(number, datetime.fromtimestamp(at, UTC), model(fields))


def _cells(load: Load, mix: Mix, rules: RuleSet) -> tuple[list[tuple[int, int, str]], array[float]]:
    """Return each hour of each region, with how many tickets it gets beside the others."""
    days = {region.name: _Days(rules, region.name) for region in mix.regions}
    cells, weights = [], array("d")
    at = load.begin
    while at < load.end:
        # the first and the last hour may be shorter
        until = min(at.replace(minute=0, second=0) + HOUR, load.end)
        seconds = max(1, int((until - at).total_seconds()))
        for region in mix.regions:
            cells.append((int(at.timestamp()), seconds, region.name))
            weights.append(region.agents * days[region.name].share(at) * seconds)
        at = until
    return cells, weights


class _Days:
    """The days of one region, by the time of its first team that has a time zone."""

    def __init__(self, rules: RuleSet, region: str) -> None:
        self._roster: Roster = rules.routing.roster
        self._region = region
        self._zone = zone_of(rules, region)
        self._works: dict[date, bool] = {}

    def share(self, at: datetime) -> float:
        """Return how many tickets come at an hour."""
        local = at.astimezone(self._zone)
        day = local.date()
        if day not in self._works:
            begin = datetime(day.year, day.month, day.day, tzinfo=self._zone).astimezone(UTC)
            stints = self._roster.cover(self._region, begin, begin + timedelta(hours=24))
            self._works[day] = not self._roster.agents or bool(stints)
        return BY_HOUR[local.hour] * (1.0 if self._works[day] else QUIET)


def zone_of(rules: RuleSet, region: str) -> ZoneInfo:
    """Return the time zone of a region: that of its first team that has one."""
    teams: Mapping[str, Mapping[str, str]] = rules.sections.get("teams") or {}
    for team in teams.values():
        calendar = rules.calendars.get(str(team.get("calendar", "")))
        if team.get("region", "") == region and calendar is not None and calendar.timezone:
            return ZoneInfo(calendar.timezone)
    return ZoneInfo("UTC")


def as_ticket(arrival: Arrival) -> Ticket:
    """Return the ticket as a desk would have it that fills its fields in by itself."""
    at, fields = arrival.at, arrival.fields
    source, name = str(fields["source"]), f"{arrival.number:08}"
    said = synced(fields, Ticket(id="", source=source, created_at=at, updated_at=at))
    said.setdefault("status", Status())
    remote = RemoteTicket(
        remote_id=name, updated_at=at, version=1, channel=str(fields.get("channel", "")), created_at=at,
        complete=True, **said,
    )  # fmt: skip
    made = new_ticket(name, source, remote, Event(EventKind.CREATED, name, "1", at, 1))
    return with_rest(made, fields, Stamp(Setter.DESK, source, at))
