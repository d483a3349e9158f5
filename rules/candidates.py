"""Who could work on a ticket, and who of them is the best: sets of agents, joined; nobody is asked one by one."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.domain.presence import Snapshot
from gateway.domain.roster import Roster, places
from rules.routed import LeftOut, RingState
from rules.routes import LANGUAGE, SKILL, Fit, Settings, Wanted


class Asked:
    """What is asked of an agent, and what was asked before some of it gave way."""

    __slots__ = ("channel", "skills", "tongue", "wanted")

    def __init__(self, wanted: Wanted, skills: Mapping[str, int], tongue: str, channel: str) -> None:
        self.wanted = wanted
        #: as the route says it
        self.skills = skills
        #: the language that is spoken of, whether it is still asked or not
        self.tongue = tongue
        self.channel = channel


class Pool:
    """Some agents, and how many of them are left step by step."""

    __slots__ = ("accepting", "candidates", "fit", "members", "on_shift", "state", "suited", "with_room")

    def __init__(self, members: int, on_shift: int, accepting: int, with_room: int) -> None:
        self.members = members
        self.on_shift = on_shift
        self.accepting = accepting
        #: of those who accept
        self.with_room = with_room
        #: who fits and is not barred: of those who accept, and of these with room
        self.fit = self.candidates = 0
        #: somebody fits, with room or without
        self.suited = False
        self.state = RingState.CLOSED


def look(snapshot: Snapshot, members: int, barred: int, asked: Asked, settings: Settings) -> Pool:
    """Look for candidates among some agents."""
    on_shift = members & snapshot.on_shift
    accepting = on_shift & snapshot.accepting
    pool = Pool(members, on_shift, accepting, accepting & snapshot.room(asked.channel) if accepting else 0)
    if not accepting:
        return pool
    permitted = accepting & ~barred
    able = _able(snapshot.roster, permitted, asked)
    nearest, others = _speaking(snapshot.roster, able, asked, settings)
    pool.fit = nearest | others
    pool.suited = bool(pool.fit)
    # who speaks a neighbouring language only helps out
    pool.candidates = nearest & pool.with_room or others & pool.with_room
    if pool.candidates:
        pool.state = RingState.TAKES
    elif not pool.with_room:
        pool.state = RingState.FULL
    else:
        pool.state = RingState.BUSY if pool.fit else RingState.NOBODY
    return pool


def eligible(snapshot: Snapshot, members: int, asked: Asked, settings: Settings) -> int:
    """Return who of some agents fits, whether they are there or not."""
    nearest, others = _speaking(snapshot.roster, _able(snapshot.roster, members, asked), asked, settings)
    return nearest | others


def _able(roster: Roster, bits: int, asked: Asked) -> int:
    if asked.wanted.team:
        bits &= roster.of_team.get(asked.wanted.team, 0)
    for skill, level in asked.wanted.skills:
        bits &= roster.has_level(skill, level)
    return bits


def _speaking(roster: Roster, bits: int, asked: Asked, settings: Settings) -> tuple[int, int]:
    """Return who speaks what is asked, and who only speaks a neighbouring language."""
    if not asked.wanted.language or not bits:
        return bits, 0
    nearest = 0
    for _, speakers in roster.speakers(asked.wanted.language, cross_scripts=settings.cross_scripts):
        nearest |= speakers
    others = 0
    if settings.neighbours:
        for tag in neighbours_of(asked.wanted.language, settings):
            for _, speakers in roster.speakers(tag, cross_scripts=settings.cross_scripts):
                others |= speakers
    return bits & nearest, bits & others & ~nearest


def neighbours_of(tag: str, settings: Settings) -> tuple[str, ...]:
    """Return the neighbours of a language: of the tag, or of the nearest shorter one that has some."""
    parts = tag
    while parts:
        found = settings.neighbours.get(parts)
        if found is not None:
            return found
        parts = parts.rpartition("-")[0]
    return ()


def chosen(snapshot: Snapshot, candidates: int, asked: Asked, settings: Settings) -> int:
    """Return the best of some candidates: by skill, then language, then as work is shared."""
    return snapshot.best(alike(snapshot, candidates, asked, settings), settings.balance)


def alike(snapshot: Snapshot, candidates: int, asked: Asked, settings: Settings) -> int:
    """Return those of some candidates who fit best: among them only the sharing of work chooses."""
    bits = candidates
    if bits.bit_count() > 1 and asked.skills:
        bits = fittest(snapshot.roster, bits, asked.skills, settings.fit)
    if asked.tongue and bits.bit_count() > 1:
        bits = _nearest(snapshot.roster, bits, asked.tongue, settings)
    return bits


def _nearest(roster: Roster, bits: int, tongue: str, settings: Settings) -> int:
    for tag in (tongue, *neighbours_of(tongue, settings)):
        for _, speakers in roster.speakers(tag, cross_scripts=settings.cross_scripts):
            if bits & speakers:
                return bits & speakers
    return bits


def fittest(roster: Roster, bits: int, skills: Mapping[str, int], fit: Fit) -> int:
    """Return who of some agents falls short the least of what the route asks, and then fits best."""
    groups: dict[tuple[int, int], int] = {(0, 0): bits}
    for skill, asked in skills.items():
        split: dict[tuple[int, int], int] = {}
        levels = roster.skilled.get(skill, {})
        for (short, over), members in groups.items():
            rest = members
            for level, having in levels.items():
                found = members & having
                if found:
                    rest &= ~found
                    key = (short + max(0, asked - level), over + max(0, level - asked))
                    split[key] = split.get(key, 0) | found
            if rest:
                key = (short + asked, over)
                split[key] = split.get(key, 0) | rest
        groups = split
    least = min(short for short, _ in groups)
    left = {over: members for (short, over), members in groups.items() if short == least}
    if fit is Fit.ANY:
        found = 0
        for members in left.values():
            found |= members
        return found
    return left[max(left) if fit is Fit.HIGHEST else min(left)]


def flags_of(roster: Roster, asked: Asked, settings: Settings, person: str) -> tuple[str, ...]:
    """Return what a ticket is marked with: of what gave way, that which this person lacks."""
    flags = []
    for flag, need, before in asked.wanted.gave_way:
        if need == LANGUAGE:
            lacks = not roster.speaks(person, asked.tongue, cross_scripts=settings.cross_scripts)
        elif need.startswith(SKILL):
            lacks = not roster.of_person.get(person, 0) & roster.has_level(need.removeprefix(SKILL), before)
        else:
            lacks = True
        if flag and lacks and flag not in flags:
            flags.append(flag)
    return tuple(flags)


# ---------------------------------------------------------------- why not


def left_out(
    snapshot: Snapshot, pool: Pool, asked: Asked, settings: Settings, barred: Mapping[str, str]
) -> tuple[LeftOut, ...]:
    """Say of everybody in a pool who is no candidate why not: the first reason in the order in which they are asked."""
    found = []
    for place in places(pool.members & ~pool.candidates):
        agent = snapshot.roster.agents[place]
        found.append(LeftOut(agent.person, _why(snapshot, place, asked, settings, barred)))
    return tuple(found)


def _why(snapshot: Snapshot, place: int, asked: Asked, settings: Settings, barred: Mapping[str, str]) -> str:
    agent, bit = snapshot.roster.agents[place], 1 << place
    if not snapshot.on_shift & bit:
        away = snapshot.roster.away.at(agent.person, snapshot.at)
        return "is away" if away else "is not on shift"
    if not snapshot.accepting & bit:
        return "accepts no tickets at present"
    if agent.person in barred:
        return barred[agent.person]
    if asked.wanted.team and agent.team != asked.wanted.team:
        return f"is not of the team {asked.wanted.team}"
    for skill, level in asked.wanted.skills:
        has = agent.skills.get(skill, 0)
        if has < level:
            return f"has {skill} {has}, and {level} is asked" if has else f"lacks {skill} {level}"
    nearest, others = _speaking(snapshot.roster, bit, asked, settings)
    if not nearest | others:
        return f"does not speak {asked.wanted.language}"
    if not snapshot.room(asked.channel) & bit:
        return f"is full: {snapshot.used[place]} of {agent.units} in use, and it takes {agent.weight(asked.channel)}"
    return f"speaks a neighbour of {asked.wanted.language} only"
