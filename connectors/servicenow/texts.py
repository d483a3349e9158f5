"""Texts of ServiceNow and ours. A description and a journal are plain; a journal shows HTML between [code] and [/code].

Our Markdown is written as it is, which people read as well. What a stranger writes must not become HTML there: the
brackets of [code] are parted by a sign that nobody sees, and that is taken out again when the text is read.
"""

from __future__ import annotations

import re

from connectors.content import Content, destroyed, from_html

NO_TEXT = "(no text)"
#: ZERO WIDTH NON-JOINER
_APART = "\u200c"
_CODE = re.compile(r"\[(/?)code\]", re.IGNORECASE)
_PARTED = re.compile(rf"\[{_APART}(/?)code\]", re.IGNORECASE)
_HTML = re.compile(r"\[code\](.{0,200000}?)\[/code\]", re.IGNORECASE | re.DOTALL)


def read(value: str) -> Content:
    """Return what a text of the desk says; what it shows as HTML becomes Markdown."""
    lost: dict[str, None] = {}

    def rich(found: re.Match[str]) -> str:
        content = from_html(found.group(1))
        lost.update(dict.fromkeys(content.lost))
        return content.markdown

    found = _HTML.sub(rich, value.replace("\r\n", "\n").replace("\r", "\n"))
    return Content(_PARTED.sub(r"[\1code]", found).strip(), tuple(lost))


def written(markdown: str) -> str:
    """Return a text as it is sent; the desk takes no empty entry."""
    return _CODE.sub(rf"[{_APART}\1code]", markdown.replace("\r\n", "\n").strip())


def added(before: str, ours: str) -> str:
    """Return the description to write: one of which Markdown would lose something is kept, and ours stands below."""
    if not destroyed(read(before), read(ours)):
        return ours
    return before if ours in before else f"{before.rstrip()}\n\n{ours}"


def alike(one: str, other: str) -> bool:
    """Compare two texts by their words only: white space may be changed on the way."""
    return one.split() == other.split()
