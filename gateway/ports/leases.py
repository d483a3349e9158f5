"""Named leases, as the flow sees them: who may do what only one may do at a time."""

from __future__ import annotations

from typing import Protocol


class Leases(Protocol):
    """Named leases: one drain of apply, one leading sweep, one poll of a connection."""

    def acquire(self, name: str, holder: str, seconds: float) -> int | None:
        """Take or keep a lease; return its epoch, or None while another holds it."""
        ...

    def renew(self, name: str, epoch: int, seconds: float) -> bool:
        """Prolong a lease; False when it was lost."""
        ...

    def release(self, name: str, epoch: int) -> None:
        """Give a lease back."""
        ...
