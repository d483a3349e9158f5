from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from gateway.doorbell import RqDoorbell, queue_of
from gateway.embedded import Running, find_server
from tests.doorbell import worker_process
from tests.doorbell.test_ring import poisoned
from tests.processes import alive, gone, read_pids, wait_until

pytestmark = pytest.mark.faults

Start = Callable[[str, str], "subprocess.Popen[bytes]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start workers, and end those that are left."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(url: str, what: str) -> subprocess.Popen[bytes]:
        (tmp_path / "ready").unlink(missing_ok=True)
        started.append(subprocess.Popen([sys.executable, worker_process.__file__, url, str(tmp_path), what]))
        assert wait_until((tmp_path / "ready").exists, 20)
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def connection(redis_server: str) -> Any:
    """Connect patiently."""
    return redis.Redis.from_url(redis_server)


def jobs(folder: Path) -> list[int]:
    """Return the process ids of the work-horses that ran."""
    path = folder / "jobs"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def test_poison_is_refused_and_the_worker_goes_on(
    redis_server: str, connection: Any, start: Start, tmp_path: Path
) -> None:
    """Foreign functions, pickles and callbacks are dropped and do not run; the next ring is heard."""
    marker = tmp_path / "marker"
    poisoned(connection, marker)
    worker = start(redis_server, "note")
    doorbell = RqDoorbell(connection)
    assert wait_until(lambda: doorbell.depth("apply") == 0, 20)
    doorbell.ring("apply")
    assert wait_until(lambda: jobs(tmp_path), 20)
    assert worker.poll() is None
    assert not marker.exists()


def test_each_job_has_a_fresh_horse_prepared_by_the_parent(
    redis_server: str, connection: Any, start: Start, tmp_path: Path
) -> None:
    """Rules are refreshed before each fork; rules that fail to load do not stop the work; duplicates just run."""
    worker = start(redis_server, "note")
    doorbell = RqDoorbell(connection)
    for count in (1, 2, 3):
        doorbell.clear("apply")
        doorbell.ring("apply")
        assert wait_until(lambda count=count: len(jobs(tmp_path)) == count, 20)  # type: ignore[misc]
    assert len({*jobs(tmp_path), worker.pid}) == 4
    assert (tmp_path / "prepared").read_text() == f"{worker.pid} 3"
    worker.terminate()
    assert worker.wait(10) == 0
    assert not connection.keys("rq:job:*")


def test_a_wiped_redis_costs_a_ring_and_no_worker(
    redis_server: str, connection: Any, start: Start, tmp_path: Path
) -> None:
    """FLUSHALL, also with a job under way; the next ring is heard."""
    start(redis_server, "note")
    doorbell = RqDoorbell(connection)
    for count in (1, 2, 3):
        connection.flushall()
        doorbell.ring("apply")
        assert wait_until(lambda count=count: len(jobs(tmp_path)) == count, 20)  # type: ignore[misc]


def test_a_stop_lets_the_job_finish(redis_server: str, connection: Any, start: Start, tmp_path: Path) -> None:
    """SIGTERM reaches the horse as a request: it stops claiming, finishes and the worker ends."""
    worker = start(redis_server, "drain")
    RqDoorbell(connection).ring("apply")
    assert wait_until(lambda: jobs(tmp_path), 20)
    time.sleep(0.2)
    worker.terminate()
    assert worker.wait(10) == 0
    assert (tmp_path / "finished").exists()


def test_a_killed_worker_takes_its_horse_along(
    redis_server: str, connection: Any, start: Start, tmp_path: Path
) -> None:
    """No orphan goes on sending, and a new worker hears the next ring."""
    worker = start(redis_server, "sleep")
    RqDoorbell(connection).ring("apply")
    (horse,) = read_pids(tmp_path / "jobs", 1)
    assert alive(horse)
    worker.kill()
    worker.wait()
    assert gone(horse)
    start(redis_server, "note")
    doorbell = RqDoorbell(connection)
    doorbell.clear("apply")
    doorbell.ring("apply")
    assert wait_until(lambda: len(jobs(tmp_path)) == 2, 20)


def test_a_killed_horse_is_a_failed_job_and_no_more(
    redis_server: str, connection: Any, start: Start, tmp_path: Path
) -> None:
    """RQ does not run it again; the sweep rings."""
    worker = start(redis_server, "sleep")
    doorbell = RqDoorbell(connection)
    doorbell.ring("apply")
    (horse,) = read_pids(tmp_path / "jobs", 1)
    os.kill(horse, signal.SIGKILL)
    assert wait_until(lambda: doorbell.failed("apply") == 1, 20)
    assert queue_of("apply", connection).count == 0
    assert worker.poll() is None


def test_a_worker_outlives_a_redis_that_restarts(tmp_path: Path, start: Start) -> None:
    """It waits for it, or ends with a status that makes the supervisor start it again."""
    running = Running(find_server(tmp_path)).start()
    try:
        worker = start(running.url, "note")
        time.sleep(0.5)
        running.kill()
        time.sleep(1.5)
        running.start()
        doorbell = RqDoorbell(redis.Redis.from_url(running.url))

        def rung() -> bool:
            nonlocal worker
            if worker.poll() is not None:  # what the supervisor would do
                assert worker.returncode == 1
                worker = start(running.url, "note")
            doorbell.ring("apply")
            return len(jobs(tmp_path)) > 0

        assert wait_until(rung, 20)
        worker.terminate()
        assert worker.wait(10) == 0
    finally:
        running.stop()
