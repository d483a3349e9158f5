"""Marks on the way of a clock: when a share of its target was used up, so much was left, or so much was over.

Marks are written `75%`, `left:1800`, `wall:1800`, `due`, `due-3600` and `due+7200`. Seconds are open time; those of
`wall` are real.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

import msgspec

from gateway.domain.clock import Clock, folded
from gateway.domain.clock_event import ClockEvent, Target
from gateway.domain.clock_fold import Fold, later
from gateway.domain.clock_state import DEFAULTS, Options

_WRITTEN = re.compile(r"(?P<percent>\d{1,4})%|(?P<of>left|wall):(?P<left>\d{1,9})|due(?P<offset>[+-]\d{1,9})?")
#: after everything that can happen
_END = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class MarkKind(StrEnum):
    """What a mark counts from."""

    PERCENT = "percent"
    LEFT = "left"
    WALL = "wall"
    DUE = "due"


class Mark(msgspec.Struct, frozen=True):
    """One mark: of a percentage the number, otherwise seconds (before the due time: negative for `due`)."""

    kind: MarkKind
    number: int = 0

    @classmethod
    def of(cls, text: str) -> Self:
        """Read a mark; raises ValueError."""
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise ValueError(f"'{text[:40]}' is no mark: write 75%, left:1800, wall:1800, due, due-3600 or due+7200")
        if found["percent"]:
            return cls(MarkKind.PERCENT, int(found["percent"]))
        if found["of"]:
            return cls(MarkKind(found["of"]), int(found["left"]))
        return cls(MarkKind.DUE, int(found["offset"] or 0))

    @property
    def warns(self) -> bool:
        """Say whether it lies before the due time, or on it: such a mark is left out where there is no room for it."""
        match self.kind:
            case MarkKind.PERCENT:
                return self.number < 100
            case MarkKind.DUE:
                return self.number < 0
            case _:
                return True


def reached(whole: Clock, mark: Mark) -> datetime | None:
    """Return when the clock came, or will come, to a mark in its present cycle; None when it does not.

    What is due is the instant of the breach, once there is one. A warning that lies before the start of the cycle or
    after its due time is left out; `due+…` never is. What a shorter target has passed already is reached at the change.
    """
    clock = whole.fold
    if clock.begun is None or (mark.kind is MarkKind.PERCENT and mark.number > 100):
        return None
    fixed = clock.fixed_due()
    if fixed is not None:
        at = _on_the_way_to(clock, mark, clock.breached_at or fixed)
        return None if at is not None and clock.stopped_at is not None and at > clock.stopped_at else at
    if mark.kind is MarkKind.WALL:
        return _wall(clock, mark.number)
    goal = _goal(mark, clock.target_s)
    if mark.kind is MarkKind.DUE and mark.number > 0 and clock.breached_at is not None:
        # what is due is the instant of the breach, whatever the target has become
        goal = _elapsed(clock, clock.breached_at) + mark.number
    if goal < 0 and mark.warns:
        return None
    if goal == clock.target_s and clock.breached_at is not None:
        return clock.breached_at
    for stretch in clock.stretches:
        if stretch.base >= goal:
            return stretch.begin
        at = stretch.calendar.due(stretch.begin, goal - stretch.base)
        if at is not None and (stretch.end is None or at <= stretch.end):
            return at
    return None


def _wall(clock: Fold, left: int) -> datetime | None:
    """Return when, for the first time, so many real seconds were left while it ran."""
    for stretch in clock.stretches:
        due = stretch.calendar.due(stretch.begin, max(0, clock.target_s - stretch.base))
        if due is None:
            continue
        if clock.breached_at is not None and stretch.begin <= clock.breached_at < due:
            due = clock.breached_at
        early = later(due, -left)
        if early is None or early < stretch.begin == clock.begun:
            return None
        at = max(early, stretch.begin)
        if stretch.end is None or at <= stretch.end:
            return at
    return None


def _elapsed(clock: Fold, at: datetime) -> int:
    """Return the open seconds that the cycle had run by an instant."""
    spent = 0
    for stretch in clock.stretches:
        if stretch.begin > at:
            break
        end = at if stretch.end is None else min(at, stretch.end)
        spent = stretch.base + stretch.calendar.elapsed(stretch.begin, end)
    return spent


def _goal(mark: Mark, target: int) -> int:
    """Return how many open seconds have elapsed at a mark."""
    match mark.kind:
        case MarkKind.PERCENT:
            return -(-target * mark.number // 100)
        case MarkKind.LEFT:
            return target - mark.number
        case _:
            return target + mark.number


def _on_the_way_to(clock: Fold, mark: Mark, due: datetime) -> datetime | None:
    """Return when the mark of a due time that no pause moves is reached."""
    begun = clock.begun
    if begun is None or begun > due:
        return None
    if mark.kind is MarkKind.WALL:
        early = later(due, -mark.number)
        return early if early is not None and early >= begun else None
    total = clock.calendar.elapsed(begun, due)
    goal = _goal(mark, total)
    if goal < 0:
        return None
    if goal == total:
        return due
    return clock.calendar.due(begun, goal) if goal < total else clock.calendar.due(due, goal - total)


def thresholds(
    target: Target,
    events: Iterable[ClockEvent | Mapping[str, Any]],
    marks: Iterable[str],
    *,
    calendar: Any,
    calendars: Mapping[str, Any] | None = None,
    options: Options | Mapping[str, Any] = DEFAULTS,
    known_at: datetime = _END,
    query_at: datetime = _END,
) -> dict[str, datetime | None]:
    """Return when each mark is reached by a clock with these events: see `replay` for what is given and raised.

    None where it is not. Raises ValueError for what is no mark.
    """
    clock = folded(
        target,
        events,
        calendar=calendar,
        calendars=calendars or {},
        options=options,
        known_at=known_at,
        query_at=query_at,
    ).settled(query_at)
    return {text: reached(clock, Mark.of(text)) for text in marks}
