"""The queue: which of the tickets that wait is to have somebody next.

By how much time is left before they are due, in buckets; in a bucket by priority and minutes of waiting, so that what
waits is overtaken for a while only; what has waited too long stands in front of all. One for which nobody is there does
not hold up those behind it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

import msgspec

from gateway.domain.presence import Snapshot
from gateway.domain.ticket import Level
from rules.fields import Facts
from rules.routed import Outcome, Routed, Work
from rules.routes import Routing, wanted
from rules.routing import language_of, match, route

#: seconds that are left before a ticket is due, each the edge of a bucket
BUCKETS = (15 * 60, 3600, 4 * 3600, 24 * 3600)
#: minutes of waiting that a priority is worth
WORTH: Mapping[Level, int] = {Level.P1: 480, Level.P2: 240, Level.P3: 60, Level.P4: 0, Level.UNSET: 30}
_RISING = (Level.P4, Level.P3, Level.P2, Level.P1)


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A ticket in the queue. `work.waiting_since` says since when it waits."""

    facts: Facts
    work: Work

    @property
    def id(self) -> str:
        """The id of the ticket."""
        return self.facts.ticket.id


class Given(msgspec.Struct, frozen=True):
    """What the queue came to for one ticket: somebody has it."""

    id: str
    routed: Routed


def order(routing: Routing, queue: Iterable[Waiting], now: datetime) -> list[Waiting]:
    """Return the queue in the order in which it is gone through, whatever the order that it comes in."""
    return sorted(queue, key=lambda each: place_of(routing, each, now))


def place_of(routing: Routing, waiting: Waiting, now: datetime) -> tuple[int, float, datetime, str]:
    """Return where a ticket stands in the queue: the smaller, the nearer to the front."""
    since = waiting.work.waiting_since or now
    waited = max(0.0, (now - since).total_seconds())
    score = WORTH[_level(routing, waiting, int(waited))] + waited / 60
    return _bucket(waiting.work.due, now, late=waited >= routing.settings.max_wait), -score, since, waiting.id


def _bucket(due: datetime | None, now: datetime, *, late: bool) -> int:
    if late:
        return 0
    if due is None:
        return len(BUCKETS) + 1
    left = (due - now).total_seconds()
    return next((place for place, edge in enumerate(BUCKETS) if left <= edge), len(BUCKETS))


def _level(routing: Routing, waiting: Waiting, waited: int) -> Level:
    """Return the priority that counts in the queue: that of the ticket, raised by what gave way with time."""
    level = waiting.facts.ticket.priority.level
    found, _ = match(routing, waiting.facts, explain=False)
    if found is None or not found.relax or waited < found.relax[0].after:
        return level
    raised = wanted(found, language_of(waiting.facts.ticket), waited).raise_priority
    if not raised:
        return level
    start = _RISING.index(level) if level in _RISING else 0
    return _RISING[min(start + raised, len(_RISING) - 1)]


def next_given(routing: Routing, queue: Iterable[Waiting], snapshot: Snapshot) -> Given | None:
    """Return who gets which ticket next; None when nobody that is there can have any of them."""
    return next(given_now(routing, queue, snapshot), None)


def given_now(routing: Routing, queue: Iterable[Waiting], snapshot: Snapshot) -> Iterator[Given]:
    """Go through what can be given out at this instant, each after what was given before it.

    A ticket that nobody can have stays where it is and holds up none behind it.
    """
    for each in order(routing, queue, snapshot.at):
        routed = route(routing, each.facts, snapshot, each.work)
        if routed.outcome in {Outcome.ASSIGNED, Outcome.ON_CALL}:
            snapshot = snapshot.given(routed.agent, each.facts.ticket.channel)
            yield Given(each.id, routed)
