"""Importing what a desk has already, where its poll begins with what is new."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable


@runtime_checkable
class Backfilling(Protocol):
    """A connector to a desk of messages, whose `changes` must be told where in the past to begin."""

    def backfill(self, since: datetime, open_since: datetime) -> str:
        """Return the cursor from which `changes` tells of the past.

        That is: what was said since `since`, and of what is older, back to `open_since`, what people marked as open.
        """
        ...
