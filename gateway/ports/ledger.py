"""The ledger of expected echoes as the flow sees it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Protocol

from gateway.domain.echo import EchoEntry


class Ledger(Protocol):
    """Our own writes whose echoes are expected."""

    def entries(self, link_id: str) -> tuple[EchoEntry, ...]:
        """Return the entries of a link that were not consumed."""
        ...

    def consume(self, entry_ids: Collection[str], now: datetime) -> None:
        """Take entries out."""
        ...
