"""Redis holds no more after thousands of rings, killed work-horses and killed workers than after a few."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from gateway.doorbell import FAILURE_TTL, MAX_PENDING, RqDoorbell, make_worker, queue_of
from tests.doorbell import worker_process
from tests.processes import gone, read_pids, wait_until

pytestmark = pytest.mark.faults

RINGS = 3000
KILLS = 3


@pytest.fixture
def connection(redis_server: str) -> Any:
    """Connect patiently to an empty server."""
    return redis.Redis.from_url(redis_server)


@pytest.fixture
def start(redis_server: str, tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    """Start workers, and end those that are left."""
    started: list[subprocess.Popen[bytes]] = []

    def begin(what: str) -> subprocess.Popen[bytes]:
        (tmp_path / "ready").unlink(missing_ok=True)
        argv = [sys.executable, worker_process.__file__, redis_server, str(tmp_path), what]
        started.append(subprocess.Popen(argv))
        assert wait_until((tmp_path / "ready").exists, 20)
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.wait()


def lasting(connection: Any) -> set[str]:
    """Return the keys that Redis does not let go by itself."""
    return {key.decode() for key in connection.scan_iter(count=1000) if connection.ttl(key) == -1}


def ring(connection: Any, doorbell: RqDoorbell) -> None:
    """Ring as after a drain has begun: the flag holds nothing back."""
    doorbell.clear("apply")
    doorbell.ring("apply")


def test_rings_that_nobody_hears_do_not_pile_up(connection: Any) -> None:
    """While no worker runs, thousands of rings leave a few jobs and no more."""
    doorbell = RqDoorbell(connection)
    most = 0
    for number in range(RINGS):
        ring(connection, doorbell)
        if number % 100 == 0:
            most = max(most, connection.dbsize())
    assert queue_of("apply", connection).count == MAX_PENDING
    assert connection.dbsize() <= most <= MAX_PENDING + 4


def test_jobs_that_ran_leave_nothing(
    connection: Any, start: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """The keys after many jobs are those after the first one."""
    start("note")
    doorbell = RqDoorbell(connection)
    ring(connection, doorbell)
    assert wait_until(lambda: len(ran(tmp_path)) >= 1 and not connection.keys("rq:job:*"), 20)
    few = connection.dbsize()
    while len(ran(tmp_path)) < 40:
        ring(connection, doorbell)
    assert wait_until(lambda: not connection.keys("rq:job:*"), 20)
    assert connection.dbsize() <= few + 1, connection.keys("*")


def test_a_killed_horse_leaves_what_goes_by_itself(
    connection: Any, start: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """Its failed job is kept for a day; when that is over the worker's own maintenance takes its name away."""
    start("sleep")
    doorbell = RqDoorbell(connection)
    kept = []
    for number in range(1, 2 * KILLS + 1):
        ring(connection, doorbell)
        horse = read_pids(tmp_path / "jobs", number)[-1]
        os.kill(horse, signal.SIGKILL)
        assert wait_until(lambda number=number: doorbell.failed("apply") == number, 20)  # type: ignore[misc]
        kept.append(lasting(connection))
    assert kept[-1] == kept[KILLS - 1]
    jobs = connection.keys("rq:job:*")
    assert len(jobs) == 2 * KILLS
    assert all(0 < connection.ttl(key) <= FAILURE_TTL for key in jobs)
    registry = queue_of("apply", connection).failed_job_registry
    for name in registry.get_job_ids(cleanup=False):
        connection.zadd(registry.key, {name: 1}, xx=True)
    make_worker("apply", connection).clean_registries()  # type: ignore[no-untyped-call]
    assert doorbell.failed("apply") == 0


def test_killed_workers_are_forgotten(
    connection: Any, start: Callable[[str], subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    """A worker that is killed leaves its name until its time is over and another one looks after the queue."""
    for number in range(1, KILLS + 1):
        worker = start("note")
        assert wait_until(lambda number=number: connection.scard("rq:workers") == number, 20)  # type: ignore[misc]
        worker.kill()
        worker.wait()
        assert gone(worker.pid)
    assert all(0 < connection.ttl(name) < 600 for name in connection.smembers("rq:workers"))
    # their time is over: that of their names, and of the maintenance that the last one may have begun
    for key in set(connection.keys("*")) - {key.encode() for key in lasting(connection)}:
        connection.delete(key)
    make_worker("apply", connection).clean_registries()  # type: ignore[no-untyped-call]
    assert lasting(connection) <= {"rq:queues"}


def ran(folder: Path) -> list[str]:
    """Return the process ids of the work-horses that ran."""
    path = folder / "jobs"
    return path.read_text().split() if path.exists() else []
