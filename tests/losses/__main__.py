"""`make losses`: lose the webhooks of every desk, measure how late its changes come, and take a long backlog."""

from __future__ import annotations

import argparse
import logging
import statistics
import sys
import tempfile
from datetime import timedelta
from pathlib import Path

import click

from connectors.testing.bench import Bench
from connectors.testing.outgoing import Weather
from gateway.store import SqlStore, migrate, open_store
from gateway.system import SystemClock, SystemIds
from tests.faults.tables import markdown
from tests.losses.backlog import take
from tests.losses.room import EVERY, POLLED, PROMISE, Change, Room

LOST = None
HALF = Weather(drop=0.5, duplicate=0.4, reorder=0.3)
HEAD = (
    "", "changes", "in 60 s", "middle", "worst",
    "half lost: in 60 s", "lag", "then: in 60 s + lag", "worst",
    "backlog", "pages", "most MiB a page",
)  # fmt: skip


def main() -> int:
    """Measure what was asked for; 1 when a promise was broken anywhere."""
    parser = argparse.ArgumentParser(prog="make losses", description=__doc__)
    parser.add_argument("--changes", type=int, default=300)
    parser.add_argument("--seconds", type=int, default=1800, help="virtual ones, over which they happen")
    parser.add_argument("--backlog", type=int, default=10_000)
    parser.add_argument("--every", type=int, default=int(EVERY.total_seconds()), help="seconds between two polls")
    parser.add_argument("--desk", action="append", help="a connector; all of them where none is named")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    lines: list[tuple[str, ...]] = []
    wrong: list[str] = []
    for bench in POLLED:
        if given.desk and bench.connector not in given.desk:
            continue
        line, faults = measure(bench, given)
        lines.append(line)
        wrong += [f"{bench.__name__}: {each}" for each in faults]
        click.echo(markdown([line], HEAD).splitlines()[-1])
    click.echo("")
    click.echo(markdown(lines, HEAD))
    for each in wrong:
        click.echo(each)
    return 1 if wrong else 0


def measure(bench: type[Bench], given: argparse.Namespace) -> tuple[tuple[str, ...], list[str]]:
    """Measure one desk; returns the line of the table, and what is not as it is promised."""
    every = timedelta(seconds=given.every)
    none = timedelta(0)
    lost = _suffer(bench, given, every, LOST, none)
    half = _suffer(bench, given, every, HALF, none)
    behind = _suffer(bench, given, every, LOST, bench.lag)
    with tempfile.TemporaryDirectory() as folder:
        store = _store(Path(folder))
        with Room(store, bench, every=every) as room:
            backlog = take(room, given.backlog)
        store.close()
    faults = [
        f"{name}: {_share(changes, PROMISE + lag):.1%} in {(PROMISE + lag).total_seconds():.0f} s"
        for name, changes, lag in (("all lost", lost, none), ("half lost", half, none), ("lagging", behind, bench.lag))
        if _share(changes, PROMISE + lag) < 0.99 or any(each.arrived_at is None for each in changes)
    ]
    if backlog.heard < backlog.made or not backlog.is_bounded:
        faults.append(f"backlog: {backlog}")
    line = (
        bench.__name__.removesuffix("Bench"),
        str(len(lost)),
        f"{_share(lost, PROMISE):.1%}",
        f"{statistics.median(each.late.total_seconds() for each in lost):.0f} s",
        _worst(lost),
        f"{_share(half, PROMISE):.1%}",
        f"{bench.lag.total_seconds():.0f} s",
        f"{_share(behind, PROMISE + bench.lag):.1%}",
        _worst(behind),
        f"{backlog.heard:,}",
        f"{backlog.pages:,}",
        f"{backlog.peak / 2**20:.1f}",
    )
    return line, faults


def _suffer(
    bench: type[Bench], given: argparse.Namespace, every: timedelta, weather: Weather | None, lag: timedelta
) -> list[Change]:
    with tempfile.TemporaryDirectory() as folder:
        store = _store(Path(folder))
        with Room(store, bench, every=every, lag=lag) as room:
            changes = room.suffer(given.changes, seconds=given.seconds, weather=weather)
        store.close()
    return changes


def _store(folder: Path) -> SqlStore:
    clock = SystemClock()
    store = open_store(f"sqlite:///{folder / 'gateway.db'}", folder / "keys", clock=clock, ids=SystemIds(clock))
    migrate(store.engine)
    return store


def _share(changes: list[Change], within: timedelta) -> float:
    return sum(each.late <= within for each in changes) / max(len(changes), 1)


def _worst(changes: list[Change]) -> str:
    worst = max(each.late for each in changes)
    return "never" if worst == timedelta.max else f"{worst.total_seconds():.0f} s"


if __name__ == "__main__":
    sys.exit(main())
