"""Rosters: who can carry nothing, and regions to which no ticket ever passes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rules.lint.reading import Reading
from rules.problem import Problem
from rules.source import Spot

UNITS = "units"


def capacities(reading: Reading) -> Iterator[Problem]:
    """Say who is given nothing, or nothing of a channel, because they can carry too little."""
    for agent in reading.sections.items("agents"):
        if "capacity" not in agent:
            continue
        spot, person = agent["capacity"], agent.value["person"]
        units = spot.value[UNITS] if isinstance(spot.value, dict) else spot.value
        if not units:
            message = f"'{person}' has room for nothing, and is never given a ticket"
            yield spot.warning("room-for-nothing", message, "write how much they can carry, such as 8; or an absence")
            continue
        for channel, takes in spot.entries() if isinstance(spot.value, dict) else ():
            if channel != UNITS and takes.value > units:
                message = f"a ticket by {channel} takes {takes.value}, and '{person}' has {units}: they get none"
                yield takes.warning("room-for-nothing", message, f"write at most {units}", key=True)


def regions(reading: Reading) -> Iterator[Problem]:
    """Say which regions tickets never pass on to, or pass on to in vain."""
    order = list(_order(reading))
    if not order:
        return
    seen: Counter[str] = Counter()
    staffed = {team.get("region") for name, team in reading.sections.entries("teams").items() if _people(reading, name)}
    for spot in order:
        seen[spot.value] += 1
        if seen[spot.value] > 1:
            message = f"'{spot.value}' comes twice: the second time, nothing is passed on to it"
            yield spot.warning("region-in-vain", message, "take it out")
        elif spot.value not in staffed:
            message = f"no agent works in the region '{spot.value}', so that nothing is passed on to it"
            yield spot.warning("region-in-vain", message, "give a team of it people under agents:, or take it out")
    for name, team in reading.sections.entries("teams").items():
        if "region" in team and team.value["region"] not in seen and _people(reading, name):
            message = f"follow_the_sun leaves out '{team.value['region']}': nothing is passed on to the team '{name}'"
            yield team["region"].warning("region-in-vain", message, "add it to follow_the_sun, where its turn comes")


def _order(reading: Reading) -> Iterator[Spot]:
    yield from reading.sections.items("follow_the_sun")


def _people(reading: Reading, team: str) -> bool:
    return any(agent.value["team"] == team for agent in reading.sections.items("agents"))
