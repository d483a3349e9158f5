"""Starts a private Redmine: a copy of Debian's in a folder of its own, SQLite, WEBrick on a free port of loopback.

Nothing of the system's Redmine is read or touched but its program, and only the process that was started here is
stopped, by its id. One thing is added to the copy: a door (`/_desk`, behind a secret) for what Redmine's REST API
cannot do, such as taking a permission from a role, without another start of Rails for each.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

import msgspec

from tests.prepared import prepared

PROGRAM = Path("/usr/share/redmine")
SETUP = Path(__file__).with_name("redmine_setup.rb")

DATABASE = """\
production:
  adapter: sqlite3
  database: {state}/redmine.db
  pool: 10
  timeout: 20000
"""

RACK = """\
require ::File.expand_path("../config/environment", __FILE__)
require "json"
DOOR = lambda do |env|
  next [404, {}, []] unless env["HTTP_X_DESK"] == "{secret}"
  found = Rails.application.executor.wrap { TOPLEVEL_BINDING.eval(env["rack.input"].read.force_encoding("UTF-8")) }
  [200, {"Content-Type" => "application/json"}, [JSON.generate([found])]]
rescue Exception => error
  [500, {"Content-Type" => "text/plain"}, ["#{error.class}: #{error.message}"]]
end
map("/_desk") { run DOOR }
map("/") { run Rails.application }
"""


class Person(msgspec.Struct, frozen=True):
    """Somebody in the private Redmine."""

    id: int
    key: str


class Made(msgspec.Struct, frozen=True):
    """What the set-up made, by name."""

    people: dict[str, Person]
    fields: dict[str, int]
    projects: dict[str, int]


def missing() -> str:
    """Return why a real Redmine cannot be started here, or an empty string."""
    absent = [str(PROGRAM)] if not (PROGRAM / "config" / "application.rb").exists() else []
    absent += [name for name in ("ruby", "bundle") if shutil.which(name) is None]
    absent += [] if list(Path("/usr/share/rubygems-integration").glob("*/specifications/webrick-*")) else ["webrick"]
    return f"Redmine is not installed (no {', '.join(absent)}): tests/desks/install.sh" if absent else ""


class RedmineServer:
    """One running Redmine; `made` tells the keys and numbers of what is in it.

    Its database is a copy of one that is made once for `shared`, a folder of the whole run.
    """

    def __init__(
        self, state: Path, shared: Path, *, formatting: str = "textile", time_zone: str = "America/New_York"
    ) -> None:
        self.state = state
        self._shared = shared
        self._formatting = formatting
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.made = Made({}, {}, {})
        self._secret = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self._app = state / "app"
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
            "HOME": str(state),
            "LC_ALL": "C.UTF-8",
            # its own zone: what it shows must not depend on it
            "TZ": time_zone,
            "RAILS_ENV": "production",
            "REDMINE_INSTANCE": "default",
            "BUNDLE_GEMFILE": str(self._app / "Gemfile"),
            "BUNDLE_SILENCE_ROOT_WARNING": "1",
            "DESK_FORMATTING": formatting,
        }

    def start(self) -> Self:
        """Copy a database that is filled, and serve; who has to make it takes some twenty seconds."""
        name = f"redmine-{self._formatting}-made"
        made = prepared(
            self._shared, name, lambda folder: RedmineServer(folder, self._shared, formatting=self._formatting)._make()
        )
        self._copy()
        self._run("bundle", "install", "--local", "--quiet")
        shutil.copyfile(made / "redmine.db", self.state / "redmine.db")
        self.made = msgspec.json.decode((made / "made.json").read_bytes(), type=Made)
        return self.serve()

    def _make(self) -> None:
        """Make the database and fill it."""
        self._copy()
        self._run("bundle", "install", "--local", "--quiet")
        told = self._run("ruby", str(SETUP)).splitlines()[-1]
        (self.state / "made.json").write_text(told, encoding="utf-8")

    def serve(self) -> Self:
        """Serve what is there: the last part of the start, and again after a stop or a kill."""
        with (self.state / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                ["bundle", "exec", "rackup", "-s", "webrick", "-o", "127.0.0.1", "-p", str(self.port),
                 "-E", "production", "config.ru"],
                env=self._environment, cwd=self._app, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        self._await()
        return self

    def kill(self) -> None:
        """Kill the server at once, as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)

    def serves(self) -> bool:
        """Say whether it was started and not stopped or killed since."""
        return self._process is not None

    def stop(self) -> None:
        """End the server that was started here."""
        process, self._process = self._process, None
        if process is None:
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
                process.wait(5)
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        process.wait(5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def ruby(self, code: str) -> Any:
        """Run a piece of Ruby inside this Redmine, for what REST cannot do; returns its value."""
        request = urllib.request.Request(
            f"{self.url}/_desk", data=code.encode(), method="POST",
            headers={"X-Desk": self._secret, "Content-Type": "text/plain"},
        )  # fmt: skip
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())[0]
        except urllib.error.HTTPError as error:
            msg = f"{code[:80]!r}: {error.read().decode(errors='replace')}"
            raise RuntimeError(msg) from None

    def _copy(self) -> None:
        """Copy the program and give it an instance of its own."""
        self.state.mkdir(parents=True, exist_ok=True)
        ours = shutil.ignore_patterns("Gemfile.lock", "instances", "database.yml", "help", "images")
        shutil.copytree(PROGRAM, self._app, symlinks=True, ignore=ours, copy_function=shutil.copyfile)
        instance = self._app / "instances" / "default"
        for name in ("config", "log", "files", "tmp"):
            (instance / name).mkdir(parents=True)
        (instance / "config" / "database.yml").write_text(DATABASE.format(state=self.state), encoding="utf-8")
        (instance / "config" / "secret_key.txt").write_text(secrets.token_hex(32), encoding="utf-8")
        gems = (self._app / "Gemfile").read_text(encoding="utf-8")
        # it looks for databases in the system's instances: it is to see ours only
        (self._app / "Gemfile").write_text(gems.replace(f"'{PROGRAM}/", f"'{self._app}/"), encoding="utf-8")
        (self._app / "Gemfile.local").write_text('gem "webrick"\n', encoding="utf-8")
        (self._app / "config.ru").write_text(RACK.replace("{secret}", self._secret), encoding="utf-8")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self._environment, cwd=self._app, capture_output=True, text=True, check=False, timeout=240,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            msg = f"{command[:3]} ended with {done.returncode}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
            raise RuntimeError(msg)
        return done.stdout

    def _await(self) -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end and self._process is not None and self._process.poll() is None:
            try:
                self.ruby("1")
            except OSError:
                time.sleep(0.1)
                continue
            return
        log = (self.state / "server.log").read_text(encoding="utf-8", errors="replace")[-3000:]
        self.stop()
        msg = f"Redmine did not start: {log}"
        raise RuntimeError(msg)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
