"""The HTML that desks allow in their Markdown: what Markdown can say becomes Markdown, the rest is said to be lost."""

from __future__ import annotations

import re
from typing import Final

_IMAGE: Final = re.compile(r"<img\s[^<>]*>", re.IGNORECASE)
_ATTRIBUTE: Final = re.compile(r"""\b(alt|src)\s*=\s*["']([^"']*)["']""", re.IGNORECASE)
_BREAK: Final = re.compile(r"<br\s*/?>\n?", re.IGNORECASE)
_TAG: Final = re.compile(
    r"</?(details|summary|table|tr|td|th|sub|sup|kbd|p|div|picture|video|audio|h[1-6]|a|b|i|em|strong|ins|del|u|dl|dt|dd)\b",
    re.IGNORECASE,
)
_CODE: Final = re.compile(r"(```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`)", re.DOTALL)
LOST: Final = ("HTML in the text",)


def without_tags(markdown: str) -> str:
    """Return Markdown without comments that nobody sees, with pictures and breaks in one form; code stays as it is."""
    parts = _CODE.split(markdown)
    return "".join(part if place % 2 else _plain(part) for place, part in enumerate(parts))


def lost_in(markdown: str) -> tuple[str, ...]:
    """Return what of a text Markdown cannot show, in words for people."""
    return LOST if _TAG.search(_CODE.sub("", markdown)) else ()


def _plain(text: str) -> str:
    return _BREAK.sub("\n", _IMAGE.sub(_picture, _without_comments(text)))


def _without_comments(text: str) -> str:
    """Take out what stands in comments; one that does not end is none. Linear, whatever somebody made."""
    found: list[str] = []
    at = 0
    while (begins := text.find("<!--", at)) >= 0 and (ends := text.find("-->", begins + 4)) >= 0:
        found.append(text[at:begins])
        at = ends + 3
    return "".join([*found, text[at:]])


def _picture(found: re.Match[str]) -> str:
    said = {name.lower(): value for name, value in _ATTRIBUTE.findall(found.group())}
    return f"![{said.get('alt', 'image')}]({said['src']})" if said.get("src") else ""
