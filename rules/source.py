"""A file of a site with the place of every key and value, so that any later check can point at what is wrong.

The values themselves stay plain (dict, list, str, int, float, bool, None): the places live in a tree beside them. A
`Spot` walks both at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rules.problem import Problem, Severity, masked

#: the file of a site that names its connections
GATEWAY_FILE = "gateway.yaml"
#: what the name of a file of shifts ends in
ROTA_SUFFIX = ".ics"

Path = tuple[str | int, ...]


class Place:
    """Where a value stands, and its parts: by key with the key's own place, or by index."""

    __slots__ = ("column", "items", "keys", "line")

    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column
        #: key -> (line and column of the key, place of its value)
        self.keys: dict[str, tuple[int, int, Place]] | None = None
        self.items: list[Place] | None = None


class Document:
    """One file, read."""

    __slots__ = ("_lines", "file", "place", "text", "value")

    def __init__(self, file: str, text: str, value: Any, place: Place) -> None:
        self.file = file
        self.text = text
        self.value = value
        self.place = place
        self._lines: list[str] | None = None

    def line(self, number: int) -> str:
        """Return one line (from 1) with secrets masked, or nothing when there is none."""
        if self._lines is None:
            self._lines = self.text.split("\n")
        if 0 < number <= len(self._lines):
            return masked(self._lines[number - 1].rstrip("\r"))
        return ""

    def where(self, path: Path, *, key: bool = False) -> tuple[int, int]:
        """Return line and column of the value at `path`, or of its key; of the nearest parent that exists."""
        place = self.place
        found = (place.line, place.column)
        for step in path:
            if place.keys is not None and isinstance(step, str) and step in place.keys:
                line, column, place = place.keys[step]
                found = (line, column) if key else (place.line, place.column)
            elif place.items is not None and isinstance(step, int) and 0 <= step < len(place.items):
                place = place.items[step]
                found = (place.line, place.column)
            else:
                break
        return found

    def section(self, line: int, column: int) -> str:
        """Return the top-level key to which a place belongs; empty above the first."""
        places = (
            (key_line, key_column, str(key))
            for key, (key_line, key_column, _) in (self.place.keys or {}).items()
            if (key_line, key_column) <= (line, column)
        )
        return max(places, default=(0, 0, ""))[2]

    def problem(
        self,
        path: Path,
        code: str,
        message: str,
        hint: str = "",
        *,
        severity: Severity = Severity.ERROR,
        key: bool = False,
    ) -> Problem:
        """Return a problem that points at the value at `path`, or at its key."""
        line, column = self.where(path, key=key)
        return Problem(self.file, line, column, code, severity, message, hint, self.line(line))

    @property
    def root(self) -> Spot:
        """The whole value."""
        return Spot(self, (), self.value)


class Spot:
    """A value and where it stands."""

    __slots__ = ("document", "path", "value")

    def __init__(self, document: Document, path: Path, value: Any) -> None:
        self.document = document
        self.path = path
        self.value = value

    def __getitem__(self, step: str | int) -> Spot:
        return Spot(self.document, (*self.path, step), self.value[step])

    def __contains__(self, key: object) -> bool:
        return isinstance(self.value, dict) and key in self.value

    def part(self, key: str) -> Spot:
        """Return the place of `key`, or this one where the value has no such key."""
        return self[key] if isinstance(self.value, dict) and key in self.value else self

    def get(self, key: str, default: Any = None) -> Any:
        """Return the plain value of `key`, or the default."""
        return self.value.get(key, default) if isinstance(self.value, dict) else default

    def entries(self) -> Iterator[tuple[str, Spot]]:
        """Go through a mapping; nothing when this is none."""
        if isinstance(self.value, dict):
            for key in self.value:
                yield key, self[key]

    def each(self) -> Iterator[Spot]:
        """Go through a list; a single value counts as a list of one."""
        if isinstance(self.value, list):
            for index in range(len(self.value)):
                yield self[index]
        else:
            yield self

    def error(self, code: str, message: str, hint: str = "", *, key: bool = False) -> Problem:
        """Return an error at this value, or at its key."""
        return self.document.problem(self.path, code, message, hint, key=key)

    def warning(self, code: str, message: str, hint: str = "", *, key: bool = False) -> Problem:
        """Return a warning at this value, or at its key."""
        return self.document.problem(self.path, code, message, hint, severity=Severity.WARNING, key=key)

    def at(self, *, key: bool = False) -> str:
        """Return where this value, or its key, is, as people write it."""
        line, column = self.document.where(self.path, key=key)
        return f"{self.document.file}:{line}:{column}"
