"""The cure for a value that a map has no word for: which line is missing, and where it goes in which file.

What was parked or given up says in its reason which value of which field is missing in the map of which rule; the words
of both sentences are those of `gateway.flow.translate` and `gateway.flow.render`, and a test holds them together.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from gateway.domain.ticket import Category, Kind, Level
from rules.decide import RuleSet
from rules.mapping import ValueMap
from rules.operators import as_list
from rules.source import Document, Path, Place
from rules.yaml12 import load

_LACKING = re.compile(
    r"(?P<field>status|priority|kind) (?:'(?P<plain>[^']*)'|\"(?P<quoted>[^\"]*)\")(?P<inbound> of \S+)? is not in the "
    r"map of rule (?:'(?P<rule>[^']*)'|\"(?P<other>[^\"]*)\")"
)
_OURS: Mapping[str, type[StrEnum]] = {"status": Category, "priority": Level, "kind": Kind}
#: words that say that nothing is known: no map has them
_UNSAID = frozenset({Category.UNKNOWN, Level.UNSET})
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


class Change(msgspec.Struct, frozen=True):
    """One line of a file as it should be."""

    line: int
    text: str


class Cure(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line to add; or, where each word of ours has its row already, the rows of which one takes the desk's word."""

    file: str
    add: Change | None = None
    #: what can stand in the place of `…` in it
    choices: tuple[str, ...] = ()
    widen: tuple[Change, ...] = ()

    def __str__(self) -> str:
        """Say where it goes."""
        if self.add is not None:
            return f"add this line at {self.file}:{self.add.line}: {self.add.text}"
        return f"write it into the row of {self.file} that means the same"


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
    known: ValueMap[Any] | None = {"status": rule.status_map, "priority": rule.priority_map, "kind": rule.kind_map}[
        want.field
    ]
    if known is None:
        return True
    if want.inbound:
        return known.to_ours(want.value) is not None
    kind = _OURS[want.field]
    return want.value in set(kind) and known.to_theirs(kind(want.value)) is not None


def cure(want: Lacking, files: Mapping[str, str]) -> Cure | None:
    """Return what is to be changed where; None when the rule or its map is nowhere in these files."""
    for file, text in sorted(files.items()):
        if not file.endswith((".yaml", ".yml")):
            continue
        document, _ = load(file, text)
        rules = document.value.get("sync") if document is not None and isinstance(document.value, dict) else None
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            if document is not None and isinstance(rule, dict) and rule.get("name") == want.rule:
                return _in_map(want, document, ("sync", index, "fields", want.field, "map"))
    return None


def _in_map(want: Lacking, document: Document, path: Path) -> Cure | None:
    place = _at(document.place, path)
    rows: Any = document.value
    for step in path if place is not None else ():
        rows = rows[step]
    if place is None or not place.items or not all(isinstance(row, dict) for row in rows):
        return None
    end = _bottom(place.items[-1]) + 1
    if not want.inbound:
        return Cure(document.file, Change(end, f"- {{ours: {want.value}, theirs: …}}"))
    taken = {str(word) for row in rows for word in as_list(row.get("ours", []))}
    free = tuple(each.value for each in _OURS[want.field] if each.value not in taken and each not in _UNSAID)
    if free:
        return Cure(document.file, Change(end, f"- {{ours: …, theirs: {_word(want.value)}}}"), free)
    widened = (Change(at.line, _widened(row, want.value)) for row, at in zip(rows, place.items, strict=True))
    return Cure(document.file, widen=tuple(widened))


def _widened(row: dict[str, Any], word: str) -> str:
    """Return a row that reads one more word of the desk, and writes what it wrote."""
    theirs = [str(each) for each in as_list(row.get("theirs", []))]
    ours = [str(each) for each in as_list(row.get("ours", []))]
    parts = [
        f"ours: {ours[0] if len(ours) == 1 else '[' + ', '.join(ours) + ']'}",
        f"theirs: [{', '.join(_word(each) for each in (*theirs, word))}]",
        f"to: {_word(str(row.get('to') or theirs[0]))}",
        *([f"back: {row['back']}"] if "back" in row else []),
    ]
    return f"- {{{', '.join(parts)}}}"


def _word(text: str) -> str:
    """Return a text as YAML reads it."""
    if _BARE.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _at(place: Place, path: Path) -> Place | None:
    found: Place | None = place
    for step in path:
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
