"""A tree as Jira's wiki markup (the renderer's documented notation; its escapes are backslashes)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from connectors.content.tree import (
    ATTACHMENT,
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
    words,
)

_SIGNS: Final = {Mark.STRONG: "*", Mark.EM: "_", Mark.STRIKE: "-"}
#: signs that mean something wherever they touch a word
_INSIDE: Final = re.compile(r"[{}\[\]|!\\^~+?]|(?<!\w)[*_-](?=\S)|(?<=\S)[*_-](?!\w)")
_LEADING: Final = re.compile(r"^([*#-]+(?=\s)|h[1-6]\.(?=\s|$)|bq\.(?=\s|$)|-{3,}|\|)")


class Writer:
    """Writes wiki markup; `images` are the file names of attachments, `mention` writes who is called."""

    def __init__(self, images: Mapping[str, str], mention: Callable[[str, str], str] | None) -> None:
        self._images = images
        self._mention = mention

    def blocks(self, blocks: tuple[Block, ...]) -> str:
        """Return blocks as wiki markup."""
        return "\n\n".join(filter(None, (self._block(block) for block in blocks)))

    def _block(self, block: Block) -> str:
        match block:
            case Paragraph(runs):
                return self._lines(runs)
            case Heading(level, runs):
                return f"h{level}. {self.runs(runs)}"
            case Code(text, language):
                return _code(text, language)
            case Rule():
                return "----"
            case Quote(held):
                return f"{{quote}}\n{self.blocks(_unquoted(held))}\n{{quote}}"
            case Items():
                return "\n".join(self._items(block, ""))
            case Table(rows):
                return self._table(rows)

    def _items(self, block: Items, above: str) -> list[str]:
        """Return a list's lines; an item's lines beyond the first hang on breaks, for an item is one paragraph."""
        signs = above + ("#" if block.ordered else "*")
        found: list[str] = []
        for item in block.items:
            said: list[str] = []
            below: list[str] = []
            for inner in item:
                if isinstance(inner, Items):
                    below += self._items(inner, signs)
                elif below:
                    below.append(f"{signs} {self._in_item(inner)}")
                else:
                    said.append(self._in_item(inner))
            if said:
                found.append(f"{signs} " + "\n".join(said))
            found += below
        return found

    def _in_item(self, block: Block) -> str:
        match block:
            case Quote(held):
                return "\n".join(self._in_item(inner) for inner in held if not isinstance(inner, Items)) + "".join(
                    "\n" + "\n".join(self._items(inner, "*")) for inner in held if isinstance(inner, Items)
                )
            case Heading(_, runs):
                return f"*{escaped(words(runs))}*"
            case Rule():
                return "———"
            case Table(rows):
                return "\n".join(" / ".join(" ".join(self.runs(cell).split()) for cell in row) for row in rows)
            case _:
                return self._block(block)

    def _table(self, rows: tuple[tuple[Runs, ...], ...]) -> str:
        found = []
        for number, row in enumerate(rows):
            sign = "||" if number == 0 else "|"
            found.append(sign + sign.join(f" {self._cell(cell)} " if cell else " " for cell in row) + sign)
        return "\n".join(found)

    def _cell(self, runs: Runs) -> str:
        return " \\\\ ".join(line for line in self.runs(runs).split("\n") if line.strip())

    def _lines(self, runs: Runs) -> str:
        return "\n".join(_LEADING.sub(r"\\\1", line) for line in self.runs(runs).split("\n"))

    def runs(self, runs: Runs) -> str:
        """Return words as wiki markup."""
        found = []
        for number, run in enumerate(runs):
            before = runs[number - 1] if number else None
            after = runs[number + 1] if number + 1 < len(runs) else None
            found.append(self._run(run, before, after))
        return "".join(found)

    def _run(self, run: Run, before: Run | None, after: Run | None) -> str:
        match run.what:
            case What.BREAK:
                return "\n"
            case What.CODE:
                inside = f"{{{{{escaped(run.text)}}}}}"
            case What.MENTION:
                inside = self._mention(run.target, run.text) if self._mention else escaped(f"@{run.text}")
            case What.IMAGE:
                own = run.target.startswith(ATTACHMENT)
                name = self._images.get(run.target.removeprefix(ATTACHMENT), "") if own else run.target
                inside = f"!{name}!" if name else escaped(f"[{run.text or 'image'}]")
            case What.TEXT:
                inside = _link(run) if run.link else escaped(run.text)
        # a sign that touches a letter on its outer side means nothing unless it stands in braces
        glued = (before is not None and before.what is What.TEXT and before.text[-1:].isalnum()) or (
            after is not None and after.what is What.TEXT and after.text[:1].isalnum()
        )
        for mark in sorted(run.marks):
            sign = f"{{{_SIGNS[mark]}}}" if glued or len(run.marks) > 1 else _SIGNS[mark]
            inside = f"{sign}{inside}{sign}"
        return inside


def _unquoted(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
    """Return blocks without quotes: a quote in a quote would end the outer one."""
    found: list[Block] = []
    for block in blocks:
        found += _unquoted(block.blocks) if isinstance(block, Quote) else (block,)
    return tuple(found)


def _code(text: str, language: str) -> str:
    """Return a block of code; its own end mark cannot stand in it, so it is told apart by a space without width."""
    named = f":{language}" if language else ""
    held = text.replace("{code", "{\u200bcode")
    return f"{{code{named}}}\n{held}\n{{code}}"


def _link(run: Run) -> str:
    address = run.link.replace("|", "%7C").replace("]", "%5D").replace("[", "%5B")
    return f"[{escaped(run.text)}|{address}]"


def escaped(text: str) -> str:
    """Return words that mean nothing but themselves; addresses are left whole, for Jira links them."""
    parts = re.split(r"(https?://[^\s<>\"\\^`{|}\[\]!]+)", text)
    return "".join(
        part if number % 2 else _INSIDE.sub(lambda found: f"\\{found[0]}", part) for number, part in enumerate(parts)
    )
