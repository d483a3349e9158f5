"""The simulated desk itself: its faults do what they say, its log tells the truth, its webhooks are as bad as asked."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import requests

from connectors.testing.desk import Handler, SimulatedDesk
from connectors.testing.faults import Fault, FaultKind, Faults
from connectors.testing.loopback import LoopbackServer, SimRequest, SimResponse, json_answer
from connectors.testing.outgoing import Weather
from gateway.cli.plan import answers
from tests.processes import wait_until


class Counter(SimulatedDesk):
    """The smallest desk: it counts."""

    def __init__(self, **common: Any) -> None:
        super().__init__(**common)
        self.count = 0

    def routes(self) -> list[tuple[str, str, Handler]]:
        """Count, or show."""
        return [("POST", "/count/(?P<name>[a-z]+)", self._count), ("GET", "/count", self._show)]

    def sign(self, body: bytes, now: datetime, attempt: int) -> dict[str, str]:
        """Say which try it is."""
        return {"X-Attempt": str(attempt), "X-At": now.isoformat(), "X-Length": str(len(body))}

    def act_count(self, name: str) -> int:
        """Let a person count."""
        self.count += 1
        self.effect("count", name)
        self.announce({"count": self.count})
        return self.count

    def _count(self, request: SimRequest, name: str) -> SimResponse:
        self.count += 1
        self.effect("count", name, key=request.headers.get("x-key", ""), detail={"body": len(request.body)})
        self.announce({"count": self.count})
        return json_answer({"count": self.count, "filler": "x" * 500})

    def _show(self, request: SimRequest) -> SimResponse:
        return json_answer({"count": self.count, "query": request.query})


@pytest.fixture
def desk() -> Iterator[Counter]:
    """Run one."""
    with Counter(seed=7) as running:
        yield running


@pytest.fixture
def client() -> Iterator[requests.Session]:
    """Keep connections alive."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.mark.parametrize(
    ("fault", "effects", "told"),
    [
        ("reset_before", 0, None),
        ("reset_after", 1, None),
        ("half_body", 1, None),
        ("garbage", 1, 200),
        ("error_with_effect", 1, 500),
        ("error_without_effect", 0, 500),
        ("throttle", 0, 429),
        ("hang", 0, None),
        ("drop_connection", 1, 200),
        ("latency", 1, 200),
    ],
)
def test_each_fault(desk: Counter, client: requests.Session, fault: str, effects: int, told: int | None) -> None:
    """Whether it took effect and what the client was told; the request after it is served as usual."""
    client.get(f"{desk.url}/count", timeout=5)
    desk.fault(fault, method="POST", seconds=0.2)
    try:
        status: int | None = client.post(f"{desk.url}/count/a", data=b"123", timeout=5).status_code
    except requests.RequestException:
        status = None
    assert status == told
    assert len(desk.effects.all()) == effects
    assert desk.journal[-1].fault == ("" if fault == "latency" else fault)
    with requests.Session() as fresh:
        assert fresh.post(f"{desk.url}/count/a", timeout=5).json()["count"] == effects + 1


def test_a_late_effect(desk: Counter, client: requests.Session) -> None:
    """It comes when the client has long gone."""
    desk.fault(FaultKind.LATE_EFFECT, seconds=0.3)
    with pytest.raises(requests.ConnectionError):
        client.post(f"{desk.url}/count/a", timeout=5)
    assert desk.effects.all() == []
    time.sleep(0.6)
    assert len(desk.effects.all(by_api=True)) == 1


def test_refusing_and_listening_again(desk: Counter, client: requests.Session) -> None:
    """The port refuses, and comes back as the same one."""
    desk.fault("refuse", seconds=0.4)
    with pytest.raises(requests.ConnectionError):
        client.get(f"{desk.url}/count", timeout=5)
    time.sleep(0.7)
    assert client.get(f"{desk.url}/count", timeout=5).ok


def test_waiting_in_both_forms(desk: Counter, client: requests.Session) -> None:
    """Seconds, and a date."""
    desk.fault("throttle", seconds=9)
    desk.fault("throttle", seconds=9, as_date=True)
    assert client.get(f"{desk.url}/count", timeout=5).headers["Retry-After"] == "9"
    assert client.get(f"{desk.url}/count", timeout=5).headers["Retry-After"].endswith("GMT")


def test_a_fault_that_lasts_for_a_while(desk: Counter, client: requests.Session) -> None:
    """It befalls every request until its time is over, and is then no longer armed."""
    desk.fault("error_without_effect", count=None, lasting=0.3)
    assert {client.get(f"{desk.url}/count", timeout=5).status_code for _ in range(3)} == {500}
    time.sleep(0.35)
    assert client.get(f"{desk.url}/count", timeout=5).status_code == 200
    assert desk.faults.armed() == []


def test_faults_choose_by_count_chance_and_place() -> None:
    """The same seed gives the same storm."""
    faults = Faults(seed=3)
    faults.add(Fault(FaultKind.GARBAGE, method="put", path="^/a", count=2, after=1))
    struck = [faults.strike("PUT", "/a")[0] is not None for _ in range(5)]
    assert struck == [False, True, True, False, False]
    assert faults.armed() == []

    def storm() -> list[bool]:
        chance = Faults(seed=5)
        chance.add(Fault(FaultKind.GARBAGE, count=None, probability=0.3))
        return [chance.strike("GET", "/")[0] is not None for _ in range(200)]

    assert storm() == storm()
    assert 30 < sum(storm()) < 90


def test_the_log_is_read_and_the_desk_is_driven_from_another_process(desk: Counter, client: requests.Session) -> None:
    """/_sim/ serves demos and tests that live elsewhere."""
    control = f"{desk.url}/_sim"
    client.post(f"{desk.url}/count/a", headers={"X-Key": "k"}, timeout=5)
    client.post(f"{desk.url}/count/a", headers={"X-Key": "k"}, timeout=5)
    assert client.post(f"{control}/act", json={"act": "count", "args": {"name": "b"}}, timeout=5).json() == {
        "result": 3
    }
    effects = client.get(f"{control}/effects", timeout=5).json()["effects"]
    assert [(one["kind"], one["remote_id"]) for one in effects] == [("count", "a"), ("count", "a"), ("count", "b")]
    assert len(client.get(f"{control}/effects?after=2", timeout=5).json()["effects"]) == 1
    assert desk.effects.doubled() == {("k", "count"): 2}
    assert client.post(f"{control}/faults", json={"kind": "garbage", "path": "/count"}, timeout=5).ok
    assert len(client.get(f"{control}/faults", timeout=5).json()["faults"]) == 1
    assert client.delete(f"{control}/faults", timeout=5).ok
    assert client.get(f"{desk.url}/count?a=1", timeout=5).json() == {"count": 3, "query": {"a": "1"}}
    assert len(client.get(f"{control}/journal", timeout=5).json()["journal"]) == 3
    orders: list[Any] = [{"act": "fly"}, {"act": "count", "args": {"colour": 1}}, {"acts": 1}, []]
    for wrong in orders:
        assert client.post(f"{control}/act", json=wrong, timeout=5).status_code == 400
    assert client.post(f"{control}/faults", json={"kind": "flood"}, timeout=5).status_code == 400
    assert client.post(f"{control}/nothing", json={}, timeout=5).status_code == 404
    assert client.get(f"{desk.url}/nothing", timeout=5).status_code == 404


class Listener:
    """Takes webhooks and answers as told."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.attempts: list[str] = []
        self.answers: list[int] = []
        self.server = LoopbackServer(self._take)
        self.server.listen()

    def _take(self, request: SimRequest) -> SimResponse:
        self.bodies.append(request.body)
        self.attempts.append(request.headers["x-attempt"])
        return SimResponse(self.answers.pop(0) if self.answers else 200)


@pytest.fixture
def listener() -> Iterator[Listener]:
    """Listen."""
    found = Listener()
    yield found
    found.server.refuse()


def test_webhooks_arrive_in_order_and_are_tried_again(desk: Counter, listener: Listener) -> None:
    """A receiver that is not ready gets it again, with the next number."""
    desk.webhooks.url = listener.server.url
    desk.webhooks.weather = Weather(pause=0.01)
    listener.answers = [500, 409, 200]
    for _ in range(3):
        desk.act("count", name="a")
    assert desk.webhooks.flush()
    assert listener.bodies == [b'{"count":1}'] * 3 + [b'{"count":2}', b'{"count":3}']
    assert listener.attempts == ["1", "2", "3", "1", "1"]
    assert [sent.status for sent in desk.webhooks.sent] == [500, 409, 200, 200, 200]
    assert desk.webhooks.redeliver(b'{"count":1}') == 200


def test_webhooks_in_bad_weather(desk: Counter, listener: Listener) -> None:
    """Dropped, doubled, reordered and held back, as asked."""
    desk.webhooks.url = listener.server.url
    desk.webhooks.weather = Weather(drop=1.0)
    desk.act("count", name="a")
    assert list(desk.webhooks.dropped) == [b'{"count":1}']
    desk.webhooks.weather = Weather(duplicate=1.0)
    desk.webhooks.pause()
    desk.act("count", name="a")
    assert listener.bodies == []
    desk.webhooks.resume()
    assert desk.webhooks.flush()
    assert listener.bodies == [b'{"count":2}'] * 2
    desk.webhooks.weather = Weather(reorder=1.0)
    desk.webhooks.pause()
    desk.act("count", name="a")
    desk.act("count", name="a")
    desk.webhooks.resume()
    assert desk.webhooks.flush()
    assert listener.bodies[2:] == [b'{"count":4}', b'{"count":3}']
    requests.post(f"{desk.url}/_sim/webhooks", json={"paused": True, "weather": {"delay": 0.1}, "url": ""}, timeout=5)
    assert desk.webhooks.url == ""
    assert desk.webhooks.weather.delay == pytest.approx(0.1)


def test_a_webhook_before_the_answer(desk: Counter, client: requests.Session, listener: Listener) -> None:
    """It has been delivered when the call that caused it is answered, and the desk can be asked meanwhile."""
    desk.webhooks.url = listener.server.url
    desk.webhooks.weather = Weather(before_answer=True)
    seen: list[int] = []

    def ask_back(_: SimRequest) -> SimResponse:
        seen.append(requests.get(f"{desk.url}/count", timeout=5).json()["count"])
        return SimResponse(200)

    listener.server._handle = ask_back
    client.post(f"{desk.url}/count/a", timeout=5)
    assert seen == [1]


def test_many_clients_at_once(desk: Counter) -> None:
    """The state is under one lock: nothing is lost."""

    def work() -> None:
        with requests.Session() as session:
            for _ in range(25):
                session.post(f"{desk.url}/count/a", timeout=10)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.count == len(desk.effects.all()) == 200


def test_a_skewed_clock(desk: Counter) -> None:
    """A desk's clock is its own."""
    desk.clock.skew = timedelta(hours=-1)
    desk.act("count", name="a")
    age = desk.clock.now() - desk.effects.all()[0].at
    assert age < timedelta(seconds=5)


@pytest.mark.parametrize("module", ["connectors.zendesk.simulator", "connectors.slack.simulator"])
def test_a_simulator_is_a_process_of_its_own(module: str) -> None:
    """It prints its address, serves, and ends on SIGTERM."""
    command = [sys.executable, "-W", "error", "-m", module, "--webhook-secret", "s", "--latency", "0.001"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert requests.get(f"{url}/_sim/effects", timeout=30).json() == {"effects": []}
        there = answers("127.0.0.1", int(url.rpartition(":")[2]), "/_sim/effects")
        with contextlib.suppress(requests.ConnectionError):
            requests.post(f"{url}/_sim/faults", json={"kind": "refuse"}, timeout=30)
        assert not there()
        process.send_signal(signal.SIGUSR1)
        assert wait_until(there, 30)
        process.terminate()
        assert process.wait(30) == 0
