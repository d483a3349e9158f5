"""Tables of what was run and what was found, for a terminal and for docs/reliability.md."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.faults.crew import Judged
from tests.faults.oracle import Verdict

HEAD = ("", "runs", "operations", "faults", "crashes", "lost", "duplicated", "listed", "ambiguous", "other")


def numbers(name: str, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Return one line."""
    told = [
        len(verdicts),
        sum(each.operations for each in verdicts),
        sum(each.faults for each in verdicts),
        sum(each.crashes for each in verdicts),
        sum(len(each.lost) for each in verdicts),
        sum(len(each.doubled) for each in verdicts),
        sum(each.listed for each in verdicts),
        sum(each.ambiguous for each in verdicts),
        sum(len(each.wrong) for each in verdicts),
    ]
    return (name, *(f"{each:,}" for each in told))


def by_strategy(kind: str, judged: Sequence[Judged]) -> list[tuple[str, ...]]:
    """Return a line a strategy."""
    names = dict.fromkeys(each.case.strategy for each in judged)
    return [
        numbers(f"{kind}, {name}", [each.verdict for each in judged if each.case.strategy is name])
        for name in sorted(names)
    ]


def markdown(rows: Iterable[Sequence[str]], head: Sequence[str] = HEAD) -> str:
    """Return lines as a table that reads well as it is."""
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(head))]

    def one(line: Sequence[str]) -> str:
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        return "| " + " | ".join(cells) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([one(lines[0]), rule, *(one(line) for line in lines[1:])])
