"""The cure for a value that a map has no word for: which line is missing, and where it goes in which file.

What was parked or given up says in its reason which value of which field is missing in the map of which rule; the words
of both sentences are those of `gateway.flow.translate` and `gateway.flow.render`, and a test holds them together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from gateway.domain.ticket import Category, Kind, Level
from rules.decide import RuleSet
from rules.mapping import ValueMap
from rules.source import Place
from rules.yaml12 import load

_LACKING = re.compile(
    r"(?P<field>status|priority|kind) (?:'(?P<plain>[^']*)'|\"(?P<quoted>[^\"]*)\")(?P<inbound> of \S+)? is not in the "
    r"map of rule (?:'(?P<rule>[^']*)'|\"(?P<other>[^\"]*)\")"
)
_OURS = {"status": Category, "priority": Level, "kind": Kind}
#: a word that YAML reads as a text without quotes
_BARE = re.compile(r"[A-Za-z][\w ./-]*[\w]|[A-Za-z]")
_RESERVED = frozenset({"true", "false", "null", "yes", "no", "on", "off"})


class Lacking(msgspec.Struct, frozen=True):
    """One value that a map has no word for."""

    field: str
    value: str
    rule: str
    #: a desk's word that means nothing to us yet; else one of ours that has no word there
    inbound: bool


class Cure(msgspec.Struct, frozen=True):
    """The line to add."""

    file: str
    #: it becomes this line of the file
    line: int
    text: str

    def __str__(self) -> str:
        """Say where it goes."""
        return f"add this line at {self.file}:{self.line}: {self.text}"


def lacking(why: str) -> Lacking | None:
    """Return the (first) value that is missing by the words of a reason; None when it is about something else."""
    found = _LACKING.search(why)
    if found is None:
        return None
    value = found["plain"] if found["plain"] is not None else found["quoted"]
    rule = found["rule"] if found["rule"] is not None else found["other"]
    return Lacking(found["field"], value, rule, inbound=found["inbound"] is not None)


def is_covered(want: Lacking, rules: RuleSet) -> bool:
    """Say whether the map of today has a word for a value."""
    rule = next((each for each in rules.sync_rules if each.name == want.rule), None)
    if rule is None:
        return False
    known: ValueMap[Category] | ValueMap[Level] | ValueMap[Kind] | None = {
        "status": rule.status_map,
        "priority": rule.priority_map,
        "kind": rule.kind_map,
    }[want.field]
    if known is None:
        return True
    if want.inbound:
        return known.to_ours(want.value) is not None
    kind = _OURS[want.field]
    return want.value in set(kind) and known.to_theirs(kind(want.value)) is not None  # type: ignore[arg-type]


def cure(want: Lacking, files: Mapping[str, str]) -> Cure | None:
    """Return the line that is missing, and where it goes; None when the rule or its map is nowhere in these files."""
    for file, text in sorted(files.items()):
        if not file.endswith((".yaml", ".yml")):
            continue
        document, _ = load(file, text)
        rows = document.value.get("sync") if document is not None and isinstance(document.value, dict) else None
        for index, row in enumerate(rows if isinstance(rows, list) else ()):
            if not isinstance(row, dict) or row.get("name") != want.rule or document is None:
                continue
            place = _at(document.place, "sync", index, "fields", want.field, "map")
            if place is None or not place.items:
                return None
            line = _bottom(place.items[-1]) + 1
            return Cure(file, line, f"- {{ours: {_ours(want)}, theirs: {_theirs(want)}}}")
    return None


def _ours(want: Lacking) -> str:
    return "…" if want.inbound else want.value


def _theirs(want: Lacking) -> str:
    if not want.inbound:
        return "…"
    bare = _BARE.fullmatch(want.value) and want.value.lower() not in _RESERVED
    return want.value if bare else '"' + want.value.replace("\\", "\\\\").replace('"', '\\"') + '"'


def choices(want: Lacking) -> tuple[str, ...]:
    """Return what can stand in the place of `…` where it is one of our words."""
    return tuple(each.value for each in _OURS[want.field]) if want.inbound else ()


def _at(place: Place, *steps: str | int) -> Place | None:
    found: Place | None = place
    for step in steps:
        if found is None:
            return None
        if isinstance(step, int):
            found = found.items[step] if found.items is not None and step < len(found.items) else None
        else:
            found = found.keys[step][2] if found.keys is not None and step in found.keys else None
    return found


def _bottom(place: Place) -> int:
    """Return the last line that a value begins a part on."""
    below = [_bottom(each) for each in place.items or ()]
    below += [_bottom(each) for _, _, each in (place.keys or {}).values()]
    return max([place.line, *below])
