"""Updates delivered a second by one worker process: to a desk that answers at once, and to one that takes 200 ms.

Half of the updates set a field, half write a public reply. Zendesk takes each in one request, RT in two: a PUT is read
back, and a reply reads first what status it must keep.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime

from benchmarks.lab import RT, RULE, ZENDESK, Desk, Lab
from benchmarks.report import Measure, Progress
from gateway.bootstrap import Gateway
from gateway.domain.ids import effect_key
from gateway.domain.link import Link, LinkState, Role
from gateway.domain.ticket import Ticket, Visibility
from gateway.domain.update import CommentIntent, Intent, Operation
from gateway.ports import NewUpdate, Tx

STAGE = "deliver"
#: desk, seconds before each answer, aim
CASES = ((ZENDESK, 0.0, 0), (RT, 0.0, 0), (ZENDESK, 0.2, 100), (RT, 0.2, 60))
ROUNDS = 2
LANES = 160
PER_LANE = 4
STEPS = ROUNDS * len(CASES)
_PATIENCE = 90.0


def run(progress: Progress) -> list[Measure]:
    """Measure."""
    found: dict[tuple[str, float], list[tuple[float, float]]] = {}
    for number in range(ROUNDS):
        for desk, latency, _ in CASES:
            progress.step(f"{desk}, {latency:g} s, round {number + 1}")
            found.setdefault((desk, latency), []).append(measure(desk, latency))
    measures = []
    for desk, latency, aim in CASES:
        rate, requests = max(found[desk, latency])
        when = f"that takes {latency * 1000:.0f} ms" if latency else "that answers at once"
        met = rate >= aim if aim else None
        note = f"{requests:.1f} requests an update"
        measures.append(
            Measure(STAGE, f"to {desk} {when}", rate, "/s", f"{aim}/s" if aim else "", met, note, bounds=True)
        )
    return measures


def measure(which: str, latency: float) -> tuple[float, float]:
    """Return (updates a second, requests an update) of one worker with one desk."""
    with Lab() as lab:
        lab.redis()
        desk = lab.desk(which)
        gateway = lab.prepared()
        numbers = [_ticket(desk, which, number) for number in range(LANES)]
        fill(gateway, which, numbers)
        if latency:
            desk.slow(latency)
        lab.role("deliver")
        desk.news()
        gateway.doorbell.ring("deliver")
        began = time.perf_counter()
        total, landed = LANES * PER_LANE, 0
        took = 0.0
        while landed < total:
            time.sleep(0.05)
            landed += len([each for each in desk.news() if each.get("method")])
            took = time.perf_counter() - began
            if took > _PATIENCE:
                msg = f"{landed} of {total} updates landed in {took:.0f} s"
                raise RuntimeError(msg)
        requests = desk.requests()
        gateway.close()
    return total / took, requests / total


def _ticket(desk: Desk, which: str, number: int) -> str:
    if which == RT:
        return str(desk.act("create", subject=f"Order {number}", body="Hello"))
    return str(desk.act("create", subject=f"Order {number}", body="Hello")["id"])


def fill(gateway: Gateway, which: str, numbers: list[str]) -> None:
    """Put a lane for each ticket into the outbox, half fields and half replies."""
    for start in range(0, len(numbers), 10):
        gateway.store.write(lambda tx, part=numbers[start : start + 10]: _lanes(tx, gateway, which, part))  # type: ignore[misc]


def _lanes(tx: Tx, gateway: Gateway, which: str, numbers: list[str]) -> None:
    now = datetime.now(UTC)
    for remote_id in numbers:
        ticket = Ticket(gateway.ids.new(), ZENDESK, now, now, title=f"Order {remote_id}", body="Hello")
        role = Role.TARGET if which == RT else Role.SOURCE
        link = Link(
            gateway.ids.new(), ticket.id, which, LinkState.LIVE, role, remote_id, rule=RULE if which == RT else ""
        )
        tx.tickets.save(ticket)
        tx.links.add(link, now)
        for number in range(PER_LANE):
            # a reply between two changes of the title keeps them apart
            title = number % 2 == 0
            operation = Operation.SET_FIELDS if title else Operation.PUBLIC_REPLY
            comment = CommentIntent(gateway.ids.new(), f"Answer {number}, and thanks.", Visibility.PUBLIC)
            intent = Intent(
                operation,
                fields={"title": f"Order {remote_id}, {number}"} if title else {},
                comment=None if title else comment,
            )
            tx.outbox.add(
                NewUpdate(
                    gateway.ids.new(), link.id, ticket.id, which, operation,
                    effect_key(link.id, f"bench:{number}", operation.value, ""), intent, "benchmark", "",
                    f"bench:{number}", link.rule, "", f"{number:032x}", now,
                )
            )  # fmt: skip
