"""One field of an update is refused, and the process dies while the others are parted from it.

Whatever dies wherever: the others are there once, and one dead letter has what was refused. In `make test` each
strategy is taken on one of the two databases, in `make long` on both.
"""

from __future__ import annotations

import random

import pytest

from gateway.domain.update import Operation, Strategy
from tests.faults.case import Case
from tests.faults.desk import Fault
from tests.faults.enumeration import SEED, crashes
from tests.faults.forks import Bench
from tests.length import on_databases

pytestmark = pytest.mark.faults

#: around the split: the answer is there, the letter is, the record is, it is committed
AROUND = frozenset({"deliver.answered", "deliver.parting", "deliver.recording"})


@pytest.mark.long
@pytest.mark.parametrize(("kind", "strategy"), on_databases(Strategy), indirect=["kind"])
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
