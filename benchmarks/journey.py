"""From a webhook to its effect in the other desk: the whole `gateway up`, and plain Flask + RQ with Retry beside it.

First a burst shows what the whole carries, with all stages, both desks and the load generator on the same processors.
Then webhooks arrive at half the rate of the slowest stage (open loop: whatever becomes of them), and are timed from
when they were due until the effect at the simulated RT. RT tells the gateway of every change by webhooks of its own,
as the real one does; the naive relay does not have to hear them.
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
STEPS = 6
_SEED_RATE = 25.0
_BURST_RATE = 250.0
_BURST_SECONDS = 2.0
_PATIENCE = 40.0
_TOKEN = re.compile(r"\[b(\d{7})\]")


class Journeys(msgspec.Struct, frozen=True):
    """How long the journeys took, in seconds, and how many had no effect of their own in time."""

    took: list[float]
    missing: int
    told: Told
    #: journeys a second, until nothing of them is left to do
    rate: float = 0.0


class Whole(msgspec.Struct, frozen=True):
    """One system: what it carries in a burst, and how it does at a steady rate."""

    burst: Journeys
    steady: Journeys
    rate: float


def run(
    progress: Progress, rate: float | None = None, new_database: Callable[[], str] = str, name: str = "SQLite"
) -> list[Measure]:
    """Measure at `rate` webhooks a second, else at half of what the burst showed; the naive relay beside SQLite."""
    ours = measure(rate, lambda lab: lab.up(), progress, new_database(), webhooks=True)
    systems = [(ours, f"gateway up, {name}")]
    if new_database is str:
        systems.append((measure(ours.rate, _naive, progress), "Flask + RQ"))
    found = []
    for whole, whose in systems:
        p50, p99 = (percentile(whole.steady.took, share) * 1000 for share in (0.5, 0.99))
        aim, met = ("under 1 s", p99 < 1000 and not whole.steady.missing) if whole is ours else ("", None)
        found += [
            Measure(STAGE, f"{whose}, burst", whole.burst.rate, "/s", note=_note(whole.burst)),
            Measure(STAGE, f"{whose}, p50", p50, "ms", note=f"at {whole.rate:.0f}/s for {SECONDS:.0f} s"),
            Measure(STAGE, f"{whose}, p99", p99, "ms", aim, met, _note(whole.steady)),
        ]
    return found


def measure(
    rate: float | None,
    start: Callable[[Lab], None],
    progress: Progress,
    database_url: str = "",
    *,
    webhooks: bool = False,
) -> Whole:
    """Measure one system."""
    with Lab(database_url) as lab:
        progress.step("starting")
        rt = lab.desk(RT, webhooks=webhooks)
        lab.desk(ZENDESK)
        start(lab)
        seeds = Order(
            lab.port, HOOK, lab.secret, KNOWN / _SEED_RATE, rate=_SEED_RATE, first=1000, number=1000, sorts=("created",)
        )
        _look(rt, Generator(seeds).go())
        progress.step("a burst")
        order = msgspec.structs.replace(seeds, known=KNOWN, number=100_000, rate=_BURST_RATE, seconds=_BURST_SECONDS)
        # changes of a field that wait become one: they cannot be counted here
        began = time.monotonic()
        burst = _look(rt, Generator(msgspec.structs.replace(order, sorts=("created", "comment"))).go())
        if webhooks:
            _until_quiet(lab)
        burst = msgspec.structs.replace(burst, rate=len(burst.took) / (time.monotonic() - began))
        speed = rate or burst.rate / 2
        progress.step(f"{speed:.0f} webhooks a second")
        order = msgspec.structs.replace(
            order, rate=speed, seconds=SECONDS, number=200_000, sorts=("created", "comment", "title")
        )
        return Whole(burst, _look(rt, Generator(order).go()), speed)


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


def _until_quiet(lab: Lab) -> None:
    """Wait until what RT told of our own writes is applied as well: it is part of what a journey costs."""
    store = lab.gateway().store
    until = time.monotonic() + _PATIENCE
    quiet = 0
    while quiet < 3 and time.monotonic() < until:
        with store.read() as tx:
            quiet = 0 if tx.inbox.pending() else quiet + 1
        time.sleep(0.05)
    store.close()


def _naive(lab: Lab) -> None:
    lab.redis()
    lab.serve("rq")
    for _ in range(2):
        lab.run((sys.executable, "-m", "benchmarks.naive"))


def _note(journeys: Journeys) -> str:
    refused = sum(count for status, count in journeys.told.statuses.items() if status != 200)
    notes = [f"{refused} not answered 200"] if refused else []
    if journeys.missing:
        notes.append(f"{journeys.missing} without an effect in time")
    return "; ".join(notes)
