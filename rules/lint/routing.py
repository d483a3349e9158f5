"""Routes and rosters: teams that never work, languages that nobody speaks, and what a relaxation cannot relax."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.domain.language import canonical, distance
from rules.lint.reading import Reading, called
from rules.lint.uses import is_field
from rules.problem import Problem, nearest
from rules.routes import LANGUAGE, SKILL, TEAM
from rules.source import Spot


def shifts(reading: Reading) -> Iterator[Problem]:
    """Say which teams have people and no hours in which these work."""
    worked = {spot.value["team"] for spot in reading.sections.items("shifts")}
    for name, team in reading.sections.entries("teams").items():
        agents = [spot for spot in reading.sections.items("agents") if spot.value["team"] == name]
        said = name in worked or "calendar" in team or "rota" in team
        if agents and not said and not any("calendar" in each for each in agents):
            message = f"nobody of the team '{name}' ever works: it has no calendar and no shifts"
            hint = "give it `calendar: NAME` (24x7 for always), or its people shifts"
            yield team.warning("no-shifts", message, hint, key=True)


def languages(reading: Reading) -> Iterator[Problem]:
    """Say which language a route needs that no agent speaks, and which neighbour nobody can help out in."""
    if not reading.sections.items("agents"):
        # it is still to be said who works here
        return
    spoken = _spoken(reading)
    for route in reading.sound("routes"):
        needs = route.part("needs")
        if needs is route or "language" not in needs:
            continue
        wanted = needs.value["language"]
        if is_field(wanted) and not spoken:
            message = f"the route {called(route)} needs the language of the ticket, and no agent speaks any"
            yield needs["language"].warning("nobody-speaks", message, "say `languages:` of each under people")
        elif not is_field(wanted) and not _is_spoken(wanted, spoken):
            message = f"no agent speaks '{wanted}', which the route {called(route)} needs"
            yield needs["language"].warning("nobody-speaks", message, nearest(wanted, spoken))
    neighbours = reading.sections.entries("routing").get("neighbours")
    for language, others in neighbours.entries() if neighbours is not None else ():
        for each in others.each():
            if not _is_spoken(each.value, spoken):
                message = f"no agent speaks '{each.value}', so that it helps nobody who writes '{language}'"
                yield each.warning("nobody-speaks", message, nearest(each.value, spoken))


def _spoken(reading: Reading) -> frozenset[str]:
    people, teams = reading.sections.entries("people"), reading.sections.entries("teams")
    found: set[str] = set()
    for agent in reading.sections.items("agents"):
        person, team = people.get(agent.value["person"]), teams.get(agent.value["team"])
        own = person.get("languages", []) if person is not None else []
        found.update(own or (team.get("languages", []) if team is not None else []))
    return frozenset(found)


def _is_spoken(wanted: str, spoken: frozenset[str]) -> bool:
    tag = canonical(wanted)
    return any(distance(tag, canonical(each), cross_scripts=True) is not None for each in spoken)


def relaxations(reading: Reading) -> Iterator[Problem]:
    """Say which relaxations change nothing, and which hard needs are no needs."""
    for route in reading.sound("routes"):
        needs = route.get("needs", {})
        levels: dict[str, int] = dict(needs.get("skills", {}))
        hard = _hard(route)
        for need, spot, key in _hard_spots(route):
            if need.removeprefix(SKILL) not in levels and need not in needs:
                message = f"'{need}' is hard, and the route {called(route)} does not need it"
                yield spot.warning("hard-not-needed", message, "take it out, or add it under needs:", key=key)
        left = {need for need in (LANGUAGE, TEAM) if need in needs}
        for step in route["relax"].each() if "relax" in route else ():
            yield from _lowered(step, levels, hard)
            yield from _dropped(step, levels, left, hard)
            # `widen: false` says what is so anyway
            said = {name for name, value in step.value.items() if value is not False}
            if said <= {"after", "flag"}:
                message = "this relaxation relaxes nothing"
                yield step.warning("relaxation-in-vain", message, "add skills, drop, widen or raise_priority")


def _hard(route: Spot) -> dict[str, int]:
    """Return each hard need, a skill with the level below which it never falls."""
    said = route.get("hard", [])
    return {need: int(level) for need, level in said.items()} if isinstance(said, dict) else dict.fromkeys(said, 1)


def _hard_spots(route: Spot) -> Iterator[tuple[str, Spot, bool]]:
    if "hard" not in route:
        return
    spot = route["hard"]
    if isinstance(spot.value, dict):
        yield from ((need, inner, True) for need, inner in spot.entries())
    else:
        yield from ((each.value, each, False) for each in spot.each())


def _lowered(step: Spot, levels: dict[str, int], hard: dict[str, int]) -> Iterator[Problem]:
    """Go through the skills that a relaxation lowers."""
    for skill, spot in step["skills"].entries() if "skills" in step else ():
        least = hard.get(SKILL + skill, 0)
        if spot.value < least:
            message = f"'{skill}' is hard: it never falls below {least}, and here {spot.value} is asked"
            yield spot.warning("relaxation-in-vain", message, "raise it, or lower the hard level")
        elif spot.value >= levels.get(skill, 0):
            asked = f"{levels[skill]} is asked by then" if skill in levels else "it is not asked"
            message = f"this does not lower '{skill}': {asked}"
            yield spot.warning("relaxation-in-vain", message, "write a lower level, or take it out")
        if skill in levels:
            levels[skill] = min(levels[skill], max(spot.value, least))


def _dropped(step: Spot, levels: dict[str, int], left: set[str], hard: dict[str, int]) -> Iterator[Problem]:
    """Look at the need that a relaxation gives up."""
    if "drop" not in step:
        return
    need = step.value["drop"]
    if need in hard:
        message = f"'{need}' is hard: it cannot be dropped"
        lower = ", or lower its level" if need.startswith(SKILL) else ""
        yield step["drop"].warning("relaxation-in-vain", message, f"take it out of `hard`{lower}")
    elif need not in left and need.removeprefix(SKILL) not in levels:
        message = f"'{need}' is not needed by then: there is nothing to drop"
        yield step["drop"].warning("relaxation-in-vain", message, "take it out")
    else:
        left.discard(need)
        levels.pop(need.removeprefix(SKILL), None)
