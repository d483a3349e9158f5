"""Adds tickets up, one after the other, so that a report on any number of them holds nothing but lengths."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from fractions import Fraction
from heapq import heappush, heappushpop
from typing import Any

import msgspec

from gateway.domain.clock_chain import RESOLUTION
from gateway.domain.clock_event import whole
from gateway.domain.clock_instance import Status
from gateway.domain.clock_log import EntryKind
from gateway.domain.report.context import OWNER
from gateway.domain.report.counted import (
    NOTHING,
    Correction,
    CountedClock,
    Period,
    Story,
    canceled,
    counted,
    going,
    is_at_risk,
    moved,
)
from gateway.domain.report.course import FIRST_RESPONSE, REPLY, Place, Position, Slice
from gateway.domain.report.figures import Sample, Share
from gateway.domain.report.result import Figures, Lengths

HANDLING, AGE, OVERRUN, ATTAINED = "handling", "age", "overrun", "attained"
#: so many are named
MOST_NAMED = 20


class Tally:
    """What one slice comes to."""

    __slots__ = ("numbers", "samples")

    def __init__(self) -> None:
        self.numbers: Counter[str] = Counter()
        self.samples: dict[str, Sample] = {}

    def sample(self, name: str) -> Sample:
        """Return the lengths of one sort."""
        found = self.samples.get(name)
        if found is None:
            found = self.samples[name] = Sample()
        return found

    def clock(self, clock: CountedClock, *, escalated: bool) -> None:
        """Add a clock that counts."""
        instance, numbers = clock.instance, self.numbers
        numbers["met" if clock.is_met else "breached"] += 1
        numbers["escalated"] += escalated
        if not clock.goes_on:
            numbers["paused_s"] += instance.paused_s
            numbers["running_s"] += instance.elapsed_s
        took = clock.took
        if took is not None:
            self.sample(instance.metric).add(took)
            if not clock.is_met:
                self.sample(OVERRUN).add(max(0, -instance.remaining_s))
        elif clock.goes_on:
            self.sample(instance.metric).add_going()

    def join(self, other: Tally) -> None:
        """Add all of another."""
        self.numbers.update(other.numbers)
        for name, sample in other.samples.items():
            self.sample(name).join(sample)

    def figures(self, name: str, goal: Fraction, alarm: Fraction) -> Figures:
        """Sum up."""
        n, share = self.numbers, Share(self.numbers["met"], self.numbers["met"] + self.numbers["breached"])
        lengths = {each: Lengths.of(sample) for each, sample in self.samples.items()}
        nothing = Lengths()
        return Figures(
            name=name,
            met=n["met"],
            breached=n["breached"],
            canceled=n["canceled"],
            compliance_rate=share.rate,
            breach_rate=Share(n["breached"], share.whole).rate,
            reaches_goal=share.reaches(goal),
            below_alarm=not share.reaches(alarm),
            first_response=lengths.get(FIRST_RESPONSE, nothing),
            reply=lengths.get(REPLY, nothing),
            resolution=lengths.get(RESOLUTION, nothing),
            handling=lengths.get(HANDLING, nothing),
            overrun=lengths.get(OVERRUN, nothing),
            paused_s=n["paused_s"],
            running_s=n["running_s"],
            paused_share=Share(n["paused_s"], n["paused_s"] + n["running_s"]).rate,
            solved=n["solved"],
            reopened=n["reopened"],
            reopened_rate=Share(n["reopened"], n["solved"] + n["reopened"]).rate,
            escalated=n["escalated"],
            escalation_rate=Share(n["escalated"], share.whole).rate,
            overrides=n["overrides"],
            acknowledged=n["acknowledged"],
            at_risk=n["at_risk"],
            overdue=n["overdue"],
            paused=n["paused"],
            backlog=n["backlog"],
            backlog_age=lengths.get(AGE, nothing),
        )


class Target(msgspec.Struct):
    """What one promise comes to: a metric at a priority under a policy."""

    least_s: int
    most_s: int
    tally: Tally


class Overdue(msgspec.Struct, frozen=True, order=True):
    """A promise that is broken and still to be done. The one that broke first is the greatest."""

    seconds_before_1970: int
    ticket_id: str
    metric: str
    policy: str
    level: str
    owner: str
    breached_at: datetime


class Totals:
    """Takes up the tickets of a report."""

    def __init__(self, period: Period, standing_at: datetime, by: Slice, zone: tzinfo) -> None:
        self.period = period
        self.standing_at = standing_at
        self.by = by
        self._zone = zone
        self.tickets = 0
        self.total = Tally()
        self.slices: defaultdict[str, Tally] = defaultdict(Tally)
        self.metrics: defaultdict[str, Tally] = defaultdict(Tally)
        #: (policy, metric, priority) ->
        self.targets: dict[tuple[str, str, str], Target] = {}
        self.places: defaultdict[tuple[Place, str], Sample] = defaultdict(Sample)
        self.days: defaultdict[date, list[int]] = defaultdict(lambda: [0, 0])
        #: of a period that is over: outcomes of which nothing was known at its end
        self.added = 0
        self.corrected = 0
        self.moved = 0
        #: when something was heard of that changed an outcome
        self.heard: set[datetime] = set()
        #: the newest, in a heap
        self._corrections: list[tuple[datetime, str, str, int, Correction]] = []
        self._overdue: list[Overdue] = []
        #: account -> the newest ticket that it had
        self.owners: dict[str, str] = {}

    @property
    def corrections(self) -> Sequence[Correction]:
        """The newest corrections, the newest first."""
        return [each[-1] for each in sorted(self._corrections, key=lambda one: one[:-1], reverse=True)]

    @property
    def overdue(self) -> Sequence[Overdue]:
        """What has been overdue for longest."""
        return sorted(self._overdue, reverse=True)

    def take(self, story: Story) -> None:
        """Add one ticket."""
        self._clocks(story)
        self._work(story)
        self._answers(story)
        self._standing(story)
        self._correct(story)

    def _add(self, position: Position) -> Iterable[Tally]:
        """Return where to count what happened at a position."""
        value = position.value(self.by)
        return (self.total, self.slices[value])

    def _clocks(self, story: Story) -> None:
        counts = False
        for clock in counted(story, self.period):
            counts = True
            instance = clock.instance
            escalated = (instance.metric, instance.cycle) in story.escalated
            target = self._target(clock)
            for tally in (*self._add(clock.position), self.metrics[instance.metric], target):
                tally.clock(clock, escalated=escalated)
            if clock.goes_on:
                target.sample(ATTAINED).add_going()
            elif (needed := clock.needed) is not None:
                target.sample(ATTAINED).add(needed)
            self.days[clock.at.astimezone(self._zone).date()][not clock.is_met] += 1
            if instance.breached_at is not None and _acknowledged(story, clock):
                self._count("acknowledged", clock.position)
        for instance in canceled(story, self.period):
            counts = True
            self._count("canceled", story.course.at(instance.ended or instance.started))
        self.tickets += counts

    def _target(self, clock: CountedClock) -> Tally:
        one = clock.instance
        key = (one.policy, one.metric, one.level)
        found = self.targets.get(key)
        if found is None:
            found = self.targets[key] = Target(one.target_s, one.target_s, Tally())
        found.least_s, found.most_s = min(found.least_s, one.target_s), max(found.most_s, one.target_s)
        return found.tally

    def _work(self, story: Story) -> None:
        """Add what was done in the period: solved, reopened, set by hand, and the times in places that ended."""
        course, period = story.course, self.period
        solved = course.solved()
        if solved is not None and period.holds(solved):
            spent = course.handled(solved)
            for tally in self._add(course.at(solved)):
                tally.numbers["solved"] += 1
                if spent is not None:
                    tally.sample(HANDLING).add(spent)
        for entry in course.entries:
            at = whole(entry.at)
            if not period.holds(at):
                continue
            if entry.kind is EntryKind.REOPENED:
                self._count("reopened", course.at(at))
            elif entry.kind is EntryKind.OVERRIDE and entry.due is not None:
                self._count("overrides", course.at(at))
        for visit in course.visits():
            if period.holds(visit.end):
                self.places[visit.kind, visit.name].add(course.spent(visit))

    def _answers(self, story: Story) -> None:
        """Add how long answers took of which nothing was promised: those of promises are counted with their clocks."""
        promised = {instance.metric for instance in story.instances} | story.others
        for answer in story.course.answers():
            if answer.metric not in promised and self.period.holds(answer.at):
                for tally in self._add(answer.position):
                    tally.sample(answer.metric).add(answer.took)

    def _standing(self, story: Story) -> None:
        """Add how it stood: at the end of the period, or now."""
        position = story.course.at(self.standing_at)
        owner = position.context.get(OWNER)
        if owner:
            self.owners[owner] = max(self.owners.get(owner, ""), story.id)
        for instance in going(story.standing):
            if instance.breached_at is not None:
                self._count("overdue", position)
                late = Overdue(
                    -int(instance.breached_at.timestamp()),
                    story.id,
                    instance.metric,
                    instance.policy,
                    instance.level,
                    owner or "",
                    instance.breached_at,
                )
                _keep(self._overdue, late)
            elif instance.status is Status.PAUSED:
                self._count("paused", position)
            elif is_at_risk(instance):
                self._count("at_risk", position)
        opened = story.course.opened
        if position.is_open and opened is not None:
            age = int((self.standing_at - opened).total_seconds())
            for tally in self._add(position):
                tally.numbers["backlog"] += 1
                tally.sample(AGE).add(age)

    def _correct(self, story: Story) -> None:
        self.moved += moved(story, self.period)
        for each in story.corrections:
            if each.said == NOTHING:
                self.added += 1
                continue
            self.corrected += 1
            self.heard.add(each.heard)
            _keep(self._corrections, (each.heard, each.ticket_id, each.metric, each.cycle, each))

    def _count(self, what: str, position: Position) -> None:
        for tally in self._add(position):
            tally.numbers[what] += 1


def _keep(heap: list[Any], one: Any) -> None:
    """Keep the greatest."""
    (heappush if len(heap) < MOST_NAMED else heappushpop)(heap, one)


def _acknowledged(story: Story, clock: CountedClock) -> bool:
    broken = clock.instance.breached_at
    return broken is not None and any(
        entry.kind is EntryKind.ACKNOWLEDGED and entry.metric == clock.instance.metric and entry.at >= broken
        for entry in story.course.entries
    )
