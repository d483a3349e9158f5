"""Starts a private Request Tracker 5: SQLite in a folder of its own, a free port, our own set-up and scrip.

Nothing of the system's RT is touched, and only processes that were started here are stopped, by their ids.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import Any, Self

from tests.prepared import prepared

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path("/usr/share/request-tracker5/lib")
SERVER = Path("/usr/share/request-tracker5/libexec/rt-server")
SETUP = ROOT / "connectors" / "request_tracker" / "rt" / "setup.pl"
PEOPLE = Path(__file__).with_name("rt_people.pl")
#: where the scrip reads the address and the secret
SETTINGS = "desk-gateway.json"

CONFIG = """\
Set($rtname, 'rt.test'); Set($Organization, 'rt.test');
Set($CorrespondAddress, 'rt@rt.test'); Set($CommentAddress, 'comment@rt.test');
Set($WebDomain, '127.0.0.1'); Set($WebPort, {port}); Set($WebPath, ''); Set($WebBaseURL, 'http://127.0.0.1:{port}');
Set($Timezone, '{timezone}');
Set($DatabaseType, 'SQLite'); Set($DatabaseName, '{state}/rt.db');
Set($MailCommand, 'sendmailpipe'); Set($SendmailPath, '{state}/sendmail');
Set($LogToSyslog, undef); Set($LogToFile, undef); Set($LogToSTDERR, 'warning');
Set($WebSecureCookies, 0); Set($RestrictReferrer, 0);
# a lifecycle of a site's own: none of its words are those of RT's default one
Set(%Lifecycles, field => {
    initial => ['received'], active => ['in progress', 'waiting'], inactive => ['done', 'dropped'],
    defaults => { on_create => 'received' },
    transitions => {
        '' => ['received', 'in progress'], received => ['in progress', 'waiting', 'done', 'dropped'],
        'in progress' => ['waiting', 'done', 'dropped', 'received'], waiting => ['in progress', 'done', 'dropped'],
        done => ['in progress'], dropped => ['in progress'],
    },
});
# RT checks passwords and tokens on every call; its default cost takes 0.3 s of processor each time
Set($BcryptCost, 5);
$RT::MasonDataDir = '{state}/mason';
1;
"""


def missing() -> str:
    """Return why a real RT cannot be started here, or an empty string."""
    needed = (LIBRARY / "RT.pm", SERVER)
    absent = [str(path) for path in needed if not path.exists()]
    absent += [name for name in ("perl", "rt-setup-database-5") if shutil.which(name) is None]
    return f"Request Tracker 5 is not installed (no {', '.join(absent)}): tests/desks/install.sh" if absent else ""


class RtServer:
    """One running RT; `tokens` are those of gateway, agent1, agent2 and root.

    Its database is a copy of one that is made once for `shared`, a folder of the whole run.
    """

    def __init__(self, state: Path, shared: Path, *, timezone: str = "America/New_York") -> None:
        self.state = state
        self._shared = shared
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.webhook_secret = secrets.token_hex(16)
        self.tokens: dict[str, str] = {}
        self._timezone = timezone
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **os.environ,
            "RT_SITE_CONFIG": str(state / "RT_SiteConfig.pm"),
            "RT_SITE_CONFIG_DIR": "/dev/null",
            "PERL5LIB": str(LIBRARY),
        }

    def start(self) -> Self:
        """Copy a database in which RT is set up, and serve; who has to make it takes some five seconds."""
        self._write_files()
        made = prepared(self._shared, "rt-made", lambda folder: RtServer(folder, self._shared)._make())
        shutil.copyfile(made / "rt.db", self.state / "rt.db")
        self.tokens = json.loads((made / "tokens.json").read_text(encoding="utf-8"))
        with closing(sqlite3.connect(self.state / "rt.db")) as database, database:
            # the one thing in it that names its folder: where the scrip reads its settings
            moved = "UPDATE Scrips SET CustomCommitCode = replace(CustomCommitCode, ?, ?)"
            database.execute(moved, (str(made / SETTINGS), str(self.state / SETTINGS)))
        return self.serve()

    def _make(self) -> None:
        """Make the database and set RT up."""
        self._write_files()
        self._run(
            "rt-setup-database-5", "--action", "init", "--dba", "nobody", "--dba-password", "x", "--force",
            "--root-password-file", str(self.state / "root.pw"),
        )  # fmt: skip
        tokens = self._run("perl", str(PEOPLE)).splitlines()[-1]
        self.setup("--account", "gateway")
        (self.state / "tokens.json").write_text(tokens, encoding="utf-8")

    def serve(self) -> Self:
        """Serve what is there: the second half of the start, and again after a stop or a kill."""
        with (self.state / "rt.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(SERVER), "--server", "Starlet", "--host", "127.0.0.1", "--port", str(self.port),
                    "--max-workers", "3", "--max-reqs-per-child", "5000",
                ],
                env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        self._await()
        return self

    def kill(self) -> None:
        """Kill the server and its workers at once, as a power cut would."""
        process, self._process = self._process, None
        if process is not None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(5)

    def serves(self) -> bool:
        """Say whether it was started and not stopped or killed since."""
        return self._process is not None

    def stop(self) -> None:
        """End the server that was started here, with its workers."""
        process = self._process
        if process is None:
            return
        self._process = None
        for number, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                break
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                continue
        process.wait(5)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def setup(self, *words: str) -> str:
        """Run the set-up script that the project ships and return what it printed."""
        return self._run("perl", str(SETUP), "--config", str(self.state / SETTINGS), *words)

    def point_webhooks(self, url: str) -> None:
        """Send webhooks to `url` from now on; an empty one stops them."""
        settings = {"url": url, "secret": self.webhook_secret, "timeout": 5}
        (self.state / SETTINGS).write_text(json.dumps(settings), encoding="utf-8")

    def call(self, method: str, path: str, payload: Any = None, *, who: str = "agent1") -> Any:
        """Do something through REST as a person; returns the decoded answer, raises on anything but 2xx."""
        request = urllib.request.Request(
            f"{self.url}/REST/2.0{path}",
            data=None if payload is None else json.dumps(payload).encode(),
            method=method,
            headers={
                "Authorization": f"token {self.tokens[who]}",
                "Content-Type": "application/json",
                "User-Agent": "desk-test",
            },
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def perl(self, code: str) -> str:
        """Run a piece of Perl inside this RT, for what REST cannot do."""
        prefix = "use RT; RT::LoadConfig(); RT::Init(); my $system = RT->SystemUser; "
        return self._run("perl", "-e", prefix + code)

    def _write_files(self) -> None:
        self.state.mkdir(parents=True, exist_ok=True)
        (self.state / "mason").mkdir(exist_ok=True)
        config = CONFIG.replace("{port}", str(self.port)).replace("{state}", str(self.state))
        config = config.replace("{timezone}", self._timezone)
        (self.state / "RT_SiteConfig.pm").write_text(config, encoding="utf-8")
        (self.state / "root.pw").write_text("root-pass\n", encoding="utf-8")
        mail = self.state / "sendmail"
        mail.write_text(f"#!/bin/sh\ncat >> {self.state}/mail.mbox\n", encoding="utf-8")
        mail.chmod(0o755)
        self.point_webhooks("")

    def _run(self, *command: str) -> str:
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False, timeout=90)
        if done.returncode:
            msg = f"{command[:3]} ended with {done.returncode}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
            raise RuntimeError(msg)
        return done.stdout

    def _await(self) -> None:
        end = time.monotonic() + 60
        while time.monotonic() < end:
            if self._process is not None and self._process.poll() is not None:
                break
            try:
                self.call("GET", "/rt", who="root")
            except (OSError, urllib.error.URLError):
                time.sleep(0.1)
                continue
            return
        log = (self.state / "rt.log").read_text(encoding="utf-8", errors="replace")[-3000:]
        self.stop()
        msg = f"RT did not start: {log}"
        raise RuntimeError(msg)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
