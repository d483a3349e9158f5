"""A web process with real parts: SQLite in a file, a real connector, HTTP on loopback; its bell counts the rings."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from gateway.errors import ConfigError
from gateway.flow.desks import LiveSite
from gateway.ports import ConnectionSettings, Connector
from gateway.store import SqlStore
from gateway.system import SystemClock, SystemIds
from gateway.web.app import create_app
from gateway.web.parts import WebLimits
from rules.decide import RuleSet
from tests.databases import open_warm_store
from tests.rules.making import built_in

SECRET = "a-webhook-secret-of-the-tests"
TOKEN = "page-token-of-the-tests"


class CountingBell:
    """A bell whose rings are counted; `here` is False while its Redis is away."""

    def __init__(self) -> None:
        self.rings: list[str] = []
        self.here = True
        self.rung = threading.Event()

    def ring(self, step: str) -> None:
        """Count it."""
        self.rings.append(step)
        self.rung.set()

    def depth(self, step: str) -> int | None:
        """Return the count."""
        return len(self.rings) if self.here else None


def zendesk(name: str = "acme-zendesk") -> Connector:
    """Connect to a Zendesk that nobody asks anything here."""
    return built_in().connect(
        ConnectionSettings(
            name=name,
            connector="zendesk",
            url="https://acme.zendesk.example",
            options={"auth": {"email": "ops@acme.example", "api_token": "t0ken-of-tests"}, "webhook_secret": SECRET},
        )
    )


class SmallGateway:
    """What the web process needs, and nothing else."""

    def __init__(self, store: SqlStore) -> None:
        self.clock = SystemClock()
        self.ids = SystemIds(self.clock)
        self.store = store
        self.doorbell = CountingBell()
        self.releases: dict[str, RuleSet] = {}
        self.live = LiveSite(release="", rules=RuleSet(), connectors={"acme-zendesk": zendesk()})

    def site(self) -> LiveSite:
        """Return what the test put there."""
        return self.live

    def rules_of(self, release: str) -> RuleSet:
        """Return the rules that the test put there."""
        if release not in self.releases:
            raise ConfigError("its files do not load any more")
        return self.releases[release]

    def rqbell(self) -> CountingBell:
        """Return the bell."""
        return self.doorbell


@pytest.fixture
def store(sqlite_url: str, tmp_path: Path) -> Iterator[SqlStore]:
    """Open an empty database."""
    made = open_warm_store(sqlite_url, tmp_path / "key")
    yield made
    made.close()


@pytest.fixture
def parts(store: SqlStore) -> SmallGateway:
    """Make the parts."""
    return SmallGateway(store)


Serve = Callable[..., str]


@pytest.fixture
def serve(parts: SmallGateway) -> Iterator[Serve]:
    """Serve the application on a port of its own; call it with limits, it returns the address."""
    with ExitStack() as stack:

        def start(limits: WebLimits | None = None) -> str:
            app = create_app(parts, limits or WebLimits(token=TOKEN))
            server = make_server("127.0.0.1", 0, app, threaded=True)
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
            thread.start()
            stack.callback(server.server_close)
            stack.callback(thread.join)
            stack.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


@pytest.fixture
def address(serve: Serve) -> str:
    """Serve with the ordinary limits."""
    return serve()
