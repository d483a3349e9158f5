"""Compiling who works on what: routes with their needs, how work is shared, and the roster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gateway.domain.calendar import Calendar
from gateway.domain.language import canonical
from gateway.domain.presence import Balance
from gateway.domain.roster import Roster
from rules.conditions import ALWAYS, compile_condition
from rules.duration import seconds
from rules.fields import Vocabulary
from rules.loading.feeds import feeds
from rules.loading.roster import roster
from rules.loading.sections import Sections, names
from rules.problem import Problem
from rules.routes import OF_TICKET, SKILL, Fit, Needs, Relaxation, Route, Routing, Settings
from rules.source import Spot

_TIMES = (
    "sticky_owner", "sticky_back_within", "handoff_before_shift_end", "handoff_accept_within", "no_return_within",
    "max_wait", "full_for",
)  # fmt: skip


def routing(
    sections: Sections,
    vocabulary: Vocabulary,
    hours: Mapping[str, Calendar],
    files: Mapping[str, str],
    problems: list[Problem],
    copies: Mapping[str, str],
) -> Routing:
    """Compile everything about routing; `hours` are the calendars that could be compiled, `files` those of the site.

    `copies` are what was fetched of its feeds.
    """
    routes = tuple(
        _route(name, spot, vocabulary, problems) for name, spot in names(sections.items("routes"), "route", problems)
    )
    fetched = feeds(sections, problems)
    made: Roster = roster(sections, hours, files, problems, copies)
    return Routing(routes, settings(sections), made, _people(sections), fetched)


def _route(name: str, spot: Spot, vocabulary: Vocabulary, problems: list[Problem]) -> Route:
    needs = spot.get("needs", {})
    language = needs.get("language", "")
    hard = spot.get("hard", [])
    levels: Mapping[str, Any] = hard if isinstance(hard, dict) else dict.fromkeys(hard, True)
    return Route(
        name=name,
        when=compile_condition(spot["when"], vocabulary, problems) if "when" in spot else ALWAYS,
        start_in=spot.get("start_in", ""),
        needs=Needs(
            skills=dict(sorted(needs.get("skills", {}).items())),
            language=language if language == OF_TICKET else canonical(language),
            team=needs.get("team", ""),
        ),
        # true is a number, too: a skill that is merely hard is asked at level 1
        hard_skills={need.removeprefix(SKILL): int(level) for need, level in levels.items() if need.startswith(SKILL)},
        hard=frozenset(need for need in levels if not need.startswith(SKILL)),
        relax=_relaxations(spot, problems),
        queue=spot.get("queue", ""),
    )


def _relaxations(spot: Spot, problems: list[Problem]) -> tuple[Relaxation, ...]:
    found: list[Relaxation] = []
    for step in spot["relax"].each() if "relax" in spot else ():
        made = Relaxation(
            after=seconds(step.value["after"]),
            skills=dict(step.get("skills", {})),
            drop=step.get("drop", ""),
            flag=step.get("flag", ""),
            raise_priority=step.get("raise_priority", 0),
            widen=step.get("widen", False),
        )
        if found and made.after < found[-1].after:
            message = f"this relaxation is after {step.value['after']}, and the one above it comes later"
            hint = "write them in the order of time"
            problems.append(step["after"].error("relaxation-order", message, hint))
        found.append(made)
    return tuple(found)


def settings(sections: Sections) -> Settings:
    """Return how work is shared."""
    said: dict[str, Any] = {name: spot.value for name, spot in sections.entries("routing").items()}
    said |= {name: seconds(said[name]) for name in _TIMES if name in said}
    said["balance"] = Balance(said.get("balance", Balance.LEAST_LOADED))
    said["fit"] = Fit(said.get("fit", Fit.CLOSEST))
    said["neighbours"] = {
        canonical(tag): tuple(canonical(each) for each in others) for tag, others in said.get("neighbours", {}).items()
    }
    return Settings(**said)


def _people(sections: Sections) -> dict[tuple[str, str], str]:
    """Return by which addresses and accounts people are known."""
    known: dict[tuple[str, str], str] = {}
    for name, spot in sections.entries("people").items():
        if address := str(spot.get("email", "")).strip().lower():
            known["", address] = name
        for connection, account in (spot.get("accounts") or {}).items():
            known[connection, str(account)] = name
    return known
