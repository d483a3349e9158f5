"""Compiling the maps of sync rules, and saying where one loses something on the way there and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from gateway.domain.ticket import Category, Kind, Level
from rules.mapping import Row, ValueMap
from rules.operators import as_list
from rules.problem import Problem, nearest
from rules.source import Spot
from rules.sync import Owner

_OURS: Mapping[str, type[StrEnum]] = {"status": Category, "priority": Level, "kind": Kind}

_NOT_INVERTIBLE = {
    "status": "status-not-invertible",
    "priority": "priority-not-invertible",
    "kind": "kind-not-invertible",
}
_GAP = {"status": "status-map-gap", "priority": "priority-map-gap", "kind": "kind-map-gap"}

#: words that say that nothing is known; a map need not have them
_UNSAID = frozenset({Category.UNKNOWN, Level.UNSET})


def compile_map(
    field: str, spot: Spot, owner: Owner, target: str, statuses: tuple[str, ...], problems: list[Problem]
) -> ValueMap[Any]:
    """Compile one `map:`; `statuses` are those that the target is known to have, none when it does not say."""
    kind = _OURS[field]
    rows = []
    ours_at: dict[str, Spot] = {}
    theirs_at: dict[str, Spot] = {}
    for row in spot.each():
        problems.extend(_once(row["ours"], ours_at, "ours"))
        problems.extend(_once(row["theirs"], theirs_at, "theirs"))
        rows.append(_row(kind, row, owner, field, problems))
    compiled: ValueMap[Any] = ValueMap(tuple(rows))
    problems.extend(_total(field, spot, kind, compiled, owner))
    if field == "status" and statuses:
        problems.extend(_native(theirs_at, target, statuses, spot, owner))
    return compiled


def _once(spot: Spot, seen: dict[str, Spot], side: str) -> Iterator[Problem]:
    for each in spot.each():
        word = each.value.strip().casefold()
        if word in seen:
            message = f"'{each.value}' is among `{side}` twice, first in {seen[word].at()}"
            yield each.error("mapped-twice", message, "one row for it, with `to` or `back` to choose")
        else:
            seen[word] = each


def _row(kind: type[StrEnum], row: Spot, owner: Owner, field: str, problems: list[Problem]) -> Row[Any]:
    ours = tuple(kind(word) for word in as_list(row.value["ours"]))
    theirs = tuple(as_list(row.value["theirs"]))
    back, to = row.get("back"), row.get("to")
    if back is not None and kind(back) not in ours:
        message = f"`back` is '{back}', which is not among `ours` of this row"
        problems.append(row["back"].error("wrong-back", message, nearest(back, ours)))
    if to is not None and to not in theirs:
        message = f"`to` is '{to}', which is not among `theirs` of this row"
        problems.append(row["to"].error("wrong-to", message, nearest(to, theirs)))
    if owner is not Owner.FROM and back is None and len(ours) > 1:
        message = f"several of ours meet '{theirs[0]}': coming back it will mean '{ours[0]}'"
        problems.append(row["ours"].warning(_NOT_INVERTIBLE[field], message, "say which with `back:`"))
    if owner is not Owner.TO and to is None and len(theirs) > 1:
        message = f"several of theirs meet '{ours[0]}': '{theirs[0]}' will be written"
        problems.append(row["theirs"].warning(_NOT_INVERTIBLE[field], message, "say which with `to:`"))
    return Row(ours, theirs, to if to is not None else theirs[0], kind(back) if back is not None else ours[0])


def _total(field: str, spot: Spot, kind: type[StrEnum], compiled: ValueMap[Any], owner: Owner) -> Iterator[Problem]:
    if owner is Owner.TO:
        return
    missing = [word for word in kind if word not in _UNSAID and compiled.to_theirs(word) is None]
    if missing:
        message = f"the map says nothing about {', '.join(missing)} of ours"
        yield spot.warning(_GAP[field], message, "add a row for each", key=True)


def _native(
    theirs: Mapping[str, Spot], target: str, statuses: tuple[str, ...], spot: Spot, owner: Owner
) -> Iterator[Problem]:
    """Compare with the statuses that the desk is known to have; somebody may have given it others."""
    known = {status.casefold(): status for status in statuses}
    for word, at in theirs.items():
        if word not in known:
            message = f"'{target}' is not known to have the status '{at.value}'"
            yield at.warning("unknown-status", message, nearest(at.value, statuses) or "check its spelling there")
    missing = [status for word, status in known.items() if word not in theirs]
    if missing and owner is not Owner.FROM:
        message = f"the map says nothing about {', '.join(missing)} of '{target}'"
        yield spot.warning("status-map-gap", message, "add them to `theirs` of a row", key=True)
