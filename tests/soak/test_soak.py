"""Nothing grows but what is meant to, over a month of short days; a year of them: `make soak`."""

from __future__ import annotations

import pytest

from gateway.store import SqlStore
from gateway.store.retention import Lifetimes
from tests.length import length
from tests.soak.run import soak

# it is work, not waiting: a machine that does something else besides takes its time
pytestmark = [pytest.mark.slow, pytest.mark.long, pytest.mark.timeout(900)]

#: months in days
SHORT = Lifetimes(deliveries=1, keys=3, echoes=1, audit=2)
DAYS = length(9, 30)


def test_at_a_steady_load_no_table_grows_but_those_that_are_kept(store: SqlStore) -> None:
    """Rows and bytes of the last third are those of the middle one; dead letters that nobody resolves stay."""
    year, left, there = soak(store, SHORT, days=DAYS, tickets=2)
    assert year.findings() == []
    assert left == there == 2
    assert year.days[-1].rows["tickets"] == 2 * DAYS
    assert all(year.days[-1].rows[name] for name in ("deliveries", "bulks", "bulk_letters", "alerts", "audit"))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_table_that_is_not_pruned_is_noticed(store: SqlStore) -> None:
    """The soak tells a table that grows by a day's load a day."""
    lives = Lifetimes(deliveries=999, keys=999, echoes=1, audit=999)
    year, _, _ = soak(store, lives, days=9, tickets=1)
    grown = {each.partition(":")[0] for each in year.findings()}
    assert {"deliveries", "updates", "attempts", "delivery_keys", "effect_keys", "events", "audit"} <= grown
