"""What a desk says of a promise that it counts itself: one word of its own SLA log."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import msgspec


class DeskSays(StrEnum):
    """What happened to a desk's own clock."""

    #: it begins, or goes on
    STARTED = "started"
    PAUSED = "paused"
    #: what was promised was done
    STOPPED = "stopped"
    #: so much is promised from here
    TARGET = "target"
    #: it is due then, as the desk counts
    DUE = "due"
    BREACHED = "breached"


class DeskPromise(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One word of a desk about one cycle of one of our metrics."""

    #: the desk's own id of it, unique in the connection
    id: str
    says: DeskSays
    #: in our words: first_response, next_reply …
    metric: str
    #: from 1
    cycle: int
    at: datetime
    target_s: int = 0
    #: the desk counts its business hours
    business: bool = False
    due: datetime | None = None
    #: the desk's name of the policy
    policy: str = ""
    #: it was said before, and did not happen after all
    withdrawn: bool = False
