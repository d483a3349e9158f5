"""References to attachments in a text for a desk that shows no picture in its place: the file hangs on it instead."""

from __future__ import annotations

import re

_SHOWN = re.compile(r"!\[([^\]]*)\]\(attachment:[^)\s]*\)")


def without_references(body: str) -> str:
    """Return a text in which a file that hangs on it is named, where it was shown."""
    return _SHOWN.sub(lambda match: f"[{match[1] or 'image'}]", body)
