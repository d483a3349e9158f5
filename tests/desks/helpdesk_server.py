"""Starts a private django-helpdesk, a real help desk with a REST API that the gateway knows by settings alone.

`tests/desks/install.sh` puts it into an environment of its own (`.desks/helpdesk`), and `HELPDESK_HOME` names another.
Only the process that was started here is stopped, by its id.
"""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

import msgspec

ROOT = Path(__file__).resolve().parents[2]
SITE = Path(__file__).with_name("helpdesk_site.py")


class Made(msgspec.Struct, frozen=True):
    """What the site made: ids by name, and everybody's password."""

    people: dict[str, int]
    queues: dict[str, int]
    password: str


def python() -> Path | None:
    """Return the Python that has django-helpdesk."""
    home = Path(os.environ.get("HELPDESK_HOME") or ROOT / ".desks" / "helpdesk")
    found = home / "bin" / "python"
    return found if list(home.glob("lib/python3*/site-packages/helpdesk")) else None


def missing() -> str:
    """Return why a real django-helpdesk cannot be started here, or an empty string."""
    return "" if python() else "django-helpdesk is not installed: tests/desks/install.sh, or HELPDESK_HOME"


class HelpdeskServer:
    """One running django-helpdesk; `url` is that of its API."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/api"
        self.made = Made({}, {}, "")
        self._process: subprocess.Popen[bytes] | None = None

    def serve(self) -> Self:
        """Start it, or start it again after a kill; the first time makes the database."""
        program = python()
        assert program is not None, missing()
        self.state.mkdir(parents=True, exist_ok=True)
        with (self.state / "desk.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(program), "-W", "ignore", str(SITE), str(self.state), str(self.port)],
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.state), "LC_ALL": "C.UTF-8"},
                cwd=self.state, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 120
        while time.monotonic() < end and self._process.poll() is None:
            try:
                self.made = msgspec.json.decode((self.state / "made.json").read_bytes(), type=Made)
                self.call("GET", "/tickets/")
            except (OSError, msgspec.DecodeError):
                time.sleep(0.1)
                continue
            return self
        said = (self.state / "desk.log").read_text(encoding="utf-8", errors="replace")[-3000:]
        self.kill()
        msg = f"django-helpdesk did not start: {said}"
        raise RuntimeError(msg)

    def kill(self) -> None:
        """Kill it at once, as a power cut would; also the end of its life: it has nothing to put in order."""
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        if process is not None:
            process.wait(5)

    def serves(self) -> bool:
        """Say whether it was started and not killed since."""
        return self._process is not None

    def __enter__(self) -> Self:
        return self.serve()

    def __exit__(self, *_: object) -> None:
        self.kill()

    def call(self, method: str, path: str, payload: Any = None, *, who: str = "agent1") -> Any:
        """Do something through REST as a person; returns the decoded answer, raises on anything but 2xx."""
        pair = base64.b64encode(f"{who}:{self.made.password}".encode()).decode()
        request = urllib.request.Request(
            self.url + path, data=None if payload is None else json.dumps(payload).encode(), method=method,
            headers={"Authorization": f"Basic {pair}", "Content-Type": "application/json"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=60) as answer:
            body = answer.read()
        return json.loads(body) if body else None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
