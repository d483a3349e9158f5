"""A real RT that is killed and started again, behind a proxy that loses, delays and breaks what passes.

Whatever happens, RT's own history holds each word and each change of a field once, in order, and nothing is given up.
`-m faults` runs the long one, with the whole gateway in processes of its own; GATEWAY_SEED repeats a run.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from connectors import registry
from connectors.testing.faults import FaultKind
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.ports import ConnectionSettings
from gateway.store import SqlStore
from gateway.system import SystemClock
from tests.desks.fire import OPEN, People, copies, counts, judge
from tests.desks.proxy import Proxy
from tests.desks.rt_server import RtServer, missing
from tests.flows.site import API_TOKEN, EMAIL, RT, ZENDESK, ZENDESK_SECRET, Site
from tests.flows.world import World
from tests.prepared import shared_folder
from tests.processes import wait_until

pytestmark = [pytest.mark.desk, pytest.mark.slow]

SEED = int(os.environ.get("GATEWAY_SEED", "0")) or random.SystemRandom().randrange(1, 1_000_000)
DEADLINE = 2.0
LONG_DEADLINE = 4
KILLS = 2
#: of the long one
ROUNDS = int(os.environ.get("GATEWAY_KILLS", "4"))
ACTS = 48


def mishaps(deadline: float) -> list[dict[str, Any]]:
    """Return what the proxy does to a write: it is lost, its answer is, it is late, it is mutilated."""
    late = deadline + 0.5
    return [
        {"kind": FaultKind.RESET_BEFORE},
        {"kind": FaultKind.RESET_AFTER},
        {"kind": FaultKind.HALF_BODY},
        {"kind": FaultKind.GARBAGE},
        {"kind": FaultKind.HANG, "seconds": late},
        {"kind": FaultKind.LATENCY, "seconds": late},
        {"kind": FaultKind.LATE_EFFECT, "seconds": late, "hold": late},
        {"kind": FaultKind.ERROR_WITH_EFFECT, "status": 502},
        {"kind": FaultKind.ERROR_WITHOUT_EFFECT, "status": 503},
    ]


#: what the proxy's journal must show at the end (it does not name a mere delay)
ALL = {str(mishap["kind"]) for mishap in mishaps(0)} - {"latency"}


@pytest.fixture
def long(request: pytest.FixtureRequest) -> None:
    """Skip what takes minutes, before anything is started for it, unless it was asked for."""
    if "faults" not in str(request.config.option.markexpr):
        pytest.skip("takes minutes: pytest -m faults tests/desks")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Give SQLite only: what is in doubt here is what RT does, and a real RT takes its time."""
    return sqlite_url


@pytest.fixture
def rt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RtServer]:
    """Run an RT of the test's own: it will be killed, and all that is in it is the test's."""
    reason = missing()
    if reason:
        pytest.skip(reason)
    with RtServer(tmp_path_factory.mktemp("fire-rt"), shared_folder(tmp_path_factory)) as server:
        yield server


@pytest.fixture
def proxy(rt: RtServer) -> Iterator[Proxy]:
    """Put a proxy between the gateway and RT."""
    with Proxy(rt.port, seed=SEED) as between:
        yield between


class RealWorld(World):
    """The gateway in this process, with a real RT behind the proxy in the place of the simulated one."""

    def __init__(self, store: SqlStore, rt: RtServer, proxy: Proxy) -> None:
        # nobody can move the time of a real server
        super().__init__(store, clock=SystemClock())
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


@pytest.mark.timeout(400)
def test_rt_under_fire_holds_everything_once(store: SqlStore, rt: RtServer, proxy: Proxy) -> None:
    """Each mishap befalls one write, RT is killed in the middle of two: all is there once, nothing is given up."""
    chance = random.Random(SEED)
    with RealWorld(store, rt, proxy) as world:
        people = People(world.zendesk, rt, SEED)
        left = mishaps(DEADLINE)
        chance.shuffle(left)

        def act() -> None:
            story = people.act()
            world.step()
            if copies(store).get(story.number) and chance.random() < 0.2 and rt.serves():
                people.engineer(story, copies(store)[story.number])

        people.write_in(6)
        proxy.fault(**left.pop(), method="POST")
        world.step()
        while left:
            proxy.fault(**left.pop(), method="POST|PUT")
            act()
            act()
        for _ in range(KILLS):
            killed = proxy.lie_in_wait(kill_within(rt, chance.uniform(0, 0.12)))
            act()
            world.until(killed.is_set, 30)
            act()
            rt.serve()
            act()
        world.rest(180)
        rt.point_webhooks("")
        assert judge(people, rt, store, proxy.cut) == [], f"seed {SEED}: {counts(store)}"
        assert {line.fault for line in proxy.journal} >= ALL, f"seed {SEED}: {counts(store)}"


@pytest.mark.faults
@pytest.mark.timeout(300 + 180 * ROUNDS)
def test_the_whole_gateway_holds_everything_once(long: None, rt: RtServer, proxy: Proxy, tmp_path: Path) -> None:
    """`gateway up`, a third of the writes befallen, RT killed and started again in each round."""
    chance = random.Random(SEED)
    with ZendeskSimulator(email=EMAIL, api_token=API_TOKEN, webhook_secret=ZENDESK_SECRET) as zendesk:
        site = Site(
            tmp_path, zendesk=zendesk.url, rt=proxy.url, rt_token=rt.tokens["gateway"], rt_secret=rt.webhook_secret,
            deadline=LONG_DEADLINE,
        )  # fmt: skip
        with site, site.store() as store:
            zendesk.webhooks.url = site.hook(ZENDESK)
            rt.point_webhooks(site.hook(RT))
            people = People(zendesk, rt, SEED)
            people.write_in(12)
            for mishap in mishaps(LONG_DEADLINE):
                proxy.fault(**mishap, method="POST|PUT", probability=0.04, count=None)
            for _ in range(ROUNDS):
                down, up = sorted(chance.sample(range(4, ACTS), 2))
                for act in range(ACTS):
                    if act == down:
                        proxy.lie_in_wait(kill_within(rt, chance.uniform(0, 0.12)))
                    if act == up:
                        proxy.stand_down()
                        rt.kill()
                        rt.serve()
                    _tell(people, rt, store, chance)
            proxy.faults.clear()
            assert wait_until(lambda: _is_up(rt) and _rests(store), 300), f"seed {SEED}: {counts(store)}"
            rt.point_webhooks("")
            befallen = Counter(line.fault for line in proxy.journal if line.fault)
            assert judge(people, rt, store, proxy.cut) == [], f"seed {SEED}: {befallen}"
            assert befallen.total() >= 5 * ROUNDS, f"seed {SEED}: {befallen}"


def _tell(people: People, rt: RtServer, store: SqlStore, chance: random.Random) -> None:
    """Let something happen, once what happened before has been taken in: no change replaces another unseen."""
    wait_until(lambda: not counts(store).get("deliveries_pending"), 3)
    story = people.act()
    copy = copies(store).get(story.number)
    if copy and rt.serves() and chance.random() < 0.2:
        with contextlib.suppress(OSError):  # RT may be killed just now
            people.engineer(story, copy)
    time.sleep(chance.uniform(0, 0.2))


def _is_up(rt: RtServer) -> bool:
    """Start RT again where the last kill was later than the last start."""
    return bool(rt.serves() or rt.serve())


def _rests(store: SqlStore) -> bool:
    """Say whether nothing is open, and still nothing is when both desks have been polled."""
    began = time.time()

    def polled() -> bool:
        with store.read() as tx:
            states = tx.desks.all().values()
        return all(state.polled_at is not None and state.polled_at.timestamp() > began for state in states)

    still = not any(name in counts(store) for name in OPEN)
    return still and wait_until(polled, 30) and not any(name in counts(store) for name in OPEN)
