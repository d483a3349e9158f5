"""A site in a folder of its own, and its processes as `gateway up` runs them, each only where a stage needs it."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from benchmarks.load import Order, Told
from connectors.request_tracker.simulated.reading import TOKENS
from connectors.testing.traffic.desks import SimulatorClient
from gateway.bootstrap import Gateway, build
from gateway.cli.plan import Plan, answers, free_port, processes
from gateway.cli.running import WEB_THREADS, WEB_WORKERS
from gateway.config import Settings
from gateway.embedded import Server, find_server
from gateway.lifeline import before_exec
from gateway.supervisor import Process
from rules.examples import example

ROOT = Path(__file__).parent.parent
ZENDESK, RT = "acme-zendesk", "engineering-rt"
HOOK = f"/hooks/{ZENDESK}"
RULE = "incidents-and-billing-to-rt"


class Desk(SimulatorClient):
    """A simulated desk in a process of its own."""

    def requests(self) -> int:
        """Count the requests that it has answered."""
        return len(self._ask("GET", "/_sim/journal")["journal"])

    def slow(self, seconds: float) -> None:
        """Let every answer take so long from now on."""
        self.fault(kind="latency", seconds=seconds, count=None)


class Lab:
    """The demo's site, polled once a minute, with the database that is asked for."""

    def __init__(self, database_url: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gateway-bench-"))
        first = secrets.choice(range(20_000, 29_000, 100))
        self.port, self._zendesk, self._rt = free_port(first), free_port(first + 30), free_port(first + 60)
        self.secret = secrets.token_hex(20)
        self._made: list[tuple[subprocess.Popen[bytes], float]] = []
        state = self.folder / ".gateway"
        state.mkdir(mode=0o700)
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("GATEWAY_", "REDIS_URL"))},
            "GATEWAY_SITE": str(self.folder),
            "GATEWAY_LOG_LEVEL": "WARNING",
            "DEMO_ZENDESK_URL": f"http://127.0.0.1:{self._zendesk}",
            "DEMO_ZENDESK_TOKEN": secrets.token_hex(20),
            "DEMO_ZENDESK_SECRET": self.secret,
            "DEMO_RT_URL": f"http://127.0.0.1:{self._rt}",
            "DEMO_RT_TOKEN": TOKENS["gateway"],
            "DEMO_RT_SECRET": secrets.token_hex(20),
        }
        if database_url:
            self.env["GATEWAY_DATABASE_URL"] = database_url
        for name, text in example("demo").items():
            path = self.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text.replace("reconcile_every: 5s", "reconcile_every: 1m"), encoding="utf-8")
        self._state = state
        self._server: Server | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process, _ in reversed(self._made):
            process.terminate()
        for process, patience in reversed(self._made):
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if error is not None:
            sys.stderr.write(self.log()[-3000:])
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self) -> str:
        """Return what the processes have written."""
        path = self.folder / "log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    # -- processes

    def run(
        self, argv: Sequence[str], ready: Callable[[], bool] | None = None, *, env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process and wait until it is ready."""
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                argv,
                cwd=ROOT,
                env=env or self.env,
                stdout=log,
                stderr=log,
                preexec_fn=before_exec(),  # noqa: PLW1509 - the child calls nothing but prctl
            )
        self._made.append((process, 30.0))
        until = time.monotonic() + 30
        while ready is not None and not ready():
            if process.poll() is not None or time.monotonic() > until:
                msg = f"{' '.join(argv[:6])} did not start"
                raise RuntimeError(msg)
            time.sleep(0.05)
        return process

    def redis(self) -> str:
        """Start the doorbell's server; return its address, which every later process is given."""
        self._server = find_server(self._state)
        self.run(self._server.argv, self._server.ready)
        self.env["REDIS_URL"] = self._server.url
        return self._server.url

    def role(self, name: str) -> None:
        """Start one of the gateway's own processes: web, apply, deliver, sweep."""
        self._start(next(each for each in self._plan() if each.name == name))

    def _plan(self) -> list[Process]:
        plan = Plan(
            self.folder, "127.0.0.1", self.port, 1, WEB_WORKERS, WEB_THREADS, self.env.get("REDIS_URL", ""), None
        )
        return processes(plan, self.env)

    def _start(self, process: Process) -> None:
        self.run(process.argv, process.ready, env=dict(process.env or self.env))

    def up(self) -> None:
        """Start everything by one command."""
        argv = (sys.executable, "-m", "gateway.cli", "--site", str(self.folder), "up", "--port", str(self.port))
        self.run(argv, answers("127.0.0.1", self.port))

    def serve(self, what: str) -> None:
        """Start one of the web applications of benchmarks/serve.py under the same server."""
        self.run((sys.executable, "-m", "benchmarks.serve", what, str(self.port)), answers("127.0.0.1", self.port))

    def desk(self, which: str, *, webhooks: bool = False) -> Desk:
        """Start a simulated desk."""
        module, port, word = {
            ZENDESK: ("connectors.zendesk.simulator", self._zendesk, "ZENDESK"),
            RT: ("connectors.request_tracker.simulator", self._rt, "RT"),
        }[which]
        argv = [sys.executable, "-m", module, "--port", str(port)]
        if webhooks:
            argv += ["--webhook-url", f"http://127.0.0.1:{self.port}/hooks/{which}"]
            argv += ["--webhook-secret", self.env[f"DEMO_{word}_SECRET"]]
        self.run(argv, answers("127.0.0.1", port, "/_sim/faults"))
        return Desk(f"http://127.0.0.1:{port}")

    def gateway(self) -> Gateway:
        """Return a gateway of this process on the site's database."""
        return build(Settings.from_env(self.env), self.env)

    def prepared(self) -> Gateway:
        """Bring the database up to date, make the site's files the active release, return a gateway."""
        gateway = self.gateway()
        gateway.activate_folder(author="benchmark")
        return gateway


class Generator:
    """The load generator as a process of its own: prepared first, then let go."""

    def __init__(self, order: Order) -> None:
        self._process = subprocess.Popen(
            (sys.executable, "-m", "benchmarks.load"),
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            preexec_fn=before_exec(),  # noqa: PLW1509 - the child calls nothing but prctl
        )
        self._say(msgspec.json.encode(order))
        self._hear()

    def go(self) -> Told:
        """Let it send, and return what became of it."""
        self._say(b"")
        told = msgspec.json.decode(self._hear(), type=Told)
        self._process.wait()
        return told

    def _say(self, line: bytes) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()

    def _hear(self) -> bytes:
        line = self._process.stdout.readline() if self._process.stdout is not None else b""
        if not line:
            self._process.wait()
            msg = "the load generator ended early"
            raise RuntimeError(msg)
        return line
