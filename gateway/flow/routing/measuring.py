"""How long a ticket waits at present: learnt from the last ones that waited for a region and were given to it. Pure.

The middle of the last few is taken, which one ticket that lay over night does not move. What they waited contains the
queue that stood before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median_low

from gateway.domain.presence import Wait
from gateway.domain.roster import Roster
from gateway.ports.ways import Waited, Way
from rules.routed import Outcome

#: so many are remembered
LAST = 20
#: of fewer nothing is learnt
LEAST = 5
#: what was before that says nothing of now
WINDOW = timedelta(hours=4)


def expected(samples: Mapping[str, Sequence[Waited]], now: datetime) -> dict[str, Wait]:
    """Return how long is waited for each region of which that is known."""
    found = {}
    for region, last in samples.items():
        fresh = [each.seconds for each in last if each.at > now - WINDOW]
        if len(fresh) >= LEAST:
            found[region] = Wait(median_low(fresh), len(fresh))
    return found


def learnt(way: Way, region: str, roster: Roster, now: datetime) -> Waited | None:
    """Return what is learnt from a ticket that is given to somebody of a region; None where it is nothing.

    It waited for them, and not for their region to open or another to take it.
    """
    if way.outcome != Outcome.QUEUED or way.waiting_since is None or (way.region and way.region != region):
        return None
    members = roster.in_region(way.region) if way.region else roster.all
    if not roster.on_shift(way.waiting_since) & members:
        return None
    return Waited(now, max(0, int((now - way.waiting_since).total_seconds())))


def added(last: Sequence[Waited], one: Waited) -> tuple[Waited, ...]:
    """Return the last waits with one more."""
    return (*last, one)[-LAST:]
