"""Makes a forecast: the one way in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from fractions import Fraction

import msgspec

from gateway.domain.report.figures import GOAL
from gateway.flow.forecast.advice import with_advice
from gateway.flow.forecast.arrivals import Arrival
from gateway.flow.forecast.behaviour import Behaviour
from gateway.flow.forecast.result import Forecast, forecast_of
from gateway.flow.forecast.run import Course
from rules.decide import RuleSet

#: so long after the last ticket came what is not done is followed
AFTER = timedelta(days=28)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a forecast is made of, beside the rules and the tickets."""

    begin: datetime
    end: datetime
    seed: int = 1
    behaviour: Behaviour = Behaviour()
    goal: Fraction = GOAL


def forecast(
    rules: RuleSet, asked: Asked, coming: Iterable[Arrival], progress: Callable[[int], None] = lambda _done: None
) -> Forecast:
    """Take tickets, in the order in which they come, through the rules; say what came of it.

    `progress` is told how far it is, in tickets. The same rules, tickets and seed give the same forecast.
    """
    course = Course(
        rules, begin=asked.begin, end=asked.end, until=asked.end + AFTER, seed=asked.seed, behaviour=asked.behaviour
    )
    tally = course.run(coming, progress)
    most = rules.routing.settings.max_hops
    found = forecast_of(tally, seed=asked.seed, looked_until=course.now, max_hops=most, goal=asked.goal)
    return with_advice(found, tally)
