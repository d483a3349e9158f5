"""What differs between two versions of a site, in the words of the rules: what was added, removed, changed or moved."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from rules.problem import masked
from rules.release import HOLIDAYS_FILE, kept_days
from rules.schema import LISTS
from rules.source import ROTA_SUFFIX, Document
from rules.yaml12 import load

GATEWAY = "gateway.yaml"
HOLIDAYS = "public holidays"
ROTAS = "files of shifts"


class Change(StrEnum):
    """What became of one thing."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    #: as it was, at another place among those that both versions have: the order decides which rule comes first
    MOVED = "moved"


class Difference(msgspec.Struct, frozen=True):
    """One thing that differs."""

    section: str
    name: str
    change: Change
    #: for a change: the keys whose values differ
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        keys = f" ({', '.join(self.keys)})" if self.keys else ""
        return f"{self.change:<8} {self.section}: {self.name}{keys}"


def differences(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Difference, ...]:
    """Compare the texts of two sites by section and name; comments and layout do not count.

    A file that cannot be read as YAML is left out: its lines are told by `unified`.
    """
    before, after = _sections(old), _sections(new)
    found: list[Difference] = []
    for section in sorted({*before, *after}):
        found += _compared(section, before.get(section, {}), after.get(section, {}))
    return tuple(found)


def unified(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    """Return the lines that differ, file by file, as `diff -u` writes them; what looks like a secret is covered."""
    for name in sorted({*old, *new}):
        lines = (_lines(old.get(name)), _lines(new.get(name)))
        if lines[0] != lines[1]:
            yield from difflib.unified_diff(
                *lines,
                fromfile=f"a/{name}" if name in old else "/dev/null",
                tofile=f"b/{name}" if name in new else "/dev/null",
                lineterm="",
            )


def _lines(text: str | None) -> list[str]:
    return [] if text is None else [masked(line) for line in text.split("\n")]


def _sections(files: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return section -> name -> value, in order. What has no name of its own is named by its place."""
    found: dict[str, dict[str, Any]] = {}
    for name in sorted(files):
        if name == HOLIDAYS_FILE:
            found[HOLIDAYS] = {f"{country}, {year}": days for country, year, days in kept_days(files[name])}
            continue
        if name.endswith(ROTA_SUFFIX):
            found.setdefault(ROTAS, {})[name] = files[name]
            continue
        document, _ = load(name, files[name])
        if document is not None and isinstance(document.value, dict) and not name.endswith((".cases.yaml",)):
            _gather(found, document)
    return found


def _gather(found: dict[str, dict[str, Any]], document: Document) -> None:
    for section, value in document.value.items():
        entries = found.setdefault(section, {})
        if isinstance(value, list) and (section in LISTS or document.file == GATEWAY):
            for item in value:
                entries[_free(_name(item, len(entries)), entries)] = item
        elif isinstance(value, dict):
            entries.update(value)
        else:
            entries[section] = value


def _name(item: Any, place: int) -> str:
    """Return what people call an item: its name, what it is about, or its place."""
    if isinstance(item, dict):
        for key in ("name", "person", "when"):
            if isinstance(item.get(key), str):
                begins = item.get("from") if key == "person" else None
                return f"{item[key]}, from {begins}" if begins else str(item[key])
    return f"number {place + 1}"


def _free(name: str, taken: Mapping[str, Any]) -> str:
    """Tell things of one name apart, such as two absences of one person, by their order."""
    found, number = name, 1
    while found in taken:
        number += 1
        found = f"{name} ({number})"
    return found


def _compared(section: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for name in before:
        if name not in after:
            yield Difference(section, name, Change.REMOVED)
    for name, value in after.items():
        if name not in before:
            yield Difference(section, name, Change.ADDED)
        elif before[name] != value:
            yield Difference(section, name, Change.CHANGED, _keys(before[name], value))
    if section in LISTS:
        for name in _moved([each for each in before if each in after], [each for each in after if each in before]):
            yield Difference(section, name, Change.MOVED)


def _keys(old: Any, new: Any) -> tuple[str, ...]:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return ()
    return tuple(key for key in {**old, **new} if old.get(key) != new.get(key))


def _moved(before: Sequence[str], after: Sequence[str]) -> list[str]:
    """Return the fewest names that have to move to get from one order to the other."""
    stayed = {
        name
        for block in difflib.SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
        for name in before[block.a : block.a + block.size]
    }
    return [name for name in after if name not in stayed]
