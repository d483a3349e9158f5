"""Runs the whole enumeration with several processes, each with a database of its own."""

from __future__ import annotations

import logging
import multiprocessing
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import click
import msgspec

from tests.databases import PostgresProcess
from tests.faults.case import Case
from tests.faults.enumeration import combinations, crashes
from tests.faults.forks import Bench
from tests.faults.oracle import Verdict

#: of this process: made once by `_begin`
_bench: list[Bench] = []


class Judged(msgspec.Struct, frozen=True):
    """One case and what was found."""

    case: Case
    verdict: Verdict


@contextmanager
def databases(kind: str, number: int) -> Iterator[tuple[Path, list[str], PostgresProcess | None]]:
    """Give a folder, the addresses of as many empty databases (of SQLite: none, each makes its own), and the server."""
    folder = Path(tempfile.mkdtemp(prefix="gwpg"))
    folder.chmod(0o755)
    server = PostgresProcess(folder).start() if kind == "postgresql" else None
    try:
        yield folder, [server.new_database() if server is not None else "" for _ in range(number)], server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def enumerate_all(kind: str, seed: int, share: float, processes: int, *, every: bool, until: float) -> list[Judged]:
    """Run every combination (or a share of them) on one kind of database, behind a progress bar.

    No case is begun after `until`, of the monotonic clock; how far it came is said, and what is found at once.
    """
    luck = random.Random(seed)
    chosen = combinations()
    luck.shuffle(chosen)
    chosen = chosen[: max(1, round(len(chosen) * share))]
    judged: list[Judged] = []
    context = multiprocessing.get_context("fork")
    with databases(kind, processes) as (_, urls, _):
        waiting = context.SimpleQueue()
        for url in urls:
            waiting.put(url)
        with (
            ProcessPoolExecutor(processes, context, _begin, (waiting,)) as pool,
            click.progressbar(length=len(chosen), label=f"{kind:<10}", show_pos=True) as bar,
        ):
            begun = 0
            for found in pool.map(_run, [(case, seed, every, until) for case in chosen]):
                judged += found
                begun += bool(found)
                bar.update(1)
                for each in found:
                    for wrong in each.verdict.findings:
                        click.echo(f"\n{kind}, {each.case}: {wrong}")
    click.echo(f"{kind}: {begun} of {len(chosen)} combinations begun")
    return judged


def _begin(waiting: multiprocessing.SimpleQueue[str]) -> None:
    """Make this worker's bench."""
    logging.disable(logging.CRITICAL)
    folder = Path(tempfile.mkdtemp(prefix="faults"))
    multiprocessing.util.Finalize(None, shutil.rmtree, (folder, True), exitpriority=1)
    _bench.append(Bench(waiting.get() or f"sqlite:///{folder / 'gateway.db'}", folder))


def _run(given: tuple[Case, int, bool, float]) -> list[Judged]:
    """Run one combination: without a crash, then with each; nothing where it is too late to begin."""
    case, seed, every, until = given
    if time.monotonic() > until:
        return []
    points, verdict = _bench[0].points(case)
    luck = random.Random(f"{seed}: {case}")
    judged = [Judged(case, verdict)]
    for each in crashes(case, points, luck, every=every):
        if time.monotonic() > until:
            break
        judged.append(Judged(each, _judged(each)))
    return judged


def _judged(case: Case) -> Verdict:
    """Run one case; a process that breaks is a finding, and the others go on."""
    try:
        return _bench[0].run(case)
    except RuntimeError as error:
        return Verdict(wrong=[str(error)])
