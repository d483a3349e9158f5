"""`gateway connectors new`: what it writes is clean, loads, and fails its tests until it is written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from gateway.cli import main

ROOT = Path(__file__).parents[2]
STEP = re.compile(r"NotImplementedError: step \d+ of docs/connectors/README\.md: \w+\.\w+")
#: what fails before it comes to a function that is to be written, and says what is missing
OTHERWISE = "give `known_answers`, or say in quality.yaml why there is none"
#: many cases of three tests: one of each is enough here
FEWER = (
    "not test_a_file_arrives_once and not test_an_answer_is_classified and not test_it_takes_effect_once or reset_after"
)


def run(*words: str) -> tuple[int, str]:
    """Run a command; returns its exit code and what it wrote."""
    done = CliRunner().invoke(main, ["connectors", *words])
    return done.exit_code, done.output


def tried(*words: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a tool in a folder, with the gateway installed."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "MYPYPATH": str(ROOT), "COLUMNS": "400", **more}
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=110, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Write the package of a connector."""
    code, text = run("new", "other_desk", "--dir", str(tmp_path))
    assert code == 0, text
    assert "gateway connectors check ." in text
    return tmp_path / "other-desk"


@pytest.mark.slow
def test_what_it_writes_is_clean(folder: Path) -> None:
    """By the linter, the formatter and the type checker, each as the package itself sets it."""
    for words in (("ruff", "check", "--no-cache", "."), ("ruff", "format", "--no-cache", "--check", "."), ("mypy",)):
        done = tried(*words, cwd=folder)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_its_tests_fail_and_say_why(folder: Path) -> None:
    """All are collected; each that fails names the step that fills what it needs, and hardly one passes."""
    options = ("-q", "--tb=no", "-p", "no:cacheprovider", "-p", "no:valkey", "-p", "no:xdist")
    done = tried("pytest", *options, "-k", FEWER, cwd=folder)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "during collection" not in done.stdout
    failed = re.findall(r"^(?:FAILED|ERROR) \S+(?: \S+)? - (.+)$", done.stdout, re.MULTILINE)
    unclear = [why for why in failed if not STEP.search(why) and OTHERWISE not in why and "failed subtest" not in why]
    assert unclear == []
    steps = {int(step) for step in re.findall(r"step (\d+) of docs", done.stdout)}
    assert {4, 5, 11} <= steps
    passed = re.search(r"(\d+) passed", done.stdout)
    assert len(failed) > 50
    assert passed is not None
    assert int(passed[1]) < 14


def test_its_check_says_what_is_to_be_written(folder: Path) -> None:
    """Every function with its step, in each module; the rest of it is right."""
    done = tried("gateway_command", "connectors", "check", str(folder), cwd=command_in(folder))
    assert done.returncode == 1, done.stderr
    wrong = [line for line in done.stdout.splitlines() if line.startswith("  wrong: ")]
    assert len(wrong) > 20
    assert [line for line in wrong if not re.search(r"\.py:\d+: step \d+ of docs/connectors/README\.md: ", line)] == []
    modules = {re.split(r"[ :]+", line)[2] for line in wrong}
    assert {"webhook.py", "calls.py", "writes.py", "mapping.py", "simulator.py", "bench.py"} <= modules


@pytest.mark.slow
def test_a_connection_by_a_half_written_one_says_so(folder: Path) -> None:
    """Once it is installed, by its entry point: the step that it came to, and no defect of ours."""
    there = folder / "other_desk-0.1.0.dist-info"
    there.mkdir()
    (there / "METADATA").write_text("Metadata-Version: 2.1\nName: other-desk\nVersion: 0.1.0\n", encoding="utf-8")
    (there / "entry_points.txt").write_text("[gateway.connectors]\nother_desk = other_desk\n", encoding="utf-8")
    site = folder.parent / "site"
    (site / "rules").mkdir(parents=True)
    lines = ["connections:", "  fresh:", "    connector: other_desk", "    url: https://fresh.example.com"]
    (site / "gateway.yaml").write_text("\n".join([*lines, '    auth: {token: "${FRESH_TOKEN}"}', ""]), encoding="utf-8")
    env = {"PYTHONPATH": f"{ROOT}{os.pathsep}{folder}", "FRESH_TOKEN": "a-token-of-tests"}
    words = ("--site", str(site), "connections", "test", "fresh")
    done = tried("gateway_command", *words, cwd=command_in(folder), **env)
    assert done.returncode == 1, done.stderr
    assert (
        "FAIL  connector: the connector other_desk is not finished: step 5 of docs/connectors/README.md" in done.stdout
    )
    assert "gateway connectors check other_desk" in done.stdout
    assert not (site / ".gateway" / "errors.log").exists()


def command_in(folder: Path) -> Path:
    """Return a folder in which `python -m gateway_command` is the gateway command."""
    (folder.parent / "gateway_command.py").write_text("from gateway.cli import main\nmain()\n", encoding="utf-8")
    return folder.parent


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("Desk", "cannot be the name"),
        ("my-desk", "cannot be the name"),
        ("../desk", "cannot be the name"),
        ("_desk", "cannot be the name"),
        ("my__desk", "cannot be the name"),
        ("x" * 31, "cannot be the name"),
        ("class", "cannot be the name"),
        ("zendesk", "already"),
        ("requests", "a Python package 'requests' is there already"),
    ],
)
def test_names_that_would_not_do(tmp_path: Path, name: str, why: str) -> None:
    """Each is refused with the reason, and nothing is written."""
    code, text = run("new", name, "--dir", str(tmp_path))
    assert code == 2, text
    assert why in " ".join(text.split())
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that is there stays as it is, be it empty."""
    (tmp_path / "other-desk").mkdir()
    code, text = run("new", "other_desk", "--dir", str(tmp_path))
    assert code == 2
    assert "nothing is overwritten" in " ".join(text.split())
    assert list((tmp_path / "other-desk").iterdir()) == []
