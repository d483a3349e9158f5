"""Routes as an admin writes them: what a ticket needs, what of it may give way when it waits, and how it is shared."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

import msgspec

from gateway.domain.person import RemotePerson
from gateway.domain.presence import Balance
from gateway.domain.roster import Roster
from rules.conditions import Condition
from rules.feeds import Feed
from rules.index import Index, Indexed

#: needs of a route that can be hard or dropped; of skills each by itself, as `skills.NAME`
LANGUAGE, TEAM = "language", "team"
SKILL = "skills."
#: what a ticket is marked with that goes to somebody who does not speak its language
TRANSLATE = "translate"
#: `language:` of a route that takes the ticket's own
OF_TICKET = "ticket.language"
REGION_OF_TICKET = "ticket.region"


class Fit(StrEnum):
    """Which of those who know enough is the better one."""

    #: who knows no more than is asked: experts stay free for what only they can do
    CLOSEST = "closest"
    HIGHEST = "highest"
    #: enough is enough
    ANY = "any"


class Needs(msgspec.Struct, frozen=True):
    """What the work needs."""

    #: skill -> level
    skills: dict[str, int] = {}
    #: a canonical tag, OF_TICKET, or empty: any
    language: str = ""
    team: str = ""


class Relaxation(msgspec.Struct, frozen=True, kw_only=True):
    """What gives way when a ticket has waited for so many seconds."""

    after: int
    #: skill -> the level that is enough from now on
    skills: dict[str, int] = {}
    #: a need that is given up
    drop: str = ""
    #: what the ticket is marked with when it goes to somebody who only fits because of this
    flag: str = ""
    #: by so many levels, in the queue
    raise_priority: int = 0
    #: every open region is looked at as one
    widen: bool = False


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """One route: the first whose condition holds decides."""

    name: str
    when: Condition
    #: a region, REGION_OF_TICKET, or empty: every open one
    start_in: str = ""
    needs: Needs = Needs()
    #: skill -> the level below which it never falls
    hard_skills: dict[str, int] = {}
    #: other needs that are never given up
    hard: frozenset[str] = frozenset()
    #: in the order of time
    relax: tuple[Relaxation, ...] = ()
    queue: str = ""

    @property
    def is_queue_only(self) -> bool:
        """Say whether it names a queue and nothing by which to choose somebody."""
        return bool(self.queue) and self.needs == Needs() and not self.start_in


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How work is shared: section `routing:`. Times are seconds."""

    balance: Balance = Balance.LEAST_LOADED
    fit: Fit = Fit.CLOSEST
    sticky_owner: int = 0
    #: a sticky owner who is not there is waited for when their shift begins so soon
    sticky_back_within: int = 0
    handoff_before_shift_end: int = 30 * 60
    handoff_accept_within: int = 15 * 60
    max_hops: int = 5
    no_return_within: int = 24 * 3600
    max_wait: int = 4 * 3600
    #: how long it is thought to take until somebody of a full team has room, where nothing was measured
    full_for: int = 4 * 3600
    fallback_queue: str = "triage"
    #: who decides on a ticket that was passed on too often: a name; empty: whoever looks after the fallback queue
    triage_lead: str = ""
    #: canonical tag -> canonical tags of languages in which it can be answered, too
    neighbours: dict[str, tuple[str, ...]] = {}
    cross_scripts: bool = False


class Routing:
    """Routes, settings and roster of one site, compiled once."""

    __slots__ = ("feeds", "index", "people", "roster", "routes", "settings")

    def __init__(
        self,
        routes: tuple[Route, ...] = (),
        settings: Settings = Settings(),  # noqa: B008 - frozen
        roster: Roster | None = None,
        people: Mapping[tuple[str, str], str] | None = None,
        feeds: tuple[Feed, ...] = (),
    ) -> None:
        self.routes = routes
        #: where rotas are fetched from
        self.feeds = feeds
        #: ("", e-mail address) or (connection, account) -> name of a person
        self.people: Mapping[tuple[str, str], str] = people or {}
        self.settings = settings
        self.roster = roster if roster is not None else Roster()
        self.index = Index([Indexed(route.when.guard) for route in routes])

    def __bool__(self) -> bool:
        """Say whether the site routes anything."""
        return bool(self.routes)

    def name_of(self, person: RemotePerson | None, connection: str = "") -> str:
        """Return the name that the site gives to somebody whom a desk names; empty for a stranger."""
        if person is None:
            return ""
        by_account = self.people.get((connection, person.external_id), "") if connection else ""
        return by_account or self.people.get(("", person.email.strip().lower()), "")


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of an agent now: the needs of a route for one ticket, as far as they have not given way."""

    #: in the order of names
    skills: tuple[tuple[str, int], ...] = ()
    #: a canonical tag; empty: any will do
    language: str = ""
    team: str = ""
    widen: bool = False
    raise_priority: int = 0
    #: the relaxations that count, each with what it took away: (flag, skill or need, level before)
    gave_way: tuple[tuple[str, str, int], ...] = ()


def wanted(route: Route, language: str, waited: int) -> Wanted:
    """Return what a route asks after a ticket has waited for so many seconds; `language` is the ticket's, canonical."""
    asked = route.needs.language
    tongue = language if asked == OF_TICKET else asked
    if not route.relax or waited < route.relax[0].after:
        skills = tuple(sorted(route.needs.skills.items()))
        return Wanted(skills=skills, language=tongue, team=route.needs.team)
    return _relaxed(route, tongue, waited)


def _relaxed(route: Route, tongue: str, waited: int) -> Wanted:
    levels = dict(route.needs.skills)
    team, widen, raised = route.needs.team, False, 0
    gave: list[tuple[str, str, int]] = []
    for step in route.relax:
        if step.after > waited:
            break
        widen = widen or step.widen
        raised += step.raise_priority
        for skill, level in step.skills.items():
            _lower(route, levels, skill, level, (step.flag, gave))
        if step.drop.startswith(SKILL):
            _lower(route, levels, step.drop.removeprefix(SKILL), 0, (step.flag, gave))
        elif step.drop == LANGUAGE and LANGUAGE not in route.hard and tongue:
            # whoever is chosen may not understand a word: that is always said
            gave.append((step.flag or TRANSLATE, LANGUAGE, 0))
            tongue = ""
        elif step.drop == TEAM and TEAM not in route.hard and team:
            gave.append((step.flag, TEAM, 0))
            team = ""
    return Wanted(
        skills=tuple(sorted(levels.items())),
        language=tongue,
        team=team,
        widen=widen,
        raise_priority=raised,
        gave_way=tuple(gave),
    )


def _lower(
    route: Route, levels: dict[str, int], skill: str, level: int, said: tuple[str, list[tuple[str, str, int]]]
) -> None:
    """Lower what is asked of a skill, but never below its hard level; level 0 gives it up."""
    before = levels.get(skill, 0)
    after = max(level, route.hard_skills.get(skill, 0))
    if after >= before:
        return
    flag, gave = said
    gave.append((flag, SKILL + skill, before))
    if after:
        levels[skill] = after
    else:
        del levels[skill]
