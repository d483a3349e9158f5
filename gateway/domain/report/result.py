"""A report as it is shown and written: plain values, the same in a table, in JSON, in CSV and on a page."""

from __future__ import annotations

from datetime import date, datetime
from fractions import Fraction

import msgspec

from gateway.domain.report.counted import Correction
from gateway.domain.report.figures import MEDIAN, Sample, Share
from gateway.domain.report.unseen import Unseen, Would

_NINETY = Fraction(90)


class Lengths(msgspec.Struct, frozen=True):
    """What a number of lengths comes to, in whole seconds. Percentiles are lengths that occurred (nearest rank)."""

    #: that have ended
    known: int = 0
    #: that go on beyond what was promised: longer than any that is known
    going: int = 0
    #: None: of none, or so many still go on that it is not known
    median_s: int | None = None
    p90_s: int | None = None
    longest_s: int | None = None
    total_s: int = 0

    @classmethod
    def of(cls, sample: Sample | None) -> Lengths:
        """Sum a sample up."""
        if sample is None:
            return cls()
        return cls(
            sample.known,
            sample.going,
            sample.percentile(MEDIAN),
            sample.percentile(_NINETY),
            sample.longest,
            sample.total,
        )


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of all tickets, or of one slice."""

    #: of the slice; empty where nothing is known
    name: str
    met: int
    breached: int
    canceled: int
    #: met of met and breached; None of none
    compliance_rate: float | None
    breach_rate: float | None
    reaches_goal: bool
    below_alarm: bool
    first_response: Lengths
    reply: Lengths
    resolution: Lengths
    handling: Lengths
    #: by how much broken promises were over when they were done
    overrun: Lengths
    paused_s: int
    running_s: int
    paused_share: float | None
    solved: int
    reopened: int
    reopened_rate: float | None
    #: of the clocks that count, those for which an escalation fired
    escalated: int
    escalation_rate: float | None
    #: due times that were set by hand
    overrides: int
    #: broken promises that somebody acknowledged
    acknowledged: int
    at_risk: int
    overdue: int
    paused: int
    backlog: int
    backlog_age: Lengths

    @property
    def compliance(self) -> Share:
        """What was kept."""
        return Share(self.met, self.met + self.breached)


class MetricLine(msgspec.Struct, frozen=True):
    """What one metric comes to."""

    metric: str
    met: int
    breached: int
    compliance_rate: float | None
    reaches_goal: bool
    below_alarm: bool
    took: Lengths
    overrun: Lengths

    @property
    def compliance(self) -> Share:
        """What was kept."""
        return Share(self.met, self.met + self.breached)


class TargetLine(msgspec.Struct, frozen=True):
    """What one promise comes to: a metric at a priority under a policy."""

    policy: str
    metric: str
    priority: str
    #: business days have another length from week to week
    least_target_s: int
    most_target_s: int
    met: int
    breached: int
    compliance_rate: float | None
    reaches_goal: bool
    below_alarm: bool
    #: within which the goal would have been kept; None: so many go on that nobody knows
    attained_s: int | None
    took: Lengths
    says: str

    @property
    def compliance(self) -> Share:
        """What was kept."""
        return Share(self.met, self.met + self.breached)


class PlaceLine(msgspec.Struct, frozen=True):
    """The time in one status or stage: of the times in it that ended in the period."""

    name: str
    took: Lengths
    #: of the time in all of them
    share: float | None


class DayLine(msgspec.Struct, frozen=True):
    """What counts on one day of the report's zone."""

    day: date
    met: int
    breached: int


class OverdueLine(msgspec.Struct, frozen=True):
    """A promise that is broken and still to be done."""

    ticket_id: str
    metric: str
    policy: str
    priority: str
    owner: str
    breached_at: datetime


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report on the clocks of a period."""

    begin: datetime = msgspec.field(name="from")
    end: datetime = msgspec.field(name="to")
    zone: str
    by: str
    #: only tickets with a promise of it, and of these only such promises; empty: all
    policy: str = ""
    #: what was heard of by then counts
    known_at: datetime
    #: as at which what goes on is counted
    standing_at: datetime
    #: live or observe
    mode: str
    goal_percent: float
    alarm_percent: float
    is_over: bool
    #: 1, and one more for each time that something heard of after the end changed an outcome that was known
    revision: int
    corrected: int
    #: the newest
    corrections: list[Correction]
    #: breaches that were noted and taken back, whenever: something was heard of late
    retracted: int
    #: clocks that counted here at the end of the period and count elsewhere now
    moved: int
    #: outcomes of which nothing was known at the end of the period
    added: int
    tickets: int
    #: tickets whose clocks could not be told: the log of the process says why
    left_out: int
    total: Figures
    slices: list[Figures]
    #: slices that were left out of the list
    more_slices: int
    metrics: list[MetricLine]
    targets: list[TargetLine]
    statuses: list[PlaceLine]
    stages: list[PlaceLine]
    slowest_status: str | None
    slowest_stage: str | None
    look_first: list[str]
    days: list[DayLine]
    overdue_first: list[OverdueLine]
    #: what was broken and seen by nobody, and what was decided and not written
    unseen: Unseen
    would: Would
    #: what nobody can know from what the desks tell of the time before
    unknown: list[str]

    @property
    def is_empty(self) -> bool:
        """Say whether nothing counts and nothing goes on."""
        return not (self.total.met or self.total.breached or self.total.canceled or self.total.backlog or self.tickets)
