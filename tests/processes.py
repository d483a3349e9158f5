"""What tests of processes ask of the machine."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def alive(pid: int) -> bool:
    """Say whether a process runs; a zombie, which nobody may be there to reap, does not."""
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        return stat.rpartition(")")[2].split()[0] not in {"Z", "X"}
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def wait_until(condition: Callable[[], object], seconds: float = 10.0, *, every: float = 0.02) -> bool:
    """Wait for a condition, and say whether it came true; one that makes others work is looked at less often."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(every)
    return bool(condition())


def gone(pid: int, seconds: float = 5.0) -> bool:
    """Wait for a process to end."""
    return wait_until(lambda: not alive(pid), seconds)


def read_pids(path: Path, count: int) -> list[int]:
    """Wait until a test process has written this many process ids."""

    def written() -> list[str]:
        words = path.read_text().split() if path.exists() else []
        return words if len(words) >= count else []

    assert wait_until(written, 20), f"{path} is not written"
    return [int(word) for word in written()]
