"""What Freshdesk's own texts say: the note of a merge."""

from __future__ import annotations

import re


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
