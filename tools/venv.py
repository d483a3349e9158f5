"""Make `.venv` what `requirements.lock` says, once, safely.

`make` runs this before every target that needs the environment. When that is complete, this says nothing and is done at
once. It holds a lock, so two makes do not build at the same time, and writes its stamp last, so an interrupted build is
seen and done again. It runs before anything is installed, so it uses nothing but the standard library.
"""

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "complete.json"
LOCK_FILE = ROOT / ".venv.lock"


def main() -> int:
    """Bring `.venv` up to date; return the process's exit code."""
    if find_spec("venv") is None or find_spec("ensurepip") is None:
        version = ".".join(map(str, sys.version_info[:2]))
        print(f"make: {sys.executable} has no venv module.", file=sys.stderr)
        print(f"  On Debian and Ubuntu: apt install python{version}-venv", file=sys.stderr)
        print("  Or name another Python: make PYTHON=/path/to/python3.11", file=sys.stderr)
        return 1
    if current() == wanted():
        return 0
    with LOCK_FILE.open("w") as lock:
        try:
            wait_for(lock)
            bring_up_to_date(lock)
        except KeyboardInterrupt:
            print("\nmake: interrupted; the next make sets .venv up again.", file=sys.stderr)
            return 130
        except subprocess.CalledProcessError as error:
            print("make: .venv is not ready: this command failed (its own message is above):", file=sys.stderr)
            print("  " + " ".join(error.cmd), file=sys.stderr)
            print("  Run make again once that is mended; `make clean` starts from nothing.", file=sys.stderr)
            return 1
    return 0


def wanted() -> dict[str, str]:
    """Return what the stamp of a complete environment says: where it is and what it was made from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    installed = [project["build-system"], project["project"], project["tool"]["hatch"]]  # the rest changes no install
    return {
        "folder": str(VENV),
        "lock": hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest(),
        "project": hashlib.sha256(json.dumps(installed, sort_keys=True).encode()).hexdigest(),
    }


def current() -> dict[str, str]:
    """Return the stamp of the environment that is there; empty when there is none, half of one, or a moved one."""
    try:
        stamp: dict[str, str] = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    usable = stamp.get("folder") == str(VENV) and os.access(VENV / "bin" / "python", os.X_OK)
    return stamp if usable else {}


def wait_for(lock: TextIO) -> None:
    """Take the lock, saying so if another make has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("Another make is setting .venv up; waiting for it ...", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def bring_up_to_date(lock: TextIO) -> None:
    """Build the environment, or change what differs; another make may have done it while we waited."""
    have, want = current(), wanted()
    if have == want:
        return
    if not have:
        print("Setting up .venv (once, a minute or so) ...", flush=True)
        shutil.rmtree(VENV, ignore_errors=True)
        run(lock, sys.executable, "-m", "venv", VENV)
    else:
        print("requirements.lock or pyproject.toml changed: bringing .venv up to date ...", flush=True)
        STAMP.unlink()
    pip: list[str | Path] = [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "--no-input"]
    if have.get("lock") != want["lock"]:
        run(lock, *pip, "--require-hashes", "-r", ROOT / "requirements.lock")
    run(lock, *pip, "--no-deps", "--no-build-isolation", "-e", ROOT)
    unfinished = STAMP.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(want, indent=2) + "\n")
    unfinished.replace(STAMP)


def run(lock: TextIO, *command: str | Path) -> None:
    """Run one step. It inherits the lock, so that a step that outlives us still keeps other makes out."""
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONHOME", "PYTHONPATH"}}
    environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
    subprocess.run([str(word) for word in command], check=True, cwd=ROOT, env=environment, pass_fds=[lock.fileno()])


if __name__ == "__main__":
    sys.exit(main())
