"""Runs a simulated desk as a process of its own, for demos, benchmarks and tests that kill things."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Callable, Sequence

from connectors.testing.desk import SimulatedDesk
from connectors.testing.faults import FaultKind


def serve(make: Callable[..., SimulatedDesk], title: str, argv: Sequence[str] | None = None) -> int:
    """Serve the desk that `make` makes until SIGTERM or Ctrl-C; its first line of output is its address."""
    parser = argparse.ArgumentParser(description=title)
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--webhook-url", default="", help="where the desk's webhooks go; none are sent without")
    parser.add_argument("--webhook-secret", default="", help="what they are signed with")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--seed", type=int, default=0, help="of whatever happens by chance")
    given = parser.parse_args(argv)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    desk = make(port=given.port, seed=given.seed, webhook_url=given.webhook_url, webhook_secret=given.webhook_secret)
    # a desk that refuses connections cannot be told over one to accept them again
    signal.signal(signal.SIGUSR1, lambda *_: desk.accept())
    if given.latency:
        desk.fault(FaultKind.LATENCY, seconds=given.latency, count=None)
    with desk:
        sys.stdout.write(f"{desk.url}\n")
        sys.stdout.flush()
        stopped.wait()
    return 0
