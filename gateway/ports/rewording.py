"""Comments whose words their desk has changed since we heard them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from gateway.domain.ticket import Visibility
from gateway.ports.originals import Originals
from gateway.ports.rows import CommentRow


class Rewording(Originals, Protocol):
    """What people said, as it reads now."""

    def said_before(self, link_id: str, edited: Mapping[str, datetime]) -> Mapping[str, CommentRow]:
        """Return those comments known at a link, by remote id, whose words are older than these instants of an edit.

        A comment whose words were taken away for good is none of them.
        """
        ...

    def reword(self, comment_id: str, body: str, visibility: Visibility, edited_at: datetime) -> None:
        """Let a comment say something else from now on."""
        ...
