"""Counts what happens in a forecast. What is kept grows by a few numbers with each ticket, and by nothing else."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum

from gateway.domain.clock_chain import WATCHED
from gateway.domain.clock_instance import Instance
from gateway.domain.clock_state import Outcome
from gateway.domain.report.counted import counts_at
from gateway.domain.report.figures import Sample
from gateway.flow.forecast.shifts import Shifts


class How(StrEnum):
    """How a ticket came to somebody, or where it lies."""

    DIRECT = "direct"
    STICKY = "sticky"
    QUEUE = "queue"
    RELAXED = "relaxed"
    OVERFLOW = "overflow"
    ON_CALL = "on call"
    KEPT = "kept"
    #: nobody had it by the end, and it lies in the fallback queue
    FALLBACK = "fallback"
    #: nobody had it by the end, and it still waits
    WAITING = "waiting"
    #: its route leaves it to people
    LEFT = "left to people"
    FROZEN = "frozen"


class Load:
    """What somebody carries."""

    __slots__ = ("busy", "given", "most", "since", "used")

    def __init__(self, since: datetime) -> None:
        self.used = self.most = self.given = 0
        self.since = since
        #: units in use times seconds of their own shift
        self.busy = 0


class Tally:
    """Counts."""

    def __init__(self, begin: datetime, end: datetime, shifts: Shifts) -> None:
        self.begin, self.end = begin, end
        self.shifts = shifts
        self.tickets = 0
        self.numbers: Counter[str] = Counter()
        self.how: Counter[How] = Counter()
        #: region -> tickets of it
        self.regions: Counter[str] = Counter()
        #: how tickets of a region came to somebody
        self.by_region: defaultdict[str, Counter[How]] = defaultdict(Counter)
        self.waits = Sample()
        self.route_waits: defaultdict[str, Sample] = defaultdict(Sample)
        self.hour_waits: list[Sample] = [Sample() for _ in range(24)]
        self.hour_came = [0] * 24
        self.loads: dict[str, Load] = {}
        #: (policy, metric) -> met, breached; and by priority
        self.promises: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.levels: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
        self.policies: Counter[str] = Counter()
        #: what nobody ever had: (route, language, region)
        self.never: Counter[tuple[str, str, str]] = Counter()
        self.most_hops = 0
        self.most_waiting = 0

    # ------------------------------------------------------------ tickets

    def came(self, at: datetime, region: str) -> None:
        """Count a ticket that comes."""
        self.tickets += 1
        self.regions[region] += 1
        self.hour_came[at.hour] += 1

    def placed(self, how: How, came: datetime, waited: int, rule: str, region: str) -> None:
        """Count a ticket that somebody has now; `came` is since when it was to be given to somebody."""
        self.how[how] += 1
        self.by_region[region][how] += 1
        for sample in self._samples(came, rule):
            sample.add(waited)

    def not_placed(self, how: How, came: datetime, rule: str, about: tuple[str, str]) -> None:
        """Count a ticket that nobody had in the end; `about` are its language and region."""
        self.how[how] += 1
        self.by_region[about[1]][how] += 1
        if how in {How.FALLBACK, How.WAITING}:
            self.never[rule, *about] += 1
            for sample in self._samples(came, rule):
                sample.add_going()

    def _samples(self, came: datetime, rule: str) -> Iterable[Sample]:
        return (self.waits, self.route_waits[rule], self.hour_waits[came.hour])

    def waiting(self, count: int) -> None:
        """Note how many wait at an instant."""
        self.most_waiting = max(self.most_waiting, count)

    def passed_on(self, hops: int) -> None:
        """Count a ticket that was handed over, for so many times in this cycle."""
        self.numbers["accepted"] += 1
        self.most_hops = max(self.most_hops, hops)

    def count(self, what: str) -> None:
        """Count something."""
        self.numbers[what] += 1

    # ------------------------------------------------------------ people

    def carries(self, person: str, used: int, at: datetime) -> None:
        """Note what somebody carries from an instant on."""
        load = self.loads.get(person)
        if load is None:
            load = self.loads[person] = Load(self.begin)
        if load.used:
            start, end = max(load.since, self.begin), min(at, self.end)
            if start < end:
                load.busy += load.used * self.shifts.of(person).between(start, end)
        load.used, load.since = used, at
        load.most = max(load.most, used)

    def given(self, person: str, at: datetime) -> None:
        """Count a ticket that somebody was given."""
        if person not in self.loads:
            self.loads[person] = Load(at)
        self.loads[person].given += 1

    # ------------------------------------------------------------ promises

    def clocks(self, policy: str, instances: Iterable[Instance]) -> None:
        """Count the clocks of one ticket, as a report does."""
        self.policies[policy] += 1
        for each in instances:
            if WATCHED in each.metric or counts_at(each) is None:
                continue
            word = "met" if each.outcome is Outcome.MET else "breached"
            self.promises[each.policy, each.metric][word] += 1
            self.levels[each.policy, each.metric, each.level][word] += 1
