"""Lint: what is wrong with a site that its form does not show, and what works otherwise than its writer thinks.

Sound before complete: an error is never about a correct file, and a warning is true. `NAMES` finds names that nothing
gives and what cannot be done; `MEANING` looks at what rules mean together, where nothing around them is an error.
Every code has its entry in `rules.codes` and its section, with an example, in docs/rules/lint.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rules.lint import (
    actions,
    contradictions,
    cover,
    desks,
    kinds,
    levels,
    names,
    promises,
    rosters,
    routing,
    shadows,
    templates,
)
from rules.lint.reading import Reading
from rules.problem import Problem, Severity
from rules.schema import SECTIONS
from rules.schema.site import GATEWAY

Analysis = Callable[[Reading], Iterator[Problem]]

#: sections in which an error says nothing of the others
_KNOWN = frozenset({*SECTIONS, *GATEWAY["properties"], "cases"}) - {"connections"}
_CLOCKS = ("sla", "calendars")
_PRESENCE = ("calendars", "people", "teams", "agents", "follow_the_sun", "on_call", "shifts")

#: they may find errors, and are asked of every site that can be read
NAMES: tuple[Analysis, ...] = (
    names.unknown,
    promises.business_days,
    levels.business_days,
    desks.abilities,
    kinds.other_kinds,
    actions.triggers,
    actions.needs,
)
#: they find warnings only; each with the sections that must be without an error, for what it says would follow from it.
#: Those without any look at each section by itself, and leave out one with an error.
MEANING: tuple[tuple[Analysis, tuple[str, ...]], ...] = (
    (contradictions.contradictions, ()),
    (shadows.first_match, ()),
    (shadows.classify, ("classify",)),
    (shadows.sync, ("sync",)),
    (shadows.duplicates, ("duplicates",)),
    (promises.default, ()),
    (promises.waiting, _CLOCKS),
    (promises.rising, _CLOCKS),
    (promises.warnings, _CLOCKS),
    (levels.thresholds, (*_CLOCKS, "escalations")),
    (levels.feedback, (*_CLOCKS, "escalations")),
    (desks.asked, ()),
    (desks.rings, ("sync",)),
    (desks.masters, ("sync",)),
    (cover.dark_hours, _PRESENCE),
    (routing.shifts, _PRESENCE),
    (rosters.capacities, ("agents",)),
    (rosters.regions, ("teams", "agents", "follow_the_sun")),
    (routing.languages, ("people", "teams", "agents", "routing")),
    (routing.relaxations, ("agents",)),
    (kinds.never_entered, ("stages", "classify")),
    (kinds.chains, ("duplicates",)),
    (templates.placeholders, ("templates",)),
)


def findings(reading: Reading, found: Sequence[Problem] = ()) -> Iterator[Problem]:
    """Go through what lint finds in a site, after what was `found` when it was loaded.

    What the rules of a section mean together is not looked at while something in it is an error: it would follow from
    the error. Where a connection is wrong, or a section has a name that there is not, nothing is.
    """
    wrong = [problem for problem in found if problem.is_error]
    for analysis in NAMES:
        for problem in analysis(reading):
            if problem.is_error:
                wrong.append(problem)
            yield problem
    reading.spoilt = frozenset(reading.section_of(problem) for problem in wrong)
    if not reading.spoilt <= _KNOWN:
        return
    for analysis, sections in MEANING:
        if reading.spoilt.isdisjoint(sections):
            yield from analysis(reading)
    if not wrong:
        yield from names.unused(reading)
    if reading.solver.exhausted:
        yield _unfinished(reading)


def _unfinished(reading: Reading) -> Problem:
    file = next((rule.document.file for _, rule, _ in reading.conditions()), "rules")
    message = "there is too much here to compare every rule with every other: some of it was not"
    return Problem(
        file, 1, 1, "not-examined", Severity.WARNING, message, "fewer or simpler conditions are compared whole"
    )


__all__ = ["MEANING", "NAMES", "Analysis", "Reading", "findings"]
