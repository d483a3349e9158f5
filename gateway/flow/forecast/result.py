"""What a forecast came to, as values that a program, a terminal and a page show alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from fractions import Fraction

import msgspec

from gateway.domain.report.figures import GOAL, MEDIAN, Sample, Share
from gateway.flow.forecast.tally import How, Tally

P90 = Fraction(90)


class Waits(msgspec.Struct, frozen=True):
    """How long tickets waited until somebody had them: real seconds. None: so many were never given to anybody."""

    name: str
    tickets: int = 0
    median_s: int | None = None
    p90_s: int | None = None
    longest_s: int | None = None
    #: nobody had these by the end
    never: int = 0

    @staticmethod
    def of(name: str, sample: Sample) -> Waits:
        """Sum lengths up."""
        return Waits(
            name, len(sample), sample.percentile(MEDIAN), sample.percentile(P90), sample.longest, sample.going
        )  # fmt: skip


class PlacedLine(msgspec.Struct, frozen=True):
    """How tickets came to somebody, or where they lie."""

    how: How
    count: int
    share: float | None


class Busy(msgspec.Struct, frozen=True, kw_only=True):
    """How much of what somebody, a team or a region can carry was in use while they worked."""

    name: str
    team: str = ""
    region: str = ""
    people: int = 1
    #: seconds of their shifts in the period
    on_shift_s: int = 0
    #: units times seconds: what there was, and what of it was in use
    units_s: int = 0
    used_s: int = 0
    #: tickets that they were given
    tickets: int = 0
    #: units in use at the busiest instant; of one person
    most: int = 0
    #: they are never full
    is_unlimited: bool = False

    @property
    def share(self) -> Share:
        """The share in use."""
        return Share(self.used_s, self.units_s)


class PromiseLine(msgspec.Struct, frozen=True):
    """How the promises of one metric were kept under one policy."""

    policy: str
    metric: str
    #: empty: of every priority
    level: str
    met: int
    breached: int
    reaches_goal: bool

    @property
    def share(self) -> Share:
        """The share that was kept."""
        return Share(self.met, self.met + self.breached)


class HourLine(msgspec.Struct, frozen=True):
    """One hour of the day, UTC."""

    hour: int
    came: int
    waits: Waits


class Handoffs(msgspec.Struct, frozen=True):
    """What was offered before shifts ended."""

    offered: int
    to_managers: int
    accepted: int
    #: the most that one ticket was passed on in a cycle
    most_hops: int
    max_hops: int
    frozen: int


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """The whole."""

    begin: datetime
    end: datetime
    #: when the last ticket was done with, or no further was looked
    looked_until: datetime
    seed: int
    tickets: int
    #: first placements, and those after a ticket was opened again
    placements: int
    reopened: int
    solved: int
    #: somebody has them at the end
    in_hand: int
    most_waiting: int
    #: lay in the fallback queue at some time, which is an alert
    unroutable: int
    placed: list[PlacedLine]
    waits: Waits
    waits_by_route: list[Waits]
    hours: list[HourLine]
    regions: list[Busy]
    teams: list[Busy]
    people: list[Busy]
    handoffs: Handoffs
    promises: list[PromiseLine]
    by_priority: list[PromiseLine]
    goal_percent: float
    kept: int
    broken: int
    look_first: list[str] = []

    @property
    def never(self) -> int:
        """How many tickets nobody had by the end."""
        return sum(line.count for line in self.placed if line.how in {How.FALLBACK, How.WAITING, How.FROZEN})

    @property
    def share(self) -> Share:
        """What was kept of all promises."""
        return Share(self.kept, self.kept + self.broken)

    @property
    def is_fine(self) -> bool:
        """Say whether somebody had every ticket, and every promise reached the goal."""
        return not self.never and all(line.reaches_goal for line in self.promises)


def people_of(tally: Tally) -> list[Busy]:
    """Return how busy everybody was: agents by their teams, then those who only had tickets."""
    found = []
    roster = tally.shifts.roster
    for person in dict.fromkeys([*roster.of_person, *sorted(tally.loads)]):
        agents = roster.people(roster.of_person.get(person, 0))
        load = tally.loads.get(person)
        on_shift = tally.shifts.of(person).between(tally.begin, tally.end) if agents else 0
        units = agents[0].units if agents else None
        found.append(
            Busy(
                name=person,
                team=", ".join(agent.team for agent in agents),
                region=agents[0].region if agents else "",
                on_shift_s=on_shift,
                units_s=on_shift * (units or 0),
                used_s=load.busy if load is not None and units else 0,
                tickets=load.given if load is not None else 0,
                most=load.most if load is not None else 0,
                is_unlimited=units is None,
            )
        )
    return sorted(found, key=lambda each: (each.region, each.team, -(each.share.rate or 0), each.name))


def together(people: list[Busy], by: str) -> list[Busy]:
    """Return how busy teams or regions were."""
    groups: dict[str, list[Busy]] = {}
    for each in people:
        if each.team:
            groups.setdefault(getattr(each, by), []).append(each)
    return [
        Busy(
            name=name, region=members[0].region, people=len(members),
            on_shift_s=sum(each.on_shift_s for each in members), units_s=sum(each.units_s for each in members),
            used_s=sum(each.used_s for each in members), tickets=sum(each.tickets for each in members),
            is_unlimited=any(each.is_unlimited for each in members),
        )
        for name, members in groups.items()
    ]  # fmt: skip


def promises(counts: Iterable[tuple[tuple[str, ...], Mapping[str, int]]], goal: Fraction) -> list[PromiseLine]:
    """Return how promises were kept, by policy and metric, and by priority where that is told."""
    found = []
    for key, numbers in sorted(counts, key=lambda each: each[0]):
        policy, metric, level = (*key, "")[:3]
        met, breached = numbers.get("met", 0), numbers.get("breached", 0)
        share = Share(met, met + breached)
        found.append(PromiseLine(policy, metric, level, met, breached, share.reaches(goal)))
    return found


def forecast_of(tally: Tally, *, seed: int, looked_until: datetime, max_hops: int, goal: Fraction = GOAL) -> Forecast:
    """Sum a forecast up."""
    numbers = tally.numbers
    people = people_of(tally)
    placements = sum(tally.how.values())
    return Forecast(
        begin=tally.begin,
        end=tally.end,
        looked_until=looked_until,
        seed=seed,
        tickets=tally.tickets,
        placements=placements,
        reopened=numbers["reopened"],
        solved=numbers["solved"],
        in_hand=numbers["in hand"],
        most_waiting=tally.most_waiting,
        unroutable=numbers["unroutable"],
        placed=[
            PlacedLine(how, tally.how[how], Share(tally.how[how], placements).rate) for how in How if tally.how[how]
        ],
        waits=Waits.of("all", tally.waits),
        waits_by_route=[Waits.of(name, sample) for name, sample in sorted(tally.route_waits.items())],
        hours=[
            HourLine(hour, tally.hour_came[hour], Waits.of(f"{hour:02}", sample))
            for hour, sample in enumerate(tally.hour_waits)
        ],
        regions=together(people, "region"),
        teams=together(people, "team"),
        people=people,
        handoffs=Handoffs(
            offered=numbers["offered"], to_managers=numbers["offered to a manager"], accepted=numbers["accepted"],
            most_hops=tally.most_hops, max_hops=max_hops, frozen=tally.how[How.FROZEN],
        ),
        promises=promises(tally.promises.items(), goal),
        by_priority=promises(tally.levels.items(), goal),
        goal_percent=float(goal),
        kept=sum(each["met"] for each in tally.promises.values()),
        broken=sum(each["breached"] for each in tally.promises.values()),
    )  # fmt: skip
