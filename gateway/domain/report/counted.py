"""What one ticket brings into a report: which of its clocks count when, how it stood, and what was corrected later.

A clock counts when its cycle ends, or, while that goes on after a breach, at the breach; so each counts once, whatever
the periods. What was canceled or goes on unbroken does not count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.clock_chain import OWNERSHIP, STAGE_PREFIX, chains
from gateway.domain.clock_event import whole
from gateway.domain.clock_instance import Instance, Status
from gateway.domain.clock_log import EntryKind, LogEntry
from gateway.domain.clock_state import Outcome, Phase
from gateway.domain.report.course import Course, Position
from gateway.domain.terms import Terms

_COUNTS = frozenset({Outcome.MET, Outcome.BREACHED})
#: what is said of a clock that does not count
NOTHING = "not counted"

#: metric and cycle
Key = tuple[str, int]


class Period(msgspec.Struct, frozen=True):
    """From an instant to before another."""

    begin: datetime
    end: datetime

    def holds(self, at: datetime | None) -> bool:
        """Say whether an instant is in it."""
        return at is not None and self.begin <= at < self.end


class CountedClock(msgspec.Struct, frozen=True):
    """A clock that counts, and when."""

    instance: Instance
    at: datetime
    #: at the breach, else at its end
    position: Position

    @property
    def is_met(self) -> bool:
        """Say whether the promise was kept."""
        return self.instance.outcome is Outcome.MET

    @property
    def took(self) -> int | None:
        """The open seconds that it took; None: it goes on, or ended undone."""
        return self.instance.elapsed_s if self.instance.phase is Phase.STOPPED else None

    @property
    def needed(self) -> int | None:
        """The least target that would have been kept; None: as of what it took.

        What is done after closing has used up no more than what was due at closing, and yet comes too late.
        """
        late = not self.is_met and self.instance.remaining_s >= 0
        return None if self.took is None else self.took + late

    @property
    def goes_on(self) -> bool:
        """Say whether it is to be done still."""
        return self.instance.ended is None


class Correction(msgspec.Struct, frozen=True):
    """An outcome of a period that is another, or is known at all, since something was heard of after its end."""

    ticket_id: str
    metric: str
    cycle: int
    policy: str
    level: str
    #: met, breached, or not counted
    said: str
    now: str
    #: when what changed it was heard of
    heard: datetime


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """One ticket, as a report counts it."""

    id: str
    course: Course
    #: all its clocks, as they are known
    instances: Sequence[Instance]
    #: how they stood at the end of the period, or now where that is to come
    standing: Sequence[Instance]
    #: the clocks for which an escalation fired
    escalated: frozenset[Key] = frozenset()
    corrections: Sequence[Correction] = ()
    #: metrics that were promised by policies which are left out
    others: frozenset[str] = frozenset()


def of_policy(story: Story, policy: str) -> Story | None:
    """Return a ticket with its promises of one policy alone; None: it never had any."""
    mine = [each for each in story.instances if each.policy == policy]
    standing = [each for each in story.standing if each.policy == policy]
    if not mine and not standing:
        return None
    return msgspec.structs.replace(
        story,
        instances=mine,
        standing=standing,
        corrections=[each for each in story.corrections if each.policy == policy],
        others=frozenset(each.metric for each in story.instances if each.policy != policy),
    )


def counts_at(instance: Instance) -> datetime | None:
    """Return when a clock counts; None: it does not."""
    if not instance.shown or instance.outcome not in _COUNTS:
        return None
    return instance.ended or instance.breached_at


def counted(story: Story, period: Period) -> Iterable[CountedClock]:
    """Return the clocks that count in a period."""
    for instance in story.instances:
        at = counts_at(instance)
        if at is not None and period.holds(at):
            yield CountedClock(instance, at, _position(story.course, instance, at))


def canceled(story: Story, period: Period) -> Iterable[Instance]:
    """Return the clocks that were canceled in a period."""
    for instance in story.instances:
        if instance.shown and instance.outcome is Outcome.CANCELED and period.holds(instance.ended):
            yield instance


def going(instances: Iterable[Instance]) -> Iterable[Instance]:
    """Return the clocks that go on."""
    for instance in instances:
        if instance.shown and instance.ended is None and instance.phase in {Phase.RUNNING, Phase.PAUSED}:
            yield instance


def is_at_risk(instance: Instance) -> bool:
    """Say whether a clock that goes on is past its warning and not broken."""
    return instance.status is Status.NEARING


def moved(story: Story, period: Period) -> int:
    """Count the clocks that counted at the end of a period and do elsewhere now: they ended, or went on, after it."""
    now = {_key(each.instance) for each in counted(story, period)}
    then = (each for each in story.standing if period.holds(counts_at(each)))
    return sum(_key(each) not in now for each in then)


def corrections(
    ticket_id: str,
    log: Sequence[LogEntry],
    terms: Mapping[str, Terms],
    calendars: Mapping[str, Any],
    period: Period,
    known_at: datetime,
) -> list[Correction]:
    """Return what of a period was said otherwise at its end, before what came late or was retracted was heard of."""
    late = sorted({each.arrived for each in log if period.end < each.arrived <= known_at and _is_late(each, period)})
    if not late:
        return []
    found = []
    said = _outcomes(log, terms, calendars, period, period.end)
    for heard in late:
        now = _outcomes(log, terms, calendars, period, heard)
        for key in sorted(said.keys() | now.keys()):
            old, new = said.get(key), now.get(key)
            if _said(old) != _said(new):
                one = new or old
                policy, level = (one.policy, one.level) if one is not None else ("", "")
                found.append(Correction(ticket_id, *key, policy, level, _said(old), _said(new), heard))
        said = now
    return found


def _is_late(entry: LogEntry, period: Period) -> bool:
    return entry.at < period.end or bool(entry.replaces) or entry.kind is EntryKind.RETRACT


def _outcomes(
    log: Sequence[LogEntry],
    terms: Mapping[str, Terms],
    calendars: Mapping[str, Any],
    period: Period,
    known_at: datetime,
) -> dict[Key, Instance]:
    told = chains(log, terms, calendars=calendars, known_at=known_at, query_at=period.end)
    instances = (instance for chain in told.values() for instance in chain.instances)
    return {_key(each): each for each in instances if period.holds(counts_at(each))}


def _said(instance: Instance | None) -> str:
    return instance.outcome.value if instance is not None else NOTHING


def _key(instance: Instance) -> Key:
    return (instance.metric, instance.cycle)


def _position(course: Course, instance: Instance, at: datetime) -> Position:
    """Return where the ticket stood when a promise was broken, else when it was kept."""
    if instance.metric == OWNERSHIP:
        # it ends when the ticket leaves the team
        found = course.at(whole(instance.started))
    else:
        found = course.at(instance.breached_at or at)
    changes = {"policy": instance.policy, "level": instance.level}
    if instance.metric.startswith(STAGE_PREFIX):
        changes["stage"] = instance.metric.removeprefix(STAGE_PREFIX)
    return msgspec.structs.replace(found, **changes)
