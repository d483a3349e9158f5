"""Names: those that nothing gives, and those that nothing uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from gateway.domain.ticket import Category
from gateway.domain.update import Operation
from rules.lint import due_times
from rules.lint.reading import Reading
from rules.lint.uses import Use, is_field, uses, values_of
from rules.notices import ON_CALL
from rules.problem import Problem, nearest
from rules.schema.clocks import METRICS
from rules.schema.shapes import LANGUAGE
from rules.source import Spot

#: what sort of name → its section, the code and the words of a problem
_GIVEN: Mapping[str, tuple[str, str, str]] = {
    "calendar": ("calendars", "unknown-calendar", "there is no calendar '{}' under calendars"),
    "person": ("people", "unknown-person", "there is nobody called '{}' under people"),
    "role": ("roles", "unknown-role", "there is no role '{}' under roles"),
    "template": ("templates", "unknown-template", "there is no template '{}' under templates"),
    "team": ("teams", "unknown-team", "there is no team '{}' under teams"),
    "policy": ("sla", "unknown-policy", "there is no policy '{}'"),
}
#: fields that name a person
PERSON_FIELDS = ("ticket.assignee", "ticket.requester", "ticket.team.manager", "ticket.org.account_manager", ON_CALL)
_NEEDS = ("language", "team")
_TAG = re.compile(LANGUAGE["pattern"])


def unknown(reading: Reading) -> Iterator[Problem]:
    """Say where a name is used that nothing gives."""
    checks = {
        **dict.fromkeys(_GIVEN, _missing),
        "connection": _connection,
        "stage": _stage,
        "region": _region,
        "skill": _skill,
    }
    said: set[tuple[str, str, str]] = set()
    for use in uses(reading):
        if _is_said_already(use):
            continue
        for problem in checks[use.kind](reading, use):
            # a skill that nobody has is said once a route, not again where it is relaxed
            once = (use.kind, use.name, str(use.spot.path[:2]) + use.spot.document.file)
            if use.kind != "skill" or once not in said:
                yield problem
            said.add(once)
    yield from _fields(reading)
    yield from _metrics(reading)


def _is_said_already(use: Use) -> bool:
    """Say whether the phase that the place belongs to has looked for the name itself."""
    section, last = use.spot.path[0], use.spot.path[-1]
    if use.kind == "calendar" and {"inside", "outside"} & {last, use.spot.path[-2]}:
        return True
    if use.kind == "connection":
        return section in {"stages", "alerts"} or (section == "sync" and use.spot.path[2] in {"from", "to"})
    return (use.kind == "policy" and last == "extends") or (use.kind == "calendar" and section == "calendars")


def _missing(reading: Reading, use: Use) -> Iterator[Problem]:
    section, code, words = _GIVEN[use.kind]
    if reading.sections.lacks(section, use.name):
        hint = nearest(use.name, reading.sections.names.get(section, ())) or f"add it under {section}:"
        yield use.spot.error(code, words.format(use.name[:60]), hint, key=use.key)


def _connection(reading: Reading, use: Use) -> Iterator[Problem]:
    if reading.gateway is not None and use.name not in reading.connections:
        hint = nearest(use.name, reading.connections)
        yield use.spot.error("unknown-connection", f"there is no connection '{use.name[:60]}'", hint, key=use.key)


def _stage(reading: Reading, use: Use) -> Iterator[Problem]:
    known = reading.vocabulary.fields["stage"].words
    if "stages" not in reading.sections.unsure and use.name not in known:
        message = f"no kind has the stage '{use.name[:60]}'"
        yield use.spot.error("unknown-stage", message, nearest(use.name, known), key=use.key)


def _region(reading: Reading, use: Use) -> Iterator[Problem]:
    known = reading.region_names()
    if "teams" not in reading.sections.unsure and use.name not in known:
        hint = nearest(use.name, known) or "give a team `region:`"
        yield use.spot.warning("unknown-region", f"no team works in the region '{use.name[:60]}'", hint)


def _skill(reading: Reading, use: Use) -> Iterator[Problem]:
    if "agents" in reading.sections.unsure:
        return
    best = reading.skill_levels()
    if use.name not in best:
        hint = nearest(use.name, best) or "give an agent this skill"
        yield use.spot.warning("unknown-skill", f"no agent has the skill '{use.name[:60]}'", hint, key=use.key)
    elif use.key and isinstance(use.spot.value, int) and use.spot.value > best[use.name]:
        message = f"no agent has the skill '{use.name}' at level {use.spot.value}: the best has {best[use.name]}"
        yield use.spot.warning("skill-out-of-reach", message, "lower it, or raise an agent's level")


def _fields(reading: Reading) -> Iterator[Problem]:
    """Say where a field of the ticket is named that there is not."""
    for role in reading.sections.entries("roles").values():
        if isinstance(role.value, str) and role.value not in PERSON_FIELDS:
            yield role.error("unknown-field", f"'{role.value}' names no person", nearest(role.value, PERSON_FIELDS))
        elif role.value == ON_CALL and "rota" not in reading.sections.entries("on_call"):
            yield role.error(
                "unknown-field", "nobody is ever on call", "add on_call: {rota: [{person: NAME, calendar: NAME}]}"
            )
    for route in reading.sections.items("routes"):
        if "start_in" in route and is_field(route.value["start_in"]):
            yield from _must_be(route["start_in"], "ticket.region", "a region")
        needs = route.part("needs")
        if needs is not route and is_field(needs.get("language")):
            yield from _must_be(needs["language"], "ticket.language", "a language")
        elif needs is not route and "language" in needs and not _TAG.fullmatch(needs.value["language"]):
            message = f"'{needs.value['language'][:60]}' is no language"
            yield needs["language"].error("unknown-field", message, "write ticket.language, or a tag such as en")
        yield from _hard(route)
        for step in route["relax"].each() if "relax" in route else ():
            if "drop" in step and not step.value["drop"].startswith("skills."):
                yield from _need(step["drop"])


def _must_be(spot: Spot, field: str, what: str) -> Iterator[Problem]:
    if spot.value != field:
        yield spot.error("unknown-field", f"'{spot.value[:60]}' is not {what} of the ticket", f"write {field}")


def _need(spot: Spot, name: str = "") -> Iterator[Problem]:
    need = name or spot.value
    if need not in _NEEDS:
        message = f"'{need[:60]}' is no need of a route"
        hint = nearest(need, _NEEDS) or "write skills.NAME"
        yield spot.error("unknown-field", message, hint, key=bool(name))


def _hard(route: Spot) -> Iterator[Problem]:
    """Look at the hard needs of a route, in a list, or each with its level: only a skill has one."""
    spot = route.part("hard")
    if spot is route:
        return
    if isinstance(spot.value, dict):
        for name, inner in spot.entries():
            if not name.startswith("skills."):
                yield from _need(inner, name)
                if name in _NEEDS and inner.value is not True:
                    yield inner.error("wrong-value", f"'{name}' has no level", "write true")
        return
    for each in spot.each():
        if not each.value.startswith("skills."):
            yield from _need(each)


def _metrics(reading: Reading) -> Iterator[Problem]:
    for rule in reading.sections.items("sync"):
        for due in due_times.of_rule(rule):
            if "metric" in due:
                yield from _metric(reading, due["metric"])
    for _, place in due_times.of_connections(reading):
        if "metric" in place:
            yield from _metric(reading, place["metric"])
    for policy in reading.sections.items("sla"):
        if "pause_when" in policy:
            for spot in _asked(policy["pause_when"]):
                yield from _metric(reading, spot)
    statuses = [category.value for category in Category]
    for escalation in reading.sections.items("escalations"):
        on = escalation.part("on")
        if on is not escalation and on.get("time_in_status", statuses[0]) not in statuses:
            spot = on["time_in_status"]
            yield spot.error("unknown-value", f"'{spot.value[:60]}' is not a status", nearest(spot.value, statuses))


def _asked(spot: Spot) -> Iterator[Spot]:
    """Go through the metrics that a condition asks for."""
    if isinstance(spot.value, list):
        for each in spot.each():
            yield from _asked(each)
    for key, inner in spot.entries():
        if key == "metric":
            operands = [operand for name, operand in inner.entries() if name in {"equals", "in"}]
            for operand in operands if isinstance(inner.value, dict) else [inner]:
                yield from operand.each()
        else:
            yield from _asked(inner)


def _metric(reading: Reading, spot: Spot) -> Iterator[Problem]:
    name = str(spot.value)
    stages = [f"stage:{stage}" for stage in reading.vocabulary.fields["stage"].words]
    if name not in METRICS and name not in stages and "stages" not in reading.sections.unsure:
        yield spot.error("unknown-metric", f"there is no metric '{name[:60]}'", nearest(name, (*METRICS, *stages)))


def unused(reading: Reading) -> Iterator[Problem]:
    """Say which names are given and then spoken of nowhere."""
    used: dict[str, set[str]] = {}
    for use in uses(reading):
        used.setdefault(use.kind, set()).add(use.name)
    for kind, section, keep in (
        ("calendar", "calendars", _never),
        ("role", "roles", _never),
        ("template", "templates", _never),
        ("person", "people", _is_known_at_a_desk),
        ("team", "teams", _is_a_desks_group),
    ):
        for name, spot in reading.sections.entries(section).items():
            if name not in used.get(kind, ()) and not keep(spot) and not _runs_a_region(reading, kind, spot):
                message = f"the {kind} '{name}' is used nowhere"
                yield spot.warning("unused-name", message, "take it out, or use it", key=True)
    for name, connection in reading.connections.items():
        spec = reading.spec_of(name)
        tells_only = spec is not None and set(spec.operations) == {Operation.NOTIFY}
        if tells_only and name not in used.get("connection", ()) and reading.gateway is not None:
            spot = reading.gateway.root["connections"][connection.name]
            message = f"the connection '{name}' is used nowhere: nobody is told anything there"
            yield spot.warning("unused-name", message, "take it out, or use it", key=True)
    yield from _unused_skills(reading, used.get("skill", set()))


def _unused_skills(reading: Reading, used: Iterable[str]) -> Iterator[Problem]:
    seen = set(used)
    for agent in reading.sections.items("agents"):
        for skill, spot in agent["skills"].entries() if "skills" in agent else ():
            if skill not in seen:
                seen.add(skill)
                message = f"the skill '{skill}' is used nowhere: no route needs it"
                yield spot.warning("unused-name", message, "take it out, or use it", key=True)


def _never(_spot: Spot) -> bool:
    return False


def _is_known_at_a_desk(person: Spot) -> bool:
    """Say whether accounts are told to be one person's: that is a use."""
    return bool(person.get("accounts"))


def _is_a_desks_group(team: Spot) -> bool:
    """Say whether a desk's group is told to be this team: that is a use."""
    return bool(team.get("accounts"))


def _runs_a_region(reading: Reading, kind: str, spot: Spot) -> bool:
    regions = {each.value for each in reading.sections.items("follow_the_sun")}
    regions |= {route.get("start_in") for route in reading.sections.items("routes")}
    return kind == "team" and bool(regions & set(values_of(spot, "region")))
