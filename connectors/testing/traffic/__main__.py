"""Runs the traffic until SIGTERM or Ctrl-C. A desk that is away is tried again: others restart it."""

from __future__ import annotations

import argparse
import random
import signal
import sys
import threading

from connectors.testing.traffic.desks import DeskError, RequestTracker, Zendesk
from connectors.testing.traffic.life import Life
from connectors.testing.traffic.stories import load
from connectors.testing.traffic.weather import brew

_AWAY_SECONDS = 2.0


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m connectors.testing.traffic", description=__doc__)
    parser.add_argument("--zendesk", required=True, help="address of the simulated Zendesk")
    parser.add_argument("--rt", required=True, help="address of the simulated Request Tracker")
    parser.add_argument("--rate", type=float, default=1.0, help="actions a second (1)")
    parser.add_argument("--seed", type=int, default=0, help="of every choice (0)")
    given = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    zendesk, rt = Zendesk(given.zendesk), RequestTracker(given.rt)
    life = Life(zendesk, rt, load(), given.seed)
    pace = random.Random(given.seed)  # noqa: S311 - people are not regular
    brewed = False
    while not stopped.is_set():
        try:
            if not brewed:
                brew(zendesk, rt)
                brewed = True
            life.step()
        except DeskError as error:
            sys.stderr.write(f"traffic: {error}\n")
            if not brewed:
                stopped.wait(_AWAY_SECONDS)
        stopped.wait(pace.uniform(0.4, 1.6) / given.rate)
    return 0


if __name__ == "__main__":
    sys.exit(main())
