"""From a webhook to its effect in the other desk: the whole `gateway up`, and plain Flask + RQ with Retry beside it.

Webhooks arrive at a steady rate whatever becomes of them (open loop), and are timed from when they were due until the
effect at the simulated RT. RT tells the gateway of every change by webhooks of its own, as the real one does.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable
from datetime import datetime

import msgspec

from benchmarks.lab import HOOK, RT, ZENDESK, Desk, Generator, Lab
from benchmarks.load import Order, Told
from benchmarks.report import Measure, Progress, percentile

STAGE = "journey"
SECONDS = 20.0
#: tickets that exist in both desks before, so many that few updates of one ticket meet
KNOWN = 121
STEPS = 4
_SEED_RATE = 25.0
_PATIENCE = 40.0
_TOKEN = re.compile(r"\[b(\d{7})\]")


class Journeys(msgspec.Struct, frozen=True):
    """How long the journeys took, in seconds, and how many had no effect of their own in time."""

    took: list[float]
    missing: int
    told: Told


def run(progress: Progress, rate: float, database_url: str = "", name: str = "SQLite") -> list[Measure]:
    """Measure both at `rate` webhooks a second."""
    progress.step("gateway up")
    ours = measure(rate, lambda lab: lab.up(), progress, database_url, webhooks=True)
    progress.step("Flask + RQ")
    naive = measure(rate, _naive, progress)
    whose = f"gateway up, {name}"
    p99 = percentile(ours.took, 0.99)
    return [
        Measure(STAGE, f"{whose}, p50", percentile(ours.took, 0.5) * 1000, "ms", note=_note(ours, rate)),
        Measure(STAGE, f"{whose}, p99", p99 * 1000, "ms", "under 1 s", p99 < 1.0 and not ours.missing),
        Measure(STAGE, "Flask + RQ, p50", percentile(naive.took, 0.5) * 1000, "ms", note=_note(naive, rate)),
        Measure(STAGE, "Flask + RQ, p99", percentile(naive.took, 0.99) * 1000, "ms"),
    ]


def measure(
    rate: float, start: Callable[[Lab], None], progress: Progress, database_url: str = "", *, webhooks: bool = False
) -> Journeys:
    """Return the journeys of one system."""
    with Lab(database_url) as lab:
        rt = lab.desk(RT, webhooks=webhooks)
        lab.desk(ZENDESK)
        start(lab)
        order = Order(lab.port, HOOK, lab.secret, KNOWN / _SEED_RATE, rate=_SEED_RATE, first=1000, creating=True)
        _look(rt, Generator(order).go())
        progress.step(f"{rate:.0f} webhooks a second for {SECONDS:.0f} s")
        order = msgspec.structs.replace(order, rate=rate, seconds=SECONDS, creating=False, known=KNOWN, number=100_000)
        return _look(rt, Generator(order).go())


def _look(rt: Desk, told: Told) -> Journeys:
    """Wait until every webhook has had its effect, or nothing comes any more."""
    due = dict(told.sent)
    took: list[float] = []
    until = time.monotonic() + _PATIENCE
    while due and time.monotonic() < until:
        for effect in rt.news():
            mark = _TOKEN.search(str(effect["detail"]))
            number = int(mark[1]) if mark else -1
            if number in due:
                took.append(datetime.fromisoformat(effect["at"]).timestamp() - due.pop(number))
        time.sleep(0.1)
    return Journeys(took, len(due), told)


def _naive(lab: Lab) -> None:
    lab.redis()
    lab.serve("rq")
    for _ in range(2):
        lab.run((sys.executable, "-m", "benchmarks.naive"))


def _note(journeys: Journeys, rate: float) -> str:
    refused = sum(count for status, count in journeys.told.statuses.items() if status != 200)
    note = f"{rate:.0f}/s for {SECONDS:.0f} s"
    if refused:
        note += f"; {refused} not answered 200"
    return f"{note}; {journeys.missing} without an effect in time" if journeys.missing else note
