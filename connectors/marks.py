"""Our mark in the HTML of a comment, for desks that have no other place for it.

A text of ours is `<div class="gateway-KEY">…</div>`: desks keep the classes of what they show, and nobody sees one. A
mail program quotes our words with their mark, so a mark counts only where it opens the text.
"""

from __future__ import annotations

import html
import re

#: what a desk may put around a text; not what it puts around a quotation
_AROUND = r"\s*(?:<(?:html|body|div|p|span)(?![^>]*quote)[^>]*>\s*){0,4}?"
_MARK = re.compile(_AROUND + r"<div[^>]*\bclass=\"?[^\">]*\bgateway-([A-Za-z0-9._:-]{1,80})", re.IGNORECASE)
_LOOKED_AT = 4000


def marked(content: str, key: str) -> str:
    """Return a text's HTML with our mark around it."""
    return f'<div class="gateway-{html.escape(key, quote=True)}">{content}</div>'


def mark_of(content: str) -> str:
    """Return the effect key that a text opens with; empty where there is none."""
    found = _MARK.match(content[:_LOOKED_AT])
    return found[1] if found else ""
