"""Shim until connectors.content is on main."""

from __future__ import annotations

import msgspec
import nh3
from markdown_it import MarkdownIt
from markdownify import markdownify


class Content(msgspec.Struct, frozen=True):
    """Canonical Markdown and what was lost."""

    markdown: str
    lost: tuple[str, ...] = ()


def from_html(body: str) -> Content:
    """Read HTML."""
    clean = nh3.clean(body)
    try:
        found = str(
            markdownify(clean, heading_style="ATX", bullets="-", escape_asterisks=False, escape_underscores=False)
        )
    except RecursionError:
        found = nh3.clean(body, tags=set())
    return Content(found.replace("\r", "").strip())


def to_html(markdown: str) -> str:
    """Write HTML."""
    return str(MarkdownIt("commonmark", {"html": False, "breaks": True}).render(markdown)).strip()
