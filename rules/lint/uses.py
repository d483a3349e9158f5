"""Who speaks of whom: every place in a site's files that uses a name which another place gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rules.clocks import GATEWAY
from rules.extending import Need
from rules.fields import FieldType
from rules.lint import due_times
from rules.lint.reading import Reading
from rules.operators import as_list
from rules.policies import is_one_target
from rules.source import Spot

STAGE_METRIC = "stage:"


class Use:
    """One use of a name."""

    __slots__ = ("key", "kind", "name", "spot")

    def __init__(self, kind: str, spot: Spot, name: str | None = None, *, key: bool = False) -> None:
        #: what sort of name: calendar, person, role, template, connection, team, policy, region, skill, stage
        self.kind = kind
        self.spot = spot
        self.name: str = spot.value if name is None else name
        #: True when the name is the key of the place
        self.key = key


def uses(reading: Reading) -> Iterator[Use]:
    """Go through every use of a name."""
    yield from _people(reading)
    yield from _time(reading)
    yield from _escalations(reading)
    yield from _work(reading)
    yield from _desks(reading)


def _one(spot: Spot, key: str, kind: str) -> Iterator[Use]:
    if key in spot:
        for each in spot[key].each():
            yield Use(kind, each)


def _keys(spot: Spot, key: str, kind: str) -> Iterator[Use]:
    if key in spot:
        for name, inner in spot[key].entries():
            yield Use(kind, inner, name, key=True)


def _people(reading: Reading) -> Iterator[Use]:
    for role in reading.sections.entries("roles").values():
        if isinstance(role.value, list):
            for each in role.each():
                yield Use("person", each)
    for person in reading.sections.entries("people").values():
        yield from _keys(person, "accounts", "connection")
    for _, _, condition in reading.conditions():
        yield from _named(reading, condition)


def _named(reading: Reading, spot: Spot) -> Iterator[Use]:
    """Go through the people and the calendars that a condition names."""
    if isinstance(spot.value, list):
        for each in spot.each():
            yield from _named(reading, each)
    for key, inner in spot.entries():
        field = None if key in {"all", "any", "not"} else reading.vocabulary.field(key)
        if field is None:
            yield from _named(reading, inner)
        elif isinstance(inner.value, dict):
            for operator, operand in inner.entries():
                if operator in {"inside", "outside"}:
                    yield from (Use("calendar", each) for each in operand.each())
                elif field.type is FieldType.PERSON and operator not in {"exists", "changed"}:
                    yield from _persons(reading, operand)
        elif field.type is FieldType.PERSON:
            yield from _persons(reading, inner)


def _persons(reading: Reading, spot: Spot) -> Iterator[Use]:
    for each in spot.each():
        if isinstance(each.value, str) and each.value in reading.sections.names.get("people", ()):
            yield Use("person", each)


def _time(reading: Reading) -> Iterator[Use]:
    for calendar in reading.sections.entries("calendars").values():
        yield from _one(calendar, "union", "calendar")
    for policy in reading.sections.items("sla"):
        yield from _one(policy, "calendar", "calendar")
        yield from _one(policy, "extends", "policy")
        if "authority" in policy:
            yield from (Use("connection", each, each.value) for _, each in authorities(policy))
        if "targets" in policy:
            for metric, target in policy["targets"].entries():
                if metric.startswith(STAGE_METRIC):
                    yield Use("stage", target, metric.removeprefix(STAGE_METRIC), key=True)
                for due in dues(target):
                    yield from _one(due, "calendar", "calendar")


def authorities(policy: Spot) -> Iterator[tuple[str, Spot]]:
    """Go through the metrics of a policy that a desk counts: (metric, the desk)."""
    if "authority" in policy:
        yield from ((metric, each) for metric, each in policy["authority"].entries() if each.value != GATEWAY)


def dues(target: Spot) -> Iterator[Spot]:
    """Go through the single targets of one metric."""
    if is_one_target(target.value):
        yield target
    else:
        for _, inner in target.entries():
            yield inner


def _escalations(reading: Reading) -> Iterator[Use]:
    for escalation in reading.sections.items("escalations"):
        yield from _one(escalation, "policies", "policy")
        if "on" in escalation:
            yield from _one(escalation["on"], "calendar", "calendar")
            yield from _one(escalation["on"], "time_in_stage", "stage")
        if "metrics" in escalation:
            for metric in escalation["metrics"].each():
                if metric.value.startswith(STAGE_METRIC):
                    yield Use("stage", metric, metric.value.removeprefix(STAGE_METRIC))
        for action in escalation["do"].each():
            yield from _action(reading, action)
    for alert in reading.alerts():
        if isinstance(alert.value, dict) and isinstance(alert.value.get("notify"), dict):
            # what its schema has refused is not looked at further
            yield from (use for use in _told(alert["notify"]) if isinstance(use.spot.value, str))


def _action(reading: Reading, action: Spot) -> Iterator[Use]:
    for key, spot in action.entries():
        if key in {"notify", "add_participant", "reassign", "open_incident", "hook"}:
            yield from _told(spot)
        elif key in reading.actions and isinstance(spot.value, dict):
            yield from _needed(spot, reading.actions[key].needs)


def _needed(spot: Spot, needs: frozenset[Need]) -> Iterator[Use]:
    """Go through the names that an action of another package works with; what else it holds is its own affair."""
    for key, kind, need in (
        ("connection", "connection", Need.CONNECTION),
        ("person", "person", Need.PERSON),
        ("role", "role", Need.PERSON),
        ("roles", "role", Need.PERSON),
    ):
        if need in needs:
            yield from (use for use in _one(spot, key, kind) if isinstance(use.spot.value, str))


def _told(spot: Spot) -> Iterator[Use]:
    yield from _one(spot, "roles", "role")
    for kind in ("role", "person", "connection", "template"):
        yield from _one(spot, kind, kind)


def _work(reading: Reading) -> Iterator[Use]:
    for team in reading.sections.entries("teams").values():
        yield from _one(team, "calendar", "calendar")
        yield from _one(team, "manager", "person")
        yield from _keys(team, "accounts", "connection")
    for agent in reading.sections.items("agents"):
        yield from _one(agent, "person", "person")
        yield from _one(agent, "team", "team")
        yield from _one(agent, "calendar", "calendar")
    for region in reading.sections.items("follow_the_sun"):
        yield Use("region", region)
    rota = reading.sections.entries("on_call").get("rota")
    for shift in rota.each() if rota is not None else ():
        yield from _one(shift, "person", "person")
        yield from _one(shift, "calendar", "calendar")
    for shift in reading.sections.items("shifts"):
        yield from _one(shift, "team", "team")
        yield from _one(shift, "person", "person")
        yield from _one(shift, "calendar", "calendar")
    for absence in reading.sections.items("absences"):
        yield from _one(absence, "person", "person")
    lead = reading.sections.entries("routing").get("triage_lead")
    if lead is not None:
        yield Use("person", lead)
    for route in reading.sections.items("routes"):
        if "start_in" in route and not is_field(route.value["start_in"]):
            yield Use("region", route["start_in"])
        if "needs" in route:
            yield from _one(route["needs"], "team", "team")
            yield from _keys(route["needs"], "skills", "skill")
        yield from _hard(route)
        for step in route["relax"].each() if "relax" in route else ():
            yield from _keys(step, "skills", "skill")


def _hard(route: Spot) -> Iterator[Use]:
    """Go through the skills that are hard, in a list or with a level each."""
    if "hard" not in route:
        return
    spot = route["hard"]
    entries = spot.entries() if isinstance(spot.value, dict) else ((each.value, each) for each in spot.each())
    for need, each in entries:
        if need.startswith("skills."):
            yield Use("skill", each, need.removeprefix("skills."), key=isinstance(spot.value, dict))


def is_field(word: Any) -> bool:
    """Say whether a word names a field of the ticket, such as ticket.region."""
    return isinstance(word, str) and word.startswith("ticket.")


def _desks(reading: Reading) -> Iterator[Use]:
    for stages in reading.sections.entries("stages").values():
        for stage in stages.each():
            for name, desks in stage.entries():
                if desks.value is not None:
                    yield from _keys(stage, name, "connection")
    for rule in reading.sections.items("sync"):
        for end in ("from", "to"):
            yield from _one(rule, end, "connection")
        for due in due_times.of_rule(rule):
            yield from _keys(due, "write", "connection")


def values_of(spot: Spot, key: str) -> list[Any]:
    """Return the values of a key that may hold one or several."""
    return as_list(spot.value[key]) if key in spot else []
