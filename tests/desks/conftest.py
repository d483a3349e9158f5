"""A real Request Tracker and a real Redmine for the tests of this folder, each started once for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.request_tracker.stand import Sink, Stand
from tests.desks import redmine_server as redmine
from tests.desks.rt_server import RtServer, missing
from tests.prepared import shared_folder


@pytest.fixture(scope="session")
def rt_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtServer]:
    """Start a private RT 5 on SQLite with our set-up; skipped, with the reason, where RT is not installed."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with RtServer(tmp_path_factory.mktemp("rt"), shared_folder(tmp_path_factory)) as server:
        yield server


@pytest.fixture(scope="session")
def redmine_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redmine.RedmineServer]:
    """Start a private Redmine; skipped, with the reason, where it is not installed."""
    reason = redmine.missing()
    if reason:
        pytest.skip(reason)
    with redmine.RedmineServer(tmp_path_factory.mktemp("redmine"), shared_folder(tmp_path_factory)) as server:
        yield server


@pytest.fixture
def stand(rt_server: RtServer) -> Iterator[Stand]:
    """Give the real RT with its people and a place for its webhooks."""
    sink = Sink()
    rt_server.point_webhooks(sink.url)
    made = Stand(rt_server.url, rt_server.tokens, rt_server.webhook_secret, sink, rt_server.call)
    yield made
    rt_server.point_webhooks("")
    made.driver.close()
    sink.server.refuse()
