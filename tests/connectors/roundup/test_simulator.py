"""The behaviour suite against the simulated Roundup: it must do what tests/desks sees a real one do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.roundup.simulator import SimulatedRoundup
from tests.connectors.roundup import behaviour
from tests.connectors.roundup.stand import Stand


@pytest.fixture
def stand() -> Iterator[Stand]:
    """Give a simulated Roundup with its people."""
    with SimulatedRoundup() as desk:
        made = Stand(desk.url, desk.passwords)
        yield made
        made.driver.close()


class TestCreation(behaviour.Creation):
    """Simulated."""


class TestFields(behaviour.Fields):
    """Simulated."""


class TestMessages(behaviour.Messages):
    """Simulated."""


class TestChanges(behaviour.Changes):
    """Simulated."""


class TestAccount(behaviour.Account):
    """Simulated."""


class TestMessagesOfAnOlderTracker(behaviour.Messages):
    """Simulated as before 2.5: a file's bytes come within JSON only."""

    @pytest.fixture
    def stand(self) -> Iterator[Stand]:
        """Give an older tracker."""
        with SimulatedRoundup() as desk:
            desk.old = True
            made = Stand(desk.url, desk.passwords)
            yield made
            made.driver.close()
