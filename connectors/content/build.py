"""Builds a tree from what a reader comes across, in order: opened, said, closed.

Readers need not be right about nesting: what is opened twice, closed too early or too deep still becomes a tree, and
no word is dropped.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from connectors.content.addresses import is_bare, safe_image, safe_link, scheme, unpacked
from connectors.content.tree import (
    ATTACHMENT,
    BREAK,
    MAX_DEPTH,
    MENTION,
    Block,
    Code,
    Heading,
    Items,
    Mark,
    Paragraph,
    Quote,
    Rule,
    Run,
    Runs,
    Table,
    What,
    in_cell,
    joined,
    one_line,
    settled,
)

_SPACE: Final = re.compile(r"[ \t\r\n\f]+")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_LINE_ENDS: Final = re.compile(r"\r\n?|[\x85\u2028\u2029\x0b\x0c]")
_LANGUAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_+#.-]{0,30}")

TOO_DEEP: Final = "the form of parts that lie too deep in each other"


def clean(text: str) -> str:
    """Return a text with line feeds only and without the characters that no text has."""
    text = _CONTROL.sub("", _LINE_ENDS.sub("\n", text))
    return text.encode("utf-8", "replace").decode("utf-8") if _has_surrogates(text) else text


def _has_surrogates(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


class Cell(msgspec.Struct):
    """A cell of a table while it is read."""

    blocks: list[Block]
    columns: int = 1
    rows: int = 1


class _Frame(msgspec.Struct):
    kind: str
    blocks: list[Block] = msgspec.field(default_factory=list)
    items: list[tuple[Block, ...]] = msgspec.field(default_factory=list)
    rows: list[list[Cell]] = msgspec.field(default_factory=list)
    ordered: bool = False
    start: int = 1
    columns: int = 1
    spans: int = 1
    #: too deep to have a form
    ghost: bool = False
    implied: bool = False


class Builder:
    """One text while it is read."""

    def __init__(self, *, ours: bool = False) -> None:
        #: only our own Markdown calls people and shows attachments by address: nobody else's text may
        self._ours = ours
        self._stack = [_Frame("doc")]
        self._runs: list[Run] = []
        self._marks: dict[Mark, int] = {}
        self._links: list[str] = []
        self._level = 0
        self._real = 1
        #: after how many runs a flow had white space last: more of it is the same space
        self._spaced = 0
        self._lost: dict[str, None] = {}

    @property
    def lost(self) -> tuple[str, ...]:
        """What could not be represented so far."""
        return tuple(self._lost)

    def say(self, *lost: str) -> None:
        """Note something that cannot be represented."""
        for what in lost:
            self._lost[what] = None

    # inside a line

    def text(self, text: str, *, flow: bool = False) -> None:
        """Add words; in a flow (HTML) white space is one space, and else a line feed is a break."""
        if flow:
            said = _SPACE.sub(" ", text)
            if said.startswith(" ") and self._runs and self._spaced == len(self._runs):
                said = said[1:]
            self._add(said.replace("\u00a0", " "))
            if said.endswith(" "):
                self._spaced = len(self._runs)
            return
        first = True
        for line in text.split("\n"):
            if not first:
                self.line_break()
            self._add(line.replace("\t", " ").replace("\u00a0", " "))
            first = False

    def _add(self, text: str) -> None:
        if text:
            self._runs.append(Run(text, marks=self._form(), link=self._link()))

    def code(self, text: str) -> None:
        """Add words of code."""
        text = _SPACE.sub(" ", text).strip()
        if text:
            self._runs.append(Run(text, What.CODE, self._form(), self._link()))

    def image(self, alt: str, address: str) -> None:
        """Add an image: one of the ticket's own attachments, or one from the web; else its name as words, and said."""
        alt = _SPACE.sub(" ", alt).strip()
        if self._ours and address.startswith(ATTACHMENT):
            target = ATTACHMENT + unpacked(address.removeprefix(ATTACHMENT))
        elif scheme(address) == "data":
            self.say("an image that was part of the text")
            target = ""
        else:
            target = safe_image(address)
        if target and target != ATTACHMENT:
            self._runs.append(Run(alt, What.IMAGE, self._form(), self._link(), target))
            return
        if scheme(address) != "data":
            self.say("an image that cannot be shown elsewhere")
        if alt:
            self._add(f"[{alt}]")

    def attachment(self, alt: str, reference: str) -> None:
        """Add an image that is one of the ticket's own attachments."""
        alt = _SPACE.sub(" ", alt).strip()
        self._runs.append(Run(alt, What.IMAGE, self._form(), self._link(), ATTACHMENT + reference))

    def mention(self, account: str, name: str) -> None:
        """Add somebody who is called; without an account it is a name."""
        name = _SPACE.sub(" ", name).strip().removeprefix("@") or account
        if account.strip():
            self._runs.append(Run(name, What.MENTION, self._form(), "", account.strip()))
        else:
            self._add(f"@{name}")

    def line_break(self) -> None:
        """Add a break."""
        self._runs.append(BREAK)

    def mark(self, mark: Mark, *, on: bool) -> None:
        """Begin or end a form of words."""
        self._marks[mark] = max(0, self._marks.get(mark, 0) + (1 if on else -1))

    def link(self, address: str) -> None:
        """Begin a link; one that leads nowhere safe is words."""
        if self._ours and address.startswith(MENTION):
            self._links.append(MENTION + unpacked(address.removeprefix(MENTION)))
            return
        safe = safe_link(address)
        if not safe and address.strip() and not address.strip().startswith("#"):
            self.say("a link with an address that is not passed on")
        self._links.append(safe)

    def end_link(self) -> None:
        """End a link; a mention is a link of ours."""
        link = self._links.pop() if self._links else ""
        if not link.startswith(MENTION):
            return
        first = len(self._runs)
        while first and self._runs[first - 1].link == link:
            first -= 1
        name = "".join(run.text for run in self._runs[first:])
        del self._runs[first:]
        self.mention(link.removeprefix(MENTION), name)

    def _form(self) -> frozenset[Mark]:
        return frozenset(mark for mark, count in self._marks.items() if count)

    def _link(self) -> str:
        return self._links[-1] if self._links else ""

    def collected(self) -> list[Run]:
        """Return and forget the runs since the last boundary, as they are."""
        runs, self._runs = self._runs, []
        # white space before a block is none inside of it
        self._spaced = 0
        return _bare_links(runs)

    # blocks

    def boundary(self) -> None:
        """End the paragraph or heading that is open."""
        runs = self.collected()
        level, self._level = self._level, 0
        if not runs:
            return
        if level:
            found = one_line(runs)
            if found:
                self._append(Heading(level, found))
            return
        for part in settled(runs):
            self._append(Paragraph(part))

    def heading(self, level: int) -> None:
        """Begin a heading, which the next boundary ends."""
        self.boundary()
        self._level = min(max(level, 1), 6)

    def code_block(self, text: str, language: str = "") -> None:
        """Add lines that stay as they are."""
        self.boundary()
        found = _LANGUAGE.fullmatch(language.strip())
        text = text.strip("\n")
        if text.strip():
            self._append(Code(text.replace("\u00a0", " "), found[0] if found else ""))

    def rule(self) -> None:
        """Add a line across."""
        self.boundary()
        self._append(Rule())

    def push(self, kind: str, *, ordered: bool = False, start: int = 1, columns: int = 1, rows: int = 1) -> None:
        """Open a quote, list, item, table, row or cell."""
        self.boundary()
        if kind == "item" and self._top().kind != "list":
            self.push("list")
            self._top().implied = True
        ghost = self._real >= MAX_DEPTH or (self._stack[-1].ghost and kind in {"item", "row", "cell"})
        if ghost:
            self.say(TOO_DEEP)
        else:
            self._real += 1
        self._stack.append(
            _Frame(kind, ordered=ordered, start=start, columns=columns, spans=rows, ghost=ghost),
        )

    def pop(self, kind: str) -> None:
        """Close what was opened last, if it is of this kind."""
        self.boundary()
        if self._stack[-1].kind != kind or len(self._stack) == 1:
            return
        frame = self._stack.pop()
        if frame.ghost:
            return
        self._real -= 1
        match kind:
            case "quote":
                self._append(Quote(tuple(frame.blocks)))
            case "item":
                self._end_item(frame)
            case "list":
                self._append(Items(tuple(item for item in frame.items if item), frame.ordered, frame.start))
            case "cell":
                self._end_cell(frame)
            case "row":
                if self._top().kind == "table":
                    self._top().rows.append(frame.rows[0] if frame.rows else [])
            case "table":
                self._end_table(frame)

    def _top(self) -> _Frame:
        return next(frame for frame in reversed(self._stack) if not frame.ghost)

    def _end_item(self, frame: _Frame) -> None:
        holder = self._top()
        holder.items.append(tuple(frame.blocks))
        if holder.implied:
            self.pop("list")

    def _end_cell(self, frame: _Frame) -> None:
        row = self._top()
        if row.kind == "row":
            row.rows = [[*(row.rows[0] if row.rows else []), Cell(frame.blocks, frame.columns, frame.spans)]]
        else:
            for block in frame.blocks:
                self._append(block)

    def _append(self, block: Block) -> None:
        """Put a block where it belongs; what stands between rows of a table goes before it."""
        if isinstance(block, Quote | Items) and not (block.blocks if isinstance(block, Quote) else block.items):
            return
        place = next(frame for frame in reversed(self._stack) if not frame.ghost and frame.kind not in {"table", "row"})
        if place.kind != "list":
            _put(place.blocks, block)
        elif isinstance(block, Items) and place.items:
            held = list(place.items[-1])
            _put(held, block)
            place.items[-1] = tuple(held)
        else:
            place.items.append((block,))

    def _end_table(self, frame: _Frame) -> None:
        rows = [row for row in frame.rows if row]
        if sum(len(row) for row in rows) <= 1 or any(not _is_flat(cell) for row in rows for cell in row):
            if sum(len(row) for row in rows) > 1 or any(frame.kind == "cell" for frame in self._stack):
                self.say("a table that held more than words: its cells stand one after another")
            for row in rows:
                for cell in row:
                    for block in cell.blocks:
                        self._append(block)
            return
        grid = self._grid(rows)
        if any(any(row) for row in grid):
            self._append(Table(tuple(grid)))

    def _grid(self, rows: list[list[Cell]]) -> list[tuple[Runs, ...]]:
        """Return the rows of a table with one cell per column; merged cells leave empty ones behind."""
        taken: dict[tuple[int, int], None] = {}
        grid: list[list[Runs]] = []
        for number, row in enumerate(rows):
            line: list[Runs] = []
            for cell in row:
                while (number, len(line)) in taken:
                    line.append(())
                wide, high = min(max(cell.columns, 1), 100), min(max(cell.rows, 1), 100)
                if wide > 1 or high > 1:
                    self.say("merged table cells")
                for down in range(1, high):
                    taken |= {(number + down, len(line) + side): None for side in range(wide)}
                line += [_words(cell), *([()] * (wide - 1))]
            grid.append(line)
        width = max(len(line) for line in grid)
        return [tuple(line + [()] * (width - len(line))) for line in grid]

    def finish(self) -> tuple[Block, ...]:
        """Return the tree; what is still open is closed."""
        self.boundary()
        while len(self._stack) > 1:
            self.pop(self._stack[-1].kind)
        return tuple(self._stack[0].blocks)


def _put(blocks: list[Block], block: Block) -> None:
    """Add a block; Markdown cannot tell two lists or quotes apart that follow each other."""
    last = blocks[-1] if blocks else None
    if isinstance(block, Items) and isinstance(last, Items) and block.ordered == last.ordered:
        blocks[-1] = Items(last.items + block.items, last.ordered, last.start)
    elif isinstance(block, Quote) and isinstance(last, Quote):
        held = list(last.blocks)
        for inner in block.blocks:
            _put(held, inner)
        blocks[-1] = Quote(tuple(held))
    else:
        blocks.append(block)


def _is_flat(cell: Cell) -> bool:
    return all(isinstance(block, Paragraph | Heading) for block in cell.blocks)


def _words(cell: Cell) -> Runs:
    runs: list[Run] = []
    for block in cell.blocks:
        if isinstance(block, Paragraph | Heading):
            runs += [BREAK, *block.runs] if runs else block.runs
    return in_cell(runs)


def _bare_links(runs: list[Run]) -> list[Run]:
    """Return runs in which a link that shows nothing but its own address is that address."""
    return [
        msgspec.structs.replace(run, link="")
        if run.link and run.what is What.TEXT and is_bare(run.text.strip(), run.link)
        else run
        for run in joined(runs)
    ]
