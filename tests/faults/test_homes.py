"""Short storms over desks made at home, in `make long` only; longer ones are a part of `make faults`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.faults import homes
from tests.faults.enumeration import SEED
from tests.faults.storms import Plan
from tests.length import FULL

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(not FULL, reason="it takes minutes: make long"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes by /proc"),
]


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("kind", homes.KINDS)
def test_a_storm_leaves_each_effect_there_once(tmp_path: Path, kind: str) -> None:
    """Where the desk shows late what was written, where it knows writes by a key only, where only polls tell."""
    plan = Plan(seed=SEED, updates=60, lanes=8, rate=3.0, freezes=False, crash_at="deliver.answered=0.05")
    stormed = homes.run(tmp_path, plan, kind, "", None)
    assert stormed.verdict.findings == [], f"seed {SEED}: {stormed}"
