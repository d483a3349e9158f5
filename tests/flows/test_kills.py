"""SIGKILL at every role of a running gateway, in the middle of traffic: nothing is lost and nothing is there twice.

`make long` runs a short storm on each database. In `make test` tests/faults/test_storm.py kills every role over
PostgreSQL, tests/demo/test_demo.py some over SQLite, and tests/faults/test_enumeration.py what works, at each point.
The full one, twenty kills a role: GATEWAY_KILLS=20, and GATEWAY_SEED repeats one.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import pytest

from tests.faults.trouble import freeze_machine, freeze_role
from tests.flows.course import courses
from tests.flows.promised import broken, waits, watch
from tests.flows.promises import Colleagues, PromisedDesks, promises
from tests.flows.site import Site
from tests.flows.storm import Killer, judge, storm, table, wait_quiet

pytestmark = [
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.long(only=True),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes by /proc"),
]

KILLS = int(os.environ.get("GATEWAY_KILLS", "2"))
SEED = int(os.environ.get("GATEWAY_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
PAUSE = (0.4, 1.2) if KILLS <= 3 else (0.6, 2.0)
RATE = 7.0
QUIET_SECONDS = 300.0 if KILLS <= 3 else 900.0
#: what stands still for a while at the end of a long one: a role, then everything
FREEZES = (freeze_role, freeze_role, freeze_machine) if KILLS > 3 else ()
#: tickets that one person can have
CAPACITY = 3
#: how slow promises are: a short storm does not wait a minute for the last of them
PACE = 0.3 if KILLS <= 3 else 1.0


@pytest.mark.timeout(300 + 30 * KILLS + QUIET_SECONDS)
def test_nothing_is_lost_or_doubled_whatever_is_killed(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every ticket, comment and status comes out right at both desks after each role was killed several times."""
    name = database_url.partition(":")[0]
    folder = tmp_path / "site"
    folder.mkdir()
    with PromisedDesks() as desks:
        asked = promises(desks, capacity=CAPACITY, deadline=5, pace=PACE)
        site = Site(
            folder, zendesk=desks.zendesk.url, rt=desks.rt.url, rt_token=desks.rt.tokens["gateway"],
            database_url=database_url, written=asked.written,
        )  # fmt: skip
        with site, site.store() as store:
            watch(store)
            killer, chance = Killer(site, SEED, KILLS, PAUSE), random.Random(SEED)
            with storm(site, desks, Colleagues(desks, SEED, RATE)) as people:
                killer.run()
                for stand_still in FREEZES:
                    stand_still(site, chance)
            seconds = wait_quiet(desks, store, QUIET_SECONDS, waits=waits)
            judgement = judge(desks, people, store)
            judgement.broken += broken(desks, store, asked)
            with store.read() as tx:
                counts = tx.view.counts()
            told = courses(store, (fault for each in judgement.faults.values() for fault in each))
    with capsys.disabled():
        sys.stdout.write(f"\n{table(f'{name}, seed {SEED}', killer.kills, judgement, people, seconds)}\n")
    assert judgement.faults == {}, f"seed {SEED}: {judgement.faults}\n{counts}\n{told}"
    assert seconds is not None, f"seed {SEED}: it never came to rest: {counts}"
