"""What to look at first in a forecast: plain sentences, each with its number, the most urgent at the top."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from gateway.domain.report.advice import metric_words
from gateway.domain.report.figures import Share, length
from gateway.flow.forecast.result import Busy, Forecast, PromiseLine
from gateway.flow.forecast.tally import How, Tally

#: so many things to look at first
MOST, MOST_PROMISES = 7, 3
#: percent in use above which a team has no room for a bad day, and to which more people would bring it
FULL, AIM = 85, 75
#: percent in use below which a team could help others
IDLE = 20
#: percent of all that went on call, or to a manager's desk, that is no exception any more
MANY = 5
#: a wait of so many seconds is worth a look
LONG = 30 * 60


def with_advice(found: Forecast, tally: Tally) -> Forecast:
    """Return a forecast with what to look at first."""
    lines = [*_never(found, tally), *_on_call(found), *_full(found), *_promises(found), *_waits(found),
             *_handoffs(found), *_idle(found)]  # fmt: skip
    return msgspec.structs.replace(found, look_first=lines[:MOST])


def _never(found: Forecast, tally: Tally) -> Iterable[str]:
    if not tally.never:
        return
    (rule, language, region), count = max(tally.never.items(), key=lambda each: (each[1], each[0]))
    whole = sum(tally.never.values())
    about = ", ".join(each for each in (rule or "no route", language, region) if each)
    most = f"most of them ({count}): {about}" if len(tally.never) > 1 else about
    yield f"{_tickets(whole)} had nobody by {found.looked_until:%Y-%m-%d}; {most}."


def _on_call(found: Forecast) -> Iterable[str]:
    called = next((line.count for line in found.placed if line.how is How.ON_CALL), 0)
    share = Share(called, found.placements)
    if called and called * 100 >= MANY * found.placements:
        yield (
            f"{share} of the tickets ({called}) went to whoever is on call, for nobody who fits had room or was there "
            "before they were due."
        )


def _full(found: Forecast) -> Iterable[str]:
    for team in sorted(found.teams, key=lambda each: -(each.share.rate or 0)):
        if team.is_unlimited or not team.units_s or team.used_s * 100 < FULL * team.units_s:
            continue
        wanted = -(-team.used_s * 100 * team.people // (AIM * team.units_s)) - team.people
        more = f"{wanted} more like them would bring that below {AIM} %" if wanted > 0 else "there is no room to spare"
        yield f"Team {team.name} is full: {team.share} of what its {_people(team)} can carry is in use; {more}."


def _promises(found: Forecast) -> Iterable[str]:
    behind = [line for line in found.by_priority if not line.reaches_goal]
    behind.sort(key=lambda line: (-line.breached, line.policy, line.metric, line.level))
    for line in behind[:MOST_PROMISES]:
        yield (
            f"{line.policy}, {_level(line)}{metric_words(line.metric)}: {line.breached} of {line.met + line.breached} "
            f"broken, {line.share} kept (the goal is {found.goal_percent:g} %)."
        )


def _waits(found: Forecast) -> Iterable[str]:
    able = [each for each in found.hours if each.waits.p90_s is not None and each.came]
    worst = max(able, key=lambda each: (each.waits.p90_s or 0, -each.hour), default=None)
    if worst is not None and (worst.waits.p90_s or 0) >= LONG:
        yield (
            f"Who came between {worst.hour:02}:00 and {worst.hour:02}:59 UTC waited longest: one in ten more than "
            f"{length(worst.waits.p90_s, days=True)}."
        )


def _handoffs(found: Forecast) -> Iterable[str]:
    each = found.handoffs
    asked = each.offered + each.to_managers
    if each.to_managers and each.to_managers * 2 > asked:
        yield f"Before shifts ended, {each.to_managers} of {asked} offers went to a manager: nobody who stays fits."


def _idle(found: Forecast) -> Iterable[str]:
    for team in found.teams:
        if team.units_s and not team.is_unlimited and team.used_s * 100 < IDLE * team.units_s:
            yield f"Team {team.name} has room: only {team.share} of what its {_people(team)} can carry is in use."


def _tickets(count: int) -> str:
    return "1 ticket" if count == 1 else f"{count} tickets"


def _people(team: Busy) -> str:
    return "one person" if team.people == 1 else f"{team.people} people"


def _level(line: PromiseLine) -> str:
    return f"{line.level} " if line.level else ""
