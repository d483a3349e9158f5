"""A seeded sample of the enumeration: every crash point, strategies and faults by chance.

In `make test` each point is met on one of the two databases, the seed says which, and each safeguard is missed on one
of them; in `make long` on both. All of it is `make faults`; GATEWAY_SEED repeats a sample.
"""

from __future__ import annotations

import random

import pytest

from gateway.domain.update import Operation, Strategy
from tests.faults.case import Case, Kit
from tests.faults.desk import Fault
from tests.faults.enumeration import POINTS, SEED, sample
from tests.faults.forks import Bench
from tests.faults.mutants import MUTANTS
from tests.length import FULL, length, on_databases

pytestmark = pytest.mark.faults

COMBINATIONS = length(2, 3)
NOTE, FIELDS = Operation.INTERNAL_NOTE, Operation.SET_FIELDS

#: each mutant with work on which its missing safeguard shows
CAUGHT = {
    "blind resend": Case(Strategy.PROBE, Fault.RESET_AFTER, NOTE),
    "blind resend after a crash": Case(Strategy.NONE, Fault.NOTHING, NOTE, "deliver.answered", 2),
    "no sweep": Case(Strategy.PROBE, Fault.REFUSE, NOTE),
    "no sweep after a crash": Case(Strategy.KEY, Fault.NOTHING, NOTE, "apply.applied", 2),
    "no fence": Case(Strategy.PROBE, Fault.REFUSE, NOTE, "deliver.intended", 2, stops=True),
    "no hold": Case(Strategy.NATURAL, Fault.LATE, FIELDS),
    "no wait for a dead worker's write": Case(Strategy.PROBE, Fault.SLOW_INDEX, NOTE, "deliver.answered", 2),
    "no look": Case(Strategy.PROBE, Fault.VERY_LATE, NOTE),
    "no look after a stop": Case(Strategy.PROBE, Fault.NOTHING, NOTE, "deliver.guarded", 2, stops=True),
    "no look at an older value": Case(Strategy.NATURAL, Fault.VERY_LATE, FIELDS),
    "no look for a second ticket": Case(Strategy.PROBE, Fault.VERY_LATE, Operation.CREATE),
}


@pytest.mark.long
def test_whatever_dies_wherever_each_effect_is_there_once(bench: Bench, kind: str) -> None:
    """At every crash point, killed or stopped beyond the lease, under faults by chance."""
    luck = random.Random(SEED)
    points = POINTS if FULL else POINTS[(SEED + (kind == "sqlite")) % 2 :: 2]
    chosen = sample(bench, luck, COMBINATIONS, points)
    wrong = {str(case): found for case in chosen if (found := bench.run(case).findings)}
    assert wrong == {}, f"seed {SEED}"


@pytest.mark.long
@pytest.mark.parametrize(("kind", "name"), on_databases(CAUGHT), indirect=["kind"])
def test_each_safeguard_is_missed(bench: Bench, name: str) -> None:
    """Without it the same work goes wrong; with it, it does not."""
    case = CAUGHT[name]
    mutant = MUTANTS[" ".join(name.split()[:2])]
    judged = {}
    for who, kit in (("ours", Kit()), ("mutant", mutant)):
        verdict = bench.run(case, kit) if case.point else bench.points(case, kit)[1]
        judged[who] = verdict.findings
    assert judged["ours"] == []
    assert judged["mutant"] != []


def test_a_copy_of_a_known_double_is_found_too(bench: Bench) -> None:
    """It landed very late, was written again and taken back once; then the one who had stood still sent it, too."""
    case = Case(Strategy.PROBE, Fault.VERY_LATE, NOTE, "deliver.guarded", 2, stops=True, undoes=True)
    assert bench.run(case).findings == []
