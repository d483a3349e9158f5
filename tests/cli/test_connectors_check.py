"""`gateway connectors check`: each thing that can be wrong with a connector is said, and nothing else."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from connectors.registry import BUILT_INS
from gateway.cli import main

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "acme-desk"
QUALITY, SPEC = "acme_desk/quality.yaml", "acme_desk/connector.py"


def run(*words: str) -> tuple[int, str]:
    """Run the command; returns its exit code and what it wrote."""
    done = CliRunner().invoke(main, ["connectors", "check", *words])
    return done.exit_code, done.output


@pytest.fixture
def package(tmp_path: Path) -> Iterator[Path]:
    """Copy the example package; what is imported of it is forgotten afterwards."""
    folder = tmp_path / "package"
    shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__"))
    path = list(sys.path)
    yield folder
    sys.path[:] = path
    for name in [each for each in sys.modules if each.partition(".")[0] == "acme_desk"]:
        del sys.modules[name]


def test_nothing_is_wrong_with_what_is_installed() -> None:
    """All of ours, as JSON; one of them with its line of the matrix."""
    code, text = run("zendesk")
    assert code == 0, text
    assert "zendesk: Zendesk Support; heard by webhooks, polling; writes create (key), " in text
    code, text = run("--json")
    assert code == 0
    found = {each["name"]: each for each in json.loads(text)}
    assert set(BUILT_INS) <= set(found)
    for each in found.values():
        assert each["ok"], each["wrong"]
    assert found["zendesk"]["operations"]["create"] == "key"
    assert found["zendesk"]["not_checked"] == []


def test_nothing_is_wrong_with_the_example(package: Path) -> None:
    """Not installed, by its folder; the tests that it names are those of the suite and its own."""
    code, text = run(str(package), "--json")
    assert code == 0, text
    (found,) = json.loads(text)
    assert (found["name"], found["ok"], found["wrong"], found["not_checked"]) == ("acme_desk", True, [], [])


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (SPEC, "import calls, mapping", "import calls, no_such, mapping", "it does not load: ImportError"),
        (SPEC, "api_version=API_VERSION", "api_version=99", "made for connector interface 99"),
        (SPEC, 'name="acme_desk"', 'name="acme"', "registered as acme_desk, and its spec says acme"),
        (SPEC, '"tags"}),\n    #', '"colour"}),\n    #', "readable_fields: colour"),
        (SPEC, "key_ttl=writes.KEY_TTL, ", "", "create: strategy key, and key_ttl does not say"),
        (SPEC, "attaching=Attaching.WITH_COMMENT", "attaching=None", "lacks: attachments is not in the spec"),
        ("acme_desk/__init__.py", "@hookimpl\n", "", "it does not load: ConfigError: its hook"),
        ("acme_desk/calls.py", "import msgspec", "import msgspec\nimport socket", "imports socket"),
        (
            "acme_desk/webhook.py",
            "            require_equal(given, signature(secret, delivery, stamp, request.body), SIGNATURE)\n",
            "            assert given == signature(secret, delivery, stamp, request.body)\n",
            "nothing is compared in constant time",
        ),
        (
            QUALITY,
            "[TestAcmeDesk::test_a_file_of",
            "[NoSuchClass::test_a_file_of",
            "the test NoSuchClass::test_a_file_of",
        ),
        ("acme_desk/calls.py", "import msgspec", "import msgspec\nNOW = datetime.now()", "datetime.now(): time is an"),
        (
            "acme_desk/writes.py",
            "    return Found(Receipt(",
            "    raise NotImplementedError\n    Found(Receipt(",
            "written",
        ),
        (
            QUALITY,
            "strategy: natural",
            "strategy: probe",
            "set_fields is probe in quality.yaml and natural in the code",
        ),
        (QUALITY, "  set_fields:\n", "  fields:\n", "operations: set_fields is not claimed in quality.yaml"),
        (
            QUALITY,
            "    tests: [TestAcmeDesk::test_a_file",
            "    others: [test_a_file",
            "reads.files: neither `tests` nor",
        ),
        (
            QUALITY,
            "    tests: [TestAcmeDesk::test_a_file",
            "    exempt: no\n    o: [test_a_file",
            "reads.files: exempt, and",
        ),
        (QUALITY, "test_a_ticket_is_read_whole", "test_nothing", "the test TestAcmeDesk::test_nothing is not there"),
        (QUALITY, "  merge: Acme Desk", "  spleen: Acme Desk", "lacks: spleen means nothing here"),
        (QUALITY, "Acme Desk cannot merge tickets", "none", "lacks: merge: say why"),
        (QUALITY, "  merge: Acme Desk", "  polling: Acme Desk", "lacks: polling, which the spec says that it has"),
        (QUALITY, "operations:\n", "operations: [\n", "quality.yaml is no YAML"),
    ],
)
def test_each_defect_is_said(package: Path, file: str, old: str, new: str, said: str) -> None:
    """In one line that names it, with exit code 1."""
    path = package / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    code, told = run(str(package))
    assert code == 1, told
    assert [line for line in told.splitlines() if line.startswith("  wrong: ") and said in line], told


def test_without_its_file_of_claims(package: Path) -> None:
    """It is said that the file is not there."""
    (package / QUALITY).unlink()
    code, told = run(str(package))
    assert code == 1
    assert "wrong: quality.yaml cannot be read: No such file" in told


def test_what_is_no_connector(tmp_path: Path) -> None:
    """A name that nobody has, and folders without a package or an entry point."""
    assert run("zendsek")[0] == 3
    code, told = run(str(tmp_path))
    assert code == 2
    assert "has no pyproject.toml" in " ".join(told.split())
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    code, told = run(str(tmp_path))
    assert code == 2
    assert "no entry point of the group gateway.connectors" in " ".join(told.split())
