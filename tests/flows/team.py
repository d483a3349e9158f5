"""A team that has worked with several desks before the gateway came, and what becomes of their tickets on day one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from itertools import islice
from typing import Any

import msgspec

from connectors.testing.bench import Bench
from gateway.domain.adoption import Match
from gateway.domain.link import Link
from gateway.domain.ticket import Ticket
from gateway.flow.adopting import Adopter, listed
from gateway.flow.calls import run_reads
from gateway.flow.importing import Importer
from gateway.store import SqlStore
from rules.conditions import ALWAYS
from rules.sync import Owner, SyncRule
from tests.flows.world import Bridge, Silent

Spot = tuple[str, str]


def tied(source: str, target: str, **changes: Any) -> SyncRule:
    """Return the rule that every ticket of one desk also lives in another."""
    given: dict[str, Any] = {
        "name": f"{source}-{target}",
        "source": source,
        "target": target,
        "when": ALWAYS,
        "fields": {"title": Owner.FROM, "status": Owner.BOTH, "priority": Owner.TO},
    }
    return SyncRule(**{**given, **changes})


class Team(Bridge):
    """Desks of a team, by the names of their connections. Nothing is heard of them until they are imported."""

    def __init__(
        self,
        store: SqlStore,
        benches: Mapping[str, Bench],
        rules: Iterable[SyncRule] = (),
        mode: str = "observe",
        cross_links: Mapping[str, Mapping[str, tuple[str, ...]]] | None = None,
    ) -> None:
        super().__init__(store)
        self.benches = dict(benches)
        for name, bench in self.benches.items():
            bench.__enter__()
            bench.desk.webhooks.url = self.hook(name)
        self.rules, self.cross_links = tuple(rules), cross_links or {}
        self.set_mode(mode)
        self.webhooks_lost = True

    def set_mode(self, mode: str) -> None:
        """Let the site observe, or be live."""
        settings = [bench.settings(name, every=timedelta(seconds=1)) for name, bench in self.benches.items()]
        with_links = [_with(each, self.cross_links.get(each.name, {})) for each in settings]
        self.join((bench.desk for bench in self.benches.values()), with_links, self.rules, mode)

    def close(self) -> None:
        """Stop the desks."""
        super().close()
        for bench in self.benches.values():
            bench.__exit__()

    def importer(self) -> Importer:
        """Return what imports."""
        return Importer(
            store=self.store,
            site=self.site,
            transport=self.transport,
            doorbell=Silent(),
            clock=self.clock,
            ids=self.ids,
            wait=lambda _: None,
        )

    def bring(self, name: str, *, most: int = 10_000, apply: bool = True) -> None:
        """Import a desk, or some pages of it, and let what came be applied."""
        importer = self.importer()
        begun = importer.begin(name, timedelta(days=90), timedelta(days=700))
        for _ in islice(importer.pages(name, begun), most):
            pass
        if apply:
            self.settle_applied()

    def settle_applied(self) -> None:
        """Apply what has come; nothing is written."""
        while self.applier().drain(holder="team", seconds=20):
            pass

    def adopt(self) -> int:
        """Let the sweep look at what names what, until nothing is new."""
        adopter = Adopter(store=self.store, site=lambda: self.site, clock=self.clock, ids=self.ids)
        total = 0
        for _ in range(20):
            linked = adopter.look()
            total += linked
            with self.store.read() as tx:
                if not tx.crosslinks.fresh(1):
                    break
        return total

    def left(self) -> list[Match]:
        """Return what is listed for people."""
        with self.store.read() as tx:
            return listed(tx, self.site)

    def address(self, name: str, remote_id: str) -> str:
        """Return where people open a ticket."""
        connector = self.site.connectors[name]
        read = run_reads(connector.read(remote_id), connector, self.transport, deadline=5, trace_id="0" * 32)
        assert read is not None
        return read.url

    def tickets(self) -> list[frozenset[Spot]]:
        """Return every ticket as the set of the remote tickets that it is."""
        with self.store.read() as tx:
            return sorted(
                (
                    frozenset((name, each[0]) for name, each in line.links.items())
                    for line in tx.view.tickets(limit=500)
                ),
                key=sorted,
            )

    def link(self, spot: Spot) -> Link:
        """Return the link of a remote ticket."""
        with self.store.read() as tx:
            return tx.links.by_remote([spot])[spot]

    def ticket(self, spot: Spot) -> Ticket:
        """Return the ticket of a remote ticket."""
        with self.store.read() as tx:
            found = tx.tickets.get(tx.links.by_remote([spot])[spot].ticket_id)
        assert found is not None
        return found


def _with(settings: Any, fields: Mapping[str, tuple[str, ...]]) -> Any:
    return msgspec.structs.replace(settings, cross_links=dict(fields))
