"""Compiling `stages:`: the steps of each kind, and the statuses that enter them."""

from __future__ import annotations

from collections.abc import Iterable

from gateway.domain.ticket import Kind
from rules.loading.sections import Sections
from rules.problem import Problem, nearest
from rules.source import Spot
from rules.stages import Stage, Stages, folded


def stages(sections: Sections, connections: Iterable[str], problems: list[Problem]) -> Stages:
    """Compile the stages of every kind."""
    known = tuple(connections)
    return Stages(
        {Kind(kind): _of_kind(kind, spot, known, problems) for kind, spot in sections.entries("stages").items()}
    )


def _of_kind(kind: str, spot: Spot, connections: tuple[str, ...], problems: list[Problem]) -> tuple[Stage, ...]:
    found: dict[str, Stage] = {}
    first: dict[tuple[str, str], Spot] = {}
    for item in spot.each():
        for name, desks in [(item.value, None)] if isinstance(item.value, str) else list(item.entries()):
            if name in found:
                at = item if desks is None else desks
                message = f"{kind} has the stage '{name}' already"
                problems.append(
                    at.error("duplicate-name", message, "give each stage a name of its own", key=desks is not None)
                )
                continue
            statuses = {} if desks is None else _statuses(kind, desks, connections, first, problems)
            found[name] = Stage(name, statuses)
    return tuple(found.values())


def _statuses(
    kind: str,
    desks: Spot,
    connections: tuple[str, ...],
    first: dict[tuple[str, str], Spot],
    problems: list[Problem],
) -> dict[str, frozenset[str]]:
    """Return what enters a stage; a status of a desk enters one stage of a kind only."""
    entered: dict[str, frozenset[str]] = {}
    for connection, spot in desks.entries():
        if connection not in connections:
            message = f"there is no connection '{connection}'"
            problems.append(spot.error("unknown-connection", message, nearest(connection, connections), key=True))
            continue
        words = set()
        for each in spot.each():
            word = folded(each.value)
            other = first.setdefault((connection, word), each)
            if other is not each:
                message = f"'{each.value}' of {connection} enters another stage of {kind} in {other.at()}"
                problems.append(each.error("mapped-twice", message, "a status enters one stage of a kind"))
            words.add(word)
        entered[connection] = frozenset(words)
    return entered
