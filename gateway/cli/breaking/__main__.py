"""Runs the bench of one demo until it is told to stop: `python -m gateway.cli.breaking`, started by `gateway demo`."""

from __future__ import annotations

import argparse
import sys
import threading

from werkzeug.serving import WSGIRequestHandler, make_server

from connectors.testing.traffic.desks import SimulatorClient
from gateway.bootstrap import build
from gateway.cli.breaking.bench import Bench
from gateway.cli.breaking.breaks import Breaker, Tools, ways
from gateway.cli.breaking.oracle import Oracle
from gateway.cli.breaking.page import create_app
from gateway.cli.breaking.verdict import ask_record
from gateway.config import Settings, environment
from gateway.embedded import find_server
from gateway.telemetry import configure
from gateway.web.access import Access

#: Who is on the same machine may come, nobody else: it kills processes.
HOST = "127.0.0.1"


class Quiet(WSGIRequestHandler):
    """Keeps no log of requests: the first one has the token in its address."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Say nothing."""


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(prog="python -m gateway.cli.breaking", description=__doc__)
    parser.add_argument("--port", type=int, required=True, help="port of its page")
    parser.add_argument("--live-page", required=True, help="address of the gateway's own page")
    parser.add_argument("--front", required=True, help="NAME=ADDRESS of the simulated desk where customers write")
    parser.add_argument("--back", required=True, help="NAME=ADDRESS of the one where the gateway makes tickets")
    given = parser.parse_args()
    settings = Settings.from_env(environment())
    configure("WARNING", settings.secrets())
    gateway = build(settings, environment())
    (front, _, front_url), (back, _, back_url) = given.front.partition("="), given.back.partition("=")
    desks = {front: SimulatorClient(front_url), back: SimulatorClient(back_url)}
    redis_url = settings.redis_url or find_server(settings.state).url
    bench = Bench(
        ways((front, back)),
        Breaker(Tools(desks, settings.state, redis_url)),
        desks,
        Oracle(front, back),
        ask_record(gateway.store, front, back),
        gateway.clock,
    )
    threading.Thread(target=bench.run, args=(threading.Event(),), name="bench", daemon=True).start()
    app = create_app(bench, Access(settings.token), gateway.clock, given.live_page)
    make_server(HOST, given.port, app, threaded=True, request_handler=Quiet).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
