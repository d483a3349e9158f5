"""What texts of desks have and the record has not: kept as the desk has it, for people to look at."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

import msgspec


class Original(msgspec.Struct, frozen=True, omit_defaults=True):
    """A desk's own text, of which Markdown cannot show all."""

    #: of the comment, or of the link whose description it is
    id: str
    ticket_id: str
    connection: str
    at: datetime
    source_format: str = ""
    #: what cannot be shown, in words for people
    lost: tuple[str, ...] = ()
    #: the text, without secrets in its addresses; empty where the connector gives none
    raw: str = ""
    #: it was longer
    is_cut: bool = False


class Originals(Protocol):
    """What desks said, as they said it."""

    def keep_original(self, original: Original) -> None:
        """Store a text in place of what is known under its id."""
        ...

    def drop_original(self, of: str) -> None:
        """Forget the text of a comment or a link."""
        ...

    def originals(self, ids: Collection[str]) -> Mapping[str, Original]:
        """Return the texts that are known of comments and links, by their ids."""
        ...
