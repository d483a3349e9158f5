"""A tree as plain text: the words, with addresses behind links and the usual signs of lists and quotes."""

from __future__ import annotations

from connectors.content.addresses import tidy
from connectors.content.tree import (
    ATTACHMENT,
    Block,
    Code,
    Heading,
    Items,
    Paragraph,
    Quote,
    Rule,
    Runs,
    Table,
    What,
    words,
)


def write(blocks: tuple[Block, ...]) -> str:
    """Return a tree as plain text."""
    return "\n".join(_blocks(blocks))


def _blocks(blocks: tuple[Block, ...]) -> list[str]:
    found: list[str] = []
    for block in blocks:
        written = _block(block)
        if written:
            found += ["", *written] if found else written
    return found


def _block(block: Block) -> list[str]:
    match block:
        case Paragraph(runs) | Heading(_, runs):
            return line(runs).split("\n")
        case Code(text, _):
            return [f"    {inside}" if inside.strip() else "" for inside in text.split("\n")]
        case Rule():
            return ["----------"]
        case Quote(held):
            return [f"> {inside}" if inside else ">" for inside in _blocks(held)]
        case Items():
            return _items(block)
        case Table(rows):
            return [" | ".join(" ".join(line(cell).split()) for cell in row).strip() for row in rows]


def _items(block: Items) -> list[str]:
    found: list[str] = []
    number = block.start
    for item in block.items:
        sign = f"{number}. " if block.ordered else "- "
        number += 1
        lines: list[str] = []
        for inner in item:
            lines += [""] if lines and not isinstance(inner, Items) else []
            lines += _block(inner)
        if lines:
            room = " " * len(sign)
            found += [sign + lines[0], *(room + inside if inside else "" for inside in lines[1:])]
    return found


def line(runs: Runs) -> str:
    """Return the words of runs; a link's address stands behind its words, unless they are that very address."""
    said: list[str] = []
    begins = 0
    for number, run in enumerate(runs):
        if number and run.link != runs[number - 1].link:
            begins = len(said)
        if run.what is What.IMAGE:
            own = run.target.startswith(ATTACHMENT)
            said.append(f"[{run.text or 'image'}]" if own else f"{run.text} ({run.target})".strip())
        else:
            said.append(words([run]))
        after = runs[number + 1].link if number + 1 < len(runs) else ""
        if run.link and after != run.link and tidy("".join(said[begins:]).strip()) != run.link:
            said.append(f" ({run.link})")
    return "".join(said)
