"""Another connector of ours is its folder, its page and one line: nothing else of the tree has to know of it.

The example package is put into a copy of the tree as if it were built in; what holds for every connector holds for it.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs" / "examples" / "acme-desk"
#: folders that get something new, and are therefore made anew; what else is in them is only linked
OPEN = ("", "connectors", "docs", "docs/connectors", "docs/rules", "tests", "tests/connectors", "tools")
#: written or run there, and therefore copied
COPIED = ("connectors/registry.py", "docs/connectors/matrix.md", "docs/rules/reference.md", "tools/reference.py")
LEFT = {".git", "__pycache__", ".venv", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Copy the tree with the example in it: its folder, its tests, its page and its line."""
    for folder in OPEN:
        (tmp_path / folder).mkdir(exist_ok=True)
        for path in (ROOT / folder).iterdir():
            where = path.relative_to(ROOT).as_posix()
            if where in COPIED:
                (tmp_path / where).write_bytes(path.read_bytes())
            elif where not in OPEN and path.name not in LEFT:
                (tmp_path / where).symlink_to(path)
    for folder, of in (("connectors/acme_desk", "acme_desk"), ("tests/connectors/acme_desk", "tests")):
        for path in sorted((EXAMPLE / of).rglob("*")):
            place = tmp_path / folder / path.relative_to(EXAMPLE / of)
            if path.is_file() and "__pycache__" not in path.parts:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(moved(path.read_text(encoding="utf-8")), encoding="utf-8")
    registry = tmp_path / "connectors" / "registry.py"
    text = registry.read_text(encoding="utf-8")
    assert '    "generic",\n)' in text
    registry.write_text(text.replace('    "generic",\n)', '    "generic",\n    "acme_desk",\n)'), encoding="utf-8")
    (tmp_path / "docs" / "connectors" / "acme_desk.md").write_text("# Acme Desk\n\nAn example.\n", encoding="utf-8")
    return tmp_path


def moved(text: str) -> str:
    """Return a module as it stands among ours."""
    text = re.sub(r"^import acme_desk$", "import connectors.acme_desk as acme_desk", text, flags=re.MULTILINE)
    return re.sub(r"^(\s*)from acme_desk", r"\1from connectors.acme_desk", text, flags=re.MULTILINE)


def run(tree: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python in the copy."""
    env = {**os.environ, "PYTHONPATH": str(tree)}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=tree, env=env, capture_output=True, text=True, timeout=110, check=False)


def test_it_is_its_folder_its_page_and_one_line(tree: Path) -> None:
    """The pages are written with it, and every test that goes over our connectors holds for it."""
    done = run(tree, "tools/reference.py")
    assert done.returncode == 0, done.stderr
    assert "[Acme Desk](acme_desk.md)" in (tree / "docs" / "connectors" / "matrix.md").read_text(encoding="utf-8")
    every = ("tests/connectors/test_quality.py", "tests/connectors/test_every_connector.py")
    its = "tests/connectors/acme_desk/test_conformance.py"
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:valkey", "-k", "acme or stranger or ours")
    done = run(tree, "-m", "pytest", *options, *every, f"{its}::TestAcmeDesk::test_every_claim_is_tested_or_exempt")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert "test_quality" not in done.stdout
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 4, done.stdout


def test_what_it_does_not_say_is_told_in_a_line(tree: Path) -> None:
    """Where a section of its quality.yaml is missing that one of ours must have, and not as a defect of the program."""
    quality = tree / "connectors" / "acme_desk" / "quality.yaml"
    text = quality.read_text(encoding="utf-8")
    quality.write_text(text.replace("\nmechanisms:\n", "\nmechanism:\n"), encoding="utf-8")
    done = run(tree, "tools/reference.py")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("connectors/acme_desk/quality.yaml: it has no section `mechanisms`")
