"""Starts a private Directus: the tables of docs/connectors/generic.md, two people, and a Flow that sends webhooks.

It is large (npm takes minutes), so nothing installs it: `DIRECTUS_HOME` names a folder in which somebody has said
`npm install directus@11`. Only the process that was started here is stopped, by its id.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

#: the documented body of a webhook
PAGE = Path(__file__).resolve().parents[2] / "docs" / "connectors" / "generic.md"
BODY = next(line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith('{"event": "{{$trigger'))

ADMIN = "admin-of-the-tests-0123"
TOKENS = {"gateway": "gateway-token-0123456789", "agent1": "agent1-token-0123456789", "agent2": "agent2-token-0123"}

TEXT = {"type": "string"}
TIME = {"type": "timestamp"}
KEY = {**TEXT, "schema": {"is_unique": True}}
NUMBER = {"type": "integer", "schema": {"is_primary_key": True, "has_auto_increment": True}}
TABLES: dict[str, dict[str, dict[str, Any]]] = {
    "tickets": {
        "id": NUMBER, "title": TEXT, "text": {"type": "text"}, "status": TEXT, "urgency": {"type": "integer"},
        "customer": TEXT, "agent": TEXT, "labels": {"type": "json", "meta": {"special": ["cast-json"]}},
        "gateway_key": KEY, "date_created": {**TIME, "meta": {"special": ["date-created"]}},
        "date_updated": {**TIME, "meta": {"special": ["date-updated"]}},
    },
    "messages": {
        "id": NUMBER, "ticket": {"type": "integer"}, "text": {"type": "text"}, "gateway_key": KEY,
        "public": {"type": "boolean", "meta": {"special": ["cast-boolean"]}},
        "user_created": {"type": "uuid", "meta": {"special": ["user-created"]}},
        "date_created": {**TIME, "meta": {"special": ["date-created"]}},
        "files": {"type": "alias", "meta": {"special": ["files"]}},
    },
    "messages_files": {"id": NUMBER, "messages_id": {"type": "integer"}, "directus_files_id": {"type": "uuid"}},
}  # fmt: skip
RELATIONS = [
    {"collection": "messages", "field": "ticket", "related_collection": "tickets", "meta": {"one_field": "messages"}},
    {
        "collection": "messages_files", "field": "messages_id", "related_collection": "messages",
        "meta": {"one_field": "files", "junction_field": "directus_files_id"},
    },
    {
        "collection": "messages_files", "field": "directus_files_id", "related_collection": "directus_files",
        "meta": {"junction_field": "messages_id"},
    },
]  # fmt: skip


def program() -> Path | None:
    """Return the command that starts Directus."""
    home = os.environ.get("DIRECTUS_HOME")
    found = Path(home, "node_modules", ".bin", "directus") if home else None
    return found if found is not None and found.exists() else None


def missing() -> str:
    """Return why a real Directus cannot be started here, or an empty string."""
    return "" if program() else "Directus is not installed: npm install directus@11, and DIRECTUS_HOME names the folder"


class DirectusServer:
    """One running Directus with the tables of a desk."""

    def __init__(self, state: Path) -> None:
        self.state = state
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self.secret = secrets.token_hex(16)
        self._process: subprocess.Popen[bytes] | None = None
        self._flows: list[str] = []

    def __enter__(self) -> Self:
        """Make the database, start it and make the tables."""
        self.state.mkdir(parents=True, exist_ok=True)
        command = program()
        assert command is not None, missing()
        about = {
            "PATH": os.environ.get("PATH", ""), "HOME": str(self.state), "HOST": "127.0.0.1", "PORT": str(self.port),
            "PUBLIC_URL": self.url, "SECRET": secrets.token_hex(16), "DB_CLIENT": "sqlite3",
            "DB_FILENAME": str(self.state / "data.db"), "ADMIN_EMAIL": "admin@example.com",
            "ADMIN_PASSWORD": secrets.token_hex(16), "ADMIN_TOKEN": ADMIN, "TELEMETRY": "false",
            "STORAGE_LOCAL_ROOT": str(self.state / "files"), "EXTENSIONS_PATH": str(self.state / "extensions"),
            "IMPORT_IP_DENY_LIST": "", "LOG_LEVEL": "warn",
        }  # fmt: skip
        for name in ("files", "extensions"):
            (self.state / name).mkdir(exist_ok=True)
        with (self.state / "desk.log").open("ab") as log:
            given: dict[str, Any] = {"env": about, "cwd": self.state, "stdout": log, "stderr": log}
            subprocess.run([str(command), "bootstrap"], check=True, timeout=120, **given)
            self._process = subprocess.Popen(
                [str(command), "start"], stdin=subprocess.DEVNULL, start_new_session=True, **given
            )
        end = time.monotonic() + 60
        while time.monotonic() < end and self._process.poll() is None:
            try:
                self.call("GET", "/users/me", who="")
            except OSError:
                time.sleep(0.2)
                continue
            self._make()
            return self
        said = (self.state / "desk.log").read_text(encoding="utf-8", errors="replace")[-3000:]
        self.__exit__()
        msg = f"Directus did not start: {said}"
        raise RuntimeError(msg)

    def __exit__(self, *_: object) -> None:
        process, self._process = self._process, None
        if process is not None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        if process is not None:
            process.wait(5)

    def call(self, method: str, path: str, payload: Any = None, *, who: str = "agent1") -> Any:
        """Do something as a person, or as the administrator; returns the data of the answer."""
        body = None if payload is None else json.dumps(payload).encode()
        answer = self._send(method, path, body, who, "application/json")
        return json.loads(answer)["data"] if answer else None

    def attach(self, ticket: str, name: str, data: bytes, *, public: bool) -> None:
        """Let agent1 say something with a file."""
        edge = "a-boundary-of-the-tests"
        head = f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'
        body = f"{head}Content-Type: application/octet-stream\r\n\r\n".encode() + data + f"\r\n--{edge}--\r\n".encode()
        made = json.loads(self._send("POST", "/files", body, "agent1", f"multipart/form-data; boundary={edge}"))
        given = {"ticket": int(ticket), "text": "", "public": public}
        self.call("POST", "/items/messages", {**given, "files": [{"directus_files_id": made["data"]["id"]}]})

    def file(self, identity: str) -> bytes:
        """Return the bytes of a file."""
        return self._send("GET", f"/assets/{identity}", None, "agent1", "")

    def point_webhooks(self, url: str) -> None:
        """Let two Flows tell this address of every new and changed ticket and of every new message; empty: none."""
        while self._flows:
            self.call("DELETE", f"/flows/{self._flows.pop()}", who="")
        if not url:
            return
        sent = {
            "method": "POST",
            "url": url,
            "headers": [{"header": "X-Desk-Secret", "value": self.secret}],
            "body": BODY,
        }
        for table, scope in (("tickets", ["items.create", "items.update"]), ("messages", ["items.create"])):
            options = {"type": "action", "scope": scope, "collections": [table]}
            flow = {"name": f"Gateway: {table}", "status": "active", "trigger": "event", "accountability": None}
            made = self.call("POST", "/flows", {**flow, "options": options}, who="")["id"]
            self._flows.append(made)
            step = {"name": "Tell", "key": "tell", "type": "request", "position_x": 20, "position_y": 1, "flow": made}
            first = self.call("POST", "/operations", {**step, "options": sent}, who="")["id"]
            self.call("PATCH", f"/flows/{made}", {"operation": first}, who="")

    def _make(self) -> None:
        for table, fields in TABLES.items():
            rows = [{"field": name, **about} for name, about in fields.items()]
            self.call("POST", "/collections", {"collection": table, "schema": {}, "meta": {}, "fields": rows}, who="")
        self.call(
            "POST", "/fields/tickets", {"field": "messages", "type": "alias", "meta": {"special": ["o2m"]}}, who=""
        )
        for relation in RELATIONS:
            self.call("POST", "/relations", relation, who="")
        role = self.call("GET", "/users/me?fields=role", who="")["role"]
        for name, token in TOKENS.items():
            about = {"first_name": name, "email": f"{name}@example.com", "token": token, "role": role}
            self.call("POST", "/users", about, who="")

    def _send(self, method: str, path: str, body: bytes | None, who: str, kind: str) -> bytes:
        headers = {"Authorization": f"Bearer {TOKENS[who] if who else ADMIN}"}
        if kind:
            headers["Content-Type"] = kind
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: bytes = answer.read()
        return found
