"""Make `.venv` what `requirements.lock` says, once, safely.

`make` runs this before every target that needs the environment. When that is complete, this says nothing and is done at
once. It holds a lock, so two makes do not build at the same time, and writes its stamp last, so an interrupted build is
seen and done again. The file must parse on any Python 3, because one that is too old has to be told so.
"""

import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "complete.json"
LOCK_FILE = ROOT / ".venv.lock"
NEEDED = (3, 11)


def main():
    """Bring `.venv` up to date; return the process's exit code."""
    complaint = unsuitable()
    if complaint:
        print("make: " + complaint, file=sys.stderr)
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
            print("  " + " ".join(str(word) for word in error.cmd), file=sys.stderr)
            print("  Run make again once that is mended; `make clean` starts from nothing.", file=sys.stderr)
            return 1
    return 0


def unsuitable():
    """Say why this Python cannot be used, or return nothing."""
    if sys.version_info < NEEDED:
        return (
            "Python 3.11 or newer is needed; {} is {}.{}.\n  Install one, or name it: make PYTHON=/path/to/python3.11"
        ).format(sys.executable, *sys.version_info[:2])
    try:
        import ensurepip  # noqa: F401, PLC0415 - only some systems split them off
        import venv  # noqa: F401, PLC0415
    except ImportError:
        return (
            "{} has no venv module.\n"
            "  On Debian and Ubuntu: apt install python{}.{}-venv; or name another: make PYTHON=/path/to/python3.11"
        ).format(sys.executable, *sys.version_info[:2])
    return ""


def wanted():
    """Return what the stamp of a complete environment says: where it is and what it was made from."""
    import tomllib  # noqa: PLC0415 - not there on a Python that is too old

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    installed = [project["build-system"], project["project"], project["tool"]["hatch"]]  # the rest changes no install
    return {
        "folder": str(VENV),
        "lock": hashlib.sha256((ROOT / "requirements.lock").read_bytes()).hexdigest(),
        "project": hashlib.sha256(json.dumps(installed, sort_keys=True).encode()).hexdigest(),
    }


def current():
    """Return the stamp of the environment that is there; empty when there is none, half of one, or a moved one."""
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    usable = stamp.get("folder") == str(VENV) and os.access(str(VENV / "bin" / "python"), os.X_OK)
    return stamp if usable else {}


def wait_for(lock):
    """Take the lock, saying so if another make has it."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        print("Another make is setting .venv up; waiting for it ...", flush=True)
        fcntl.flock(lock, fcntl.LOCK_EX)


def bring_up_to_date(lock):
    """Build the environment, or change what differs; another make may have done it while we waited."""
    have, want = current(), wanted()
    if have == want:
        return
    if not have:
        print("Setting up .venv (once, a minute or so) ...", flush=True)
        shutil.rmtree(str(VENV), ignore_errors=True)
        run(lock, sys.executable, "-m", "venv", VENV)
    else:
        print("requirements.lock or pyproject.toml changed: bringing .venv up to date ...", flush=True)
        STAMP.unlink()
    pip = [VENV / "bin" / "python", "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input", "install"]
    if have.get("lock") != want["lock"]:
        run(lock, *pip, "--require-hashes", "-r", ROOT / "requirements.lock")
    run(lock, *pip, "--no-deps", "--no-build-isolation", "-e", ROOT)
    unfinished = STAMP.with_suffix(".unfinished")
    unfinished.write_text(json.dumps(want, indent=2) + "\n")
    unfinished.replace(STAMP)


def run(lock, *command):
    """Run one step. It inherits the lock, so that a step that outlives us still keeps other makes out."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONHOME", "PYTHONPATH")}
    subprocess.run(
        [str(word) for word in command], check=True, cwd=str(ROOT), env=environment, pass_fds=[lock.fileno()]
    )


if __name__ == "__main__":
    sys.exit(main())
