from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.cli.plan import Plan, answers, processes, require_free
from gateway.embedded import Server
from gateway.errors import ConfigError
from tests.cli import web_process
from tests.processes import wait_until

pytestmark = pytest.mark.faults


def free_port() -> int:
    """Return a port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port


def get(port: int, path: str) -> bytes:
    """Ask the web process."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse().read()
    connection.close()
    return answer


class Served:
    """A web process, its port and its log."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, web_process.__file__, f"127.0.0.1:{self.port}"], stdout=log, stderr=log, cwd=folder
            )


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """Run a web process and wait until it answers."""
    made = Served(tmp_path)
    assert wait_until(answers("127.0.0.1", made.port), 20), made.log.read_text()
    yield made
    made.process.kill()
    made.process.wait()


def test_it_serves_and_logs_as_the_gateway_does(served: Served, tmp_path: Path) -> None:
    """An error of the application is one JSON line without secrets; there is no access log and no control socket."""
    assert get(served.port, "/") == b"here"
    get(served.port, "/fail")
    assert wait_until(served.log.read_text)
    lines = [json.loads(line) for line in served.log.read_text().splitlines()]
    assert len(lines) == 1
    assert "a defect with ***" in json.dumps(lines)
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_a_stop_finishes_what_it_has_begun(served: Served) -> None:
    """SIGTERM in the middle of a request."""
    found: list[bytes] = []
    asker = threading.Thread(target=lambda: found.append(get(served.port, "/slow")))
    asker.start()
    time.sleep(0.4)
    served.process.terminate()
    asker.join()
    assert found == [b"here"]
    assert served.process.wait(10) == 0


def test_a_taken_port_is_said_before_anything_starts(served: Served) -> None:
    """With the option that helps."""
    with pytest.raises(ConfigError, match=rf"127\.0\.0\.1 port {served.port}: .*--port"):
        require_free("127.0.0.1", served.port)
    require_free("127.0.0.1", free_port())


def plan(tmp_path: Path, *, host: str = "127.0.0.1", workers: int = 2, redis: bool = True) -> Plan:
    """Make a plan."""
    server = Server("/bin/valkey-server", "valkey 8.1", tmp_path, tmp_path / "redis.sock") if redis else None
    return Plan(tmp_path, host, 8080, workers, 2, 8, server.url if server else "redis://elsewhere", server)


def test_the_plan_of_a_site(tmp_path: Path) -> None:
    """Redis first, the web process last; one apply, one reconcile, one sweep, and as many deliver as asked for."""
    found = processes(plan(tmp_path), {"PATH": "/bin", "REDIS_URL": "redis://old"})
    assert [one.name for one in sorted(found, key=lambda one: one.order)] == [
        "redis",
        "apply",
        "deliver-1",
        "deliver-2",
        "reconcile",
        "sweep",
        "web",
    ]
    by_name = {one.name: one for one in found}
    assert by_name["deliver-2"].argv[-3:] == ("process", "worker", "deliver")
    assert by_name["web"].argv[-6:] == ("--bind", "127.0.0.1:8080", "--workers", "2", "--threads", "8")
    assert by_name["web"].env == {
        "PATH": "/bin",
        "GATEWAY_SITE": str(tmp_path),
        "REDIS_URL": f"unix://{tmp_path}/redis.sock",
    }
    assert by_name["redis"].order < by_name["apply"].order < by_name["sweep"].order < by_name["web"].order


def test_the_plan_with_a_given_redis(tmp_path: Path) -> None:
    """Nothing of our own is started then; one deliver worker has no number."""
    made = plan(tmp_path, host="::", workers=1, redis=False)
    assert [one.name for one in processes(made, {})] == ["apply", "deliver", "reconcile", "sweep", "web"]
    assert processes(made, {})[-1].argv[-5] == "[::]:8080"
    assert made.address == "http://127.0.0.1:8080/"
    assert plan(tmp_path, host="::1").address == "http://[::1]:8080/"
