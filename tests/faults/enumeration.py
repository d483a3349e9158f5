"""Every combination of strategy, fault, kind of write and crash point; or a seeded sample of them that meets each."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from itertools import product

import msgspec

from gateway import crashpoint
from gateway.domain.update import Operation, Strategy
from tests.faults.case import Case
from tests.faults.desk import PARTING, Fault
from tests.faults.forks import Bench, at_each

#: that of this run
SEED = int(os.environ.get("GATEWAY_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
OPERATIONS = (Operation.CREATE, Operation.INTERNAL_NOTE, Operation.SET_FIELDS)
#: who is stopped in here holds the database's lock: nobody else goes on meanwhile
INSIDE = frozenset(
    {
        "apply.applying", "outbox.coalescing", "deliver.parting", "deliver.recording", "deliver.releasing",
        "replay.reopening", "bulk.dealing", "poll.keeping", "sweep.sealing",
    }
)  # fmt: skip
#: nothing is due by itself in these cases: test_escalations.py and test_routing.py of tests/flows end a sweep there,
#: and test_enriching.py the asking; what is written goes by HTTP here, and by mail in test_mail_crashes.py
_ELSEWHERE = frozenset({"enrich.keeping", "sweep.firing", "sweep.routing", "mail.sending", "mail.answering"})
POINTS = tuple(point for point in crashpoint.POINTS if point not in _ELSEWHERE)
#: whose answer says once more what was left out, when nobody heard it
REPEATING = frozenset({Strategy.NATURAL, Strategy.KEY})
#: how often a case is run once more with a second crash
AGAIN = 0.2


def combinations() -> list[Case]:
    """Return every strategy, fault and kind of write, without a crash."""
    found = [Case(strategy, fault, op) for strategy, fault, op in product(Strategy, Fault, OPERATIONS)]
    # only a change of two fields can be parted
    found = [each for each in found if each.fault not in PARTING or each.op is Operation.SET_FIELDS]
    found = [each for each in found if each.fault is not Fault.LEFT_OUT or each.strategy in REPEATING]
    probed = [each for each in found if each.strategy in {Strategy.NATURAL, Strategy.KEY}]
    found += [msgspec.structs.replace(each, probes=True) for each in probed]
    late = [each for each in found if each.fault is Fault.VERY_LATE]
    found += [msgspec.structs.replace(each, undoes=True) for each in late]
    # what is looked for by a mark is there, and the mark does not tell of what was left out
    return [each for each in found if each.fault is not Fault.LEFT_OUT or not each.probes]


def crashes(case: Case, points: Sequence[str], luck: random.Random, *, every: bool) -> Iterator[Case]:
    """Return the case killed, and stopped where that can be, at each point: each time that it came there, or one."""
    for kills in _chosen(case, points, luck, every=every):
        yield kills
        if luck.random() < AGAIN:
            yield msgspec.structs.replace(kills, again=luck.choice(POINTS))
    for stops in _chosen(case, points, luck, every=every):
        if _may_stop(stops):
            stopped = msgspec.structs.replace(stops, stops=True)
            yield stopped
            if stopped.beyond and not stopped.undoes:
                yield msgspec.structs.replace(stopped, undoes=True)


def _chosen(case: Case, points: Sequence[str], luck: random.Random, *, every: bool) -> list[Case]:
    all_of_them = list(at_each(case, list(points)))
    if every:
        return all_of_them
    return [luck.choice([each for each in all_of_them if each.point == point]) for point in sorted(set(points))]


def _may_stop(case: Case) -> bool:
    """Say whether the others can go on while a process is stopped there."""
    return case.point not in INSIDE


def sample(bench: Bench, luck: random.Random, size: int, points: Sequence[str] = POINTS) -> Iterator[Case]:
    """Return few cases in which each of these points is met, killed and stopped in turn."""
    chosen = luck.sample(combinations(), size)
    # without these some points are never reached
    chosen.append(Case(Strategy.PROBE, Fault.PROBE_BROKEN, Operation.INTERNAL_NOTE))
    parting = [each for each in combinations() if each.fault in PARTING and not each.probes]
    chosen.append(luck.choice(parting))
    chosen.append(Case(luck.choice(list(Strategy)), Fault.REPLAYED, luck.choice(OPERATIONS)))
    found = [each for case in chosen for each in at_each(case, bench.points(case)[0])]
    for point in points:
        case = luck.choice([each for each in found if each.point == point])
        stops = _may_stop(case) and luck.random() < 0.3
        again = luck.choice(POINTS) if luck.random() < 0.3 else ""
        yield msgspec.structs.replace(case, stops=stops, again=again)
