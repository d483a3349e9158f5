"""A ticket that lives in two desks, whichever they are: nothing is lost, nothing is there twice, nothing comes back.

`make test` runs each desk both ways against one (here to it, in test_back.py from it); `make pairs` every ordered pair.
"""

from __future__ import annotations

import pytest

from connectors.testing.bench import Bench
from gateway.store import SqlStore
from tests.pairs.pair import Journey, Pair
from tests.pairs.which import HITHER

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("source", "target"), HITHER, ids=lambda bench: bench.connector)
def test_a_ticket_lives_in_both(store: SqlStore, source: type[Bench], target: type[Bench]) -> None:
    """Created, talked about from both sides, changed from both sides, and at rest."""
    with Pair(store, source, target) as pair:
        Journey(pair).run()
