"""A whole gateway in one process: real database, real HTTP to two simulated desks, no Redis, no worker processes.

`settle()` runs the steps until nothing is due, as the workers would.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl

import msgspec

from connectors.request_tracker.simulator import SimulatedRequestTracker
from connectors.testing.desk import SimulatedDesk
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.domain.ticket import Category, Visibility
from gateway.errors import AuthenticationError
from gateway.flow.apply import Applier
from gateway.flow.deliver import Deliverer
from gateway.flow.desks import LiveSite
from gateway.flow.files.bringing import Bringer
from gateway.flow.looks import Looker
from gateway.flow.receive import receive
from gateway.flow.reconcile import Reconciler
from gateway.http import HttpTransport
from gateway.ports import ConnectionSettings, IncomingRequest, NewDelivery
from gateway.store import SqlStore
from gateway.store.blobs import SqlBlobs
from gateway.system import SystemClock, SystemIds
from gateway.talking import DeskTransport
from rules.conditions import ALWAYS
from rules.decide import RuleSet
from rules.mapping import Row, StatusMap
from rules.sync import Owner, SyncRule
from tests.clocks import MovedClock
from tests.rules.making import built_in

ZENDESK_SECRET = "zendesk-secret"
RT_SECRET = "rt-secret"
#: states of an update that is on its way
OPEN = ("ready", "sending", "unknown")
#: seconds between two looks while there is nothing to do: longer each time
_SHORTEST, _LONGEST = 0.02, 0.06

STATUS_MAP = StatusMap(
    (
        Row((Category.NEW,), ("new",), "new", Category.NEW),
        Row((Category.OPEN,), ("open", "testing"), "open", Category.OPEN),
        Row((Category.PENDING_CUSTOMER, Category.ON_HOLD), ("stalled",), "stalled", Category.ON_HOLD),
        Row((Category.RESOLVED, Category.CLOSED), ("resolved",), "resolved", Category.RESOLVED),
        Row((Category.CANCELLED,), ("rejected",), "rejected", Category.CANCELLED),
    )
)


def sync_rule(**changes: object) -> SyncRule:
    """Return the rule of these tests: every Zendesk ticket also lives in RT."""
    rule = SyncRule(
        name="to-rt",
        source="acme-zendesk",
        target="engineering-rt",
        when=ALWAYS,
        create={"queue": "General"},
        fields={"title": Owner.FROM, "body": Owner.FROM, "status": Owner.BOTH, "priority": Owner.BOTH},
        status_map=STATUS_MAP,
        comments={Visibility.PUBLIC: Owner.BOTH, Visibility.INTERNAL: Owner.BOTH},
    )
    return msgspec.structs.replace(rule, **changes)


class Silent:
    """A doorbell that nobody hears: `settle` looks by itself."""

    def ring(self, step: str) -> None:
        """Do nothing."""


class StoringIntake:
    """Stores each delivery at once."""

    def __init__(self, store: SqlStore) -> None:
        self._store = store

    def accept(self, delivery: NewDelivery) -> bool:
        """Commit it."""
        return delivery.id in self._store.write(lambda tx: tx.inbox.add([delivery]))


class Bridge:
    """A gateway between desks. A subclass starts them, and calls `join` with the connections to them."""

    #: what is due to be applied within it is waited for
    patience = timedelta(seconds=10)

    def __init__(self, store: SqlStore, clock: SystemClock | None = None) -> None:
        self.store = store
        self.clock = clock or MovedClock()
        self.ids = SystemIds(self.clock)
        self.files = SqlBlobs(store)
        self.transport = DeskTransport(files=self.files, http=HttpTransport(files=self.files, now=self.clock.now))
        self.hooks = _Hooks(self._hook)
        self.intake = StoringIntake(store)
        self.desks: tuple[SimulatedDesk, ...] = ()
        #: rules of older releases
        self.releases: dict[str, RuleSet] = {}
        self.webhooks_lost = False

    def hook(self, connection: str) -> str:
        """Return where the webhooks of a connection go."""
        return f"{self.hooks.url}/hooks/{connection}"

    def join(
        self,
        desks: Iterable[SimulatedDesk],
        settings: Iterable[ConnectionSettings],
        rules: Iterable[SyncRule],
        mode: str = "live",
        people: Mapping[str, Any] | None = None,
    ) -> None:
        """Put the gateway between desks that have been started."""
        self.desks = tuple(desks)
        found = built_in()
        self.site = LiveSite(
            release="test",
            rules=RuleSet(sync_rules=tuple(rules), sections={"people": people} if people else {}),
            connectors={each.name: found.connect(each) for each in settings},
            mode=mode,
        )
        for connector in self.site.connectors.values():
            # late effects of simulators come within a second: tests need not wait longer
            claims = {name: msgspec.structs.replace(each, settle=1) for name, each in connector.spec.operations.items()}
            connector.spec = msgspec.structs.replace(connector.spec, operations=claims)

    def close(self) -> None:
        """Stop the desks."""
        for desk in self.desks:
            desk.stop()
        self.hooks.close()
        self.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hook(self, name: str, request: IncomingRequest) -> int:
        if self.webhooks_lost:
            return 200
        try:
            receive(request, self.site.connectors[name], self.intake, self.clock, self.ids, self.ids.new()[:32])
        except AuthenticationError:
            return 401
        return 200

    def applier(self) -> Applier:
        """Return a fresh applier."""
        return Applier(
            store=self.store,
            site=self.site,
            transport=self.transport,
            doorbell=Silent(),
            clock=self.clock,
            ids=self.ids,
            rules_of=self.releases.__getitem__,
        )

    def deliverer(self) -> Deliverer:
        """Return a fresh deliverer."""
        return Deliverer(
            store=self.store,
            site=self.site,
            transport=self.transport,
            doorbell=Silent(),
            clock=self.clock,
            ids=self.ids,
        )

    def reconciler(self) -> Reconciler:
        """Return a fresh reconciler."""
        return Reconciler(
            store=self.store,
            site=self.site,
            transport=self.transport,
            doorbell=Silent(),
            clock=self.clock,
            ids=self.ids,
        )

    def bringer(self) -> Bringer:
        """Return a fresh bringer."""
        return Bringer(
            store=self.store,
            site=self.site,
            transport=self.transport,
            files=self.files,
            doorbell=Silent(),
            clock=self.clock,
            ids=self.ids,
        )

    def looker(self) -> Looker:
        """Return a fresh looker."""
        return Looker(
            store=self.store,
            site=self.site,
            transport=self.transport,
            doorbell=Silent(),
            clock=self.clock,
            ids=self.ids,
        )

    def settle(self, seconds: float = 20.0, quiet: float = 0.25) -> None:
        """Run apply and deliver until there is nothing left to do.

        While something is on its way (a webhook held back, a late effect, an update that waits for its time) it ends
        when nothing has happened for `quiet` seconds. A webhook that is leaving, and a delivery that is to be applied
        soon, are waited for; one that has a long time to wait is left to it.
        """
        until = time.monotonic() + seconds
        calm_since = time.monotonic()
        pause = _SHORTEST
        while time.monotonic() < until:
            told = [desk.at_rest() for desk in self.desks]
            leaving = any(desk.webhooks.leaving for desk in self.desks)
            if (done := self._step()) or leaving:
                calm_since = time.monotonic()
            if done:
                pause = _SHORTEST
                continue
            pending, soon = self._waiting()
            at_rest = all(told) and not pending and not self._is_open()
            if at_rest or (not soon and time.monotonic() - calm_since > quiet):
                return
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST)

    def _step(self) -> int:
        """Let each step do what is due now; return how much there was."""
        done = self.bringer().bring_due(holder="test-files", seconds=5)
        with self.store.read() as tx:
            due = tx.inbox.has_due(self.clock.now())
        # to drain an empty inbox is a lease, taken and given back: most of what a test that waits would do
        if due:
            done += self.applier().drain(holder="test-apply", seconds=5)
        return done + self.deliverer().drain(holder="test-deliver", seconds=5, linger=0.0)

    def _waiting(self) -> tuple[int, bool]:
        """Return how many deliveries wait to be applied, and whether one of them is, or soon will be, due."""
        with self.store.read() as tx:
            pending = tx.inbox.pending()
            return pending, bool(pending) and tx.inbox.has_due(self.clock.now() + self.patience)

    def _is_open(self) -> bool:
        """Say whether an update is on its way."""
        counts = self.counts()
        return any(counts.get(f"updates_{state}") for state in OPEN)

    def settle_all(self, seconds: float = 60.0) -> None:
        """Settle until no update is open, letting settle times and backoffs pass."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.settle(quiet=0.1)
            if not self._is_open():
                self.settle()
                return
            self.let_pass(1)

    def let_pass(self, seconds: float) -> None:
        """Put everybody's clock forward; where it cannot be moved, or something is still under way, wait a little."""
        if not isinstance(self.clock, MovedClock) or not all(desk.at_rest() for desk in self.desks):
            time.sleep(0.2)
            return
        self.clock.ahead += timedelta(seconds=seconds)
        for desk in self.desks:
            desk.clock.skew += timedelta(seconds=seconds)

    def counts(self) -> dict[str, int]:
        """Return the store's counts."""
        with self.store.read() as tx:
            return tx.view.counts()


class World(Bridge):
    """The gateway, a Zendesk and an RT."""

    def __init__(
        self,
        store: SqlStore,
        rules: Iterable[SyncRule] | None = None,
        mode: str = "live",
        clock: SystemClock | None = None,
    ) -> None:
        super().__init__(store, clock)
        self.zendesk = ZendeskSimulator(
            email="gateway@acme.example",
            api_token="token",
            webhook_url=self.hook("acme-zendesk"),
            webhook_secret=ZENDESK_SECRET,
        ).start()
        self.rt = SimulatedRequestTracker(webhook_url=self.hook("engineering-rt"), webhook_secret=RT_SECRET).start()
        settings = [
            ConnectionSettings(
                "acme-zendesk",
                "zendesk",
                self.zendesk.url,
                {
                    "auth": {"email": "gateway@acme.example", "api_token": "token"},
                    "webhook_secret": ZENDESK_SECRET,
                },
                reconcile_every=timedelta(seconds=1),
                deadline=2.0,
            ),
            ConnectionSettings(
                "engineering-rt",
                "request_tracker",
                self.rt.url,
                {"auth": {"token": self.rt.tokens["gateway"]}, "webhook_secret": RT_SECRET},
                reconcile_every=timedelta(seconds=1),
                deadline=2.0,
            ),
        ]
        self.join((self.zendesk, self.rt), settings, (sync_rule(),) if rules is None else rules, mode)


class _Hooks:
    """A small HTTP server in the place of the web process."""

    def __init__(self, handle: Callable[[str, IncomingRequest], int]) -> None:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                headers = {name.lower(): value for name, value in self.headers.items()}
                path, _, query = self.path.partition("?")
                incoming = IncomingRequest("POST", path, dict(parse_qsl(query)), headers, body)
                status = handle(path.rsplit("/", 1)[-1], incoming)
                self.send_response(status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop it."""
        self._server.shutdown()
        self._server.server_close()
