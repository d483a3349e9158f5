"""A run of cases as people read it, and as plain JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from rules.cases.coverage import PhaseCoverage
from rules.cases.kinds import PENDING_KINDS, Difference
from rules.cases.run import Outcome, Result, Run

_MARKS = {Outcome.PASSED: "ok", Outcome.FAILED: "FAIL", Outcome.PENDING: "wait", Outcome.BROKEN: "ERROR"}
_LABEL = 10


def text(run: Run) -> Iterator[str]:
    """Go through the lines of a run: one for each case, and below it what is not as expected."""
    for result in run.results:
        yield f"{_MARKS[result.outcome]:<5} {result.case.place}  {result.case.name}"
        if result.trouble is not None:
            hint = f"; {result.trouble.hint}" if result.trouble.hint else ""
            yield f"      {result.trouble.place}: {result.trouble.message}{hint}"
        for difference in result.differences:
            yield from difference_text(difference)
        if result.pending:
            held = f"; {result.held} other{'s hold' if result.held > 1 else ' holds'}" if result.held else ""
            yield f"      pending: {', '.join(result.pending)} ({waits_for(result.pending)}){held}"
    yield ""
    yield summary(run)


def difference_text(difference: Difference) -> Iterator[str]:
    """Write one difference: expected, got, and why."""
    yield f"      {difference.path}  ({difference.place})"
    yield f"        {'expected':<{_LABEL}}{difference.expected}"
    yield f"        {'got':<{_LABEL}}{difference.got}"
    for number, line in enumerate(difference.why):
        yield f"        {'why' if not number else '':<{_LABEL}}{line}"


def waits_for(paths: Sequence[str]) -> str:
    """Say what pending expectations wait for."""
    parts = {part for path in paths for part in path.rpartition(": ")[2].split(".") if part in PENDING_KINDS}
    return "; ".join(PENDING_KINDS[part] for part in sorted(parts))


def pending_counts(run: Run) -> Counter[str]:
    """Count what is pending by its kind."""
    paths = [path.rpartition(": ")[2].partition(".")[0] for result in run.results for path in result.pending]
    return Counter(paths)


def summary(run: Run) -> str:
    """Return the last line."""
    total = len(run.results)
    said = [f"{run.count(Outcome.PASSED)} passed", f"{run.count(Outcome.FAILED)} failed"]
    if waiting := run.count(Outcome.PENDING):
        said.append(f"{waiting} pending")
    if broken := run.count(Outcome.BROKEN):
        said.append(f"{broken} cannot happen")
    line = f"{total} case{'s' * (total != 1)}: {', '.join(said)}"
    counts = pending_counts(run)
    if counts:
        line += "; not judged yet: " + ", ".join(f"{count} of {name}" for name, count in sorted(counts.items()))
    return line


def coverage_text(phases: Sequence[PhaseCoverage]) -> Iterator[str]:
    """Go through the lines of a coverage."""
    built = [phase for phase in phases if phase.built]
    touched, rules = sum(phase.touched for phase in built), sum(phase.rules for phase in built)
    yield f"{touched} of {rules} rules match in a case"
    for phase in built:
        yield f"  {phase.phase:<11} {phase.touched} of {phase.rules}"
        for rule in phase.untouched:
            yield f"    {rule.place}  {rule.name}"
    for phase in phases:
        if not phase.built:
            yield f"  {phase.phase:<11} not built yet ({phase.rules})"


def plain(run: Run, phases: Sequence[PhaseCoverage] | None) -> dict[str, Any]:
    """Return a run as plain JSON."""
    found: dict[str, Any] = {
        "cases": [_result(result) for result in run.results],
        **{outcome.value: run.count(outcome) for outcome in Outcome},
        "expectations_pending": dict(pending_counts(run)),
    }
    if phases is not None:
        found["coverage"] = [
            {
                "phase": phase.phase,
                "rules": phase.rules,
                "touched": phase.touched if phase.built else 0,
                "built": phase.built,
                "untouched": [{"name": rule.name, "at": str(rule.place)} for rule in phase.untouched],
            }
            for phase in phases
        ]
    return found


def _result(result: Result) -> dict[str, Any]:
    trouble = result.trouble
    return {
        "name": result.case.name,
        "at": str(result.case.place),
        "outcome": result.outcome.value,
        "held": result.held,
        "differences": [
            {"path": each.path, "at": str(each.place), "expected": each.expected, "got": each.got, "why": each.why}
            for each in result.differences
        ],
        "pending": result.pending,
        "error": {"at": str(trouble.place), "message": trouble.message, "hint": trouble.hint} if trouble else None,
    }
