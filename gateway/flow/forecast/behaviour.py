"""How people work in a forecast: how long a ticket is in somebody's hands, when they answer, what customers do.

Handling is time of work: hours of whoever has the ticket, several side by side as their capacity lets them. Lengths
spread as they do in life: most are short and a few very long (lognormal).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from random import Random

import msgspec

from gateway.domain.ticket import Level

#: seconds of work in somebody's hands: as many tickets take less as take more
HANDLING: Mapping[Level, int] = {
    Level.P1: 45 * 60, Level.P2: 60 * 60, Level.P3: 75 * 60, Level.P4: 90 * 60, Level.UNSET: 75 * 60,
}  # fmt: skip
#: one in six takes more than twice as long as the median
SPREAD = 0.7
_SHORTEST, _LONGEST = 60, 30 * 86_400


class Act(StrEnum):
    """What somebody who has a ticket does with it."""

    #: the first public answer
    ANSWER = "answer"
    #: a public word on how it goes
    UPDATE = "update"
    #: asks the customer, and waits
    ASK = "ask"
    #: it enters the next stage of its kind
    MOVE = "move"
    SOLVE = "solve"


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """What is assumed of people."""

    #: seconds of work, by priority
    handling: Mapping[Level, int] = msgspec.field(default_factory=lambda: HANDLING)
    #: percent of the tickets in which the customer is asked something
    asks: int = 30
    #: percent of what is solved that is opened again
    reopens: int = 5
    #: percent of those who are asked to take a ticket over that do
    accepts: int = 80


class Plan(msgspec.Struct, frozen=True):
    """What is to be done with one ticket: after how many seconds of work."""

    steps: tuple[tuple[int, Act], ...]


def plan(behaviour: Behaviour, level: Level, stages: int, chosen: Random, *, known: int | None = None) -> Plan:
    """Return what somebody will do with a ticket that they have from now on; `stages` are still to come."""
    whole = known if known is not None else lognormal(behaviour.handling[level], chosen)
    first = max(1, int(whole * chosen.uniform(0.05, 0.25)))
    steps = [(first, Act.ANSWER), (whole, Act.SOLVE)]
    if chosen.random() * 100 < behaviour.asks:
        steps.append((int(whole * chosen.uniform(0.3, 0.6)), Act.ASK))
    else:
        steps.append((int(whole * 0.6), Act.UPDATE))
    steps += [(first + (whole - first) * (number + 1) // (stages + 1), Act.MOVE) for number in range(stages)]
    order = list(Act)
    return Plan(tuple(sorted(steps, key=lambda each: (each[0], order.index(each[1])))))


def again(behaviour: Behaviour, level: Level, chosen: Random) -> Plan:
    """Return what is done with a ticket that is open again: the rest is shorter than the first time."""
    whole = max(_SHORTEST, lognormal(behaviour.handling[level], chosen) // 2)
    return Plan(((max(1, whole // 5), Act.ANSWER), (whole, Act.SOLVE)))


def reply_after(chosen: Random) -> int:
    """Return after how many seconds a customer answers."""
    return lognormal(4 * 3600, chosen, 1.0)


def reopened_after(behaviour: Behaviour, chosen: Random) -> int | None:
    """Return after how many seconds a customer opens again what was solved; None: never."""
    if chosen.random() * 100 >= behaviour.reopens:
        return None
    return lognormal(20 * 3600, chosen, 1.0)


def accepted_after(behaviour: Behaviour, within: int, chosen: Random) -> int | None:
    """Return after how many seconds somebody takes over what is offered to them; None: they do not."""
    if chosen.random() * 100 >= behaviour.accepts or within < 2:
        return None
    return 1 + int((within - 2) * chosen.random())


def lognormal(median: int, chosen: Random, spread: float = SPREAD) -> int:
    """Return a length of which half are shorter than the median."""
    return int(min(max(chosen.lognormvariate(math.log(max(median, 1)), spread), _SHORTEST), _LONGEST))
