"""`make faults`: the whole enumeration, then storms with real processes beside a naive baseline."""

from __future__ import annotations

import argparse
import os
import random
import sys

import click

from tests.faults.crew import enumerate_all
from tests.faults.tables import by_strategy, markdown

KINDS = ("sqlite", "postgresql")


def main() -> int:
    """Run what was asked for; 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 1_000_000))
    parser.add_argument("--database", choices=KINDS, action="append", help="one of them only")
    parser.add_argument("--share", type=float, default=1.0, help="part of the combinations, for a shorter run")
    parser.add_argument("--every", action="store_true", help="crash each time that a point is reached, not once")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    click.echo(f"seed {given.seed} (repeat with ARGS=--seed={given.seed})")
    rows, wrong = [], []
    for kind in given.database or KINDS:
        judged = enumerate_all(kind, given.seed, given.share, given.processes, every=given.every)
        rows += by_strategy(kind, judged)
        wrong += [f"{kind}, {each.case}: {found}" for each in judged for found in each.verdict.findings]
    click.echo(markdown(rows))
    for line in wrong:
        click.echo(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
