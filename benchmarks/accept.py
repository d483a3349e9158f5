"""Deliveries accepted a second by the real web process while apply drains beside it.

The measure of it is a do-nothing Flask view under the same server that only checks the same signature. A naive view
that commits each request by itself, drained alike, stands beside. The three take turns; each counts with its best.
"""

from __future__ import annotations

import msgspec

from benchmarks.lab import HOOK, Generator, Lab
from benchmarks.load import Order, Told, answerer
from benchmarks.report import Measure, Progress, percentile

STAGE = "accept"
ROUNDS = 3
SECONDS = 4.0
CLIENTS = 64
KINDS = ("do-nothing", "gateway", "commit-each")
STEPS = ROUNDS * len(KINDS) + 1
#: more than any of them takes
_PREPARED = 24_000


class Run(msgspec.Struct, frozen=True):
    """One round of one kind."""

    rate: float
    p50: float
    p99: float
    busy: float
    #: deliveries that apply settled meanwhile, a second
    applied: float = 0.0
    refused: int = 0


def run(progress: Progress) -> list[Measure]:
    """Measure."""
    ceiling = _ceiling(progress)
    found: dict[str, list[Run]] = {kind: [] for kind in KINDS}
    for number in range(ROUNDS):
        for kind in KINDS:
            progress.step(f"{kind}, round {number + 1}")
            found[kind].append(_run(kind))
    best = {kind: max(runs, key=lambda each: each.rate) for kind, runs in found.items()}
    nothing, ours, naive = best["do-nothing"], best["gateway"], best["commit-each"]
    share, slowest = ours.rate / nothing.rate, min(each.p99 for each in found["gateway"])
    beside = f"apply settles {ours.applied:.0f}/s beside it"
    return [
        Measure(STAGE, "load generator's ceiling", ceiling.rate, "/s", note=f"it used {ours.busy:.0%} of a processor"),
        Measure(STAGE, "do-nothing view", nothing.rate, "/s", note=_latency(nothing)),
        Measure(STAGE, "gateway", ours.rate, "/s", note=f"{_latency(ours)}; {beside}{_refused(ours)}", bounds=True),
        Measure(STAGE, "gateway's share of do-nothing", share, "share", "0.5", share >= 0.5),
        Measure(STAGE, "gateway's p99, best round", slowest * 1000, "ms", "under 100 ms", slowest < 0.1),
        Measure(STAGE, "commit per request", naive.rate, "/s", note=f"{_latency(naive)}{_refused(naive)}"),
        Measure(STAGE, "its share of do-nothing", naive.rate / nothing.rate, "share"),
    ]


def _run(kind: str) -> Run:
    with Lab() as lab:
        lab.redis()
        store = lab.prepared().store
        if kind == "gateway":
            lab.role("web")
        else:
            lab.serve(kind)
        if kind != "do-nothing":
            lab.role("apply")
        _generate(lab.port, lab.secret, seconds=0.5, prepared=200)
        with store.read() as tx:
            before = tx.view.counts()
        told = _generate(lab.port, lab.secret, seconds=SECONDS, prepared=_PREPARED)
        with store.read() as tx:
            after = tx.view.counts()
        store.close()
    if not told.statuses.get(200):
        msg = f"{kind} accepted nothing: {told.statuses}"
        raise RuntimeError(msg)
    settled = after.get("deliveries_applied", 0) - before.get("deliveries_applied", 0)
    return _of(told, settled / told.seconds)


def _generate(port: int, secret: str, *, seconds: float, prepared: int) -> Told:
    return Generator(Order(port, HOOK, secret, seconds, clients=CLIENTS, prepared=prepared)).go()


def _ceiling(progress: Progress) -> Run:
    """Let the generator loose on a server that reads nothing: it must be far above everything else."""
    progress.step("the load generator itself")
    port, stop = answerer()
    try:
        return _of(_generate(port, "secret", seconds=1.5, prepared=_PREPARED))
    finally:
        stop()


def _of(told: Told, applied: float = 0.0) -> Run:
    good = told.statuses.get(200, 0)
    return Run(
        good / told.seconds,
        percentile(told.latencies, 0.5),
        percentile(told.latencies, 0.99),
        told.busy,
        applied,
        sum(told.statuses.values()) - good,
    )


def _latency(run: Run) -> str:
    return f"p50 {run.p50 * 1000:.0f} ms, p99 {run.p99 * 1000:.0f} ms"


def _refused(run: Run) -> str:
    return f"; {run.refused} not answered 200" if run.refused else ""
