"""One field of an update is refused, and the process dies while the others are parted from it.

Whatever dies wherever: the others are there once, and one dead letter has what was refused.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from gateway.domain.update import Operation, Strategy
from tests.faults.case import Case
from tests.faults.desk import Fault
from tests.faults.enumeration import SEED, crashes
from tests.faults.forks import Bench

pytestmark = pytest.mark.faults

#: around the split: the answer is there, the letter is, the record is, it is committed
AROUND = frozenset({"deliver.answered", "deliver.parting", "deliver.recording"})


@pytest.fixture
def bench(database_url: str, tmp_path: Path) -> Bench:
    """Give what runs cases on each database."""
    return Bench(database_url, tmp_path)


@pytest.mark.parametrize("strategy", Strategy)
def test_what_is_parted_is_there_once_and_has_one_letter(bench: Bench, strategy: Strategy) -> None:
    """Killed and stopped at each point around the split, and once more with a second crash by chance."""
    case = Case(strategy, Fault.PARTED, Operation.SET_FIELDS)
    luck = random.Random(SEED)
    reached, whole = bench.points(case)
    assert whole.findings == []
    assert "deliver.parting" in reached
    points = [point for point in reached if point in AROUND]
    wrong = {}
    for each in crashes(case, points, luck, every=False):
        found = bench.run(each).findings
        if found:
            wrong[str(each)] = found
    assert wrong == {}, f"seed {SEED}"
