"""A real RT that is killed and started again, behind a proxy that loses, delays and breaks what passes.

Whatever happens, RT's own history holds each word and each change of a field once, in order, and nothing is given up.
`-m faults` runs the long one, with the whole gateway in processes of its own; GATEWAY_SEED repeats a run.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from connectors import registry
from connectors.testing.faults import FaultKind
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from tests.desks.fire import OPEN, People, copies, counts, judge
from tests.desks.proxy import Proxy
from tests.desks.rt_server import RtServer, missing
from tests.flows.site import RT
from tests.flows.world import World

pytestmark = [pytest.mark.desk, pytest.mark.slow]

SEED = int(os.environ.get("GATEWAY_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
DEADLINE = 2.0
KILLS = 2
#: what the proxy does to a write: it is lost, its answer is, it is late, it is mutilated
MISHAPS: tuple[dict[str, Any], ...] = (
    {"kind": FaultKind.RESET_BEFORE},
    {"kind": FaultKind.RESET_AFTER},
    {"kind": FaultKind.HALF_BODY},
    {"kind": FaultKind.GARBAGE},
    {"kind": FaultKind.HANG, "seconds": DEADLINE + 0.5},
    {"kind": FaultKind.LATENCY, "seconds": DEADLINE + 0.5},
    {"kind": FaultKind.LATE_EFFECT, "seconds": DEADLINE + 0.5, "hold": DEADLINE + 0.5},
    {"kind": FaultKind.ERROR_WITH_EFFECT, "status": 502},
    {"kind": FaultKind.ERROR_WITHOUT_EFFECT, "status": 503},
)


@pytest.fixture
def rt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtServer]:
    """Run an RT of the test's own: it will be killed, and all that is in it is the test's."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with RtServer(tmp_path_factory.mktemp("fire-rt")) as server:
        yield server


@pytest.fixture
def proxy(rt: RtServer) -> Iterator[Proxy]:
    """Put a proxy between the gateway and RT."""
    with Proxy(rt.port, seed=SEED) as between:
        yield between


class RealWorld(World):
    """The gateway in this process, with a real RT behind the proxy in the place of the simulated one."""

    def __init__(self, store: SqlStore, rt: RtServer, proxy: Proxy) -> None:
        super().__init__(store)
        settings = ConnectionSettings(
            RT,
            "request_tracker",
            proxy.url,
            {"auth": {"token": rt.tokens["gateway"]}, "webhook_secret": rt.webhook_secret},
            reconcile_every=timedelta(seconds=1),
            deadline=DEADLINE,
        )
        connector = registry.load().connect(settings)
        claims = {name: msgspec.structs.replace(each, settle=2) for name, each in connector.spec.operations.items()}
        connector.spec = msgspec.structs.replace(connector.spec, operations=claims)
        self.site = msgspec.structs.replace(self.site, connectors={**self.site.connectors, RT: connector})
        rt.point_webhooks(f"{self.hooks.url}/hooks/{RT}")
        self.reconciler().poll_due(holder="test-poll", seconds=10)

    def step(self) -> None:
        """Do what is due, once."""
        self.zendesk.webhooks.flush(0.2)
        self.applier().drain(holder="test-apply", seconds=2)
        self.deliverer().drain(holder="test-deliver", seconds=0.3, linger=0.02)

    def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Go on until a condition holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, counts(self.store)
            self.step()

    def rest(self, seconds: float) -> None:
        """Go on until nothing is open and both desks were polled after that."""
        until = time.monotonic() + seconds
        quiet = 0
        while quiet < 3 and time.monotonic() < until:
            self.reconciler().poll_due(holder="test-poll", seconds=10)
            self.step()
            quiet = 0 if any(name in counts(self.store) for name in OPEN) else quiet + 1
            time.sleep(0.4)


def kill_within(rt: RtServer, seconds: float) -> Callable[[], None]:
    """Return what kills RT so long after a write has reached it: before, in, or after its transaction."""

    def kill() -> None:
        time.sleep(seconds)
        rt.kill()

    return kill


@pytest.mark.timeout(150)
def test_rt_under_fire_holds_everything_once(store: SqlStore, rt: RtServer, proxy: Proxy) -> None:
    """Each mishap befalls one write, RT is killed in the middle of two: all is there once, nothing is given up."""
    chance = random.Random(SEED)
    with RealWorld(store, rt, proxy) as world:
        people = People(world.zendesk, rt, SEED)
        mishaps = chance.sample(MISHAPS, len(MISHAPS))

        def act() -> None:
            story = people.act()
            world.step()
            if copies(store).get(story.number) and chance.random() < 0.2 and rt.serves():
                people.engineer(story, copies(store)[story.number])

        people.write_in(6)
        proxy.fault(**mishaps.pop(), method="POST")
        world.step()
        while mishaps:
            proxy.fault(**mishaps.pop(), method="POST|PUT")
            act()
            act()
        for _ in range(KILLS):
            killed = proxy.lie_in_wait(kill_within(rt, chance.uniform(0, 0.12)))
            act()
            world.until(killed.is_set, 30)
            act()
            rt.serve()
            act()
        world.rest(60)
        rt.point_webhooks("")
        assert judge(people, rt, store, proxy.cut) == [], f"seed {SEED}"
        befallen = {line.fault for line in proxy.journal}
        assert befallen >= {mishap["kind"] for mishap in MISHAPS} - {FaultKind.LATENCY}, f"seed {SEED}"
