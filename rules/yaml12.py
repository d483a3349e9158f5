"""YAML for people who do not know YAML: the 1.2 core schema, every value with its place, nothing evaluated.

libyaml (through PyYAML's C parser) finds the structure; what a plain word means is decided here. So `on`, `no`,
`22:30`, `2026-12-24` and `24x7` are text, `012` is twelve, and `1.10` remembers how it was written (`Written`). Keys
are always text. A duplicate key, an alias, a tag, a second document, deep nesting and a huge file are errors with their
place: events are read one by one, so that none of them costs time or memory first.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import Any

import yaml
import yaml.events as ev

from rules.problem import Problem, Severity
from rules.source import Document, Place

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32
MAX_VALUES = 200_000
MAX_PROBLEMS = 20
#: a whole number beyond this is read as a text: a long id, which would not survive as a number
MOST_WHOLE = 2**63 - 1
#: what turns the text around it, or cannot be seen: a reader of the file would be shown another rule than the gateway
_HIDDEN = re.compile("[\u200b\u2060\u202a-\u202e\u2066-\u2069]")

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_DIGITS = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_FIRST = frozenset("+-.0123456789")


class WrittenInt(int):
    """A whole number that was written in another way than it prints (`012`, `+1`, `0x1F`)."""

    text: str


class WrittenFloat(float):
    """A number that was written in another way than it prints (`1.10`)."""

    text: str


Written = (WrittenInt, WrittenFloat)


def resolve(word: str) -> Any:
    """Return what a plain scalar means in the core schema of YAML 1.2."""
    if word in _NULL:
        return None
    if word in _BOOL:
        return _BOOL[word]
    if word[0] not in _FIRST or len(word) > 300:
        return word
    number: int | float
    if _DIGITS.fullmatch(word):
        number = int(word)
    elif _OCTAL.fullmatch(word):
        number = int(word, 8)
    elif _HEX.fullmatch(word):
        number = int(word, 16)
    elif _FLOAT.fullmatch(word):
        number = float(word)
    else:
        return word
    if not -MOST_WHOLE <= number <= MOST_WHOLE and (isinstance(number, int) or math.isinf(number)):
        # No number of a program holds it: as a text it stays what was written.
        return word
    if str(number) == word:
        return number
    written = WrittenInt(number) if isinstance(number, int) else WrittenFloat(number)
    written.text = word
    return written


class _StopError(Exception):
    """Reading cannot go on."""


class _Reader:
    """Builds value and places from parser events, without recursion."""

    def __init__(self, file: str, text: str) -> None:
        self.document = Document(file, text, {}, Place(1, 1))
        self.problems: list[Problem] = []
        self.values = 0
        # open collections: (value, place, pending key or None, line and column of the pending key)
        self.stack: list[tuple[Any, Place]] = []
        self.key: list[tuple[str, int, int] | None] = []
        self.skip = False

    def complain(self, mark: Any, code: str, message: str, hint: str = "") -> None:
        line, column = (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)
        excerpt = self.document.line(line)
        self.problems.append(Problem(self.document.file, line, column, code, Severity.ERROR, message, hint, excerpt))
        if len(self.problems) >= MAX_PROBLEMS:
            raise _StopError

    def stop(self, mark: Any, code: str, message: str, hint: str = "") -> None:
        self.complain(mark, code, message, hint)
        raise _StopError

    def add(self, value: Any, mark: Any) -> Place:
        """Put a finished scalar or a new collection where it belongs."""
        self.values += 1
        if self.values > MAX_VALUES:
            self.stop(mark, "yaml-size", f"more than {MAX_VALUES:,} values in one file", "split it into several files")
        place = Place(mark.line + 1, mark.column + 1)
        if not self.stack:
            self.document.value, self.document.place = value, place
            return place
        parent, at = self.stack[-1]
        if at.items is not None:
            parent.append(value)
            at.items.append(place)
            return place
        pending = self.key[-1]
        if pending is None or at.keys is None:  # pragma: no cover - scalars become keys before they get here
            raise _StopError
        name, line, column = pending
        self.key[-1] = None
        if name in at.keys:
            first, _, _ = at.keys[name]
            self.complain(
                _Mark(line, column), "yaml-duplicate-key", f"the key '{name[:60]}' is here twice",
                f"it is first at line {first}: join the two or rename one",
            )  # fmt: skip
            return place
        parent[name] = value
        at.keys[name] = (line, column, place)
        return place

    def wants_key(self) -> bool:
        return bool(self.stack) and self.stack[-1][1].keys is not None and self.key[-1] is None

    def scalar(self, event: Any) -> None:
        mark = event.start_mark
        if event.tag not in (None, "!"):
            self.complain(mark, "yaml-tag", f"the tag '{event.tag[:60]}' is not allowed", "write the plain value")
        text = event.value
        if self.wants_key():
            if text == "<<" and event.implicit[0]:
                self.complain(mark, "yaml-alias", "merge keys are not allowed", "write the keys out")
            self.key[-1] = (text, mark.line + 1, mark.column + 1)
            return
        self.add(resolve(text) if event.implicit[0] and event.tag is None else text, mark)

    def open(self, event: Any, value: Any) -> None:
        mark = event.start_mark
        if event.tag not in (None, "!"):
            self.complain(mark, "yaml-tag", f"the tag '{event.tag[:60]}' is not allowed", "write the plain value")
        if len(self.stack) >= MAX_DEPTH:
            self.stop(mark, "yaml-depth", f"more than {MAX_DEPTH} levels inside one another", "flatten it")
        if self.wants_key():
            self.stop(mark, "yaml-key", "a key must be a word, not a list or a mapping", _bracket_hint(self, mark))
        place = self.add(value, mark)
        if isinstance(value, dict):
            place.keys = {}
        else:
            place.items = []
        self.stack.append((value, place))
        self.key.append(None)

    def run(self) -> None:
        loader = yaml.CSafeLoader(self.document.text)
        documents = 0
        try:
            while True:
                event: Any = loader.get_event()
                kind = event.__class__
                if kind is ev.ScalarEvent:
                    self.anchor(event)
                    self.scalar(event)
                elif kind is ev.MappingStartEvent:
                    self.anchor(event)
                    self.open(event, {})
                elif kind is ev.SequenceStartEvent:
                    self.anchor(event)
                    self.open(event, [])
                elif kind is ev.MappingEndEvent or kind is ev.SequenceEndEvent:
                    self.stack.pop()
                    self.key.pop()
                elif kind is ev.AliasEvent:
                    self.stop(
                        event.start_mark, "yaml-alias", "aliases (*name) are not allowed",
                        "write the value out, or put it in quotes if a star is meant",
                    )  # fmt: skip
                elif kind is ev.DocumentStartEvent:
                    documents += 1
                    if documents > 1:
                        self.stop(
                            event.start_mark,
                            "yaml-documents",
                            "a second document starts here",
                            "one file, one document",
                        )
                elif kind is ev.StreamEndEvent:
                    return
        finally:
            loader.dispose()

    def anchor(self, event: Any) -> None:
        if event.anchor is not None:
            self.complain(
                event.start_mark, "yaml-alias", f"anchors (&{event.anchor[:40]}) are not allowed",
                "write the value where it is needed, or put it in quotes if an ampersand is meant",
            )  # fmt: skip


class _Mark:
    """A place in the parser's counting."""

    def __init__(self, line: int, column: int) -> None:
        self.line = line - 1
        self.column = column - 1


def _bracket_hint(reader: _Reader, mark: Any) -> str:
    line = reader.document.line(mark.line + 1)
    if line[max(0, mark.column - 1) : mark.column + 1] in {"${", "{{"}:
        return "put it in quotes"
    return "put it in quotes if brackets are meant"


def _syntax(reader: _Reader, error: yaml.YAMLError) -> Problem:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
    context = getattr(error, "context", None)
    message = f"this is not YAML: {what}" + (f" ({context})" if context else "")
    line, column = 1, 1
    if mark is not None:
        line, column = mark.line + 1, mark.column + 1
    elif isinstance(position := getattr(error, "position", None), int):
        before = reader.document.text.encode("utf-8", "replace")[:position].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1
    excerpt = reader.document.line(line)
    at = excerpt[column - 1 : column]
    hint = ""
    if at == "\t":
        hint = "indent with spaces, not with tabs"
    elif at in {"@", "`", "%", "*", "&", "!", "|", ">"}:
        hint = f"put a value that starts with {at} in quotes"
    elif "${" in excerpt and "{" in excerpt.replace("${", ""):
        hint = 'inside { } a reference needs quotes: "${NAME}"'
    elif ": " in excerpt.partition(": ")[2]:
        hint = "put a value that holds a colon in quotes"
    return Problem(reader.document.file, line, column, "yaml-syntax", Severity.ERROR, message, hint, excerpt)


def _hidden(document: Document) -> Iterator[Problem]:
    for found in islice(_HIDDEN.finditer(document.text), MAX_PROBLEMS):
        line = document.text.count("\n", 0, found.start()) + 1
        column = found.start() - document.text.rfind("\n", 0, found.start())
        name = unicodedata.name(found[0], "control character").lower()
        message = f"a character that nobody sees stands here (U+{ord(found[0]):04X}, {name})"
        hint = 'delete it; where it is meant, write it as "\\u' + f'{ord(found[0]):04X}" in double quotes'
        yield Problem(
            document.file, line, column, "hidden-character", Severity.ERROR, message, hint, document.line(line)
        )


def load(file: str, text: str) -> tuple[Document | None, tuple[Problem, ...]]:
    """Read one file. An empty one is an empty mapping. No document comes back when it could not be read whole."""
    text = text.removeprefix("\ufeff")
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        before = text[: error.start]
        line, column = before.count("\n") + 1, error.start - before.rfind("\n")
        message = "this is not YAML: a character that is half of a surrogate pair"
        return None, (Problem(file, line, column, "yaml-syntax", Severity.ERROR, message, "save the file as UTF-8"),)
    if size > MAX_BYTES:
        message = f"the file has {size:,} bytes, more than {MAX_BYTES:,}"
        return None, (Problem(file, 1, 1, "yaml-size", Severity.ERROR, message, "split it into several files"),)
    reader = _Reader(file, text)
    reader.problems.extend(_hidden(reader.document))
    try:
        reader.run()
    except yaml.YAMLError as error:
        reader.problems.append(_syntax(reader, error))
    except _StopError:
        pass
    if reader.problems:
        return None, tuple(reader.problems)
    if reader.document.value is None:
        reader.document.value = {}
        reader.document.place.keys = {}
    return reader.document, ()
