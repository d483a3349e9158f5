"""What a stage has measured, and how it is shown: a table for people, JSON for whatever keeps the numbers."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import click
import msgspec


class Measure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One number, with what it is compared to."""

    stage: str
    name: str
    value: float
    unit: str
    #: the aim in words; empty where there is none
    aim: str = ""
    #: whether the aim is met; None where there is none
    met: bool | None = None
    note: str = ""
    #: a rate that a webhook's journey cannot be faster than: the slowest of them decides at which rate it is measured
    bounds: bool = False


class Machine(msgspec.Struct, frozen=True):
    """Where the numbers were taken."""

    processors: int
    python: str
    system: str
    #: processes that waited or ran in the last minute, before anything was measured
    load: float


class Progress:
    """The bar of one stage."""

    def __init__(self, stage: str, steps: int, *, quiet: bool) -> None:
        file = Path(os.devnull).open("w", encoding="utf-8") if quiet else sys.stderr  # noqa: SIM115 - lives as long
        self._bar = click.progressbar(
            length=steps, label=f"{stage:<8}", file=file, item_show_func=lambda what: what or "", width=24
        )

    def __enter__(self) -> Self:
        self._bar.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.update(0, "")
        self._bar.render_finish()

    def step(self, what: str) -> None:
        """Say what comes next, and move on by one."""
        self._bar.update(1, what)


def this_machine() -> Machine:
    """Describe the machine."""
    try:
        load = os.getloadavg()[0]
    except OSError:
        load = 0.0
    return Machine(os.cpu_count() or 1, platform.python_version(), f"{platform.system()} {platform.machine()}", load)


def table(measures: Sequence[Measure]) -> str:
    """Lay the numbers out."""
    rows = [("stage", "what", "result", "aim", "")]
    rows += [(each.stage, each.name, _number(each), _aim(each), each.note) for each in measures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = []
    for index, row in enumerate(rows):
        cells = [row[0].ljust(widths[0]), row[1].ljust(widths[1]), row[2].rjust(widths[2]), row[3].ljust(widths[3])]
        lines.append("  ".join([*cells, row[4]]).rstrip())
        if index == 0:
            lines.append("  ".join("─" * width for width in widths))
    return "\n".join(lines)


def _number(each: Measure) -> str:
    digits = 2 if each.unit == "share" else 1 if each.value < 100 else 0
    return f"{each.value:,.{digits}f} {each.unit}"


def _aim(each: Measure) -> str:
    if each.met is None:
        return each.aim
    return f"{each.aim} {'met' if each.met else 'MISSED'}"


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which `share` of the values lie; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
