"""Who there is to work on tickets: people in teams and regions, what they can do, when they work, who is on call.

A roster is made once for a release and never changes. Its agents are numbered, by name and team, whatever the order in
which they were written; a set of agents is an integer with a bit for each (*bits*), so that what a ticket needs is
found by joining a few numbers and not by asking every agent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import msgspec

from gateway.domain.language import distance
from gateway.domain.shifts import Away, Line, Stint, Window, first_time, gaps, present, stints, working

#: the most that a skill can be
HIGHEST = 5
#: what somebody without `capacity` is measured by; they are never full
USUAL_UNITS = 10
#: how far ahead the end of a shift is looked for
SHIFT_SEARCH = timedelta(days=8)
_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """People who work together."""

    name: str
    region: str = ""
    #: a name
    manager: str = ""


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """One person in one team."""

    person: str
    team: str
    region: str = ""
    #: skill -> level, from 1
    skills: dict[str, int] = {}
    #: canonical tags
    languages: tuple[str, ...] = ()
    #: what they can carry at a time; None: they are never full
    units: int | None = None
    #: channel -> units that a ticket of it takes; of another channel: one
    weights: dict[str, int] = {}
    #: an `Hours`: when they work by default; None: only when a line of the team says so
    hours: Any = None

    def weight(self, channel: str) -> int:
        """Return how many units a ticket of a channel takes."""
        return self.weights.get(channel, 1)


class Roster:
    """Everybody who may be given a ticket. It never changes; what it has worked out it keeps."""

    __slots__ = (
        "_able", "_away_bits", "_by_hours", "_languages", "_lined", "agents", "all", "away", "call", "follow", "lines",
        "of_person", "of_region", "of_team", "skilled", "spoken", "teams", "tongues",
    )  # fmt: skip

    def __init__(
        self,
        agents: Iterable[Agent] = (),
        teams: Iterable[Team] = (),
        *,
        lines: Mapping[str, Sequence[Line]] = _NOTHING,
        away: Away | None = None,
        call: Iterable[Line] = (),
        follow: Iterable[str] = (),
        tongues: Mapping[str, Sequence[str]] = _NOTHING,
    ) -> None:
        """Make a roster.

        `lines` are those of teams, beside the agents' own hours; `tongues` say what people speak who are no agents.
        """
        self.agents: tuple[Agent, ...] = tuple(sorted(agents, key=lambda each: (each.person, each.team)))
        self.teams: Mapping[str, Team] = {team.name: team for team in teams}
        self.away = away or Away()
        #: the lines of those on call
        self.call = tuple(line for line in call if not line.is_empty)
        #: regions in the order in which one takes over from another
        self.follow = tuple(dict.fromkeys(follow))
        #: person -> canonical tags
        self.tongues: dict[str, Sequence[str]] = {**tongues, **{each.person: each.languages for each in self.agents}}
        self.all = (1 << len(self.agents)) - 1
        self.of_person: dict[str, int] = {}
        self.of_team: dict[str, int] = {}
        self.of_region: dict[str, int] = {}
        #: skill -> level -> who has just that level
        self.skilled: dict[str, dict[int, int]] = {}
        #: tag -> who speaks it
        self.spoken: dict[str, int] = {}
        self._languages: dict[tuple[str, bool], tuple[tuple[int, int], ...]] = {}
        for place, agent in enumerate(self.agents):
            bit = 1 << place
            for found, key in ((self.of_person, agent.person), (self.of_team, agent.team)):
                found[key] = found.get(key, 0) | bit
            self.of_region[agent.region] = self.of_region.get(agent.region, 0) | bit
            for skill, level in agent.skills.items():
                levels = self.skilled.setdefault(skill, {})
                levels[level] = levels.get(level, 0) | bit
            for tag in agent.languages:
                self.spoken[tag] = self.spoken.get(tag, 0) | bit
        #: skill -> level -> who has that level or more
        self._able = {skill: _at_least(levels) for skill, levels in self.skilled.items()}
        #: team -> every line of it
        self.lines: dict[str, tuple[Line, ...]] = {}
        #: hours -> who works by nothing else
        self._by_hours: list[tuple[Any, int]] = []
        self._lined: list[tuple[str, tuple[Line, ...]]] = []
        self._note_lines(lines)
        self._away_bits = [(person, self.of_person[person]) for person in self.away.people if person in self.of_person]

    def _note_lines(self, lines: Mapping[str, Sequence[Line]]) -> None:
        by_hours: dict[int, int] = {}
        hours = {id(agent.hours): agent.hours for agent in self.agents if agent.hours is not None}
        own: dict[str, list[Line]] = {}
        for place, agent in enumerate(self.agents):
            if agent.hours is None:
                continue
            own.setdefault(agent.team, []).append(Line(person=agent.person, hours=agent.hours))
            if not lines.get(agent.team):
                by_hours[id(agent.hours)] = by_hours.get(id(agent.hours), 0) | 1 << place
        for team in dict.fromkeys((*self.of_team, *lines)):
            more = tuple(line for line in lines.get(team, ()) if not line.is_empty)
            self.lines[team] = (*own.get(team, ()), *more)
            if lines.get(team):
                self._lined.append((team, self.lines[team]))
        self._by_hours = [(hours[key], bits) for key, bits in by_hours.items()]

    # ------------------------------------------------------------ who

    def people(self, bits: int) -> list[Agent]:
        """Return the agents of a set, in their order."""
        return [self.agents[place] for place in places(bits)]

    def names(self, bits: int) -> tuple[str, ...]:
        """Return the names of a set of agents, each once."""
        return tuple(dict.fromkeys(agent.person for agent in self.people(bits)))

    def bits_of(self, people: Iterable[str]) -> int:
        """Return a set of people, in whatever team."""
        bits = 0
        for person in people:
            bits |= self.of_person.get(person, 0)
        return bits

    def in_region(self, region: str) -> int:
        """Return who works for a region: its own, and those whose team is of no region."""
        return self.of_region.get(region, 0) | self.of_region.get("", 0)

    def has_level(self, skill: str, level: int) -> int:
        """Return who has a skill at a level or above."""
        return self._able.get(skill, {}).get(level, 0)

    def speaks(self, person: str, tag: str, *, cross_scripts: bool = False) -> bool:
        """Say whether somebody, agent or not, speaks a language."""
        spoken = self.tongues.get(person, ())
        return any(distance(tag, each, cross_scripts=cross_scripts) is not None for each in spoken)

    def speakers(self, tag: str, *, cross_scripts: bool = False) -> tuple[tuple[int, int], ...]:
        """Return who speaks a language, as (distance, bits), the nearest first; each agent once."""
        key = (tag, cross_scripts)
        if key not in self._languages:
            if len(self._languages) > 1000:
                # tags come from outside: what they ask for must not fill the memory
                self._languages.clear()
            self._languages[key] = self._speakers(tag, cross_scripts=cross_scripts)
        return self._languages[key]

    def _speakers(self, tag: str, *, cross_scripts: bool) -> tuple[tuple[int, int], ...]:
        far: dict[int, int] = {}
        for spoken, bits in self.spoken.items():
            found = distance(tag, spoken, cross_scripts=cross_scripts)
            if found is not None:
                far[found] = far.get(found, 0) | bits
        seen, rings = 0, []
        for each in sorted(far):
            rings.append((each, far[each] & ~seen))
            seen |= far[each]
        return tuple((each, bits) for each, bits in rings if bits)

    # ------------------------------------------------------------ when

    def on_shift(self, at: datetime) -> int:
        """Return who works at an instant."""
        bits = 0
        for hours, members in self._by_hours:
            if hours.is_open(at):
                bits |= members
        for team, lines in self._lined:
            bits |= self.bits_of(working(lines, at, self.away)) & self.of_team.get(team, 0)
        for person, members in self._away_bits:
            if bits & members and self.away.at(person, at):
                bits &= ~members
        return bits

    def next_on(self, bits: int, at: datetime) -> datetime | None:
        """Return the earliest instant from `at` on at which somebody of a set works; None when nobody will."""
        if not bits:
            return None
        lines = self._distinct(bits)
        # where a line stands above another, its person's being away lets the other through
        people = {agent.person for agent in self.people(bits)} | {line.person for line in lines}
        edges = [edge for person in people for window in self.away.of(person) for edge in window]
        return first_time(lines, at, lambda when: bool(self.on_shift(when) & bits), edges)

    def _distinct(self, bits: int) -> list[Line]:
        """Return lines at which the presence of a set may change: of those with the same hours, one."""
        found = [Line(person="*", hours=hours) for hours, members in self._by_hours if members & bits]
        for team, lines in self._lined:
            if self.of_team.get(team, 0) & bits:
                found += lines
        return found

    def until(self, person: str, at: datetime) -> datetime | None:
        """Return when somebody who works at an instant stops; None when that is not in sight.

        One who works in two teams stops when neither has them any more; a break is no end: see `back`.
        """
        end = at + SHIFT_SEARCH
        last = at
        for start, stop in self._own_windows(person, at, end):
            if start > last:
                break
            last = max(last, stop)
        return None if last >= end else last

    def back(self, person: str, at: datetime) -> datetime | None:
        """Return when somebody works again, from an instant on; None when not within reach."""
        return self.next_on(self.of_person.get(person, 0), at)

    def hours(self, person: str, start: datetime, end: datetime) -> list[Window]:
        """Return when somebody works between two instants, in whatever team."""
        return self._own_windows(person, start, end)

    def shift_end(self, person: str, at: datetime, longest_break: timedelta) -> datetime | None:
        """Return when somebody's day ends: as `until`, but a break as long as that does not end it."""
        stop = self.until(person, at)
        while stop is not None:
            back = self.back(person, stop)
            if back is None or back - stop > longest_break:
                return stop
            later = self.until(person, back)
            if later is None or later <= stop:
                return later
            stop = later
        return None

    def _own_windows(self, person: str, start: datetime, end: datetime) -> list[Window]:
        found = []
        for team in {agent.team for agent in self.people(self.of_person.get(person, 0))}:
            lines = self.lines[team]
            if any(line.rank != (False, 0) for line in lines):
                found += [(each.start, each.end) for each in stints(lines, start, end, self.away)
                          if person in each.people]  # fmt: skip
            else:
                own = (window for line in lines if line.person == person for window in line.windows(start, end))
                found += self.away.cut(person, own)
        return sorted(found)

    # ------------------------------------------------------------ regions and cover

    def regions(self) -> tuple[str, ...]:
        """Return every region: those that follow the sun in their order, then the others by name."""
        others = sorted(region for region in self.of_region if region and region not in self.follow)
        return (*self.follow, *others)

    def after(self, region: str) -> tuple[str, ...]:
        """Return the regions from one on, in the order in which they take over."""
        if region not in self.follow:
            return (region, *self.follow)
        place = self.follow.index(region)
        return (*self.follow[place:], *self.follow[:place])

    def next_region(self, at: datetime) -> tuple[str, datetime] | None:
        """Return the region that opens next, or is open, and when; of several at once the first that follows."""
        found = [(when, place, region) for place, region in enumerate(self.regions())
                 if (when := self.next_on(self.of_region.get(region, 0), at)) is not None]  # fmt: skip
        if not found:
            return None
        when, _, region = min(found)
        return region, when

    def cover(self, region: str, start: datetime, end: datetime) -> list[Stint]:
        """Return who works in a region when."""
        found: list[Stint] = []
        for team in self.of_team:
            agents = self.people(self.of_team[team])
            if agents and agents[0].region == region:
                found += stints(self.lines[team], start, end, self.away)
        return sorted(found, key=lambda each: (each.start, each.end))

    def on_call(self, at: datetime) -> tuple[str, ...]:
        """Return who is on call, the first to be called in front."""
        return present(self.call, at, self.away)

    def next_call(self, at: datetime) -> datetime | None:
        """Return the earliest instant from `at` on at which somebody is on call; None when nobody will be."""
        people = {line.person for line in self.call}
        edges = [edge for person in people for window in self.away.of(person) for edge in window]
        return first_time(self.call, at, lambda when: bool(self.on_call(when)), edges)

    def uncovered(self, start: datetime, end: datetime) -> list[Window]:
        """Return the times in which no region is open and nobody is on call."""
        found = [each for region in self.of_region for each in self.cover(region, start, end)]
        found += stints(self.call, start, end, self.away)
        return list(gaps(sorted(found, key=lambda each: (each.start, each.end)), start, end))


def places(bits: int) -> Iterator[int]:
    """Go through the numbers in a set of agents."""
    text = bin(bits)
    last = len(text) - 1
    # the lowest bit stands last
    place = text.rfind("1")
    while place > 1:
        yield last - place
        place = text.rfind("1", 0, place)


def _at_least(levels: Mapping[int, int]) -> dict[int, int]:
    """Return for each level who has it or a higher one."""
    found, bits = {}, 0
    for level in range(HIGHEST, 0, -1):
        bits |= levels.get(level, 0)
        found[level] = bits
    return found


__all__ = ["HIGHEST", "USUAL_UNITS", "Agent", "Roster", "Team", "places"]
