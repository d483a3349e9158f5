"""What each policy promises, `extends` resolved, with the place in the files where it says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from gateway.domain.calendar import Calendar
from gateway.domain.ticket import Level
from rules.clocks import GATEWAY
from rules.duration import BusinessDays, span
from rules.lint.formula import Formula, opposite
from rules.lint.reading import LEVELS, Reading
from rules.policies import is_one_target, level_key
from rules.problem import Problem
from rules.source import Spot

#: the longest day that there is, in seconds: one on which clocks are set back
LONGEST_DAY = 25 * 3600
#: a week of working days, from Monday 00:00 UTC
WEEK = datetime(2026, 3, 2, tzinfo=UTC)
#: of the policies above one so many are told not to hold: of thousands, all would be millions together
ABOVE = 300
#: hours between two starts that are tried
STEP = 3


class Due(msgspec.Struct, frozen=True):
    """One target: of a metric, for a priority."""

    metric: str
    level: str
    within: str
    warn: str
    #: name of the calendar that measures it, empty when none is named
    calendar: str
    mode: str
    spot: Spot

    @property
    def span(self) -> int | BusinessDays:
        """Return its length."""
        return span(self.within)


class Terms:
    """One policy."""

    def __init__(
        self, name: str, chain: tuple[Spot, ...], spec: Mapping[str, Any], applies: tuple[Formula, ...]
    ) -> None:
        self.name = name
        #: where it stands, then the policies from which it takes over what it does not say itself
        self.chain = chain
        self.spec = spec
        #: holds of a ticket to which this policy applies: its own condition, and none of those above it
        self.applies = applies

    @property
    def spot(self) -> Spot:
        """Where it stands."""
        return self.chain[0]

    @property
    def metrics(self) -> tuple[str, ...]:
        """The metrics that it has targets for."""
        return tuple(self.spec.get("targets", {}))

    def due(self, metric: str, level: str) -> Due | None:
        """Return the target for a priority (P1 to P4, or `default`)."""
        target = self.spec["targets"][metric]
        word = level
        if not is_one_target(target):
            word = level if level in target else "default"
            if word not in target:
                return None
            target = target[word]
        plain = target if isinstance(target, dict) else {"within": target}
        return Due(
            metric=metric,
            level=level,
            within=plain["within"],
            warn=plain.get("warn", ""),
            calendar=plain.get("calendar", self.spec.get("calendar", "")),
            mode=plain.get("business_days", self.spec.get("business_days", "same_wall")),
            spot=self._place(metric, word),
        )

    def each(self) -> Iterator[Due]:
        """Go through every target as it is written, each once."""
        for metric in self.metrics:
            seen: set[tuple[Any, ...]] = set()
            for level in ("default", *(level.value for level in LEVELS)):
                due = self.due(metric, level)
                if due is not None and (key := (due.spot.document.file, due.spot.path)) not in seen:
                    seen.add(key)
                    yield due

    @property
    def counted(self) -> dict[str, str]:
        """The metrics that a desk counts: its connection."""
        named = self.spec.get("authority", {})
        return {metric: desk for metric, desk in named.items() if desk != GATEWAY}

    def where(self, key: str) -> Spot | None:
        """Return where the policy, or one that it extends, says something."""
        return next((spot[key] for spot in self.chain if key in spot), None)

    def _place(self, metric: str, level: str) -> Spot:
        for spot in self.chain:
            if "targets" not in spot or metric not in spot["targets"]:
                continue
            target = spot["targets"][metric]
            if is_one_target(target.value):
                return target
            for word, inner in target.entries():
                if level_key(word) == level:
                    return inner
        return self.spot


def terms(reading: Reading) -> list[Terms]:
    """Return every policy, in order."""
    spots = {spot.value["name"]: spot for spot in reading.sections.items("sla")}
    found: list[Terms] = []
    above: list[Formula] = []
    for name, spot in spots.items():
        policy = reading.policies.get(name)
        if policy is None:
            continue
        chain = [spot]
        while (base := spots.get(chain[-1].get("extends", ""))) is not None and base not in chain:
            chain.append(base)
        mine = reading.formula(spot)
        found.append(Terms(name, tuple(chain), policy.spec, (mine, *above[-ABOVE:])))
        above.append(opposite(mine))
    return found


class Clockwork:
    """What kind of calendar a name is."""

    def __init__(self, reading: Reading) -> None:
        self._specs = {name: spot.value for name, spot in reading.sections.entries("calendars").items()}

    def always(self, name: str) -> bool:
        """Say whether it is open all the time."""
        return self._specs.get(name) == "24x7"

    def union(self, name: str) -> bool:
        """Say whether it joins others."""
        spec = self._specs.get(name)
        return isinstance(spec, dict) and "union" in spec


def is_later(one: Due, other: Due, calendars: Mapping[str, Calendar]) -> datetime | None:
    """Return a start from which `one` is due later than `other`, as far as their calendars are known; else None.

    The starts tried are those of one week, so a "no" may miss one; a start that is returned is proof.
    """
    if one.calendar == other.calendar and isinstance(one.span, int) and isinstance(other.span, int):
        return WEEK if one.span > other.span else None
    measured, against = calendars.get(one.calendar), calendars.get(other.calendar)
    if measured is None or against is None:
        return None
    for hours in range(0, 7 * 24, STEP):
        start = WEEK + timedelta(hours=hours)
        first, second = _at(measured, one, start), _at(against, other, start)
        if first is not None and second is not None and first > second:
            return start
    return None


def _at(calendar: Calendar, due: Due, start: datetime) -> datetime | None:
    length = due.span
    if isinstance(length, int):
        return calendar.due(start, length)
    return None if calendar.is_always or calendar.is_union else calendar.business_days(start, length.days, due.mode)


def exceeds(part: str, whole: str) -> bool:
    """Say whether a length of open time is certainly longer than another one."""
    one, other = span(part), span(whole)
    if isinstance(one, BusinessDays):
        return isinstance(other, BusinessDays) and one.days > other.days
    if isinstance(other, BusinessDays):
        return one > other.days * LONGEST_DAY
    return one > other


def may_have(reading: Reading, formulas: tuple[Formula, ...], level: Level) -> bool:
    """Say whether a ticket of that priority may be one for which all of this holds."""
    return reading.solver.can_hold(*formulas, reading.condition({"priority": level.value}))


def countable(clockwork: Clockwork, calendar: str, spot: Spot, written: str) -> Iterator[Problem]:
    """Say why business days cannot be counted by a calendar."""
    if not calendar:
        message = f"{written} are business days, and no calendar says which days these are"
        yield spot.error("no-calendar", message, "name a calendar with opening hours, or write a duration such as 3d")
    elif clockwork.always(calendar):
        message = f"{written} are business days, and '{calendar}' is open all the time"
        yield spot.error(
            "business-days-without-days", message, "write a duration such as 72h, or name another calendar"
        )
    elif clockwork.union(calendar):
        message = f"{written} are business days, and '{calendar}' is a union: its members have different days"
        yield spot.error(
            "business-days-without-days", message, "name one of its members, or write a duration such as 24h"
        )
