"""Running cases: each is rehearsed, and each of its expectations held against what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum

import msgspec

from rules.cases.kinds import JUDGES, Difference, Seen
from rules.cases.model import Case, CaseError, Expected, Given, Moment
from rules.cases.words import Words

Rehearse = Callable[[Given], tuple[Moment, ...]]


class Outcome(StrEnum):
    """How a case ends."""

    PASSED = "passed"
    FAILED = "failed"
    #: what could be judged holds; the rest waits for a phase that is not built yet
    PENDING = "pending"
    #: it cannot happen as it is written
    BROKEN = "broken"


class Result(msgspec.Struct, frozen=True):
    """One case, run."""

    case: Case
    outcome: Outcome
    #: how many expectations hold
    held: int = 0
    differences: tuple[Difference, ...] = ()
    #: paths of expectations that wait for a phase
    pending: tuple[str, ...] = ()
    #: why it is broken
    trouble: CaseError | None = None
    moments: tuple[Moment, ...] = ()


class Run(msgspec.Struct, frozen=True):
    """Every case that was run, in order."""

    results: tuple[Result, ...]

    def count(self, outcome: Outcome) -> int:
        """Count the cases that ended so."""
        return sum(result.outcome is outcome for result in self.results)


def run_cases(cases: Iterable[Case], words: Words, rehearse: Rehearse) -> Run:
    """Run cases one after the other."""
    return Run(tuple(_run(case, words, rehearse) for case in cases))


def _run(case: Case, words: Words, rehearse: Rehearse) -> Result:
    try:
        moments = rehearse(case.given)
    except CaseError as error:
        return Result(case, Outcome.BROKEN, trouble=error)
    held = 0
    differences: list[Difference] = []
    pending: list[str] = []
    for expected, seen in _held_against(case, moments, words):
        judge = JUDGES.get(expected.kind)
        if judge is None:
            pending.append(expected.path)
            continue
        difference = judge(expected, seen)
        if difference is None:
            held += 1
        else:
            differences.append(difference)
    outcome = Outcome.FAILED if differences else Outcome.PENDING if pending else Outcome.PASSED
    return Result(case, outcome, held, tuple(differences), tuple(pending), None, moments)


def _held_against(case: Case, moments: tuple[Moment, ...], words: Words) -> Iterable[tuple[Expected, Seen]]:
    """Go through the expectations: those after a step with that moment, those of the end with all of them."""
    for number, step in enumerate(case.given.steps, 2):
        for expected in step.expect:
            yield expected, Seen(words, moments[:number], moments[number - 1 : number])
    for expected in case.expect:
        yield expected, Seen(words, moments, moments)
