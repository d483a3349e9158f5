"""The claims of quality.yaml: every operation has one, as the spec declares it, and every named test is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import connectors.request_tracker
from connectors.request_tracker import SPEC
from tests.connectors.request_tracker import behaviour

CLAIMS: dict[str, Any] = yaml.safe_load(
    Path(connectors.request_tracker.__file__).with_name("quality.yaml").read_text(encoding="utf-8")
)
NAMED = [
    (claim["claim"], test)
    for claim in [*CLAIMS["operations"].values(), *CLAIMS["claims"]]
    for test in claim.get("tests", ())
]


def test_every_operation_has_a_claim_with_its_strategy() -> None:
    """The file and the spec say the same."""
    declared = {operation.value: claim.strategy.value for operation, claim in SPEC.operations.items()}
    assert {name: claim["strategy"] for name, claim in CLAIMS["operations"].items()} == declared


@pytest.mark.parametrize(("claim", "test"), NAMED)
def test_every_named_test_is_in_the_behaviour_suite(claim: str, test: str) -> None:
    """So it runs against the simulator and against a real RT."""
    group, _, name = test.partition(".")
    assert callable(getattr(getattr(behaviour, group), name)), claim
