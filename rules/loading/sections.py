"""Merging: any rule file may hold any section, and the same section may stand in several files.

Lists follow one another in the order of the file names. Mappings are joined; one key in two files is an error that
names both places.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rules.problem import Problem
from rules.schema import LISTS
from rules.source import Document, Path, Spot


class Sections:
    """The sections of all rule files, each item still at its place."""

    def __init__(self) -> None:
        self.lists: dict[str, list[Spot]] = {}
        self.mappings: dict[str, dict[str, Spot]] = {}
        #: every name that a section gives, also of what its schema refused: who uses it has made no mistake
        self.names: dict[str, set[str]] = {}
        #: sections of which some names are not known, because a part of them could not be understood
        self.unsure: set[str] = set()

    def lacks(self, section: str, name: str) -> bool:
        """Say whether a section certainly does not give that name."""
        return section not in self.unsure and name not in self.names.get(section, ())

    def items(self, section: str) -> list[Spot]:
        """Return the items of a list section."""
        return self.lists.get(section, [])

    def entries(self, section: str) -> dict[str, Spot]:
        """Return the entries of a mapping section."""
        return self.mappings.get(section, {})

    def plain(self) -> dict[str, Any]:
        """Return every section as merged plain data."""
        lists: dict[str, Any] = {name: [spot.value for spot in spots] for name, spots in self.lists.items()}
        mappings = {name: {key: spot.value for key, spot in entries.items()} for name, entries in self.mappings.items()}
        return lists | mappings


def merge(documents: Iterable[Document], bad: frozenset[tuple[str, Path]], problems: list[Problem]) -> Sections:
    """Merge the sections of several files, leaving out the items at `bad` places (file, path)."""
    merged = Sections()
    for document in sorted(documents, key=lambda each: each.file):
        for section, spot in document.root.entries():
            _name(merged, section, spot)
            if (document.file, spot.path) in bad:
                continue
            if section in LISTS:
                items = [item for item in spot.each() if (document.file, item.path) not in bad]
                merged.lists.setdefault(section, []).extend(items)
            else:
                _join(merged.mappings.setdefault(section, {}), spot, bad, problems)
    return merged


def _name(merged: Sections, section: str, spot: Spot) -> None:
    """Note the names that a section gives in one file."""
    found = merged.names.setdefault(section, set())
    if isinstance(spot.value, dict):
        found.update(spot.value)
    elif not isinstance(spot.value, list):
        merged.unsure.add(section)
    else:
        for item in spot.value:
            name = item.get("name") if isinstance(item, dict) else None
            if isinstance(name, str):
                found.add(name)


def _join(entries: dict[str, Spot], spot: Spot, bad: frozenset[tuple[str, Path]], problems: list[Problem]) -> None:
    for key, entry in spot.entries():
        if key in entries:
            message = f"'{key}' is already in {entries[key].at(key=True)}"
            problems.append(entry.error("duplicate-name", message, "join the two or rename one", key=True))
        elif (spot.document.file, entry.path) not in bad:
            entries[key] = entry


def names(items: Iterable[Spot], what: str, problems: list[Problem]) -> Iterator[tuple[str, Spot]]:
    """Go through the items of a list section by name, each name once."""
    seen: dict[str, Spot] = {}
    for item in items:
        name = item.value["name"]
        if name in seen:
            message = f"there is another {what} '{name}' in {seen[name]['name'].at()}"
            problems.append(item["name"].error("duplicate-name", message, "give each rule a name of its own"))
            continue
        seen[name] = item
        yield name, item
