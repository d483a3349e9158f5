"""A CSV file in which people are looked up: its header names the columns, each line one person.

Pure: a text comes in. What is wrong is said with line and column; a file with anything wrong is not used at all:
half a directory would quietly take somebody's tier away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from gateway.domain.people import EMAIL, PHONE, Key, email_key, phone_key
from gateway.ports.enriching import FIELDS, Answer, Question
from rules.problem import Problem, Severity, nearest

#: bytes of a file that is read, and how much is said to be wrong with it
MOST_BYTES = 20_000_000
MOST_PROBLEMS = 20
LONGEST = 300


class Cell(msgspec.Struct, frozen=True):
    """One cell, and where it begins."""

    text: str
    line: int
    column: int


class Directory(msgspec.Struct, frozen=True):
    """The people of one file: by each key, what is known of them."""

    people: dict[Key, dict[str, str]]

    def answer(self, question: Question) -> Answer:
        """Look somebody up: by e-mail, else by telephone."""
        for kind, values in ((EMAIL, question.emails), (PHONE, question.phones)):
            found = [self.people[Key(kind, value)] for value in values if Key(kind, value) in self.people]
            if found:
                return Answer.among([each for place, each in enumerate(found) if each not in found[:place]])
        return Answer()


def read_directory(file: str, text: str, columns: Mapping[str, str]) -> tuple[Directory, list[Problem]]:
    """Read a file. `columns` maps email, phone and `FIELDS` to headers; without it headers have these names."""
    problems: list[Problem] = []
    if len(text) > MOST_BYTES:
        return Directory({}), [_wrong(file, Cell("", 1, 1), "it is larger than 20 MB")]
    lines = list(_lines(text.removeprefix("\ufeff")))
    if not lines:
        return Directory({}), [_wrong(file, Cell("", 1, 1), "it is empty", "its first line names the columns")]
    places = _places(file, lines[0], columns, problems)
    if problems:
        # by a header that is not understood no line is
        return Directory({}), problems
    people: dict[Key, dict[str, str]] = {}
    first: dict[Key, int] = {}
    for cells in lines[1:]:
        if len(problems) >= MOST_PROBLEMS:
            break
        if len(cells) != len(lines[0]):
            said = f"this line has {len(cells)} columns, and the header {len(lines[0])}"
            problems.append(_wrong(file, cells[0], said, 'a comma inside a value needs "quotes"'))
            continue
        given = {name: cells[place] for name, place in places.items()}
        values = {name: given[name].text.strip()[:LONGEST] for name in FIELDS if name in given}
        known = _keys(file, given, problems)
        if not known and not any(cell.text.strip() for cell in cells):
            continue
        if not known:
            problems.append(_wrong(file, cells[0], "nobody can be found by this line", "it needs an e-mail or a phone"))
        for key, cell in known:
            if key in people:
                problems.append(_wrong(file, cell, f"'{cell.text[:80]}' is in line {first[key]} as well"))
            people[key] = {name: value for name, value in values.items() if value}
            first.setdefault(key, cell.line)
    return Directory(people), problems


def _keys(file: str, given: Mapping[str, Cell], problems: list[Problem]) -> list[tuple[Key, Cell]]:
    found = []
    for kind, read in ((EMAIL, email_key), (PHONE, phone_key)):
        cell = given.get(kind)
        if cell is None or not cell.text.strip():
            continue
        value = read(cell.text)
        if value:
            found.append((Key(kind, value), cell))
        else:
            hint = "write it as +46 70 174 06 05" if kind == PHONE else ""
            problems.append(_wrong(file, cell, f"'{cell.text[:80]}' is no {kind}", hint))
    return found


def _places(file: str, header: Sequence[Cell], columns: Mapping[str, str], problems: list[Problem]) -> dict[str, int]:
    """Return in which column each field stands."""
    titles = [cell.text.strip() for cell in header]
    for place, cell in enumerate(header):
        if titles[place] in titles[:place]:
            problems.append(_wrong(file, cell, f"the column '{titles[place][:60]}' is there twice"))
    wanted = columns or {name: name for name in (EMAIL, PHONE, *FIELDS) if name in titles}
    found = {}
    for name, title in wanted.items():
        if title in titles:
            found[name] = titles.index(title)
        else:
            hint = nearest(title, titles)
            problems.append(_wrong(file, header[0], f"there is no column '{title[:60]}' (for {name})", hint))
    if EMAIL not in found and PHONE not in found and not problems:
        problems.append(_wrong(file, header[0], "no column has e-mails or phones", "name one under columns:"))
    return found


def _wrong(file: str, cell: Cell, message: str, hint: str = "") -> Problem:
    # a warning: the copy before it goes on being used, and no ticket waits for it
    return Problem(file, cell.line, cell.column, "wrong-value", Severity.WARNING, message, hint)


def _lines(text: str) -> Iterator[list[Cell]]:
    """Take a text apart (RFC 4180; commas, or semicolons where the header has no comma)."""
    header = text.partition("\n")[0]
    comma = ";" if "," not in header and ";" in header else ","
    cells: list[Cell] = []
    place, line, begin = 0, 1, 0
    while place < len(text):
        at = place
        value, place = _quoted(text, place) if text[place] == '"' else _plain(text, place, comma)
        cells.append(Cell(value, line, at - begin + 1))
        if "\n" in text[at:place]:
            line += text.count("\n", at, place)
            begin = text.rfind("\n", at, place) + 1
        if text[place : place + 1] == comma:
            place += 1
            if text[place : place + 1] not in {"", "\r", "\n"}:
                continue
            cells.append(Cell("", line, place - begin + 1))
        place = _find(text, "\n", place, len(text)) + 1
        line, begin = line + 1, place
        if any(cell.text for cell in cells):
            yield cells
        cells = []


def _plain(text: str, place: int, comma: str) -> tuple[str, int]:
    stop = min(_find(text, comma, place, len(text)), _find(text, "\n", place, len(text)))
    return text[place:stop].removesuffix("\r"), stop


def _quoted(text: str, place: int) -> tuple[str, int]:
    said, after = [], place + 1
    while True:
        close = _find(text, '"', after, len(text))
        said.append(text[after:close])
        if text[close : close + 2] != '""':
            return "".join(said), min(close + 1, len(text))
        said.append('"')
        after = close + 2


def _find(text: str, mark: str, place: int, end: int) -> int:
    found = text.find(mark, place)
    return end if found < 0 else found
