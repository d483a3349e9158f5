"""Each claim of a connector's quality.yaml names a test that is there, and each operation is claimed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from connectors.registry import BUILT_INS, load

ROOT = Path(__file__).parents[2]
CONFORMANCE = ROOT / "connectors" / "testing" / "conformance"


def named(value: Any) -> Iterator[str]:
    """Walk a file for the tests that it names."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from (str(test) for test in inner) if key == "tests" else named(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from named(inner)


@pytest.mark.parametrize("connector", BUILT_INS)
def test_claims_name_tests_that_are_there(connector: str) -> None:
    """A claim without a test is a wish."""
    path = ROOT / "connectors" / connector / "quality.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    tests = list(named(content))
    assert tests
    # its own tests, and those that it gets from the conformance suite
    files = [*(ROOT / "tests/connectors" / connector).glob("*.py"), *CONFORMANCE.glob("*.py")]
    there = "\n".join(file.read_text(encoding="utf-8") for file in files)
    for test in tests:
        function = re.split(r"::|\.", test)[-1]
        assert f"def {function}(" in there, f"{test} is not there"


@pytest.mark.parametrize("connector", BUILT_INS)
def test_every_operation_is_claimed_with_its_strategy(connector: str) -> None:
    """The file and the spec agree."""
    content = yaml.safe_load((ROOT / "connectors" / connector / "quality.yaml").read_text(encoding="utf-8"))
    operations = load().plugin(connector).spec.operations
    claimed = {name: claim["strategy"] for name, claim in content["operations"].items()}
    assert claimed == {operation.value: claim.strategy.value for operation, claim in operations.items()}
