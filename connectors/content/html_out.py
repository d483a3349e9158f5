"""A tree as HTML that every desk takes: few elements, no styles, everything escaped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Final

from connectors.content.addresses import BARE, bare_part
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
)

Mention = Callable[[str, str], str]

_TAGS: Final = {Mark.STRONG: "strong", Mark.EM: "em", Mark.STRIKE: "s"}


class Writer:
    """Writes HTML with a desk's addresses of images and its way to call people."""

    def __init__(self, images: Mapping[str, str], mention: Mention | None) -> None:
        self._images = images
        self._mention = mention

    def blocks(self, blocks: tuple[Block, ...]) -> str:
        """Return blocks as HTML."""
        return "\n".join(self._block(block) for block in blocks)

    def _block(self, block: Block) -> str:
        match block:
            case Paragraph(runs):
                return f"<p>{self.runs(runs)}</p>"
            case Heading(level, runs):
                return f"<h{level}>{self.runs(runs)}</h{level}>"
            case Code(text, language):
                named = f' class="language-{escape(language)}"' if language else ""
                return f"<pre><code{named}>{escape(text, quote=False)}</code></pre>"
            case Rule():
                return "<hr>"
            case Quote(held):
                return f"<blockquote>\n{self.blocks(held)}\n</blockquote>"
            case Items():
                return self._items(block)
            case Table(rows):
                return self._table(rows)

    def _items(self, block: Items) -> str:
        tag = "ol" if block.ordered else "ul"
        start = f' start="{block.start}"' if block.ordered and block.start != 1 else ""
        items = "\n".join(f"<li>{self._item(item)}</li>" for item in block.items)
        return f"<{tag}{start}>\n{items}\n</{tag}>"

    def _item(self, item: tuple[Block, ...]) -> str:
        """Return an item's content; words alone need no paragraph."""
        first, rest = (item[:1], item[1:]) if item else ((), ())
        if first and isinstance(first[0], Paragraph) and not any(isinstance(block, Paragraph) for block in rest):
            below = f"\n{self.blocks(rest)}" if rest else ""
            return self.runs(first[0].runs) + below
        return self.blocks(item)

    def _table(self, rows: tuple[tuple[Runs, ...], ...]) -> str:
        head = "".join(f"<th>{self.runs(cell)}</th>" for cell in rows[0])
        body = "\n".join(f"<tr>{''.join(f'<td>{self.runs(cell)}</td>' for cell in row)}</tr>" for row in rows[1:])
        inside = f"<thead>\n<tr>{head}</tr>\n</thead>" + (f"\n<tbody>\n{body}\n</tbody>" if body else "")
        return f"<table>\n{inside}\n</table>"

    def runs(self, runs: Runs) -> str:
        """Return words as HTML; neighbours of one link are one link."""
        found: list[str] = []
        link = ""
        for run in runs:
            if run.link != link and run.what is not What.BREAK:
                found += ["</a>"] if link else []
                found += [f'<a href="{escape(run.link)}">'] if run.link else []
                link = run.link
            found.append(self._run(run))
        found += ["</a>"] if link else []
        return "".join(found)

    def _run(self, run: Run) -> str:
        match run.what:
            case What.BREAK:
                return "<br>"
            case What.CODE:
                inside = f"<code>{escape(run.text, quote=False)}</code>"
            case What.IMAGE:
                inside = self._image(run)
            case What.MENTION:
                inside = self._mention(run.target, run.text) if self._mention else _words(f"@{run.text}")
            case _:
                inside = _words(run.text) if run.link else _linked(run.text)
        for mark in sorted(run.marks):
            inside = f"<{_TAGS[mark]}>{inside}</{_TAGS[mark]}>"
        return inside

    def _image(self, run: Run) -> str:
        own = run.target.startswith(ATTACHMENT)
        address = self._images.get(run.target.removeprefix(ATTACHMENT), "") if own else run.target
        if not address:
            return _words(f"[{run.text or 'image'}]")
        return f'<img src="{escape(address)}" alt="{escape(run.text)}">'


def _words(text: str) -> str:
    """Return words with every space seen: HTML makes many of them one."""
    return escape(text, quote=False).replace("  ", " \u00a0")


def _linked(text: str) -> str:
    """Return words in which bare addresses lead to where they say."""
    found: list[str] = []
    at = 0
    for hit in BARE.finditer(text):
        address = bare_part(hit[0])
        if "://" not in address or address.endswith("//"):
            continue
        found.append(_words(text[at : hit.start()]))
        found.append(f'<a href="{escape(address)}">{escape(address, quote=False)}</a>')
        at = hit.start() + len(address)
    found.append(_words(text[at:]))
    return "".join(found)
