"""`gateway up` itself, as a person starts it: real processes on a site of its own, for tests that kill them.

Processes are found by what the supervisor's status says and by the site in their environment, and only those are
signalled.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import msgspec

from gateway.cli.plan import free_port
from gateway.store import SqlStore, open_store
from gateway.supervisor.state import ProcessStatus, read_status
from gateway.system import SystemClock, SystemIds
from tests.processes import alive, wait_until

ROOT = Path(__file__).resolve().parents[2]
ZENDESK, RT = "acme-zendesk", "engineering-rt"
ZENDESK_SECRET, RT_SECRET = "zendesk-secret", "rt-secret"
EMAIL, API_TOKEN = "gateway@acme.example", "token"
START_SECONDS = 60.0
STOP_SECONDS = 40.0

GATEWAY = """\
mode: live
connections:
  acme-zendesk:
    connector: zendesk
    url: {zendesk}
    auth: {{email: gateway@acme.example, api_token: "${{ZENDESK_TOKEN}}"}}
    webhook_secret: ${{ZENDESK_SECRET}}
    reconcile_every: 2s
    deadline: {deadline}s
  engineering-rt:
    connector: request_tracker
    url: {rt}
    auth: {{token: "${{RT_TOKEN}}"}}
    webhook_secret: ${{RT_SECRET}}
    reconcile_every: 2s
    deadline: {deadline}s
"""

SYNC = """\
sync:
  - name: all-to-rt
    from: acme-zendesk
    to: engineering-rt
    create: {queue: General}
    fields:
      title: from
      body: from
      priority: both
      status:
        owner: both
        map:
          - {ours: new, theirs: new}
          - {ours: open, theirs: open}
          - {ours: [pending_customer, on_hold], theirs: stalled, back: on_hold}
          - {ours: [resolved, closed], theirs: resolved, back: resolved}
          - {ours: cancelled, theirs: [rejected, deleted], to: rejected}
      comments: {public: both, internal: both}
    unmapped: park
"""


class Written(msgspec.Struct, frozen=True):
    """What an admin writes, beside two desks that every site has."""

    sync: str = SYNC
    #: more of them, for gateway.yaml
    connections: str = ""
    #: more files, by name
    files: Mapping[str, str] = {}
    environment: Mapping[str, str] = {}
    #: of the connections that must be known before anything happens
    names: tuple[str, ...] = (ZENDESK, RT)

    def site(self, *, zendesk: str, rt: str, deadline: int) -> dict[str, str]:
        """Return the files of the site."""
        gateway = GATEWAY.format(zendesk=zendesk, rt=rt, deadline=deadline) + self.connections
        return {"gateway.yaml": gateway, "rules/50-sync.yaml": self.sync, **self.files}


PLAIN = Written()


class Site:
    """A site in `folder` and the gateway that runs it; `with` starts it, and stops it as Ctrl-C would."""

    def __init__(
        self,
        folder: Path,
        *,
        zendesk: str,
        rt: str,
        rt_token: str,
        rt_secret: str = RT_SECRET,
        database_url: str = "",
        deadline: int = 5,
        written: Written = PLAIN,
        workers: int = 1,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.state = folder / ".gateway"
        self.log = folder / "up.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._workers = workers
        self._database_url = database_url
        self._process: subprocess.Popen[bytes] | None = None
        self._seen: set[int] = set()
        self.names = written.names
        self._files = written.site(zendesk=zendesk, rt=rt, deadline=deadline)
        self._environment = {
            "PATH": os.environ.get("PATH", ""),
            "HOME": str(folder),
            # the code of this checkout, whatever is installed
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "GATEWAY_SITE": str(folder),
            "GATEWAY_TOKEN": "a-token-for-this-test",
            "GATEWAY_LOG_LEVEL": "INFO",
            "ZENDESK_TOKEN": API_TOKEN,
            "ZENDESK_SECRET": ZENDESK_SECRET,
            "RT_TOKEN": rt_token,
            "RT_SECRET": rt_secret,
        }
        self._environment |= {**written.environment, **(environment or {})}
        if database_url:
            self._environment["GATEWAY_DATABASE_URL"] = database_url

    def hook(self, connection: str) -> str:
        """Return where a desk sends its webhooks."""
        return f"{self.url}/hooks/{connection}"

    # ------------------------------------------------------------ life

    def start(self) -> Self:
        """Start it in a session of its own and wait until everything is up and each desk's facts are known."""
        for name, text in self._files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-P", "-m", "gateway.cli", "up", "--port", str(self.port),
                    "--workers", str(self._workers),
                ],
                env=self._environment, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        try:
            assert wait_until(self._is_up, START_SECONDS), f"it did not come up:\n{self.tail()}"
            with self.store() as store:
                assert wait_until(lambda: knows_its_desks(store, self.names), 20), (
                    f"no facts of the desks:\n{self.tail()}"
                )
        except BaseException:
            self._end(signal.SIGKILL)
            raise
        return self

    def _is_up(self) -> bool:
        process = self._process
        assert process is not None
        assert process.poll() is None, f"it ended with {process.returncode}:\n{self.tail()}"
        status = read_status(self.state)
        return status is not None and status.pid == process.pid and status.phase == "running"

    def stop(self) -> None:
        """Stop it by SIGTERM; it must end by itself, with success, and leave no process behind."""
        process = self._process
        if process is None:
            return
        self.status()
        process.send_signal(signal.SIGTERM)
        ended = wait_until(lambda: process.poll() is not None, STOP_SECONDS)
        left = self.processes() if wait_until(lambda: not self.processes(), 5) is False else []
        code = process.poll()
        self._end(signal.SIGKILL)
        assert ended, f"it did not stop on SIGTERM within {STOP_SECONDS:g} s:\n{self.tail()}"
        assert code == 0, f"it ended with {code}:\n{self.tail()}"
        assert not left, f"orphans: {left}"

    def _end(self, number: int) -> None:
        """Make sure that nothing of this site runs."""
        process, self._process = self._process, None
        for pid in self.processes():
            _signal(pid, number)
        if process is not None:
            process.wait(10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            self.stop()
        else:
            self._end(signal.SIGKILL)

    # ------------------------------------------------------------ processes

    def status(self) -> Mapping[str, ProcessStatus]:
        """Return what the supervisor says of each process, by name."""
        status = read_status(self.state)
        found = {one.name: one for one in status.processes} if status is not None else {}
        self._seen |= {one.pid for one in found.values() if one.pid}
        return found

    def pid(self, name: str) -> int | None:
        """Return the running process of that name, None while it is being started again."""
        one = self.status().get(name)
        return one.pid if one is not None and one.phase == "running" and one.pid and alive(one.pid) else None

    def children(self, name: str) -> list[int]:
        """Return the children of the process of that name: gunicorn's workers, a worker's work-horse."""
        pid = self.pid(name)
        return children_of(pid) if pid is not None else []

    def kill(self, pid: int) -> bool:
        """Kill one process of this site; False when it is none, or gone already."""
        return self.signal(pid, signal.SIGKILL)

    def signal(self, pid: int, number: int) -> bool:
        """Signal one process of this site; False when it is none, or gone already."""
        return self._is_mine(pid) and _signal(pid, number)

    def processes(self) -> list[int]:
        """Return every process of this site (Linux)."""
        found = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
        return [pid for pid in found if pid != os.getpid() and alive(pid) and self._is_mine(pid)]

    def _is_mine(self, pid: int) -> bool:
        """Say whether a process has this site in its environment, or in its working folder (Redis hides the one)."""
        process = Path(f"/proc/{pid}")
        try:
            if f"GATEWAY_SITE={self.folder}".encode() in (process / "environ").read_bytes().split(b"\0"):
                return True
            return pid in self._seen and (process / "cwd").resolve().is_relative_to(self.folder)
        except OSError:
            return False

    # ------------------------------------------------------------ what it wrote

    @contextmanager
    def store(self) -> Iterator[SqlStore]:
        """Open its database beside it."""
        clock = SystemClock()
        url = self._database_url or f"sqlite:///{self.state / 'gateway.db'}"
        opened = open_store(url, self.state / "keys", clock=clock, ids=SystemIds(clock))
        try:
            yield opened
        finally:
            opened.close()

    def tail(self, lines: int = 30) -> str:
        """Return the last lines of its log."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return "\n".join(text.splitlines()[-lines:])


def knows_its_desks(store: SqlStore, names: Collection[str]) -> bool:
    """Say whether each desk was asked what it can do: the strategies of writes rest on it."""
    with store.read() as tx:
        desks = tx.desks.all()
    return set(names) <= set(desks) and all(state.facts for state in desks.values())


def children_of(pid: int) -> list[int]:
    """Return the living children of a process (Linux)."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            stat = (entry / "stat").read_text(encoding="utf-8", errors="replace") if entry.name.isdigit() else ""
        except OSError:
            continue
        words = stat.rpartition(")")[2].split()
        if len(words) > 1 and words[0] not in {"Z", "X"} and int(words[1]) == pid:
            found.append(int(entry.name))
    return found


def _signal(pid: int, number: int) -> bool:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True
