"""`make soak`: a year of days at one steady load on each database; prints how large every table is, and stays."""

from __future__ import annotations

import argparse
import logging
import sys
import time

import click

from gateway.store import migrate, open_store
from gateway.store.retention import Lifetimes
from gateway.system import SystemClock, SystemIds
from tests.faults.crew import databases
from tests.faults.tables import markdown
from tests.soak.run import soak

KINDS = ("sqlite", "postgresql")
HEAD = ("", "rows at 1/3", "at 2/3", "at the end", "KiB at 2/3", "at the end")


def main() -> int:
    """Run what was asked for; 1 when anything grew."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--days", type=int, default=360)
    parser.add_argument("--every", type=int, default=3, help="every so many days one is busy")
    parser.add_argument("--tickets", type=int, default=2, help="new ones on a busy day")
    parser.add_argument("--database", choices=KINDS, action="append", help="one of them only")
    parser.add_argument("--audit", type=int, default=90, help="days for which the audit trail is kept in this run")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    wrong: list[str] = []
    lives = Lifetimes(audit=given.audit)
    for kind in given.database or KINDS:
        with databases(kind, 1) as (folder, (url,), _):
            clock = SystemClock()
            where = url or f"sqlite:///{folder / 'gateway.db'}"
            store = open_store(where, folder / "keys", clock=clock, ids=SystemIds(clock))
            migrate(store.engine)
            began = time.monotonic()
            with click.progressbar(length=given.days // given.every, label=f"{kind:<10}", show_pos=True) as bar:
                year, left, there = soak(
                    store,
                    lives,
                    days=given.days,
                    every=given.every,
                    tickets=given.tickets,
                    tell=lambda _: bar.update(1),
                )
            store.close()
        load = f"{given.days} days, {given.tickets} tickets every {given.every} days"
        click.echo(f"\n{kind}: {load}, in {time.monotonic() - began:.0f} s")
        click.echo(f"dead letters left alone on the first day: {left}, still there: {there}\n")
        click.echo(markdown(year.lines(), HEAD))
        wrong += [f"{kind}: {each}" for each in year.findings()]
        if left != there:
            wrong.append(f"{kind}: {left} dead letters were left alone, {there} are there")
    for line in wrong:
        click.echo(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
