from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.errors import ConfigError
from gateway.supervisor import SiteLock, SiteStatus, read_status
from tests.processes import alive, gone, wait_until
from tests.supervisor import site_process

pytestmark = pytest.mark.faults

#: Notes its start, and on SIGTERM its end.
POLITE = """
import os, signal, sys, time
folder, name = sys.argv[1], sys.argv[2]
def note(word):
    with open(f"{folder}/notes", "a") as notes: notes.write(f"{word} {name} {os.getpid()}\\n")
def leave(*_):
    note("stop"); sys.exit(0)
signal.signal(signal.SIGTERM, leave)
print("a line of", name, flush=True)
note("start")
open(f"{folder}/{name}.ready", "w").close()
while True: time.sleep(60)
"""
STUBBORN = POLITE.replace("signal.SIGTERM, leave", "signal.SIGTERM, signal.SIG_IGN")
#: runs long enough to be seen running
CRASHING = POLITE.replace("while True: time.sleep(60)", "time.sleep(0.2); sys.exit(7)")
#: Has a child that ignores everything, in its own group.
PARENT = POLITE.replace(
    'note("start")',
    """
import subprocess
hard = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"
grandchild = subprocess.Popen([sys.executable, "-c", hard])
with open(f"{folder}/grandchild", "w") as f: f.write(str(grandchild.pid))
note("start")
""",
)


class Site:
    """A supervisor under test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def up(self, *specs: dict[str, Any], wait: bool = True) -> subprocess.Popen[bytes]:
        """Start it, and wait until everything is up."""
        (self.folder / "up").unlink(missing_ok=True)
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, site_process.__file__, str(self.folder), json.dumps(specs)],
                stdout=output,
                stderr=output,
            )
        if wait:
            assert wait_until((self.folder / "up").exists, 20), self.output
        return self.process

    @property
    def output(self) -> str:
        """What it and its processes have written."""
        return (self.folder / "output").read_text()

    @property
    def notes(self) -> list[tuple[str, str]]:
        """What the processes have noted: (word, name) in order."""
        path = self.folder / "notes"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(line.split()[0], line.split()[1]) for line in lines]

    @property
    def status(self) -> SiteStatus:
        """The status file."""
        status = read_status(self.folder)
        assert status is not None
        return status

    def pid(self, name: str) -> int:
        """Return the process of this name, 0 when there is none."""
        return {process.name: process.pid or 0 for process in self.status.processes}[name]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Give a site, and leave nothing running."""
    made = Site(tmp_path)
    yield made
    if made.process is not None:
        made.process.kill()
        made.process.wait()


def test_started_in_order_and_stopped_in_reverse(site: Site) -> None:
    """A stage waits until the one before is ready; the lines of the processes come through."""
    process = site.up(
        {"name": "web", "script": POLITE, "order": 2},
        {"name": "store", "script": POLITE, "order": 0, "ready": "store.ready"},
        {"name": "work", "script": POLITE, "order": 1, "ready": "work.ready"},
    )
    assert wait_until(lambda: len(site.notes) == 3)
    status = site.status
    assert (status.phase, status.pid, status.facts) == ("running", process.pid, {"address": "x"})
    assert {one.name for one in status.processes} == {"web", "store", "work"}
    assert {(one.phase, one.restarts, one.role) for one in status.processes} == {("running", 0, "test")}
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert site.notes == [
        *[("start", name) for name in ("store", "work", "web")],
        *[("stop", name) for name in ("web", "work", "store")],
    ]
    assert site.status.phase == "stopped"
    assert "a line of web" in site.output


@pytest.mark.parametrize("stop_signal", [signal.SIGINT, signal.SIGHUP])
def test_ctrl_c_and_a_closed_terminal_stop_it_too(site: Site, stop_signal: signal.Signals) -> None:
    """Cleanly."""
    process = site.up({"name": "web", "script": POLITE, "ready": "web.ready"})
    process.send_signal(stop_signal)
    assert process.wait(10) == 0
    assert site.notes[-1] == ("stop", "web")


def test_what_dies_is_started_again(site: Site) -> None:
    """After a moment, with its number of restarts and the way it ended."""
    site.up({"name": "web", "script": POLITE, "ready": "web.ready"}, {"name": "other", "script": POLITE})
    first, other = site.pid("web"), site.pid("other")
    os.kill(first, signal.SIGKILL)
    assert wait_until(lambda: site.pid("web") not in {0, first})
    web = site.status.processes[0]
    assert (web.restarts, web.last_end) == (1, "killed by SIGKILL")
    assert site.pid("other") == other


def test_a_crash_loop_slows_down(site: Site) -> None:
    """0.2, 0.4, 0.8 … s: in two seconds a handful of starts, and the rest runs on."""
    site.up({"name": "bad", "script": CRASHING}, {"name": "good", "script": POLITE})
    time.sleep(2)
    starts = site.notes.count(("start", "bad"))
    assert 2 <= starts <= 5
    bad, good = site.status.processes
    assert (bad.last_end, good.phase, good.restarts) == ("exit status 7", "running", 0)


def test_what_never_comes_up_fails_the_start(site: Site) -> None:
    """With an error that names it, and everything else stopped again."""
    process = site.up(
        {"name": "store", "script": POLITE, "order": 0, "ready": "store.ready"},
        {"name": "web", "script": CRASHING, "order": 1, "ready": "never"},
        wait=False,
    )
    assert process.wait(15) == 1
    assert "web does not start (exit status 7)" in site.output
    assert site.notes[-1] == ("stop", "store")
    slow = {"name": "slow", "script": POLITE, "ready": "never", "ready_seconds": 0.3}
    assert site.up(slow, wait=False).wait(10) == 1
    assert "slow was not ready within 0.3 s" in site.output
    missing = {"name": "missing", "argv": ["/no/such/program"], "ready": "never"}
    assert site.up(missing, wait=False).wait(10) == 1
    assert "missing does not start (cannot be started" in site.output


def test_what_ignores_a_stop_is_killed_after_its_grace(site: Site) -> None:
    """And only that."""
    process = site.up(
        {"name": "hard", "script": STUBBORN, "grace": 0.5, "ready": "hard.ready", "order": 1},
        {"name": "good", "script": POLITE, "ready": "good.ready"},
    )
    pid = site.pid("hard")
    started = time.monotonic()
    process.terminate()
    assert process.wait(10) == 0
    assert 0.4 < time.monotonic() - started < 5
    assert not alive(pid)
    assert site.notes[-1] == ("stop", "good")


def test_a_second_signal_does_not_wait(site: Site) -> None:
    """A person who presses Ctrl-C twice means it."""
    process = site.up({"name": "hard", "script": STUBBORN, "grace": 60, "ready": "hard.ready"})
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 0


@pytest.mark.parametrize("how", ["stop", "crash of the child", "kill of the supervisor"])
def test_a_grandchild_is_never_left(site: Site, how: str) -> None:
    """Whoever goes first, and though it ignores SIGTERM."""
    process = site.up({"name": "parent", "script": PARENT, "ready": "parent.ready"})
    parent, grandchild = site.pid("parent"), int((site.folder / "grandchild").read_text())
    assert alive(grandchild)
    if how == "stop":
        process.terminate()
        assert process.wait(10) == 0
    elif how == "crash of the child":
        os.kill(parent, signal.SIGKILL)
    else:
        process.kill()
        process.wait()
    assert gone(parent)
    assert gone(grandchild)


def test_a_killed_supervisor_leaves_no_orphan_and_no_lock(site: Site) -> None:
    """SIGKILL: everything dies at once, the status says so, and a new one starts."""
    process = site.up(*({"name": f"p{number}", "script": STUBBORN} for number in range(4)))
    pids = [site.pid(f"p{number}") for number in range(4)]
    process.kill()
    process.wait()
    assert all(gone(pid) for pid in pids)
    assert site.status.phase == "killed"
    site.up({"name": "web", "script": POLITE, "ready": "web.ready"})
    assert site.status.phase == "running"


def test_one_site_has_one_supervisor(site: Site) -> None:
    """The second is told which process has it; a file that is left over is no lock."""
    process = site.up({"name": "web", "script": POLITE, "ready": "web.ready"})
    with pytest.raises(ConfigError, match=rf"already \(process {process.pid}\)"):
        SiteLock(site.folder).acquire()
    process.terminate()
    process.wait()
    assert (site.folder / "supervisor.lock").exists()
    lock = SiteLock(site.folder)
    lock.acquire()
    lock.release()


def test_no_status_before_the_first_start(tmp_path: Path) -> None:
    """Nor from a file that is broken."""
    assert read_status(tmp_path) is None
    (tmp_path / "supervisor.json").write_text("{")
    assert read_status(tmp_path) is None
