"""A command of the gateway as a person runs it, in a process of its own: how long, how much work, how much memory."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from benchmarks.lab import Lab

#: runs the command, and says at its end how much memory it has had at most
_PROGRAM = """
import atexit, resource, sys
told = sys.argv.pop(1)
def tell():
    try:
        with open("/proc/self/status") as status:
            peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    with open(told, "w") as file:
        file.write(str(peak))
atexit.register(tell)
from gateway.cli import main
main(sys.argv[1:])
"""


class Taken(msgspec.Struct, frozen=True):
    """What a command took."""

    seconds: float
    #: of processor time: what it takes where others are at work, too
    processor: float
    megabytes: float

    def __str__(self) -> str:
        return f"{self.seconds:.2f} s ({self.processor:.2f} s of a processor), {self.megabytes:.0f} MB"


def run(lab: Lab, words: Sequence[str]) -> Taken:
    """Run a command on a lab's site; raises RuntimeError when it fails."""
    peak = lab.folder / "peak"
    command = [sys.executable, "-c", _PROGRAM, str(peak), "--site", str(lab.folder), *words]
    began, worked = time.perf_counter(), _of_children()
    with Path(os.devnull).open("wb") as nowhere:
        ended = subprocess.run(command, env=lab.env, stdout=nowhere, stderr=subprocess.PIPE, check=False)
    seconds = time.perf_counter() - began
    if ended.returncode:
        msg = f"gateway {' '.join(words)} ended with {ended.returncode}: {ended.stderr.decode()[-500:]}"
        raise RuntimeError(msg)
    return Taken(seconds, _of_children() - worked, int(peak.read_text()) / 1024)


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
