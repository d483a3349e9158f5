"""One field of an update is refused, and the process dies while the others are parted from it.

Whatever dies wherever: the others are there once, and one dead letter has what was refused. In `make test` each
case is taken on one of the two databases with every other crash, in `make long` on both with each crash.
"""

from __future__ import annotations

import random

import pytest

from gateway.domain.update import Operation, Strategy
from tests.faults.case import Case
from tests.faults.desk import PARTING, Fault
from tests.faults.enumeration import SEED, combinations, crashes
from tests.faults.forks import Bench
from tests.length import FULL, on_databases

pytestmark = pytest.mark.faults

#: around the split: the answer is there, the letter is, the record is, it is committed
AROUND = frozenset({"deliver.answered", "deliver.parting", "deliver.recording"})

#: the desk refuses the whole request for one of its fields, or sets all but that one
CASES = [each for each in combinations() if each.fault in PARTING and not each.probes]


@pytest.mark.long
@pytest.mark.parametrize(("kind", "case"), on_databases(CASES), indirect=["kind"])
def test_what_is_parted_is_there_once_and_has_one_letter(bench: Bench, case: Case) -> None:
    """Killed and stopped at the points around the split, and once more with a second crash by chance."""
    luck = random.Random(SEED)
    reached, whole = bench.points(case)
    assert whole.findings == []
    assert "deliver.parting" in reached
    points = [point for point in reached if point in AROUND]
    wrong = {}
    chosen = list(crashes(case, points, luck, every=False))
    for each in chosen if FULL else chosen[SEED % 2 :: 2]:
        found = bench.run(each).findings
        if found:
            wrong[str(each)] = found
    assert wrong == {}, f"seed {SEED}"


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_what_was_perhaps_never_sent_is_no_refusal(bench: Bench) -> None:
    """Where nothing can tell, an update whose worker died before it sent is ambiguous as a whole."""
    case = Case(Strategy.NONE, Fault.PARTED, Operation.SET_FIELDS, "deliver.intended", 3)
    assert bench.run(case).findings == []
