"""Escalations: what sets one off, and whether each of its actions has what it works with."""

from __future__ import annotations

from collections.abc import Iterator

from rules.extending import Need
from rules.lint.reading import Reading, called
from rules.problem import Problem
from rules.source import Spot

_PEOPLE = ("person", "role", "roles")


def triggers(reading: Reading) -> Iterator[Problem]:
    """Say which escalations nothing sets off, and of which it is not clear what does."""
    for escalation in reading.sections.items("escalations"):
        named = called(escalation)
        if "at" not in escalation and "on" not in escalation:
            message = f"nothing sets off the escalation {named}: it needs 'at' or 'on'"
            hint = "write at: breach, or on: {time_in_status: on_hold, over: 1d}"
            yield escalation.error("missing-key", message, hint)
        elif "at" in escalation and "on" in escalation:
            message = f"the escalation {named} has 'at', of a clock, and 'on', of a status or a stage"
            yield escalation["on"].error("too-many-keys", message, "write two escalations", key=True)
        elif "on" in escalation:
            yield from _on(escalation["on"])


def _on(on: Spot) -> Iterator[Problem]:
    if "time_in_status" in on and "time_in_stage" in on:
        message = "this is about a status and about a stage"
        yield on["time_in_stage"].error("too-many-keys", message, "write an escalation for each", key=True)
    elif "time_in_status" not in on and "time_in_stage" not in on:
        message = f"nothing says in what a ticket is over {on.value['over']}"
        yield on.error("missing-key", message, "add time_in_status: or time_in_stage:")


def needs(reading: Reading) -> Iterator[Problem]:
    """Say which actions of packages lack what they work with; the names in them are looked up with all others."""
    for escalation in reading.sections.items("escalations"):
        for place in escalation["do"].each():
            for name, spot in place.entries():
                action = reading.actions.get(name)
                if action is not None:
                    yield from _lacking(escalation, name, spot, action.needs)


def _lacking(escalation: Spot, name: str, spot: Spot, needed: frozenset[Need]) -> Iterator[Problem]:
    has = spot.value if isinstance(spot.value, dict) else {}
    if Need.CONNECTION in needed and "connection" not in has:
        yield spot.error("missing-key", f"the action '{name}' needs a connection", "add connection: NAME", key=True)
    if Need.PERSON in needed and not any(key in has for key in _PEOPLE):
        hint = "add person: NAME, role: NAME or roles: [NAME]"
        yield spot.error("missing-key", f"the action '{name}' needs somebody", hint, key=True)
    if Need.CLOCK in needed and "at" not in escalation:
        message = f"the action '{name}' needs a clock, and 'on' has none"
        yield spot.error("missing-key", message, "write at: breach, for example, in place of on:", key=True)
