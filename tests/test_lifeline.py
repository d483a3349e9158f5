from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from gateway.lifeline import Guardian, die_with, kill_group
from tests.processes import gone, read_pids

pytestmark = pytest.mark.faults


def test_a_fork_dies_with_its_parent(tmp_path: Path) -> None:
    """die_with in the child, then SIGKILL to the parent."""
    said = tmp_path / "pids"
    parent = os.fork()
    if parent == 0:
        me = os.getpid()
        child = os.fork()
        if child == 0:
            die_with(me)
            said.write_text(f"{os.getpid()}")
        time.sleep(60)
        os._exit(0)
    (child,) = read_pids(said, 1)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)
    assert gone(child)


OWNER = """
import os, subprocess, sys, time
from gateway.lifeline import Guardian, before_exec
guardian = Guardian()
guardian.start()
grandchild = "import subprocess, sys, os; p = subprocess.Popen(['sleep', '60']);"
grandchild += "open(sys.argv[1], 'w').write(f'{os.getpid()} {p.pid}'); p.wait()"
command = [sys.executable, "-c", grandchild, sys.argv[1]]
child = subprocess.Popen(command, preexec_fn=before_exec(), start_new_session=True)
guardian.watch(child.pid)
if sys.argv[2] == "forget":
    guardian.forget(child.pid)
time.sleep(60)
"""


@pytest.mark.parametrize("what", ["watch", "forget"])
def test_a_grandchild_dies_with_the_owner_of_the_guardian(tmp_path: Path, what: str) -> None:
    """The kernel takes the child, the guardian its whole group, unless it was told to forget it."""
    said = tmp_path / "pids"
    owner = subprocess.Popen([sys.executable, "-c", OWNER, str(said), what])
    child, grandchild = read_pids(said, 2)
    time.sleep(0.2)
    owner.kill()
    owner.wait()
    assert gone(child)
    assert gone(grandchild, 5 if what == "watch" else 0.5) == (what == "watch")
    kill_group(child)
    assert gone(grandchild)


def test_a_guardian_that_was_killed_is_replaced() -> None:
    """And the new one knows the groups of the old."""
    guardian = Guardian()
    guardian.start()
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    guardian.watch(sleeper.pid)
    first = guardian._process
    assert first is not None
    first.kill()
    first.wait()
    guardian.watch(sleeper.pid)
    second = guardian._process
    assert second is not None
    assert second.pid != first.pid
    assert second.stdin is not None
    second.stdin.close()  # what the death of the owner looks like
    assert gone(sleeper.pid)
    assert sleeper.wait() == -signal.SIGKILL
    second.wait()


def test_a_farewell_leaves_everything_alone() -> None:
    """After an ordinary end there is nothing to kill."""
    guardian = Guardian()
    guardian.start()
    sleeper = subprocess.Popen(["sleep", "60"], start_new_session=True)
    guardian.watch(sleeper.pid)
    guardian.close()
    time.sleep(0.2)
    assert sleeper.poll() is None
    kill_group(sleeper.pid)
    sleeper.wait()
    kill_group(sleeper.pid)  # gone already: no error
