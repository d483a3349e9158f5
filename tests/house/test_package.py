"""What is installed: the lock file, and the wheel."""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

from tests.house.test_floors import PROJECT, name
from tests.house.tree import ROOT, files, relative


def test_the_lock_file_pins_and_hashes_all_that_is_asked_for() -> None:
    """Each requirement of pyproject.toml is in requirements.lock, pinned and hashed, and no address is."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", lock.strip())
    for entry in entries:
        assert re.match(r"[a-z0-9][a-z0-9.-]*==\S+", entry), entry.splitlines()[0]
        assert "--hash=sha256:" in entry, entry.splitlines()[0]
    project = PROJECT["project"]
    # What `make rivals` fetches to be measured is nothing that anybody runs.
    groups = [wanted for group, wanted in PROJECT["dependency-groups"].items() if group != "bench"]
    groups += project["optional-dependencies"].values()
    asked = [*project["dependencies"], *(one for group in groups for one in group if isinstance(one, str))]
    missing = {name(one) for one in asked} - {entry.split("==")[0] for entry in entries}
    assert not missing, "run make lock"
    assert "://" not in lock


def test_the_wheel_holds_the_product_and_nothing_else(tmp_path: Path) -> None:
    """The wheel has the four packages whole and wsgi.py, and neither tests nor benchmarks nor tools."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("desk_gateway-*.whl")
    inside = {member for member in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in member}
    packages = [path for folder in ("gateway", "connectors", "rules", "dead_letters") for path in files(under=folder)]
    assert inside == {relative(path) for path in packages} | {"wsgi.py"}
