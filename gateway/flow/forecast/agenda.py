"""What is to happen in a forecast, and when it is: the clock of a forecast stands at the event that happens."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from heapq import heappop, heappush


class Kind(IntEnum):
    """What may happen."""

    #: whoever has a ticket does the next thing with it
    ACT = 1
    #: the customer answers
    REPLY = 2
    #: the customer opens it again
    REOPEN = 3
    #: something is another matter for a ticket that waits
    LOOK = 4
    #: a ticket may have to be handed over
    HANDOVER = 5
    #: somebody takes a ticket over
    ACCEPT = 6
    #: somebody begins or ends to work
    SHIFT = 7


class Agenda:
    """Events, in the order of time; those of one instant in the order in which they were planned."""

    def __init__(self, begin: datetime) -> None:
        self.now = begin
        #: somebody has room again, or comes to work: the queue is to be gone through
        self.is_room_new = False
        self._events: list[tuple[datetime, int, Kind, str, int]] = []
        self._planned = 0

    @property
    def next(self) -> datetime | None:
        """When something happens next."""
        return self._events[0][0] if self._events else None

    def plan(self, at: datetime, kind: Kind, ticket: str = "", version: int = 0) -> None:
        """Let something happen at an instant; what has another version by then is void."""
        self._planned += 1
        heappush(self._events, (max(at, self.now), self._planned, kind, ticket, version))

    def pop(self) -> tuple[Kind, str, int]:
        """Return what happens next."""
        return heappop(self._events)[2:]
