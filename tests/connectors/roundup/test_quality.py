"""The claims of quality.yaml: every named test is there, and so runs against the simulator and against a real one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import connectors.roundup
from tests.connectors.roundup import behaviour

CLAIMS: dict[str, Any] = yaml.safe_load(
    Path(connectors.roundup.__file__).with_name("quality.yaml").read_text(encoding="utf-8")
)
NAMED = [
    (claim["claim"], test)
    for claim in [*CLAIMS["operations"].values(), *CLAIMS["claims"]]
    for test in claim.get("tests", ())
]


@pytest.mark.parametrize(("claim", "test"), NAMED)
def test_every_named_test_is_in_the_behaviour_suite(claim: str, test: str) -> None:
    """By its group and its name."""
    group, _, name = test.partition(".")
    assert callable(getattr(getattr(behaviour, group), name)), claim
