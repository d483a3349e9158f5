"""Freshdesk's HTML and our Markdown, and the mark that our comments carry.

A comment is `<div class="gateway-KEY">…</div>`: Freshdesk keeps the classes of what it shows (its own inline images and
quotations have some), and nobody sees one. A customer's mail program quotes our words with their mark, so a mark counts
only where it opens the text.
"""

from __future__ import annotations

import html
import re

from connectors.content import Content, from_html, to_html

_MARK = re.compile(
    r"\s*(?:<(?:html|body|div|p|span)(?![^>]*quote)[^>]*>\s*){0,4}?<div[^>]*\bclass=\"?[^\">]*\bgateway-([A-Za-z0-9._:-]{1,80})",
    re.IGNORECASE,
)


def marked(markdown: str, key: str) -> str:
    """Return a comment's HTML with our mark around it."""
    return f'<div class="gateway-{html.escape(key, quote=True)}">{to_html(markdown)}</div>'


def mark_of(body: str) -> str:
    """Return the effect key that a comment of ours opens with; empty where there is none."""
    found = _MARK.match(body[:4000])
    return found[1] if found else ""


def merged_into(note: str, pattern: str) -> str:
    """Return the ticket that a merge's note names; empty where a note is none of a merge.

    `pattern` is the note with `{id}` in the place of the number.
    """
    before, _, after = pattern.partition("{id}")
    wanted = _words(before) + r"\s*#?([0-9]{1,20})\b\s*" + _words(after)
    found = re.match(wanted, " ".join(note.split())[:500], re.IGNORECASE)
    return found[1] if found else ""


def _words(text: str) -> str:
    return r"\s+".join(re.escape(word) for word in text.split())


__all__ = ["Content", "from_html", "mark_of", "marked", "merged_into", "to_html"]
