"""The words of a comment as the simulated Zendesk keeps them: cleaned HTML, and two poorer forms made of it."""

from __future__ import annotations

import re
from typing import Any

import nh3

from connectors.content import from_html, to_html, to_plain

TAGS = {
    "a", "b", "blockquote", "br", "code", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img", "li",
    "ol", "p", "pre", "s", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead",
    "tr", "u", "ul",
}  # fmt: skip
ATTRIBUTES = {"a": {"href", "title"}, "img": {"src", "alt"}, "span": {"style"}}
_CLEANER = nh3.Cleaner(tags=TAGS, attributes=ATTRIBUTES, link_rel="noopener noreferrer")
#: these say in which direction they are read
_DIRECTED = re.compile(r"<(p|ul|ol|h[1-6])>")
_FILLED_IN = re.compile(r"\{\{[^{}]*\}\}|\{%[^{}]*%\}")


def forms(given: dict[str, Any], *, fills_in: bool) -> dict[str, str]:
    """Return `html_body`, `body` and `plain_body` of what a request gives; all empty where it says nothing.

    `body` is read as Markdown. Placeholders in the words of our agent are filled in, here with nothing.
    """
    html, said = str(given.get("html_body") or "").strip(), str(given.get("body") or "").strip()
    if fills_in:
        html, said = _FILLED_IN.sub("", html), _FILLED_IN.sub("", said)
    if html:
        return _of_html(html)
    return {"html_body": _clean(to_html(said)), "body": said, "plain_body": said} if said else _NOTHING


_NOTHING = {"html_body": "", "body": "", "plain_body": ""}


def _of_html(html: str) -> dict[str, str]:
    kept = _clean(html)
    said = to_plain(from_html(kept).markdown)
    return {"html_body": kept, "body": said, "plain_body": said} if said or "<img" in kept else _NOTHING


def _clean(html: str) -> str:
    directed = _DIRECTED.sub(r'<\1 dir="auto">', _CLEANER.clean(html))
    return f'<div class="zd-comment" dir="auto">{directed}</div>'
