"""A worker as `gateway process worker` runs it, with jobs that only write down what they see.

Arguments: the Redis URL, a folder, and what a job does (`note`, `sleep` or `drain`).
"""

from __future__ import annotations

import os
import sys
import time
import types
from pathlib import Path

from gateway.doorbell import make_worker, run_worker, stop_requested, working_connection


def main(url: str, folder: Path, what: str) -> bool:
    """Work until stopped."""

    def apply() -> None:
        with (folder / "jobs").open("a") as notes:
            notes.write(f"{os.getpid()}\n")
        if what == "sleep":
            time.sleep(60)
        if what == "drain":
            while not stop_requested():
                time.sleep(0.01)
            (folder / "finished").touch()

    jobs = types.ModuleType("gateway.jobs")
    jobs.apply = apply  # type: ignore[attr-defined]
    sys.modules["gateway.jobs"] = jobs
    count = 0

    def prepare() -> None:
        nonlocal count
        count += 1
        (folder / "prepared").write_text(f"{os.getpid()} {count}")
        if count == 2:
            raise ValueError("bad rules")

    worker = make_worker("apply", working_connection(url), prepare)
    (folder / "ready").write_text(str(os.getpid()))
    return run_worker(worker)


if __name__ == "__main__":
    sys.exit(0 if main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]) else 1)
