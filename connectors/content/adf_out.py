"""A tree as an Atlassian document that Jira takes: only what the schema allows in each place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Final

import msgspec

from connectors.content.addresses import BARE, bare_part
from connectors.content.tree import (
    ATTACHMENT,
    BREAK,
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
    joined,
)

Json = dict[str, Any]

#: the node that an image stands in
HELD: Final = "mediaSingle"
#: how a mark is called, in the order in which the editor keeps them
_MARKS: Final = {Mark.EM: "em", Mark.STRONG: "strong", Mark.STRIKE: "strike"}
_TASK: Final = re.compile(r"\[([ xX])\] ?")


class Writer:
    """Writes a document; `mention` returns the node that calls somebody.

    `images` are the attributes of media, or whole nodes that hold one and are written as they are.
    """

    def __init__(
        self, images: Mapping[str, Mapping[str, Any]], mention: Callable[[str, str], Mapping[str, Any]] | None
    ) -> None:
        self._images = images
        self._mention = mention

    def document(self, blocks: tuple[Block, ...]) -> Json:
        """Return blocks as a document."""
        content = [node for block in blocks for node in self._block(block)]
        return {"type": "doc", "version": 1, "content": content}

    def _block(self, block: Block) -> list[Json]:
        match block:
            case Paragraph(runs):
                return self._paragraph(runs)
            case Heading(level, runs):
                return [{"type": "heading", "attrs": {"level": level}, "content": self._runs(runs)}]
            case Code():
                return [_code(block)]
            case Rule():
                return [{"type": "rule"}]
            case Quote(held):
                inside = [node for inner in _in_quote(held) for node in self._block(inner)]
                return [{"type": "blockquote", "content": inside}]
            case Items():
                return [self._items(block)]
            case Table(rows):
                return [self._table(rows)]

    def _paragraph(self, runs: Runs) -> list[Json]:
        """Return a paragraph, with each image of its own where it stands: a paragraph holds none."""
        found: list[Json] = []
        held: list[Run] = []
        for run in runs:
            media = self._media(run)
            if media is None:
                held.append(run)
                continue
            found += self._plain_paragraph(held)
            held = []
            found.append(media)
        return found + self._plain_paragraph(held)

    def _plain_paragraph(self, runs: list[Run]) -> list[Json]:
        while runs and runs[0] == BREAK:
            runs = runs[1:]
        while runs and runs[-1] == BREAK:
            runs = runs[:-1]
        content = self._runs(tuple(runs))
        return [{"type": "paragraph", "content": content}] if content else []

    def _items(self, block: Items) -> Json:
        tasks = None if block.ordered else _tasks(block)
        if tasks is not None:
            name = sha256(repr(block).encode()).hexdigest()[:32]
            return {
                "type": "taskList",
                "attrs": {"localId": name},
                "content": [
                    {
                        "type": "taskItem",
                        "attrs": {"localId": f"{name}-{number}", "state": "DONE" if done else "TODO"},
                        "content": self._runs(runs),
                    }
                    for number, (done, runs) in enumerate(tasks)
                ],
            }
        items = [
            {"type": "listItem", "content": [node for inner in _in_item(item) for node in self._block(inner)]}
            for item in block.items
        ]
        if block.ordered:
            return {"type": "orderedList", "attrs": {"order": block.start}, "content": items}
        return {"type": "bulletList", "content": items}

    def _table(self, rows: tuple[tuple[Runs, ...], ...]) -> Json:
        content = []
        for number, row in enumerate(rows):
            kind = "tableHeader" if number == 0 else "tableCell"
            cells = [
                {"type": kind, "attrs": {}, "content": self._paragraph(cell) or [{"type": "paragraph", "content": []}]}
                for cell in row
            ]
            content.append({"type": "tableRow", "content": cells})
        return {
            "type": "table",
            "attrs": {"isNumberColumnEnabled": False, "layout": "default"},
            "content": content,
        }

    def _runs(self, runs: Runs) -> list[Json]:
        found: list[Json] = []
        for run in joined(runs):
            found += self._run(run)
        return found

    def _run(self, run: Run) -> list[Json]:
        match run.what:
            case What.BREAK:
                return [{"type": "hardBreak"}]
            case What.MENTION:
                if self._mention:
                    return [dict(self._mention(run.target, run.text))]
                return [_text(f"@{run.text}", _marks(run))]
            case What.IMAGE:
                own = run.target.startswith(ATTACHMENT)
                link = run.link or ("" if own else run.target)
                words = f"[{run.text or 'image'}]" if own else run.text or run.target
                return [_text(words, _marks(msgspec.structs.replace(run, link=link)))]
            case What.CODE:
                link_only = msgspec.structs.replace(run, marks=frozenset())
                return [_text(run.text, [{"type": "code"}, *_marks(link_only)])]
            case What.TEXT:
                return [_text(run.text, _marks(run))] if run.link else _linked(run)

    def _media(self, run: Run) -> Json | None:
        if run.what is not What.IMAGE or not run.target.startswith(ATTACHMENT):
            return None
        attrs = self._images.get(run.target.removeprefix(ATTACHMENT))
        if attrs is None or attrs.get("type") == HELD:
            return None if attrs is None else dict(attrs)
        media = {"type": "media", "attrs": {**({"alt": run.text} if run.text else {}), **attrs}}
        return {"type": HELD, "attrs": {"layout": "center"}, "content": [media]}


def _code(block: Code) -> Json:
    attrs = {"attrs": {"language": block.language}} if block.language else {}
    return {"type": "codeBlock", **attrs, "content": [{"type": "text", "text": block.text}]}


def _text(text: str, marks: list[Json]) -> Json:
    return {"type": "text", "text": text, **({"marks": marks} if marks else {})}


def _marks(run: Run) -> list[Json]:
    link = [{"type": "link", "attrs": {"href": run.link}}] if run.link else []
    return link + [{"type": name} for mark, name in _MARKS.items() if mark in run.marks]


def _linked(run: Run) -> list[Json]:
    """Return words in which bare addresses are links: Jira links only what is marked."""
    found: list[Json] = []
    at = 0
    for hit in BARE.finditer(run.text):
        address = bare_part(hit[0])
        if "://" not in address or address.endswith("//"):
            continue
        if hit.start() > at:
            found.append(_text(run.text[at : hit.start()], _marks(run)))
        found.append(_text(address, _marks(msgspec.structs.replace(run, link=address))))
        at = hit.start() + len(address)
    return found + ([_text(run.text[at:], _marks(run))] if run.text[at:] else [])


def _bold(runs: Runs) -> Paragraph:
    return Paragraph(
        tuple(
            run if run.what is What.BREAK else msgspec.structs.replace(run, marks=run.marks | {Mark.STRONG})
            for run in runs
        )
    )


def _rows(table: Table) -> list[Block]:
    found: list[Block] = []
    for row in table.rows:
        line: list[Run] = []
        for cell in row:
            line += [Run(" | "), *cell] if line else cell
        if line:
            found.append(Paragraph(tuple(line)))
    return found


def _in_quote(blocks: tuple[Block, ...]) -> list[Block]:
    """Return what a quote may hold: words, lists and code (a quote in a quote is its words)."""
    found: list[Block] = []
    for block in blocks:
        match block:
            case Heading(_, runs):
                found.append(_bold(runs))
            case Quote(held):
                found += _in_quote(held)
            case Table():
                found += _rows(block)
            case Rule():
                found.append(Paragraph((Run("———"),)))
            case Items():
                found += _as_bullets(block)
            case _:
                found.append(block)
    return found


def _as_bullets(block: Items) -> list[Block]:
    """Return a list that is no list of tasks: those stand at the top only."""
    return [block]


def _in_item(blocks: tuple[Block, ...]) -> list[Block]:
    """Return what a list's item may hold; it begins with words or code."""
    found: list[Block] = []
    for block in blocks:
        match block:
            case Heading(_, runs):
                found.append(_bold(runs))
            case Quote(held):
                found += _in_item(held)
            case Table():
                found += _rows(block)
            case Rule():
                found.append(Paragraph((Run("———"),)))
            case _:
                found.append(block)
    if found and isinstance(found[0], Items):
        found.insert(0, Paragraph((Run("–"),)))
    return found


def _tasks(block: Items) -> list[tuple[bool, Runs]] | None:
    """Return the tasks of a list in which each item is one line of words that begins with its sign."""
    found: list[tuple[bool, Runs]] = []
    for item in block.items:
        if len(item) != 1 or not isinstance(item[0], Paragraph):
            return None
        runs = item[0].runs
        sign = _TASK.match(runs[0].text) if runs[0].what is What.TEXT and not runs[0].link else None
        if sign is None:
            return None
        rest = (msgspec.structs.replace(runs[0], text=runs[0].text[sign.end() :]), *runs[1:])
        found.append((sign[1] != " ", tuple(joined(rest))))
    return found
