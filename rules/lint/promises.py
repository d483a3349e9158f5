"""Policies: a list without an end, clocks that do not stop, targets that do not rise, days that cannot be counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from gateway.domain.ticket import Category, Level
from rules.duration import BusinessDays, span
from rules.lint.formula import formula_of, opposite
from rules.lint.reading import LEVELS, Reading
from rules.lint.terms import Clockwork, Due, countable, exceeds, is_later, may_have, terms
from rules.problem import Problem

#: metrics whose pauses a policy decides, and that a customer would wait for: see docs/rules/lint.md
PAUSABLE = ("resolution", "pausable_update")


def default(reading: Reading) -> Iterator[Problem]:
    """Say where a list is tried in order and nothing is for everything that is left."""
    for section, what, code in (("sla", "policy", "no-default-policy"), ("routes", "route", "no-default-route")):
        rules = reading.sound(section)
        if not rules or not reading.solver.can_hold(*(opposite(reading.formula(rule)) for rule in rules)):
            continue
        if section == "routes" and (
            "fallback_queue" in reading.sections.entries("routing") or "routing" in reading.spoilt
        ):
            continue
        message = f"no {what} is for every ticket that is left: the last one must be without `when`"
        hint = f"add a {what} without `when` at the end"
        if section == "routes":
            hint += ", or routing: {fallback_queue: NAME}"
        yield rules[-1].error(code, message, hint)


def waiting(reading: Reading) -> Iterator[Problem]:
    """Say which clocks go on while a ticket waits for the customer."""
    waits = reading.condition({"status": Category.PENDING_CUSTOMER.value})
    for policy in terms(reading):
        if not reading.solver.can_hold(*policy.applies):
            # no ticket reaches it: that is said elsewhere
            continue
        pause = policy.where("pause_when")
        going = []
        for metric in policy.metrics:
            if (metric not in PAUSABLE and not metric.startswith("stage:")) or metric in policy.counted:
                continue
            asked = reading.condition({"metric": metric})
            if pause is None or not reading.solver.can_hold(
                waits, asked, formula_of(pause.value, reading.vocabulary), *policy.applies
            ):
                going.append(metric)
        if going and policy.chain[0].get("targets"):
            spot = pause if pause is not None else policy.spot["name"]
            message = f"waiting for the customer does not pause {', '.join(going)} of the policy '{policy.name}'"
            yield spot.warning("waiting-not-paused", message, "add pause_when: {status: pending_customer}")


def rising(reading: Reading) -> Iterator[Problem]:
    """Say where a higher priority is due later than a lower one."""
    for policy in terms(reading):
        levels = [level for level in LEVELS if may_have(reading, policy.applies, level)]
        for metric in policy.metrics:
            known = [(level, policy.due(metric, level.value)) for level in levels]
            dues = [(level, due) for level, due in known if due is not None]
            for place, (level, due) in enumerate(dues):
                found = _overtaking(reading, due, dues[place + 1 :])
                if found is not None:
                    lower, against, start = found
                    message = (
                        f"{metric} of a {level} can be due later than of a {lower}, by the policy '{policy.name}': "
                        f"{_said(due)} against {_said(against)}"
                    )
                    if due.calendar != against.calendar:
                        message += f", for example from {start:%a %H:%M} UTC on"
                    yield due.spot.warning("target-not-rising", message, "give the higher priority the shorter target")
                    break


def _said(due: Due) -> str:
    return f"{due.within} on {due.calendar}" if due.calendar else due.within


def _overtaking(reading: Reading, due: Due, below: Sequence[tuple[Level, Due]]) -> tuple[Level, Due, datetime] | None:
    """Return a lower priority that is due earlier from some start, and that start."""
    for level, other in below:
        start = is_later(due, other, reading.calendars)
        if start is not None:
            return level, other, start
    return None


def warnings(reading: Reading) -> Iterator[Problem]:
    """Say which warnings lie after their target."""
    for policy in terms(reading):
        for due in policy.each():
            if due.warn and exceeds(due.warn, due.within):
                spot = due.spot.part("warn")
                message = f"the warning after {due.warn} lies after the target of {due.within}: it is never given"
                yield spot.warning("threshold-after-target", message, "warn earlier")


def business_days(reading: Reading) -> Iterator[Problem]:
    """Say where business days are counted by a calendar that has none."""
    clockwork = Clockwork(reading)
    for policy in terms(reading):
        for due in policy.each():
            for key, written in (("within", due.within), ("warn", due.warn)):
                spot = due.spot.part(key)
                if written and isinstance(span(written), BusinessDays):
                    yield from countable(clockwork, due.calendar, spot, written)
        longest = policy.where("max_pause")
        if longest is not None and isinstance(span(longest.value), BusinessDays):
            yield from countable(clockwork, policy.spec.get("calendar", ""), longest, longest.value)
    for escalation in reading.sections.items("escalations"):
        if "on" in escalation and isinstance(span(escalation["on"].value["over"]), BusinessDays):
            on = escalation["on"]
            yield from countable(clockwork, on.get("calendar", ""), on["over"], on.value["over"])
