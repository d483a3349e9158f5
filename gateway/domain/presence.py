"""Who is there at one instant, what each has in hand, and who is to have the next ticket.

A snapshot never changes: giving somebody a ticket makes a new one, at the cost of that one agent and not of all. What
a question needs (who has room for a chat, in which order the least loaded come) is worked out at its first use and
carried on.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any

import msgspec

from gateway.domain.roster import USUAL_UNITS, Agent, Roster, places

#: so many agents are compared one by one; more are found in a list that is kept in order
_FEW = 64
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_NONE: Mapping[str, int] = MappingProxyType({})

#: what comes first, when one was given a ticket last, place
Key = tuple[Any, tuple[datetime, int], int]


class Balance(StrEnum):
    """Who is chosen among those who fit equally well."""

    LEAST_LOADED = "least_loaded"
    MOST_SPARE = "most_spare"
    ROUND_ROBIN = "round_robin"
    LONGEST_IDLE = "longest_idle"


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one person."""

    accepting: bool = True
    #: channel -> units in use
    load: dict[str, int] = {}
    #: when they were given a ticket last
    assigned_at: datetime | None = None
    #: orders what was given at one instant
    turn: int = 0
    #: when they were through with one last
    released_at: datetime | None = None

    @property
    def used(self) -> int:
        """All the units in use."""
        return sum(self.load.values())


IDLE = State()


class Snapshot:
    """A roster at an instant."""

    __slots__ = ("accepting", "at", "on_shift", "orders", "rooms", "roster", "states", "turn", "used", "waits")

    def __init__(
        self,
        roster: Roster,
        at: datetime,
        states: Mapping[str, State] | None = None,
        *,
        waits: Mapping[str, int] = _NONE,
    ) -> None:
        """Look at a roster; people of whom nothing is said accept tickets and have none.

        `waits` says how many seconds a ticket waits at present until somebody has room: by region, where measured.
        """
        self.roster = roster
        self.at = at
        self.states: Mapping[str, State] = states or {}
        self.waits = waits
        self.on_shift = roster.on_shift(at)
        self.accepting = roster.all
        #: place of an agent -> units in use
        self.used: list[int] = [0] * len(roster.agents)
        for person, state in self.states.items():
            bits = roster.of_person.get(person, 0)
            if not state.accepting:
                self.accepting &= ~bits
            if state.load:
                for place in places(bits):
                    self.used[place] = state.used
        #: tickets given in this snapshot and those that it was made from: orders those of one instant
        self.turn = max((state.turn for state in self.states.values()), default=0)
        #: channel -> who has room, where it was asked
        self.rooms: dict[str, int] = {}
        #: everybody in the order in which work is shared, where it was asked
        self.orders: dict[Balance, list[Key]] = {}

    def state(self, person: str) -> State:
        """Return what is known of somebody."""
        return self.states.get(person, IDLE)

    def room(self, channel: str) -> int:
        """Return who can take one more ticket of a channel, whether they work now or not."""
        found = self.rooms.get(channel)
        if found is None:
            found = 0
            for place, agent in enumerate(self.roster.agents):
                if has_room(agent, self.used[place], channel):
                    found |= 1 << place
            self.rooms[channel] = found
        return found

    def best(self, bits: int, balance: Balance) -> int:
        """Return who of a set (that is not empty) is to have the next ticket: the place of an agent."""
        key = _KEYS[balance]
        count = bits.bit_count()
        if count == 1:
            return bits.bit_length() - 1
        if count <= _FEW:
            return min(key(self, place) for place in places(bits))[2]
        order = self.orders.get(balance)
        if order is None:
            order = self.orders[balance] = sorted(key(self, place) for place in range(len(self.used)))
        flags = bits.to_bytes((len(self.used) + 7) // 8, "little")
        return next(place for _, _, place in order if flags[place >> 3] >> (place & 7) & 1)

    def given(self, person: str, channel: str) -> Snapshot:
        """Return the snapshot after somebody was given a ticket of a channel now."""
        state = self.state(person)
        weight = max((self.roster.agents[place].weight(channel) for place in self._places(person)), default=1)
        load = {**state.load, channel: state.load.get(channel, 0) + weight}
        turn = self.turn + 1
        made = self.with_state(person, msgspec.structs.replace(state, load=load, assigned_at=self.at, turn=turn))
        made.turn = turn
        return made

    def taken(self, person: str, channel: str) -> Snapshot:
        """Return the snapshot after somebody was through with a ticket of a channel now."""
        state = self.state(person)
        weight = max((self.roster.agents[place].weight(channel) for place in self._places(person)), default=1)
        load = {**state.load, channel: max(0, state.load.get(channel, 0) - weight)}
        return self.with_state(person, msgspec.structs.replace(state, load=load, released_at=self.at))

    def with_state(self, person: str, state: State) -> Snapshot:
        """Return the snapshot with something else known of somebody."""
        made = self._copy()
        made.states = {**self.states, person: state}
        mine = self.roster.of_person.get(person, 0)
        made.accepting = self.accepting | mine if state.accepting else self.accepting & ~mine
        made.used = self.used.copy()
        made.orders = {balance: order.copy() for balance, order in self.orders.items()}
        used = state.used
        for place in places(mine):
            for balance, order in made.orders.items():
                del order[bisect_left(order, _KEYS[balance](self, place))]
            made.used[place] = used
            for balance, order in made.orders.items():
                insort(order, _KEYS[balance](made, place))
            agent = self.roster.agents[place]
            for channel, bits in made.rooms.items():
                fits = has_room(agent, used, channel)
                made.rooms[channel] = bits | 1 << place if fits else bits & ~(1 << place)
        return made

    def later(self, at: datetime, on_shift: int | None = None) -> Snapshot:
        """Return the snapshot of another instant, with everything that is known of people.

        `on_shift` is who works then, where that is known already.
        """
        made = self._copy()
        made.at = at
        made.on_shift = self.roster.on_shift(at) if on_shift is None else on_shift
        return made

    def _copy(self) -> Snapshot:
        made = object.__new__(Snapshot)
        made.roster, made.at, made.states, made.waits = self.roster, self.at, self.states, self.waits
        made.on_shift, made.accepting, made.used = self.on_shift, self.accepting, self.used
        made.rooms, made.orders, made.turn = dict(self.rooms), self.orders, self.turn
        return made

    def _places(self, person: str) -> list[int]:
        return list(places(self.roster.of_person.get(person, 0)))


def has_room(agent: Agent, used: int, channel: str) -> bool:
    """Say whether an agent with so many units in use can take a ticket of a channel."""
    return agent.units is None or used + agent.weight(channel) <= agent.units


def ratio(agent: Agent, used: int) -> float:
    """Return how much of what an agent can carry is in use."""
    units = USUAL_UNITS if agent.units is None else agent.units
    # the quotient of the same ratio is the same number, whatever it is made of
    return used / units if units else float("inf")


def _assigned(snapshot: Snapshot, place: int) -> tuple[datetime, int]:
    # asked of every candidate, so without a call more
    state = snapshot.states.get(snapshot.roster.agents[place].person, IDLE)
    return state.assigned_at or _NEVER, state.turn


def _least_loaded(snapshot: Snapshot, place: int) -> Key:
    load = ratio(snapshot.roster.agents[place], snapshot.used[place])
    return load, _assigned(snapshot, place), place


def _most_spare(snapshot: Snapshot, place: int) -> Key:
    units = snapshot.roster.agents[place].units
    spare = (USUAL_UNITS if units is None else units) - snapshot.used[place]
    return -spare, _assigned(snapshot, place), place


def _round_robin(snapshot: Snapshot, place: int) -> Key:
    return 0, _assigned(snapshot, place), place


def _longest_idle(snapshot: Snapshot, place: int) -> Key:
    state = snapshot.state(snapshot.roster.agents[place].person)
    assigned = state.assigned_at or _NEVER
    return max(assigned, state.released_at or _NEVER), (assigned, state.turn), place


_KEYS: Mapping[Balance, Callable[[Snapshot, int], Key]] = {
    Balance.LEAST_LOADED: _least_loaded,
    Balance.MOST_SPARE: _most_spare,
    Balance.ROUND_ROBIN: _round_robin,
    Balance.LONGEST_IDLE: _longest_idle,
}
