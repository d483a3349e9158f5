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
_PAIR: Final = re.compile(r"<(b|strong|i|em|del|s|strike|code)>([^<>\n]{0,500})</\1\s*>", re.IGNORECASE)
_SIGNS: Final = {
    "b": "**", "strong": "**", "i": "*", "em": "*", "del": "~~", "s": "~~", "strike": "~~", "code": "`",
}  # fmt: skip
_LINK: Final = re.compile(
    r"""<a\s[^<>]{0,500}?\bhref\s*=\s*["']((?:https?://|mailto:)[^"'<>()\s]{1,500})["'][^<>]{0,500}>([^<>\n\[\]]{1,500})</a\s*>""",
    re.IGNORECASE,
)
_SUMMARY: Final = re.compile(r"<summary>([^<>\n]{0,500})</summary\s*>\n*", re.IGNORECASE)
_FOLDED: Final = re.compile(r"</?details(?:\s[^<>]{0,200})?>\n?", re.IGNORECASE)


def without_tags(markdown: str) -> str:
    """Return Markdown without comments that nobody sees, with pictures and breaks in one form; code stays as it is."""
    parts = _CODE.split(markdown)
    return "".join(part if place % 2 else _plain(part) for place, part in enumerate(parts))


def lost_in(markdown: str) -> tuple[str, ...]:
    """Return what of a text Markdown cannot show, in words for people."""
    return LOST if _TAG.search(_signed(_CODE.sub("", markdown))) else ()


def _plain(text: str) -> str:
    bare = _BREAK.sub("\n", _IMAGE.sub(_picture, _without_comments(text)))
    return _FOLDED.sub("\n", _SUMMARY.sub(_headed, _signed(bare)))


def _signed(text: str) -> str:
    """Write what is bold, leaning, struck or code, and links, in Markdown; where its signs would not hold, it stays."""
    return _LINK.sub(r"[\2](\1)", _PAIR.sub(_sign, text))


def _sign(found: re.Match[str]) -> str:
    inner, around = found[2], found.string
    words, sign = inner.strip(), _SIGNS[found[1].lower()]
    before, after = around[found.start() - 1 : found.start()] if found.start() else "", around[found.end() :][:1]
    clings = (before.isalnum() and not words[:1].isalnum()) or (after.isalnum() and not words[-1:].isalnum())
    if not words or clings or any(each in words for each in "*_~`"):
        return found.group()
    lead, tail = inner[: len(inner) - len(inner.lstrip())], inner[len(inner.rstrip()) :]
    return f"{lead}{sign}{words}{sign}{tail}"


def _headed(found: re.Match[str]) -> str:
    """Return the words that stand over what can be folded."""
    words = found[1].strip()
    return f"\n{words if '*' in words or not words else f'**{words}**'}\n\n"


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
