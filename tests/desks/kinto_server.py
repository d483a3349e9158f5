"""Starts a private Kinto, a real store of records that somebody made a desk of, known by settings alone.

`tests/desks/install.sh` puts it into an environment of its own (`.desks/kinto`), and `KINTO_HOME` names another. It
keeps its records in memory: what ends it ends them. Only the process that was started here is stopped, by its id.
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
import uuid
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "desk-pass-0123"
BUCKET = "/v1/buckets/desk"
COLLECTIONS = f"{BUCKET}/collections"

SETTINGS = """\
[app:main]
use = egg:kinto
kinto.storage_backend = kinto.core.storage.memory
kinto.permission_backend = kinto.core.permission.memory
kinto.cache_backend = kinto.core.cache.memory
kinto.userid_hmac_secret = 0123456789abcdef
kinto.includes = kinto.plugins.accounts kinto_attachment
kinto.attachment.base_path = {folder}
kinto.attachment.base_url = http://127.0.0.1:{port}/attachments/
kinto.attachment.extensions = any
kinto.account_create_principals = system.Everyone
kinto.bucket_create_principals = system.Authenticated
multiauth.policies = account
multiauth.policy.account.use = kinto.plugins.accounts.authentication.AccountsAuthenticationPolicy

[server:main]
use = egg:waitress#main
host = 127.0.0.1
port = {port}

[loggers]
keys = root
[handlers]
keys = console
[formatters]
keys = plain
[logger_root]
level = WARNING
handlers = console
[handler_console]
class = StreamHandler
args = (sys.stderr,)
formatter = plain
[formatter_plain]
format = %(message)s
"""


def program() -> Path | None:
    """Return the command that starts Kinto."""
    home = Path(os.environ.get("KINTO_HOME") or ROOT / ".desks" / "kinto")
    found = home / "bin" / "kinto"
    return found if found.exists() and list(home.glob("lib/python3*/site-packages/kinto_attachment")) else None


def missing() -> str:
    """Return why a real Kinto cannot be started here, or an empty string."""
    return "" if program() else "Kinto is not installed: tests/desks/install.sh, or KINTO_HOME"


class KintoServer:
    """One running Kinto with the collections of a desk; `url` is that of its collections."""

    def __init__(self, state: Path) -> None:
        self.state = state
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}{COLLECTIONS}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Start it and make the desk."""
        command = program()
        assert command is not None, missing()
        files = self.state / "files"
        files.mkdir(parents=True)
        settings = self.state / "kinto.ini"
        settings.write_text(SETTINGS.format(folder=files, port=self.port), encoding="utf-8")
        with (self.state / "desk.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(command), "start", "--ini", str(settings)],
                env={"PATH": os.environ.get("PATH", ""), "HOME": str(self.state), "LC_ALL": "C.UTF-8"},
                cwd=self.state, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        end = time.monotonic() + 60
        while time.monotonic() < end and self._process.poll() is None:
            try:
                self._ask("GET", "/v1/", None, "")
            except OSError:
                time.sleep(0.1)
                continue
            self._make()
            return self
        said = (self.state / "desk.log").read_text(encoding="utf-8", errors="replace")[-3000:]
        self.__exit__()
        msg = f"Kinto did not start: {said}"
        raise RuntimeError(msg)

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        if process is not None:
            process.wait(5)

    def _make(self) -> None:
        for who in ("gateway", "agent1"):
            self._ask("PUT", f"/v1/accounts/{who}", {"data": {"password": PASSWORD}}, "")
        everybody = {"permissions": {"write": ["system.Authenticated"]}}
        self._ask("PUT", BUCKET, everybody, "gateway")
        for name in ("tickets", "notes", "files"):
            self._ask("PUT", f"{COLLECTIONS}/{name}", {}, "gateway")

    def call(self, method: str, path: str, payload: Any = None, *, who: str = "agent1") -> Any:
        """Do something below the collections as a person; returns the record or the list of them."""
        found = self._ask(method, COLLECTIONS + path, None if payload is None else {"data": payload}, who)
        return found["data"]

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool) -> None:
        """Let agent1 put a file on a ticket."""
        about = json.dumps({"ticket": ticket, "public": public})
        edge = "a-boundary-of-the-tests"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="data"\r\n\r\n{about}\r\n--{edge}\r\n'
        head += f'Content-Disposition: form-data; name="attachment"; filename="{name}"\r\n\r\n'
        body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
        path = f"{COLLECTIONS}/files/records/{uuid.uuid4().hex}/attachment"
        self._send("POST", path, body, "agent1", f"multipart/form-data; boundary={edge}")

    def file(self, location: str) -> bytes:
        """Return what the web server in front of it gives for a file's address: Kinto itself gives none."""
        return (self.state / "files" / location.rpartition("/")[2]).read_bytes()

    def _ask(self, method: str, path: str, payload: Any, who: str) -> Any:
        return self._send(method, path, None if payload is None else json.dumps(payload).encode(), who)

    def _send(self, method: str, path: str, body: bytes | None, who: str, kind: str = "application/json") -> Any:
        pair = base64.b64encode(f"{who}:{PASSWORD}".encode()).decode()
        headers = {"Content-Type": kind, **({"Authorization": f"Basic {pair}"} if who else {})}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())
