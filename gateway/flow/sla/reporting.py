"""Makes the report on the clocks of a period, ticket by ticket, so that it takes any number of them.

What is stored of a clock that has ended is taken as it is. What goes on, was corrected, or is asked for as it was
known or stood at an earlier time, is told again from the log, which nothing is ever taken from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import datetime, tzinfo
from fractions import Fraction
from typing import Any

import msgspec

from gateway.domain.clock_chain import chains
from gateway.domain.clock_instance import Instance
from gateway.domain.clock_log import EntryKind, LogEntry, counting
from gateway.domain.person import RemotePerson
from gateway.domain.report.advice import look_first, metric_lines, place_lines, slowest, target_lines
from gateway.domain.report.context import account_of, names
from gateway.domain.report.counted import Period, Story, corrections, of_policy
from gateway.domain.report.course import Course, Place, Slice
from gateway.domain.report.figures import ALARM, GOAL
from gateway.domain.report.result import DayLine, Figures, OverdueLine, PlaceLine, Report
from gateway.domain.report.totals import Tally, Totals
from gateway.domain.terms import Terms
from gateway.errors import NotFoundError
from gateway.flow.desks import LiveSite
from gateway.flow.sla.observed import Unwatched, unknown, would
from gateway.flow.sla.timekeeping import calendars
from gateway.ports import Store, Tx
from gateway.ports.reporting import TicketClocks
from gateway.telemetry import tell_defect

log = logging.getLogger(__name__)

#: tickets that are read in one transaction
TOGETHER = 250
#: ids that are kept in one string, for a list of a million strings is large
_PACKED = 1000
_BETWEEN = "\n"


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a report is asked for."""

    period: Period
    by: Slice
    #: whose days are counted
    zone: tzinfo
    zone_name: str
    #: what was heard of by then counts
    known_at: datetime
    goal: Fraction = GOAL
    alarm: Fraction = ALARM
    #: slices that are listed
    limit: int = 50
    #: only tickets with a promise of it, and of these only such promises; empty: all
    policy: str = ""


def sla_report(
    store: Store,
    asked: Asked,
    *,
    now: datetime,
    mode: str,
    site: LiveSite | None = None,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Report:
    """Return the report; `progress` is told how many of how many tickets were read.

    `site` says since when the gateway answers for which tickets. Raises NotFoundError for a policy that no ticket had
    and the site has not.
    """
    standing_at = min(asked.period.end, asked.known_at)
    with store.read() as tx:
        packed = _pack(tx.reporting.tickets(asked.period.begin, asked.period.end, standing_at))
    total = sum(part.count(_BETWEEN) + 1 for part in packed)
    totals = Totals(asked.period, standing_at, asked.by, asked.zone)
    unwatched = Unwatched(asked.period, asked.known_at, site)
    reader = _Reader(asked, standing_at, is_past=asked.known_at < now)
    done = left_out = 0
    #: of one policy: the tickets that had it, and all policies that there were
    mine: set[str] | None = set() if asked.policy else None
    known = {each.name for each in site.rules.policies} if site is not None else set()
    progress(0, total)
    for ids in _unpacked(packed):
        with store.read() as tx:
            found = tx.reporting.clocks(ids, asked.known_at)
            reader.prepare(tx, found)
        stories = []
        for each in found:
            try:
                story: Story | None = reader.story(each)
            except Exception as error:  # noqa: BLE001 - one ticket that cannot be told keeps no report back
                tell_defect(log, "the clocks of a ticket cannot be told", error, ticket=each.ticket_id)
                left_out += 1
                continue
            if mine is not None and story is not None:
                known |= {instance.policy for instance in story.instances}
                story = of_policy(story, asked.policy)
                mine |= {story.id} if story is not None else set()
            if story is not None:
                totals.take(story)
                stories.append(story)
        with store.read() as tx:
            unwatched.take(tx, stories, found)
        done += len(ids)
        progress(done, total)
    if asked.policy and asked.policy not in known:
        there = ", ".join(sorted(known - {""})) or "none"
        raise NotFoundError(f"no policy is named {asked.policy!r}; there are: {there}")
    beside: dict[str, Any] = {
        "unseen": unwatched.tally.summed(),
        "would": would(store, asked.period.begin, min(asked.period.end, asked.known_at), mine),
        "unknown": unknown(store, site, asked.period.begin),
    }
    beside["retracted"] = _taken_back(store, asked, mine)
    return _summed(store, asked, totals, mode=mode, left_out=left_out, beside=beside)


def _pack(ids: Iterator[str]) -> list[str]:
    packed: list[str] = []
    some: list[str] = []
    for each in ids:
        some.append(each)
        if len(some) == _PACKED:
            packed.append(_BETWEEN.join(some))
            some = []
    return [*packed, _BETWEEN.join(some)] if some else packed


def _unpacked(packed: Sequence[str]) -> Iterator[Sequence[str]]:
    for part in packed:
        ids = part.split(_BETWEEN)
        for first in range(0, len(ids), TOGETHER):
            yield ids[first : first + TOGETHER]


class _Reader:
    """Makes stories of what is stored."""

    def __init__(self, asked: Asked, standing_at: datetime, *, is_past: bool) -> None:
        self._asked = asked
        self._standing_at = standing_at
        self._is_past = is_past
        self._terms: dict[str, Terms] = {}
        self._calendars: Mapping[str, Any] = {}

    def prepare(self, tx: Tx, found: Sequence[TicketClocks]) -> None:
        """Read the terms and calendars that logs name."""
        named = {entry.terms for each in found for entry in each.log if entry.kind is EntryKind.TERMS}
        missing = named - self._terms.keys()
        if missing:
            fresh = tx.clocks.terms(missing)
            self._terms.update(fresh)
            wanted = {name for each in fresh.values() for name in each.calendars}
            self._calendars = {**self._calendars, **calendars(tx, wanted)}

    def story(self, found: TicketClocks) -> Story:
        """Tell one ticket."""
        known_at, period = self._asked.known_at, self._asked.period
        course = Course(counting(found.log, known_at=known_at, until=known_at), self._terms, self._calendars)
        instances: Sequence[Instance] = [row.instance for row in found.rows]
        goes_on = any(each.ended is None for each in instances)
        if (
            any(entry.arrived > known_at for entry in found.log)
            or any(row.wake_at is not None and row.wake_at <= known_at for row in found.rows)
            or (goes_on and self._is_past)
        ):
            instances = self._told(found.log, known_at)
        standing = instances
        if self._standing_at < known_at and (goes_on or any(each.at > self._standing_at for each in found.log)):
            standing = self._told(found.log, self._standing_at)
        is_over = period.end <= known_at
        return Story(
            id=found.ticket_id,
            course=course,
            instances=instances,
            standing=standing,
            escalated=found.escalated,
            corrections=corrections(found.ticket_id, found.log, self._terms, self._calendars, period, known_at)
            if is_over
            else (),
        )

    def _told(self, entries: Sequence[LogEntry], at: datetime) -> Sequence[Instance]:
        told = chains(entries, self._terms, calendars=self._calendars, known_at=self._asked.known_at, query_at=at)
        return [instance for chain in told.values() for instance in chain.instances]


def _summed(
    store: Store, asked: Asked, totals: Totals, *, mode: str, left_out: int, beside: Mapping[str, Any]
) -> Report:
    goal, alarm = asked.goal, asked.alarm
    called = _called(store, totals)
    total = totals.total.figures("", goal, alarm)
    slices = _slices(totals, asked, called)
    targets = target_lines(totals.targets, goal, alarm)
    statuses = place_lines(totals.places, Place.STATUS)
    stages = place_lines(totals.places, Place.STAGE)
    return Report(
        begin=asked.period.begin,
        end=asked.period.end,
        zone=asked.zone_name,
        by=asked.by.value,
        policy=asked.policy,
        known_at=asked.known_at,
        standing_at=totals.standing_at,
        mode=mode,
        goal_percent=float(goal),
        alarm_percent=float(alarm),
        is_over=asked.period.end <= asked.known_at,
        revision=1 + len(totals.heard),
        corrected=totals.corrected,
        corrections=list(totals.corrections),
        moved=totals.moved,
        added=totals.added,
        tickets=totals.tickets,
        left_out=left_out,
        total=total,
        slices=slices[: asked.limit],
        more_slices=max(0, len(slices) - asked.limit),
        metrics=metric_lines(totals.metrics, goal, alarm),
        targets=targets,
        statuses=statuses,
        stages=stages,
        slowest_status=_name(slowest(statuses)),
        slowest_stage=_name(slowest(stages)),
        look_first=look_first(total, targets, statuses, stages, goal=goal),
        days=[DayLine(day, met, broken) for day, (met, broken) in sorted(totals.days.items())],
        overdue_first=[
            OverdueLine(
                each.ticket_id, each.metric, each.policy, each.level, called.get(each.owner, each.owner),
                each.breached_at,
            )
            for each in totals.overdue
        ],
        **beside,
    )  # fmt: skip


def _taken_back(store: Store, asked: Asked, mine: Collection[str] | None) -> int:
    """Count the clocks of which a breach in the period was noted and none stands any more; `mine`: of these tickets."""
    #: of those that were taken back, how many stand again: at another instant
    taken: dict[tuple[str, str, int], int] = {}
    with store.read() as tx:
        for ticket_id, row in tx.reporting.breaches(asked.period.begin, asked.period.end, asked.known_at):
            if mine is not None and ticket_id not in mine:
                continue
            key = (ticket_id, row.metric, row.transition.cycle)
            if row.retracted:
                taken[key] = max(0, taken.get(key, 0) - 1)
            elif key in taken:
                taken[key] += 1
    return sum(not standing for standing in taken.values())


def _slices(totals: Totals, asked: Asked, called: Mapping[str, str]) -> list[Figures]:
    """Return the figures of each slice: those of a priority in its order, of others the most broken first."""
    joined: dict[str, Tally] = {}
    for value, tally in totals.slices.items():
        # two accounts of one person are one owner
        name = called.get(value, value) if asked.by is Slice.OWNER else value
        joined.setdefault(name, Tally()).join(tally)
    found = [tally.figures(name, asked.goal, asked.alarm) for name, tally in joined.items()]
    if asked.by is Slice.PRIORITY:
        return sorted(found, key=lambda each: each.name)
    return sorted(found, key=lambda each: (-each.breached, -each.met, -each.backlog, each.name))


def _called(store: Store, totals: Totals) -> dict[str, str]:
    """Return the names of owners, as far as their tickets still tell them."""
    people: dict[str, RemotePerson] = {}
    owners = list(totals.owners.items())
    for first in range(0, len(owners), TOGETHER):
        with store.read() as tx:
            for account, ticket_id in owners[first : first + TOGETHER]:
                ticket = tx.tickets.get(ticket_id)
                if ticket is not None and ticket.assignee is not None and account_of(ticket) == account:
                    people[account] = ticket.assignee
    return names(people)


def _name(line: PlaceLine | None) -> str | None:
    return line.name if line is not None else None
