"""Zendesk's rich text: a comment's `html_body` as canonical Markdown, and back.

A comment has its words three times: `html_body`, `body` (as Markdown, more or less) and `plain_body`; only the first
keeps its form [Z19]. Ticket objects and webhooks have the words only. The description is the first comment.
"""

from __future__ import annotations

import html as escapes
import re
from collections.abc import Mapping, Sequence

from connectors.content import Content, from_html, to_html
from connectors.content.neutral import UNSEEN
from connectors.sdk import Attachment

#: Zendesk refuses an empty description and an empty comment
NO_TEXT = "(no text)"

#: what an agent's words fill in when they are saved: {{ticket.id}}, {% if … %}
_PLACEHOLDER = re.compile(r"\{(?=[{%])")
_TAKEN_OUT = re.compile(rf"\{{{UNSEEN}(?=[{{%])")
_SOURCE = re.compile(r"<img\b[^<>]*?\bsrc\s*=\s*(?:\"([^\"]*)\"|'([^']*)')", re.IGNORECASE)
#: the part of a file's address that names it, whichever host it is asked for at
_TOKEN = re.compile(r"/attachments/token/([A-Za-z0-9_-]+)(?:/|$|\?)")
_REFERENCE = re.compile(r"!\[[^\]]*\]\(attachment:[^)\s]*\)")


def written(markdown: str, images: Mapping[str, str] | None = None) -> str:
    """Return the HTML of a text; `images` are the addresses of uploads by REF.

    Nobody is called, and what looks like one of Zendesk's placeholders is not filled in.
    """
    return _PLACEHOLDER.sub("{" + UNSEEN, to_html(markdown.strip() or NO_TEXT, images=images))


def read(html: str, files: Sequence[Attachment] = ()) -> Content:
    """Read a comment's HTML; images of its own files are named by their ids."""
    ids = {token: each.remote_id for each in files if (token := token_of(each.url)) and each.remote_id}
    images: dict[str, str] = {}
    for double, single in _SOURCE.findall(html)[:200] if ids else ():
        address = escapes.unescape(double or single)
        if token_of(address) in ids:
            images[address] = ids[token_of(address)]
    return from_html(_TAKEN_OUT.sub("{", html), images=images)


def as_read(markdown: str) -> str:
    """Return a text as it is read back after it was written."""
    return read(written(markdown)).markdown


def shows_files(markdown: str) -> bool:
    """Say whether a text shows files in their place: the desk has names of its own for them."""
    return _REFERENCE.search(markdown) is not None


def same_text(one: str, other: str) -> bool:
    """Compare two texts as a desk may reflow them: by their words only."""
    return one.split() == other.split()


def without_files(markdown: str) -> str:
    """Return a text without the files that it shows."""
    return _REFERENCE.sub("", markdown)


def token_of(address: str) -> str:
    """Return the token of a file's address; empty where it has none."""
    found = _TOKEN.search(address)
    return found[1] if found else ""
