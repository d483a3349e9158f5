"""Escalations: levels that are never reached, and one that makes itself fire again."""

from __future__ import annotations

import re
from collections.abc import Iterator

from gateway.domain.ticket import Level
from rules.duration import BusinessDays, span
from rules.lint.formula import RANKS
from rules.lint.reading import LEVELS, Reading, called
from rules.lint.terms import Clockwork, Due, Terms, countable, exceeds, may_have, terms
from rules.problem import Problem
from rules.source import Spot

_AT = re.compile(r"(?P<percent>[0-9]+)%|(?P<left>\S+) left|breach(?: \+ (?P<after>\S+))?")
#: so many examples are named
SHOWN = 3


def _watched(reading: Reading, escalation: Spot) -> Iterator[tuple[Terms, Level, Due]]:
    """Go through the targets that an escalation watches: (policy, priority, target)."""
    policies = escalation.get("policies")
    metrics = escalation.get("metrics")
    mine = reading.formula(escalation)
    for policy in terms(reading):
        if policies is not None and policy.name not in policies:
            continue
        for level in (*LEVELS, Level.UNSET):
            if not may_have(reading, (*policy.applies, mine), level):
                continue
            for metric in policy.metrics:
                if metrics is None or metric in metrics:
                    due = policy.due(metric, level.value)
                    if due is not None:
                        yield policy, level, due


def _is_counted(reading: Reading, escalation: Spot) -> bool:
    """Say whether a desk counts what an escalation watches: its targets are not ours."""
    policies, metrics = escalation.get("policies"), escalation.get("metrics")
    counted = {
        metric for policy in terms(reading) if policies is None or policy.name in policies for metric in policy.counted
    }
    return bool(counted if metrics is None else counted & set(metrics))


def thresholds(reading: Reading) -> Iterator[Problem]:
    """Say which levels lie outside the life of a clock that they watch."""
    for escalation in reading.sections.items("escalations"):
        at = _AT.fullmatch(escalation.get("at", ""))
        if at is None:
            continue
        spot = escalation["at"]
        watched = list(_watched(reading, escalation))
        if not watched and reading.sections.items("sla") and not _is_counted(reading, escalation):
            message = f"the escalation {called(escalation)} watches no target: no policy has one that it is for"
            hint = "look at its metrics, policies and when"
            yield spot.warning("escalation-without-target", message, hint)
        if at["percent"] and int(at["percent"]) > 100:
            message = f"{spot.value} lies after the target: this level is never reached"
            yield spot.warning("threshold-after-target", message, "write breach + 1h, for example")
        if at["left"]:
            early = [each for each in watched if exceeds(at["left"], each[2].within)]
            if early:
                shown = ", ".join(_said(each) for each in early[:SHOWN])
                more = f" and {len(early) - SHOWN} more" if len(early) > SHOWN else ""
                message = f"'{spot.value}' lies before the start of {shown}{more}: this level does not fire there"
                if len(early) == len(watched):
                    message += ", nor anywhere else"
                yield spot.warning("threshold-before-start", message, "name a shorter time, or a percentage")


def _said(watched: tuple[Terms, Level, Due]) -> str:
    policy, level, due = watched
    return f"{due.metric} {level} of '{policy.name}' ({due.within})"


def business_days(reading: Reading) -> Iterator[Problem]:
    """Say where a level counts business days from a target whose calendar has none."""
    clockwork = Clockwork(reading)
    for escalation in reading.sections.items("escalations"):
        at = _AT.fullmatch(escalation.get("at", ""))
        written = (at["left"] or at["after"] or "") if at is not None else ""
        if not written or not isinstance(span(written), BusinessDays):
            continue
        for calendar in sorted({due.calendar for _, _, due in _watched(reading, escalation)}):
            found = list(countable(clockwork, calendar, escalation["at"], written))
            yield from found
            if found:
                break


def feedback(reading: Reading) -> Iterator[Problem]:
    """Say which escalations raise a priority, so get a new target, and so can fire again at once.

    A level at a breach fires once a cycle, so only a policy that restarts the clock lets it fire again. Any other level
    fires once for each version of a target.
    """
    by_rank = {rank: level for level, rank in RANKS.items()}
    for escalation in reading.sections.items("escalations"):
        at = _AT.fullmatch(escalation.get("at", ""))
        raising = next((each for each in escalation["do"].each() if "raise_priority" in each), None)
        if at is None or raising is None:
            continue
        dues = {(policy.name, due.metric, level): (policy, due) for policy, level, due in _watched(reading, escalation)}
        again = []
        for (name, metric, level), (policy, due) in dues.items():
            mode = policy.spec.get("on_retarget", "carry")
            if mode == "freeze" or (escalation.value["at"].startswith("breach") and mode != "restart"):
                continue
            raised = by_rank[min(RANKS[level] + raising.value["raise_priority"], max(by_rank))]
            after = dues.get((name, metric, raised))
            if raised is level or after is None or _same(after[1], due):
                continue
            if _is_reached(at, due) and _is_reached(at, after[1]):
                again.append(f"{metric} of '{name}' from {level} to {raised}")
        if again:
            message = f"raising the priority gives {again[0]} a new target, for which this level fires again"
            hint = "raise it at breach, with a policy that does not restart, or let `when` name the one priority"
            yield raising["raise_priority"].warning("escalation-feeds-itself", message, hint, key=True)


def _is_reached(at: re.Match[str], due: Due) -> bool:
    """Say whether a level certainly lies in the life of a clock."""
    if at["percent"]:
        return int(at["percent"]) <= 100
    if not at["left"]:
        return True
    left, whole = span(at["left"]), due.span
    if isinstance(left, BusinessDays) or isinstance(whole, BusinessDays):
        return isinstance(left, BusinessDays) and isinstance(whole, BusinessDays) and left.days < whole.days
    return left < whole


def _same(one: Due, other: Due) -> bool:
    return (one.within, one.calendar, one.mode) == (other.within, other.calendar, other.mode)
