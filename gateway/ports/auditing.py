"""The audit trail as the flow sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.ports.rows import AuditEntry


class Audit(Protocol):
    """The audit trail."""

    def add(self, entries: Sequence[AuditEntry]) -> None:
        """Append."""
        ...

    def unsealed(self) -> bool:
        """Say whether entries wait to be chained."""
        ...

    def seal(self, limit: int) -> int:
        """Chain unsealed entries into the hash chain; return how many."""
        ...
