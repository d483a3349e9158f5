"""How the promises of a ticket stand, taken together or one by one: what a desk can be shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec

from gateway.domain.clock_chain import WATCHED
from gateway.domain.clock_instance import Chain, Instance, Status
from gateway.domain.clock_state import Phase

_GOES_ON = frozenset({Phase.RUNNING, Phase.PAUSED})
#: of several clocks the one that needs most
_URGENCY = (Status.BREACHED, Status.NEARING, Status.IN_PROGRESS, Status.PAUSED)
_AT_THE_END = (Status.BREACHED, Status.SUCCEEDED, Status.CANCELED)


class Promise(msgspec.Struct, frozen=True):
    """What is due next, and how it stands."""

    status: Status
    #: the clock that is due first, or the one asked for that has ended in breach; None: nothing is due
    first: Instance | None = None
    #: every clock has ended; the last due time is what was promised
    over: bool = False

    @property
    def due(self) -> datetime | None:
        """When something is due next."""
        return self.first.due if self.first is not None else None


def current(chains: Mapping[str, Chain], metric: str = "") -> list[Instance]:
    """Return the last instance of a metric, or of each; without what only escalations watch or nobody sees yet."""
    found = [
        chain.instances[-1]
        for name, chain in chains.items()
        if chain.instances and WATCHED not in name and metric in {"", name}
    ]
    return [each for each in found if each.shown]


def promise(chains: Mapping[str, Chain], metric: str = "") -> Promise | None:
    """Return how a metric stands, or (empty) all that is promised together; None where nothing is."""
    mine = current(chains, metric)
    if not mine:
        return None
    going = [each for each in mine if each.ended is None and each.phase in _GOES_ON]
    if going:
        due = [(each.due, place) for place, each in enumerate(going) if each.due is not None]
        first = going[min(due)[1]] if due else None
        return Promise(next(each for each in _URGENCY if any(one.status is each for one in going)), first)
    status = next((each for each in _AT_THE_END if any(one.status is each for one in mine)), Status.CANCELED)
    # what came late may have moved the instant of a breach that is over
    broken = mine[0] if metric and status is Status.BREACHED else None
    return Promise(status, broken, over=True)
