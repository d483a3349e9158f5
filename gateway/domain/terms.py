"""Terms: what a policy promises a ticket of one priority, and how it wants its clocks to behave."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from gateway.domain.clock_cycles import Reentry
from gateway.domain.clock_event import BusinessDays
from gateway.domain.clock_state import CalendarChange, Options, Reopen, Retarget

#: a share of the target after which a clock is near its due time, where its target names no warning
DEFAULT_WARNING = 75


class Merging(StrEnum):
    """From when the clocks of the ticket that is left after a merge count."""

    #: from the opening of the older one
    ADOPT_OLDEST = "adopt_oldest"
    KEEP_OWN = "keep_own"


class UpdateStart(StrEnum):
    """What the clocks of updates begin with."""

    CREATED = "created"
    FIRST_REPLY = "first_reply"


class Goal(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is promised of one metric: open seconds, or business days, of a calendar."""

    target: int | BusinessDays
    #: the calendar by its name and version: `emea@3f2a…`
    calendar: str
    #: when it is near: so long after its beginning; None: after DEFAULT_WARNING percent
    warn: int | BusinessDays | None = None


class Terms(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one policy promises a ticket of one priority."""

    policy: str
    #: P1 to P4, or unset
    level: str
    #: metric -> goal; `stage:NAME` for a stage
    goals: dict[str, Goal] = {}
    options: Options = Options()
    #: a message of the customer begins the clocks that can pause anew
    restart_on_reply: bool = False
    reentry: Reentry = Reentry.ACCUMULATE
    merging: Merging = Merging.ADOPT_OLDEST
    update_starts: UpdateStart = UpdateStart.CREATED

    @property
    def calendars(self) -> frozenset[str]:
        """The versions of calendars that they name."""
        longest = self.options.max_pause_calendar
        return frozenset({goal.calendar for goal in self.goals.values()} | ({longest} if longest else set()))


__all__ = [
    "DEFAULT_WARNING",
    "BusinessDays",
    "CalendarChange",
    "Goal",
    "Merging",
    "Options",
    "Reentry",
    "Reopen",
    "Retarget",
    "Terms",
    "UpdateStart",
]
