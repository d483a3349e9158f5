"""The queue of a forecast: what `rules/waiting.py` says, without asking every ticket at every turn.

Tickets that ask for the same stand in a group. In a group the order never changes while time passes, for all of them
wait at the same pace; when one comes into another bucket, or asks for less, it is put in its place anew. So of each
group only the first needs to be looked at, and a group of which nobody is there costs one comparison.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterator
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from gateway.domain.presence import Snapshot
from rules.candidates import Asked, eligible
from rules.routed import Outcome, Routed, Work
from rules.routes import Routing, Settings, wanted
from rules.routing import barred, language_of, match, route, start_region
from rules.waiting import BUCKETS, Waiting, place_of

#: a place that does not change while time passes
Place = tuple[int, float, datetime, str]

_GIVEN = frozenset({Outcome.ASSIGNED, Outcome.ON_CALL})


class _Group:
    """Tickets that ask for the same."""

    __slots__ = ("channel", "fits", "line")

    def __init__(self, fits: int, channel: str) -> None:
        #: everybody who could have one of them, there or not
        self.fits = fits
        self.channel = channel
        self.line: list[Place] = []


class Lineup:
    """The tickets that wait."""

    def __init__(self, routing: Routing, begin: datetime) -> None:
        self._routing = routing
        self._begin = begin
        self._groups: dict[Hashable, _Group] = {}
        #: ticket -> (group, place, what waits)
        self._stands: dict[str, tuple[Hashable, Place, Waiting]] = {}

    def __len__(self) -> int:
        return len(self._stands)

    def put(self, waiting: Waiting, snapshot: Snapshot) -> None:
        """Let a ticket wait, in the place that it has now."""
        self.take(waiting.id)
        now = snapshot.at
        key, fits, channel = self._asks(waiting, snapshot)
        bucket, score, since, name = place_of(self._routing, waiting, now)
        # everybody's score grows by one a minute: without that it stays as it is
        place = (bucket, round(score + (now - self._begin).total_seconds() / 60, 6), since, name)
        group = self._groups.get(key)
        if group is None:
            group = self._groups[key] = _Group(fits, channel)
        insort(group.line, place)
        self._stands[waiting.id] = (key, place, waiting)

    def take(self, ticket: str) -> None:
        """Let a ticket wait no longer."""
        stood = self._stands.pop(ticket, None)
        if stood is None:
            return
        key, place, _ = stood
        group = self._groups[key]
        del group.line[bisect_left(group.line, place)]
        if not group.line:
            del self._groups[key]

    def _asks(self, waiting: Waiting, snapshot: Snapshot) -> tuple[Hashable, int, str]:
        """Return by what tickets are of one group, and who could have them."""
        facts, work, routing, now = waiting.facts, waiting.work, self._routing, snapshot.at
        ticket = facts.ticket
        found, _ = match(routing, facts, explain=False)
        if found is None:
            return ("",), 0, ticket.channel
        language = language_of(ticket)
        waited = int((now - (work.waiting_since or now)).total_seconds())
        asked = wanted(found, language, waited)
        apart = frozenset(barred(work, now, routing.settings))
        key = (found.name, asked, start_region(found, ticket), language, ticket.channel, apart)
        group = self._groups.get(key)
        if group is not None:
            return key, group.fits, ticket.channel
        roster = routing.roster
        who = roster.all & ~roster.bits_of(apart)
        needs = Asked(asked, found.needs.skills, asked.language, ticket.channel)
        fits = eligible(snapshot, who, needs, routing.settings)
        return key, fits, ticket.channel

    def given(
        self, snapshot: Callable[[], Snapshot], asked: Callable[[Waiting], Waiting]
    ) -> Iterator[tuple[str, Routed]]:
        """Go through what can be given out now, in order; the caller gives each out before the next is asked for.

        `snapshot` says how it stands by then, `asked` what is known of a ticket's way by now.
        """
        heads = [(group.line[0], 0, key) for key, group in self._able(snapshot())]
        order = {key: number for number, (_, _, key) in enumerate(heads)}
        heap = [(place, order[key], at, key) for place, at, key in heads]
        heapify(heap)
        while heap:
            place, number, at, key = heappop(heap)
            group = self._groups.get(key)
            if group is None or not self._is_open(group, snapshot()):
                continue
            if at < len(group.line) and group.line[at] == place:
                waiting = asked(self._stands[place[3]][2])
                routed = route(self._routing, waiting.facts, snapshot(), waiting.work)
                if routed.outcome in _GIVEN:
                    self.take(waiting.id)
                    yield waiting.id, routed
                    group = self._groups.get(key)
                    if group is None:
                        continue
                else:
                    at += 1
            if at < len(group.line):
                heappush(heap, (group.line[at], number, at, key))

    def _able(self, snapshot: Snapshot) -> Iterator[tuple[Hashable, _Group]]:
        for key, group in self._groups.items():
            if self._is_open(group, snapshot):
                yield key, group

    @staticmethod
    def _is_open(group: _Group, snapshot: Snapshot) -> bool:
        """Say whether anybody is there with room for a ticket of a group."""
        return bool(group.fits & snapshot.on_shift & snapshot.accepting & snapshot.room(group.channel))


def edges(work: Work, settings: Settings, now: datetime) -> Iterator[datetime]:
    """Go through the moments ahead at which a ticket stands elsewhere in the queue, or asks for somebody else."""
    found = [work.due - timedelta(seconds=seconds) for seconds in BUCKETS] if work.due is not None else []
    found += [hop.at + timedelta(seconds=settings.no_return_within) for hop in work.hops]
    yield from (each for each in found if each > now)
