"""Starts a private Roundup: a template (classic) on SQLite in a folder of its own, on a free port of loopback.

Roundup is a Python program: `tests/desks/install.sh` puts it into an environment of its own (`.desks/roundup`), and
`ROUNDUP_HOME` names another. Only the process that was started here is stopped, by its id.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parents[2]
PASSWORDS = {name: f"{name}-pass-0123" for name in ("admin", "gateway", "agent1", "agent2", "customer")}

#: what docs/connectors/roundup.md tells an admin to add to schema.py, so that the gateway's role sees addresses
ROLE = """
db.security.addRole(name='Gateway', description='Sees the addresses of users')
for _right in ('View', 'Search'):
    db.security.addPermissionToRole('Gateway', _right, 'user')
"""


def home() -> Path | None:
    """Return the folder with Roundup's programs."""
    chosen = os.environ.get("ROUNDUP_HOME")
    places = [Path(chosen) / "bin"] if chosen else [ROOT / ".desks" / "roundup" / "bin"]
    found = shutil.which("roundup-server")
    places += [Path(found).parent] if found else []
    return next((place for place in places if (place / "roundup-server").exists()), None)


def missing() -> str:
    """Return why a real Roundup cannot be started here, or an empty string."""
    return "" if home() else "Roundup is not installed: tests/desks/install.sh, or ROUNDUP_HOME"


class RoundupServer:
    """One running tracker; its url is that of the tracker."""

    def __init__(self, state: Path, template: str = "classic") -> None:
        self.state = state
        self.template = template
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}/bugs"
        self._process: subprocess.Popen[bytes] | None = None
        bin_folder = home()
        assert bin_folder is not None, missing()
        self._bin = bin_folder

    def __enter__(self) -> Self:
        tracker = self.state / "tracker"
        tracker.mkdir(parents=True)
        self._admin("install", self.template, "sqlite")
        self._configure(tracker / "config.ini")
        schema = tracker / "schema.py"
        text = schema.read_text(encoding="utf-8")
        schema.write_text(text + ROLE, encoding="utf-8")
        self._admin("initialise", PASSWORDS["admin"])
        classic = ["timezone=America/New_York"] if self.template == "classic" else []
        for name, password in PASSWORDS.items():
            # in the other templates only developers change what a bug says
            base = "User" if self.template == "classic" else "User,Developer"
            roles = f"{base},Gateway" if name == "gateway" else base
            if name != "admin":
                self._admin(
                    "create", "user", f"username={name}", f"password={password}", f"address={name}@desk.example",
                    f"realname={name.title()}", f"roles={roles}", *classic,
                )  # fmt: skip
        for word in ("printing", "network"):
            self._admin("create", "keyword", f"name={word}")
        self._serve()
        return self

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(5)

    def _configure(self, path: Path) -> None:
        """Set what the installer asks for, and let REST in."""
        wanted = {
            ("tracker", "web"): self.url + "/",
            ("main", "admin_email"): "admin@desk.example",
            ("main", "password_pbkdf2_default_rounds"): "1000",
            ("mail", "domain"): "desk.example",
            ("mail", "host"): "127.0.0.1",
            # mails are written into a file instead of being sent
            ("mail", "debug"): str(self.state / "mail.mbox"),
            ("web", "enable_rest"): "yes",
            ("web", "api_failed_login_limit"): "0",
        }
        section, lines = "", []
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                section = line.strip("[]")
            name = line.lstrip("# ").partition("=")[0].strip()
            value = wanted.pop((section, name), None) if "=" in line else None
            lines.append(line if value is None else f"{name} = {value}")
        # trackers before 2.4 count no failed logins
        wanted.pop(("web", "api_failed_login_limit"), None)
        assert not wanted, wanted
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")

    def _admin(self, *words: str) -> None:
        command = [str(self._bin / "roundup-admin"), "-i", str(self.state / "tracker"), *words]
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=90, stdin=subprocess.DEVNULL
        )
        if done.returncode:
            msg = f"{words[:2]} ended with {done.returncode}: {done.stdout[-2000:]} {done.stderr[-2000:]}"
            raise RuntimeError(msg)

    def _serve(self) -> None:
        """Serve; as root Roundup starts only where it is told so (`-u`)."""
        root = ["-u", "root"] if os.getuid() == 0 else []
        with (self.state / "roundup.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    str(self._bin / "roundup-server"), "-n", "127.0.0.1", "-p", str(self.port), "-t", "thread", *root,
                    f"bugs={self.state / 'tracker'}",
                ],
                env={**os.environ, "HOME": str(self.state)}, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 60
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with urllib.request.urlopen(f"{self.url}/rest/", timeout=5):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        said = (self.state / "roundup.log").read_text(encoding="utf-8", errors="replace")[-3000:]
        self.__exit__()
        msg = f"Roundup did not start: {said}"
        raise RuntimeError(msg)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
