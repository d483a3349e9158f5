"""A short storm of everything at once over real processes; the long ones, beside a naive baseline: `make faults`."""

from __future__ import annotations

import os
import random
import sys

import pytest

from tests.faults import storms
from tests.faults.crew import databases
from tests.faults.storms import Plan
from tests.length import FULL

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.postgres,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes by /proc"),
]

SEED = int(os.environ.get("GATEWAY_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)


@pytest.mark.timeout(1200)
def test_a_storm_leaves_each_effect_there_once() -> None:
    """A third of the writes fail, processes and the database are killed, Redis is wiped: nothing is lost or twice."""
    plan = Plan(
        seed=SEED, updates=50, lanes=8, rate=3.0, stops=False, freezes=False, crash_at="*=0.002", pace=0.3,
        refuses=FULL,
    )  # fmt: skip
    with databases("postgresql", 1) as (folder, (url,), server):
        site = folder / "site"
        site.mkdir()
        stormed = storms.run(site, plan, url, server)
    assert stormed.verdict.findings == [], f"seed {SEED}: {stormed}"
    assert stormed.troubles["database killed"], f"seed {SEED}: {stormed}"
