"""Phase escalations: what is done when a clock comes to a mark. Rules in order, each with its marks and its actions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.clock_instance import Instance
from gateway.domain.clock_marks import Mark, MarkKind
from gateway.domain.ticket import Level
from rules.clocks import watches
from rules.conditions import ALWAYS, Condition
from rules.duration import BusinessDays, seconds, span

#: from the least urgent to the most
LEVELS: Sequence[Level] = (Level.UNSET, Level.P4, Level.P3, Level.P2, Level.P1)

_AT = re.compile(r"(?P<percent>\d{1,3})%|(?P<left>\S+) left|breach(?: \+ (?P<after>\S+))?")


class Until(StrEnum):
    """How long a repeated escalation goes on."""

    #: until somebody says that they know, or the clock stops
    ACKNOWLEDGED = "acknowledged"
    STOPPED = "stopped"


class Length(msgspec.Struct, frozen=True):
    """So much before the due time, or after it: open seconds, or business days of the clock's calendar."""

    kind: MarkKind
    number: int | BusinessDays = 0


class Act(msgspec.Struct, frozen=True):
    """One thing that is done: an action by its name, with what stands behind it."""

    name: str
    given: Any


class Escalation(msgspec.Struct, frozen=True, kw_only=True):
    """One rule of phase escalations."""

    name: str
    at: Length
    when: Condition = ALWAYS
    #: metrics that it is for; empty: every promise
    metrics: frozenset[str] = frozenset()
    #: policies that it is for; empty: all
    policies: frozenset[str] = frozenset()
    #: open seconds from one turn to the next; None: it fires once
    repeat: int | None = None
    until: Until = Until.ACKNOWLEDGED
    do: tuple[Act, ...] = ()
    #: the clock of its own that it watches; empty: it watches promises
    watch: str = ""

    @property
    def warns(self) -> bool:
        """Say whether it comes before the due time: such a level fires once for each version of a target."""
        return self.at.kind is not MarkKind.DUE

    def is_for(self, instance: Instance) -> bool:
        """Say whether it watches a clock, whatever the ticket is like."""
        if self.watch or not instance.shown:
            return instance.metric == self.watch
        return (not self.metrics or instance.metric in self.metrics) and (
            not self.policies or instance.policy in self.policies
        )


def mark(at: Length, turn: int, repeat: int | None, days: int) -> Mark:
    """Return the mark of a turn (from 0); `days` is the length of its business days in seconds."""
    number = days if isinstance(at.number, BusinessDays) else at.number
    return Mark(at.kind, number + turn * (repeat or 0))


def escalation(spec: Mapping[str, Any], when: Condition) -> Escalation | None:
    """Read one escalation; None for one that says neither `at` nor `on`."""
    watched = next(iter(watches([spec])), None)
    at = _at(str(spec.get("at", ""))) if watched is None else Length(MarkKind.DUE)
    if at is None:
        return None
    return Escalation(
        name=spec["name"],
        at=at,
        when=when,
        metrics=frozenset(spec.get("metrics", ())),
        policies=frozenset(spec.get("policies", ())),
        repeat=seconds(spec["repeat"]) if "repeat" in spec else None,
        until=Until(spec.get("until", Until.ACKNOWLEDGED.value)),
        do=tuple(Act(name, given) for action in spec["do"] for name, given in action.items()),
        watch=watched.metric if watched is not None else "",
    )


def _at(written: str) -> Length | None:
    found = _AT.fullmatch(written)
    if found is None:
        return None
    if found["percent"]:
        return Length(MarkKind.PERCENT, int(found["percent"]))
    if found["left"]:
        return Length(MarkKind.LEFT, _length(found["left"]))
    return Length(MarkKind.DUE, _length(found["after"]) if found["after"] else 0)


def _length(written: str) -> int | BusinessDays:
    return span(written)


def raised(level: Level, by: int) -> Level:
    """Return a priority so many levels higher; a ticket without one has the lowest."""
    place = max(LEVELS.index(level), 1)
    return LEVELS[min(place + by, len(LEVELS) - 1)]
