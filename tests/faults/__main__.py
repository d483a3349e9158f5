"""`make faults`: the whole enumeration, then storms with real processes beside a naive baseline."""

from __future__ import annotations

import argparse
import math
import os
import random
import sys
import time
from itertools import product
from pathlib import Path

import click

from tests.faults import homes, naive, storms
from tests.faults.crew import databases, enumerate_all
from tests.faults.storms import Plan
from tests.faults.tables import by_strategy, markdown, numbers

KINDS = ("sqlite", "postgresql")


def main() -> int:
    """Run what was asked for; 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1_000_000))
    parser.add_argument("--database", choices=KINDS, action="append", help="one of them only")
    parser.add_argument("--share", type=float, default=1.0, help="part of the combinations, for a shorter run")
    parser.add_argument("--every", action="store_true", help="crash each time that a point is reached, not once")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", choices=("enumeration", "storms", "homes"), help="one part of it")
    parser.add_argument("--minutes", type=float, help="end the enumeration after so long, and say how far it came")
    parser.add_argument("--home", choices=homes.KINDS, action="append", help="one kind of desks made at home only")
    parser.add_argument("--updates", type=int, default=400, help="how much people do in a storm")
    parser.add_argument("--lanes", type=int, default=40, help="over how many tickets")
    parser.add_argument("--rate", type=float, default=7.0, help="how much they do in a second")
    parser.add_argument("--skew", type=float, default=0.0, help="seconds by which the desks' clocks stand wrong")
    parser.add_argument("--plain", action="store_true", help="without clocks, escalations, due times and routing")
    parser.add_argument("--keep", type=Path, help="a new folder for what is known of a storm that found something")
    parser.add_argument("--no-baseline", action="store_true", help="leave the naive baseline out")
    given = parser.parse_args()
    click.echo(f"seed {given.seed} (repeat with ARGS=--seed={given.seed})")
    wrong: list[str] = []
    until = time.monotonic() + given.minutes * 60 if given.minutes else math.inf
    if given.only not in {"storms", "homes"}:
        rows = []
        for kind in given.database or KINDS:
            judged = enumerate_all(kind, given.seed, given.share, given.processes, every=given.every, until=until)
            rows += by_strategy(kind, judged)
            wrong += [f"{kind}, {each.case}: {found}" for each in judged for found in each.verdict.findings]
        click.echo(markdown(rows))
    if given.only not in {"enumeration", "homes"}:
        click.echo(markdown(_storms(given, wrong)))
    if given.only not in {"enumeration", "storms"}:
        click.echo(markdown(_homes(given, wrong)))
    for line in wrong:
        click.echo(line)
    return 1 if wrong else 0


def _storms(given: argparse.Namespace, wrong: list[str]) -> list[tuple[str, ...]]:
    """Run a storm on each database, and the naive baseline in the same weather."""
    plan = Plan(
        seed=given.seed, updates=given.updates, lanes=given.lanes, rate=given.rate, skew=given.skew,
        promises=not given.plain,
    )  # fmt: skip
    rows = []
    for kind in given.database or KINDS:
        with databases(kind, 1) as (folder, (url,), server):
            site = folder / "site"
            site.mkdir()
            stormed = storms.run(site, plan, url, server, given.keep and given.keep / kind)
        rows.append(numbers(f"storm, {kind}", [stormed.verdict]))
        wrong += [f"{kind}: {each}" for each in stormed.verdict.findings]
        quiet = "never" if stormed.quiet is None else f"after {stormed.quiet:.0f} s"
        click.echo(f"{kind}: {dict(sorted(stormed.troubles.items()))}; at rest {quiet}")
    for name, wipe in () if given.no_baseline else (("RQ with Retry", False), ("RQ with Retry, Redis wiped", True)):
        with databases("sqlite", 0) as (folder, _, _):
            verdict = naive.run(
                folder, plan.seed, updates=plan.updates, lanes=plan.lanes, rate=plan.rate, share=plan.share, wipe=wipe
            )
        rows.append(numbers(name, [verdict]))
    return rows


def _homes(given: argparse.Namespace, wrong: list[str]) -> list[tuple[str, ...]]:
    """Run a storm over desks made at home of each kind, on each database."""
    plan = Plan(
        seed=given.seed, updates=given.updates, lanes=given.lanes, rate=given.rate, skew=given.skew,
        crash_at="deliver.answered=0.02",
    )  # fmt: skip
    rows = []
    for kind, way in product(given.database or KINDS, given.home or homes.KINDS):
        with databases(kind, 1) as (folder, (url,), server):
            site = folder / "site"
            site.mkdir()
            stormed = homes.run(site, plan, way, url, server, given.keep and given.keep / f"{kind}-{way}")
        rows.append(numbers(f"{way} desks, {kind}", [stormed.verdict]))
        wrong += [f"{way} desks, {kind}: {each}" for each in stormed.verdict.findings]
        quiet = "never" if stormed.quiet is None else f"after {stormed.quiet:.0f} s"
        click.echo(f"{way} desks, {kind}: {dict(sorted(stormed.troubles.items()))}; at rest {quiet}")
    return rows


if __name__ == "__main__":
    sys.exit(main())
