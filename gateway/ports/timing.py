"""How far the clock of a desk stands from ours, as the transport learns it from the desk's own answers."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import msgspec


class Skew(msgspec.Struct, frozen=True):
    """What the answers of a desk say of its clock."""

    #: seconds by which it is ahead of ours; negative where it is behind, 0 where both may be right
    ahead: int
    #: how many answers say so
    answers: int


@runtime_checkable
class TellsTime(Protocol):
    """A transport that looks at the clocks of desks."""

    def skew(self, connection: str) -> Skew | None:
        """Return how far a desk's clock is from ours; None where too few answers said so, or they do not agree."""
        ...
