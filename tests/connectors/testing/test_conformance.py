"""The conformance suite notices defects: connectors with one defect each fail the tests that are about it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from connectors.testing.conformance.samples import differences
from connectors.testing.quality import sources
from tests.connectors.testing import broken, broken_edges, broken_marks, broken_polls, broken_turns, broken_wholes

ROOT = Path(__file__).parents[3]
FOLDER = "tests/connectors/testing"


@pytest.mark.parametrize(
    "defects",
    [broken, broken_polls, broken_marks, broken_edges, broken_turns, broken_wholes],
    ids=["connectors", "polls", "marks", "edges", "turns", "wholes"],
)
def test_every_defect_is_noticed(defects: ModuleType) -> None:
    """By each test that is about it."""
    file = f"{FOLDER}/{Path(str(defects.__file__)).name}"
    wanted = [f"{file}::{kind}::{test}" for kind, tests in defects.NOTICED.items() for test in tests]
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *wanted]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False)
    failed = set(re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE))
    assert sorted(failed) == sorted(wanted), done.stdout[-3000:]


def test_simulators_are_no_part_of_a_connector() -> None:
    """They do I/O, and may."""
    names = {path.name for path in sources(ROOT / "connectors" / "zendesk")}
    assert {"webhook.py", "calls.py", "mapping.py"} <= names
    assert not {"simulator.py", "sim_state.py", "bench.py"} & names


def test_differences_are_named_by_their_place() -> None:
    """More than is wanted may be there."""
    assert differences({"a": 1}, {"a": 1, "b": 2}) == []
    assert differences({"a": {"b": [1, 2]}}, {"a": {"b": [1, 3]}}) == [".a.b[1]: 2 wanted, 3 found"]
    assert differences({"a": 1}, {}) == [".a: 1 is missing"]
    assert differences([1], [1, 2]) == [": [1] wanted, [1, 2] found"]
