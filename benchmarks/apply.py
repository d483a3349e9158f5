"""Deliveries applied a second: a third each of new tickets, comments and changes of status, all synced to RT."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from benchmarks.lab import ZENDESK, Lab
from benchmarks.report import Measure, Progress
from benchmarks.traffic import headers, mixed
from gateway.bootstrap import Gateway
from gateway.flow.receive import receive
from gateway.ports import IncomingRequest, NewDelivery

STAGE = "apply"
ROUNDS = 3
DELIVERIES = 900
STEPS = ROUNDS


class Kept:
    """An intake that keeps deliveries until they are stored together."""

    def __init__(self) -> None:
        self.rows: list[NewDelivery] = []

    def accept(self, delivery: NewDelivery) -> bool:
        """Keep it."""
        self.rows.append(delivery)
        return True


def run(progress: Progress, new_database: Callable[[], str] = str, name: str = "SQLite") -> list[Measure]:
    """Measure; `new_database` gives the address of an empty one for each round (empty: SQLite in the site)."""
    rates = []
    updates = 0
    for number in range(ROUNDS):
        progress.step(f"round {number + 1}")
        with Lab(new_database()) as lab:
            gateway = lab.prepared()
            fill(gateway, lab.secret, DELIVERIES, first=1_000_000 * (number + 1))
            applier = gateway.applier()
            began = time.perf_counter()
            done = applier.drain(holder="benchmark", seconds=60)
            rates.append(done / (time.perf_counter() - began))
            with gateway.store.read() as tx:
                counts = tx.view.counts()
            updates = counts.get("updates_ready", 0)
            if done < DELIVERIES or counts.get("deliveries_parked"):
                msg = f"not everything was applied: {counts}"
                raise RuntimeError(msg)
            gateway.close()
    note = f"new tickets, comments, statuses; of {DELIVERIES} came {updates} updates"
    return [Measure(STAGE, f"deliveries applied, {name}", max(rates), "/s", note=note, bounds=True)]


def fill(gateway: Gateway, secret: str, count: int, first: int = 1000) -> None:
    """Put a mixed stream of deliveries into the inbox."""
    intake, connector = Kept(), gateway.site().connectors[ZENDESK]
    at = datetime.now(UTC) - timedelta(hours=1)
    for number in range(count):
        when = at + timedelta(milliseconds=50 * number)
        body = mixed(number, when, first)
        told = {name.lower(): value for name, value in headers(body, secret, when).items()}
        incoming = IncomingRequest("POST", "/", {}, told, body)
        receive(incoming, connector, intake, gateway.clock, gateway.ids, f"{number:032x}")
    for start in range(0, count, 200):
        gateway.store.write(lambda tx, rows=intake.rows[start : start + 200]: tx.inbox.add(rows))  # type: ignore[misc]
