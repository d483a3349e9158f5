"""Lint: what is wrong with a site that its form does not show, and what works otherwise than its writer thinks.

Sound before complete: an error is never about a correct file, and a warning is true. `errors` finds names that nothing
gives and what cannot be done; `warnings` is asked of a site without errors and looks at what its rules mean together.
Every code has its entry in `rules.codes` and its section, with an example, in docs/rules/lint.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rules.lint import actions, contradictions, cover, desks, kinds, levels, names, promises, shadows, templates
from rules.lint.reading import Reading
from rules.problem import Problem, Severity

Analysis = Callable[[Reading], Iterator[Problem]]

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
#: they find warnings only, and rely on there being no error
MEANING: tuple[Analysis, ...] = (
    contradictions.contradictions,
    shadows.first_match,
    shadows.classify,
    shadows.sync,
    shadows.duplicates,
    promises.default,
    promises.waiting,
    promises.rising,
    promises.warnings,
    levels.thresholds,
    levels.feedback,
    desks.rings,
    desks.masters,
    cover.dark_hours,
    kinds.never_entered,
    kinds.chains,
    templates.placeholders,
    names.unused,
)


def findings(reading: Reading, found: Sequence[Problem] = ()) -> Iterator[Problem]:
    """Go through what lint finds in a site, after what was `found` when it was loaded.

    While something is an error, what the rules mean together is not looked at: it would follow from the error.
    """
    wrong = any(problem.is_error for problem in found)
    for analysis in NAMES:
        for problem in analysis(reading):
            wrong = wrong or problem.is_error
            yield problem
    if wrong:
        return
    for analysis in MEANING:
        yield from analysis(reading)
    if reading.solver.exhausted:
        yield _unfinished(reading)


def _unfinished(reading: Reading) -> Problem:
    file = next((rule.document.file for _, rule, _ in reading.conditions()), "rules")
    message = "there is too much here to compare every rule with every other: some of it was not"
    return Problem(
        file, 1, 1, "not-examined", Severity.WARNING, message, "fewer or simpler conditions are compared whole"
    )


__all__ = ["MEANING", "NAMES", "Analysis", "Reading", "findings"]
