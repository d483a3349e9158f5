"""What a desk that tells no time of change has shown: polls compare what it lists with what it listed before.

The memory is part of the poll's cursor, so that a page and what is remembered of it are one commit.
"""

from __future__ import annotations

from typing import Any

import msgspec

from connectors.generic.reading import Reader
from connectors.sdk import TransportError, digest

#: a cursor of more would be read and written at every page
MOST = 20_000
#: signs of a digest: two states of one ticket are told apart, not documents of the whole world
SIGNS = 12


class Memory(msgspec.Struct, omit_defaults=True):
    """Digests by id: of the last whole round, and of the one that is under way."""

    before: dict[str, str] = {}
    now: dict[str, str] = {}
    #: the first round of a poll only remembers: older tickets come in when they change
    silent: bool = False

    def differing(self, reader: Reader, listed: list[Any]) -> list[Any]:
        """Remember what is listed and return what was not there, or not so, in the last round.

        Raises TransportError where there is more than can be remembered.
        """
        found = []
        for each in listed:
            ticket = reader.ticket(each)
            if ticket is None:
                continue
            seen = digest("row", msgspec.json.encode(each, order="sorted").decode())[:SIGNS]
            if self.before.get(ticket.remote_id) != seen and not self.silent:
                found.append(each)
            self.now[ticket.remote_id] = seen
        if len(self.now) > MOST:
            msg = f"more than {MOST} tickets are listed, and `compare:` remembers no more: list fewer by its `query:`"
            raise TransportError(msg)
        return found

    def after_a_round(self) -> Memory:
        """Return what the next round begins with."""
        return Memory(self.now)
