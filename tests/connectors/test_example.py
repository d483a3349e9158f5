"""The package of docs/examples/acme-desk: installed, found by its entry point, and whole by the conformance suite."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "acme-desk"
#: the gateway command where no pytest is installed, as in production
COMMAND = "import sys; sys.modules['pytest'] = None; from gateway.cli import main; main()"


def run(*words: str, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python in another folder, with the gateway and what `path` holds installed."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(str(each) for each in (path, ROOT) if each)}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=110, check=False)


@pytest.mark.slow
def test_it_is_found_and_passes(tmp_path: Path) -> None:
    """Built, installed, listed and checked without pytest; then every test of the suite against its own desk."""
    target = tmp_path / "installed"
    pip = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps")
    done = run(*pip, "--no-build-isolation", "--target", str(target), str(EXAMPLE), cwd=tmp_path)
    assert done.returncode == 0, done.stderr

    done = run("-c", COMMAND, "connectors", "check", "acme_desk", "--json", cwd=tmp_path, path=target)
    assert done.returncode == 0, done.stdout + done.stderr
    (found,) = json.loads(done.stdout)
    assert (found["title"], found["ok"], len(found["not_checked"])) == ("Acme Desk", True, 1)
    assert run("-c", COMMAND, "connectors", "show", "acme_desk", cwd=tmp_path).returncode == 3, "not without installing"

    options = ("-q", "-p", "no:cacheprovider", "-p", "no:valkey", "-n", "2", "-o", "pythonpath=")
    where = ("-c", str(EXAMPLE / "pyproject.toml"), "--rootdir", str(EXAMPLE), str(EXAMPLE / "tests"))
    done = run("-m", "pytest", *options, *where, cwd=tmp_path, path=target)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 100
    skipped = re.findall(r"^SKIPPED .*?: (.+)$", done.stdout, re.MULTILINE)
    lacking = [
        "Acme Desk cannot merge tickets",
        "a closed ticket can be written to",
        "a ticket cannot be split there",
        "an account has one queue",
        "deleted tickets are not taken back there",
        "every agent sees every ticket",
        "files come with comments there, which are looked for",
        "tickets are not called spam there",
    ]
    assert sorted(skipped) == lacking, "nothing else is left out"
