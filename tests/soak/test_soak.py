"""Nothing grows but what is meant to, over a month of short days; a year of them: `make soak`."""

from __future__ import annotations

import pytest

from gateway.store import SqlStore
from gateway.store.retention import Lifetimes
from tests.soak.run import soak

#: a year in a month
SHORT = Lifetimes(deliveries=2, keys=5, echoes=1, audit=4)
DAYS = 24


def test_at_a_steady_load_no_table_grows_but_those_that_are_kept(store: SqlStore) -> None:
    """Rows and bytes of the last third are those of the middle one; dead letters that nobody resolves stay."""
    year, left, there = soak(store, SHORT, days=DAYS, tickets=2)
    assert year.findings() == []
    assert left == there == 2
    assert year.days[-1].rows["tickets"] == 2 * DAYS
    assert all(
        year.days[-1].rows[name] for name in ("deliveries", "echoes", "bulks", "bulk_letters", "alerts", "audit")
    )


@pytest.mark.parametrize(
    ("kept", "grows"),
    [({"deliveries": 999}, {"deliveries", "updates", "attempts"}), ({"keys": 999}, {"effect_keys", "events"})],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_table_that_is_not_pruned_is_noticed(store: SqlStore, kept: dict[str, int], grows: set[str]) -> None:
    """The soak tells a table that grows by a day's load a day."""
    lives = Lifetimes(**{"deliveries": 2, "keys": 5, "echoes": 1, "audit": 4, **kept})
    year, _, _ = soak(store, lives, days=15, tickets=1)
    assert grows <= {each.partition(":")[0] for each in year.findings()}
