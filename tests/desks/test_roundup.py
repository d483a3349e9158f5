"""The behaviour suite against a real Roundup: what holds here holds at the customer's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.roundup import behaviour
from tests.connectors.roundup.stand import Stand
from tests.desks.roundup_server import PASSWORDS, RoundupServer, missing

pytestmark = pytest.mark.desk


@pytest.fixture(scope="session")
def roundup_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RoundupServer]:
    """Start a private Roundup; skipped, with the reason, where it is not installed."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with RoundupServer(tmp_path_factory.mktemp("roundup")) as server:
        yield server


@pytest.fixture
def stand(roundup_server: RoundupServer) -> Iterator[Stand]:
    """Give the real Roundup with its people."""
    made = Stand(roundup_server.url, PASSWORDS)
    yield made
    made.driver.close()


class TestCreation(behaviour.Creation):
    """Against a real Roundup."""


class TestFields(behaviour.Fields):
    """Against a real Roundup."""


class TestMessages(behaviour.Messages):
    """Against a real Roundup."""


class TestChanges(behaviour.Changes):
    """Against a real Roundup."""


class TestAccount(behaviour.Account):
    """Against a real Roundup."""
