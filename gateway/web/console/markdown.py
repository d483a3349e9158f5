"""Markdown of strangers as HTML that is safe to show: rendered without raw HTML, then cleaned all the same."""

from __future__ import annotations

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

_TAGS = {
    "a", "blockquote", "br", "code", "del", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
    "s", "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip
#: A comment longer than this is shown up to here.
_LIMIT = 20_000

_renderer = MarkdownIt("commonmark", {"html": False, "linkify": False}).enable(["table", "strikethrough"])


def to_html(text: str) -> Markup:
    """Render canonical Markdown; links say where they go, and images are not fetched."""
    shown = text if len(text) <= _LIMIT else text[:_LIMIT] + "\n\n…"
    rendered = _renderer.render(shown)
    return Markup(  # noqa: S704 - cleaned in this very line
        nh3.clean(
            rendered,
            tags=_TAGS,
            attributes={"a": {"href", "title"}, "ol": {"start"}},
            url_schemes={"http", "https", "mailto"},
            link_rel="noopener noreferrer nofollow",
        )
    )
