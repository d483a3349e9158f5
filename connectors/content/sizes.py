"""The sizes in which a desk shows images, put back where its text is written over: Markdown has none.

Only numbers are taken over, and the rest of a tag is written anew: nothing of what somebody put into it comes along.
"""

from __future__ import annotations

import re
from html import escape, unescape
from typing import Final

from connectors.content.neutral import UNSEEN

_TAG: Final = re.compile(r"<img\s([^<>]{1,2000})>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(
    r"""(?<![\w-])(src|width|height)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+))""", re.IGNORECASE
)
_NUMBER: Final = re.compile(r"(?!0+\b)\d{1,4}(?:%|px)?")
_OURS: Final = re.compile(r'<img src="([^"]*)"')
#: alone between empty lines: what stands in a line with HTML at its beginning is no Markdown to its readers
_ALONE: Final = re.compile(r"(?<![^\n])!\[((?:[^\[\]\\\n]|\\.)*)\]\(([^()\s\\]+)\)(?![^\n])")
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")
_SHOWN: Final = re.compile(r"(?<!\w)!([^!\n|\s\\][^!\n|\\]*)\|([^!\n]{1,200})!")
_WIKI: Final = re.compile(r"(?:thumbnail|(?:width|height)=\d{1,4}(?:%|px)?)")


def sized_html(written: str, there: str) -> str:
    """Return HTML of ours with the sizes that its images have in what stands there."""
    known = _sizes(there)
    if not known:
        return written
    return _OURS.sub(lambda found: found[0] + known.get(unescape(found[1]), ""), written)


def sized_markdown(written: str, there: str) -> str:
    """Return Markdown for a desk that allows HTML in it: an image that stands alone is a tag with its size again.

    One in a line with words loses its size: a tag there might begin what is no Markdown any more.
    """
    known = _sizes(there)
    if not known:
        return written

    def tag(found: re.Match[str]) -> str:
        size = known.get(found[2])
        edges = written[max(0, found.start() - 2) : found.start()], written[found.end() : found.end() + 2]
        alone = edges[0] in {"", "\n\n"} and edges[1] in {"", "\n", "\n\n"}
        if size is None or not alone:
            return found[0]
        alt = _ESCAPED.sub(r"\1", found[1]).replace(UNSEEN, "")
        return f'<img src="{escape(found[2])}" alt="{escape(alt)}"{size}>'

    return _ALONE.sub(tag, written)


def wiki_sizes(there: str) -> dict[str, str]:
    """Return the sizes of images in wiki markup, as they stand behind their names: `|width=300`."""
    found: dict[str, str] = {}
    for name, given in _SHOWN.findall(there):
        sizes = [each.strip() for each in given.split(",") if _WIKI.fullmatch(each.strip())]
        if sizes:
            found.setdefault(name, f"|{','.join(sizes)}")
    return found


def _sizes(there: str) -> dict[str, str]:
    """Return the sizes of images in HTML, or in Markdown that has some, by their addresses: ` width="300"`."""
    found: dict[str, str] = {}
    for tag in _TAG.findall(there):
        given = {name.lower(): unescape(a or b or c) for name, a, b, c in _ATTRIBUTE.findall(tag)}
        numbers = {name: given[name] for name in ("width", "height") if _NUMBER.fullmatch(given.get(name, ""))}
        if given.get("src") and numbers:
            found.setdefault(given["src"], "".join(f' {name}="{value}"' for name, value in numbers.items()))
    return found
