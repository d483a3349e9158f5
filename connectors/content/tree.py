"""Rich text as a small tree: what every format is read into and written from.

One tree between all formats makes the ways there and back consistent: a reader knows one desk's format, a writer knows
one, and neither knows the other's. The tree holds what Markdown can say, no more; what a format has beyond that is
said to be lost by its reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Final

import msgspec

#: how deep quotes and lists may lie in each other; what is deeper keeps its words and loses its form
MAX_DEPTH: Final = 24

ATTACHMENT: Final = "attachment:"
MENTION: Final = "mention:"


class Mark(StrEnum):
    """What can be said about words."""

    STRONG = "strong"
    EM = "em"
    STRIKE = "strike"


class What(StrEnum):
    """What a run is."""

    TEXT = "text"
    CODE = "code"
    BREAK = "break"
    IMAGE = "image"
    MENTION = "mention"


class Run(msgspec.Struct, frozen=True):
    """A stretch of a line that is one thing, in one form."""

    text: str = ""
    what: What = What.TEXT
    marks: frozenset[Mark] = frozenset()
    #: where the words lead
    link: str = ""
    #: an image's address, a mention's account
    target: str = ""


Runs = tuple[Run, ...]
BREAK: Final = Run(what=What.BREAK)


class Paragraph(msgspec.Struct, frozen=True):
    """Words; a break inside is a break that people see."""

    runs: Runs


class Heading(msgspec.Struct, frozen=True):
    """A heading of one line."""

    level: int
    runs: Runs


class Code(msgspec.Struct, frozen=True):
    """Lines that stay as they are."""

    text: str
    language: str = ""


class Rule(msgspec.Struct, frozen=True):
    """A line across."""


class Quote(msgspec.Struct, frozen=True):
    """What somebody else said."""

    blocks: tuple[Block, ...]


class Items(msgspec.Struct, frozen=True):
    """A list; `[ ] ` or `[x] ` at the start of each item makes it a list of tasks."""

    items: tuple[tuple[Block, ...], ...]
    ordered: bool = False
    start: int = 1


class Table(msgspec.Struct, frozen=True):
    """Rows of equal length; the first is the head."""

    rows: tuple[tuple[Runs, ...], ...]


Block = Paragraph | Heading | Code | Rule | Quote | Items | Table


def leads(runs: Runs) -> bool:
    """Say whether any of these words lead somewhere."""
    return any(run.link for run in runs)


def emboldened(runs: Runs) -> Runs:
    """Return a heading as bold words of one line, for formats without headings."""
    line = tuple(one_line(runs))
    return tuple(msgspec.structs.replace(run, marks=run.marks | {Mark.STRONG}) for run in line)


def changed(block: Block, change: Callable[[Runs], Runs]) -> Block:
    """Return a block with every stretch of words in it as `change` makes it; code stays as it is."""
    match block:
        case Paragraph(runs):
            return Paragraph(change(runs))
        case Heading(level, runs):
            return Heading(level, change(runs))
        case Quote(held):
            return Quote(tuple(changed(inner, change) for inner in held))
        case Items(items, ordered, start):
            return Items(tuple(tuple(changed(inner, change) for inner in item) for item in items), ordered, start)
        case Table(rows):
            return Table(tuple(tuple(change(cell) for cell in row) for row in rows))
        case _:
            return block


def every_run(blocks: Iterable[Block]) -> Iterator[Run]:
    """Yield every run of blocks, in order."""
    for block in blocks:
        match block:
            case Paragraph(runs) | Heading(_, runs):
                yield from runs
            case Quote(held):
                yield from every_run(held)
            case Items(items):
                for item in items:
                    yield from every_run(item)
            case Table(rows):
                for row in rows:
                    for cell in row:
                        yield from cell
            case _:
                pass


def joined(runs: Iterable[Run]) -> list[Run]:
    """Return runs with neighbours of one form made one, and without empty ones."""
    found: list[Run] = []
    for run in runs:
        if run.what is What.TEXT and not run.text:
            continue
        last = found[-1] if found else None
        if (
            last is not None
            and run.what is last.what
            and run.what in {What.TEXT, What.CODE}
            and run.marks == last.marks
            and run.link == last.link
        ):
            found[-1] = msgspec.structs.replace(last, text=last.text + run.text)
        else:
            found.append(run)
    return found


def lines(runs: Iterable[Run]) -> list[list[Run]]:
    """Return runs as lines, each without white space at its edges."""
    found: list[list[Run]] = [[]]
    for run in runs:
        if run.what is What.BREAK:
            found.append([])
        else:
            found[-1].append(run)
    return [trimmed(line) for line in found]


def trimmed(line: list[Run]) -> list[Run]:
    """Return a line without white space at its start and end."""
    line = list(line)
    while line and line[0].what is What.TEXT:
        text = line[0].text.lstrip()
        if text:
            line[0] = msgspec.structs.replace(line[0], text=text)
            break
        del line[0]
    while line and line[-1].what is What.TEXT:
        text = line[-1].text.rstrip()
        if text:
            line[-1] = msgspec.structs.replace(line[-1], text=text)
            break
        del line[-1]
    return line


def settled(runs: Iterable[Run]) -> list[Runs]:
    """Return runs in normal form, as paragraphs: an empty line between words parts them."""
    found: list[Runs] = []
    held: list[Run] = []
    for line in lines(joined(runs)):
        if line:
            held += [BREAK, *line] if held else line
        elif held:
            found.append(_marked(held))
            held = []
    if held:
        found.append(_marked(held))
    return [runs for runs in found if runs]


def one_line(runs: Iterable[Run]) -> Runs:
    """Return runs in normal form on one line, as a heading has them."""
    spaced = [Run(" ") if run.what is What.BREAK else run for run in runs]
    return next(iter(settled(spaced)), ())


def in_cell(runs: Iterable[Run]) -> Runs:
    """Return runs in normal form as a table's cell has them: with breaks, but in one paragraph."""
    found: list[Run] = []
    for part in settled(runs):
        found += [BREAK, *part] if found else part
    return tuple(found)


def _marked(runs: list[Run]) -> Runs:
    """Return runs whose marks neither begin nor end at white space: Markdown has no words for that."""
    for mark in Mark:
        if any(mark in run.marks for run in runs):
            runs = _tight(runs, mark)
    return tuple(joined(runs))


def _tight(runs: list[Run], mark: Mark) -> list[Run]:
    found: list[Run] = []
    span: list[Run] = []
    for run in [*runs, Run()]:
        if mark in run.marks or (span and run.what is What.BREAK):
            span.append(run)
            continue
        found += _unspaced(span, mark)
        span = []
        found.append(run)
    return found


def _unspaced(span: list[Run], mark: Mark) -> list[Run]:
    """Return one marked stretch without its mark on the white space at its edges, and with it on breaks inside."""
    first, last = 0, len(span)
    while first < last and _is_space(span[first]):
        first += 1
    while last > first and _is_space(span[last - 1]):
        last -= 1
    bare = [_without(run, mark) for run in span[:first]]
    after = [_without(run, mark) for run in span[last:]]
    inside = [_with(run, mark) for run in span[first:last]]
    if inside and inside[0].what is What.TEXT:
        text = inside[0].text
        kept = text.lstrip()
        bare.append(_without(msgspec.structs.replace(inside[0], text=text[: len(text) - len(kept)]), mark))
        inside[0] = msgspec.structs.replace(inside[0], text=kept)
    if inside and inside[-1].what is What.TEXT:
        text = inside[-1].text
        kept = text.rstrip()
        after.insert(0, _without(msgspec.structs.replace(inside[-1], text=text[len(kept) :]), mark))
        inside[-1] = msgspec.structs.replace(inside[-1], text=kept)
    return bare + inside + after


def _is_space(run: Run) -> bool:
    return run.what is What.BREAK or (run.what is What.TEXT and not run.text.strip())


def _without(run: Run, mark: Mark) -> Run:
    return msgspec.structs.replace(run, marks=run.marks - {mark})


def _with(run: Run, mark: Mark) -> Run:
    return BREAK if run.what is What.BREAK else msgspec.structs.replace(run, marks=run.marks | {mark})


def words(runs: Iterable[Run]) -> str:
    """Return the bare words of runs."""
    said = []
    for run in runs:
        match run.what:
            case What.BREAK:
                said.append("\n")
            case What.MENTION:
                said.append(f"@{run.text}")
            case _:
                said.append(run.text)
    return "".join(said)
