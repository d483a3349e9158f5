"""The demo's page for breaking things: who may press, what a press does, and what the page then says."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from connectors.request_tracker.simulator import SimulatedRequestTracker
from connectors.testing.faults import FaultKind
from connectors.testing.traffic.desks import SimulatorClient
from connectors.testing.traffic.weather import brew
from connectors.zendesk.simulator import ZendeskSimulator
from gateway.cli.breaking.bench import Bench
from gateway.cli.breaking.breaks import DOUBLE_SECONDS, UP, Breaker, Tools, ways
from gateway.cli.breaking.oracle import Oracle
from gateway.cli.breaking.page import create_app
from gateway.supervisor import ProcessStatus, SiteLock, SiteStatus
from gateway.supervisor.state import write_status
from gateway.system import SystemClock
from gateway.web.access import Access

FRONT, BACK = "acme-zendesk", "engineering-rt"
TOKEN = "page-token-of-the-tests"
REDIS = "unix:///nowhere/redis.sock"


class Later(SystemClock):
    """The clock of the bench, set forward by tests."""

    ahead = timedelta(0)

    def now(self) -> datetime:
        """Return the time."""
        return super().now() + self.ahead


class Scene:
    """A bench with two desks, and its page."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.zendesk, self.rt = ZendeskSimulator().start(), SimulatedRequestTracker().start()
        desks = {FRONT: SimulatorClient(self.zendesk.url), BACK: SimulatorClient(self.rt.url)}
        brew(desks[FRONT], desks[BACK])
        self.clock = Later()
        self.bench = Bench(
            ways((FRONT, BACK)), Breaker(Tools(desks, state, REDIS)), desks, Oracle(FRONT, BACK), lambda _: {},
            self.clock,
        )  # fmt: skip
        self.client: FlaskClient = create_app(
            self.bench, Access(TOKEN), self.clock, "http://127.0.0.1:8080/"
        ).test_client()

    def close(self) -> None:
        """Stop the desks."""
        self.zendesk.stop()
        self.rt.stop()

    def enter(self) -> str:
        """Open the page with its token; return what its forms carry."""
        page = self.client.get(f"/?token={TOKEN}", follow_redirects=True).text
        found = re.search(r'name="form_key" value="(\w+)"', page)
        assert found
        return found.group(1)

    def press(self, way: str, target: str, form_key: str | None = None) -> int:
        """Press a button of the page."""
        form = {"way": way, "target": target, "form_key": self.enter() if form_key is None else form_key}
        return self.client.post("/", data=form).status_code

    def running(self, name: str, pid: int) -> None:
        """Say in the supervisor's place that a process runs."""
        now = datetime(2026, 3, 1, tzinfo=UTC)
        process = ProcessStatus(name, "worker", "running", pid, 0, now)
        write_status(self.state, SiteStatus(os.getpid(), "running", now, (process,)))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """Set it."""
    made = Scene(tmp_path)
    yield made
    made.close()


def armed(scene: Scene) -> list[FaultKind]:
    """Return what is armed at the back desk beside its weather."""
    return [each.kind for each in scene.rt.faults.armed() if each.lasting]


def test_nobody_presses_without_the_token(scene: Scene) -> None:
    """The page, its parts and its buttons are closed; its style is not secret."""
    for path in ("/", "/part", "/counters", "/?token=wrong"):
        answer = scene.client.get(path)
        assert answer.status_code == 401
        assert "form_key" not in answer.text
    assert scene.client.post("/", data={"way": "drop-answers", "target": BACK}).status_code == 401
    assert armed(scene) == []
    for path in ("/static/console.css", "/static/console.js", "/breaking/breaking.css", "/breaking/breaking.js"):
        with scene.client.get(path) as file:
            assert file.status_code == 200


def test_a_form_of_another_site_presses_nothing(scene: Scene) -> None:
    """The cookie alone does not do; no other page may send a form here or show this one in a frame."""
    key = scene.enter()
    for wrong in ("", key[::-1], TOKEN):
        assert scene.press("drop-answers", BACK, form_key=wrong) == 403
    assert armed(scene) == []
    assert scene.client.get(f"/?way=drop-answers&target={BACK}&form_key={key}").status_code == 200
    assert armed(scene) == []
    answer = scene.client.get("/")
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    assert TOKEN not in answer.text
    assert scene.press("drop-answers", BACK, form_key=key) == 303
    assert armed(scene) == [FaultKind.RESET_AFTER]


@pytest.mark.parametrize(
    ("way", "target"), [("drop-answers", "nothing"), ("rm", BACK), ("kill-worker", "sweep"), ("kill-web", "../web")]
)
def test_only_what_has_a_button_is_broken(scene: Scene, way: str, target: str) -> None:
    """Everything else is refused, and says so."""
    assert scene.press(way, target) == 409
    assert scene.bench.seen.breaks == ()


def test_what_cannot_be_done_now_says_why(scene: Scene) -> None:
    """No supervisor, no Redis: one line each, and no break is listed."""
    key = scene.enter()
    for way, target, why in (
        ("kill-web", "web", "web does not run at this moment"),
        ("flush-redis", "redis", "redis: "),
    ):
        answer = scene.client.post("/", data={"way": way, "target": target, "form_key": key})
        assert answer.status_code == 409
        assert why in answer.text
    assert scene.bench.seen.breaks == ()


def test_a_killed_process_is_one_of_a_supervisor_that_lives(scene: Scene) -> None:
    """The status of one that has vanished names processes that may be somebody else's by now."""
    scene.running("deliver", 2**22 + 1)
    form = {"way": "kill-worker", "target": "deliver", "form_key": scene.enter()}
    assert "deliver does not run at this moment" in scene.client.post("/", data=form).text
    lock = SiteLock(scene.state)
    lock.acquire()
    try:
        # no system gives so high a number to a process, so nobody is hit
        assert "No such process" in scene.client.post("/", data=form).text
    finally:
        lock.release()


def test_doubled_webhooks_end_by_themselves(scene: Scene) -> None:
    """Pressed twice, the weather from before the first one comes back."""
    before = scene.zendesk.webhooks.weather
    assert [scene.press("double-webhooks", FRONT) for _ in range(2)] == [303, 303]
    scene.bench.look()
    assert scene.zendesk.webhooks.weather.duplicate == 1.0
    assert scene.zendesk.webhooks.weather.drop == before.drop
    assert "doubles its webhooks" in scene.client.get("/part").text
    scene.clock.ahead = timedelta(seconds=DOUBLE_SECONDS + 2)
    scene.bench.look()
    assert scene.zendesk.webhooks.weather == before
    assert "clean after" in scene.client.get("/part").text


def test_a_desk_that_is_down_is_shown_and_keeps_its_break_open(scene: Scene) -> None:
    """The counters stand still for it and go on for the other; nothing has healed before it is back."""
    assert scene.press("desk-down", BACK) == 303
    scene.clock.ahead = timedelta(seconds=60)
    scene.bench.look()
    page = scene.client.get("/part").text
    assert "down</small>" in page
    assert "healing" in page
    refused = scene.client.post("/", data={"way": "drop-answers", "target": BACK, "form_key": scene.enter()})
    assert (refused.status_code, "is down at this moment" in refused.text) == (409, True)
    scene.rt.accept()
    scene.bench.look()
    assert "clean after" in scene.client.get("/part").text
    assert scene.press("desk-down", UP) == 303  # it is up: no harm


def test_a_poll_without_news_is_304(scene: Scene) -> None:
    """The page asks once a second."""
    scene.enter()
    scene.bench.look()
    first = scene.client.get("/part")
    scene.bench.look()
    assert scene.client.get("/part", headers={"If-None-Match": first.headers["ETag"]}).status_code == 304
    scene.press("drop-answers", BACK)
    assert scene.client.get("/part", headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_the_bench_outlives_a_look_that_fails(scene: Scene) -> None:
    """The page then says that its counters stand still, and why."""
    stop = threading.Event()
    scene.zendesk.effect("comment", "1")  # without words, and in a ticket that was never made
    thread = threading.Thread(target=scene.bench.run, args=(stop,))
    scene.zendesk.effect("create", "1")
    thread.start()
    while not scene.bench.seen.trouble:
        assert not stop.wait(0.05)
    stop.set()
    thread.join()
    scene.enter()
    assert "The counters stand still: KeyError" in scene.client.get("/part").text
