from __future__ import annotations

import json
import logging
import os
import pickle
import socket
import threading
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
import redis
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Callback, Job

from gateway.doorbell import (
    FAILURE_TTL,
    JOBS,
    MAX_PENDING,
    STEPS,
    AllowListJob,
    RqDoorbell,
    make_worker,
    queue_of,
    ringing_connection,
    working_connection,
)
from gateway.errors import ConfigError
from gateway.ports import Doorbell


@pytest.fixture
def connection(redis_server: str) -> Any:
    """Connect as a ringer does, only more patiently."""
    return redis.Redis.from_url(redis_server)


def test_a_ring_enqueues_one_plain_job(connection: Any) -> None:
    """With the binding settings and nothing else."""
    doorbell: Doorbell = RqDoorbell(connection)
    doorbell.ring("deliver")
    queue = queue_of("deliver", connection)
    (job,) = queue.jobs
    assert (job.func_name, job.timeout, job.result_ttl, job.failure_ttl) == (JOBS["deliver"], 120, 0, FAILURE_TTL)
    assert (job.ttl, job.retries_left, job.repeats_left, job._dependency_ids) == (None, None, None, [])
    raw = connection.hgetall(job.key)
    assert json.loads(zlib.decompress(raw[b"data"])) == ["gateway.jobs.deliver", None, [], {}]
    assert not raw[b"success_callback_name"]


def test_rings_coalesce_until_a_drain_begins(connection: Any) -> None:
    """A hundred rings are one job; after `clear` the next one counts, up to a few."""
    doorbell = RqDoorbell(connection)
    for _ in range(100):
        doorbell.ring("apply")
    assert doorbell.depth("apply") == 1
    for _ in range(20):
        doorbell.clear("apply")
        doorbell.ring("apply")
    assert doorbell.depth("apply") == MAX_PENDING
    assert doorbell.depth("deliver") == 0
    assert doorbell.failed("apply") == 0


def test_a_ring_whose_job_was_lost_is_repeated_soon(connection: Any) -> None:
    """The flag outlives a lost job by two seconds at most, and a wiped Redis by nothing."""
    doorbell = RqDoorbell(connection)
    doorbell.ring("apply")
    connection.delete(queue_of("apply", connection).key)
    assert 0 < connection.pttl("gateway:rung:apply") <= 2000
    connection.flushall()
    doorbell.ring("apply")
    assert doorbell.depth("apply") == 1


def test_a_ring_never_raises_nor_blocks(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Refused, hanging or gone: a third of a second at most, and then silence for a second."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "hang.sock"))
        listener.listen(8)
        for url in (f"unix://{tmp_path}/hang.sock", f"unix://{tmp_path}/none.sock", "redis://127.0.0.1:1"):
            doorbell = RqDoorbell(ringing_connection(url))
            started = time.monotonic()
            with caplog.at_level(logging.WARNING):
                doorbell.ring("apply")
            assert time.monotonic() - started < 0.5
            started = time.monotonic()
            for _ in range(1000):
                doorbell.ring("apply")
            assert time.monotonic() - started < 0.5
            assert doorbell.depth("apply") is None
            assert doorbell.failed("apply") is None
            doorbell.clear("apply")
    assert len(caplog.records) == 3


@pytest.mark.parametrize("refuses", ["full", "read-only"])
def test_a_redis_that_takes_no_writes_is_rung_again_when_it_does(
    redis_server: str, connection: Any, caplog: pytest.LogCaptureFixture, refuses: str
) -> None:
    """Its memory is full, or it has become a replica: a ring is lost, nothing raises, and a later one counts."""
    doorbell = RqDoorbell(ringing_connection(redis_server))
    try:
        if refuses == "full":
            connection.config_set("maxmemory", 1)
        else:
            connection.execute_command("REPLICAOF", "127.0.0.1", "1")
        with caplog.at_level(logging.WARNING):
            for _ in range(100):
                doorbell.ring("apply")
        doorbell.clear("apply")
    finally:
        connection.config_set("maxmemory", 0)
        connection.execute_command("REPLICAOF", "NO", "ONE")
    assert doorbell.depth("apply") == 0
    assert len(caplog.records) == 1
    time.sleep(1.1)
    doorbell.ring("apply")
    assert doorbell.depth("apply") == 1


def test_threads_may_ring_together(redis_server: str, connection: Any) -> None:
    """The flag is set by one of them."""
    doorbell = RqDoorbell(ringing_connection(redis_server))
    threads = [threading.Thread(target=doorbell.ring, args=("apply",)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert doorbell.depth("apply") == 1


def test_there_are_three_steps() -> None:
    """A fourth is a mistake with a clear text."""
    assert STEPS == ("apply", "deliver", "reconcile")
    with pytest.raises(ConfigError, match="the steps are apply, deliver, reconcile"):
        queue_of("drain", None)


def _touch(path: str) -> None:
    Path(path).touch()


def poisoned(connection: Any, marker: Path) -> dict[str, str]:
    """Enqueue what an intruder might, on our queue; return the job ids by kind."""
    json_queue = Queue("gateway.apply", connection=connection, serializer="json")
    pickle_queue = Queue("gateway.apply", connection=connection)
    call = (f"touch {marker}",)
    ids = {
        "other function": json_queue.enqueue("os.system", *call).id,
        "pickled": pickle_queue.enqueue("os.system", *call).id,
        "callback": json_queue.enqueue(JOBS["apply"], on_success=Callback("os.system")).id,
        "failure callback": json_queue.enqueue(JOBS["apply"], on_failure=Callback("os.system")).id,
        "stopped callback": json_queue.enqueue(JOBS["apply"], on_stopped=Callback("os.system")).id,
        "arguments": json_queue.enqueue(JOBS["apply"], "unexpected").id,
        "pickle bomb": json_queue.enqueue(JOBS["apply"]).id,
        "not JSON": json_queue.enqueue(JOBS["apply"]).id,
    }
    connection.hset(Job.key_for(ids["pickle bomb"]), "data", pickle.dumps(_Bomb(str(marker))))
    connection.hset(Job.key_for(ids["pickle bomb"]), "meta", pickle.dumps(_Bomb(str(marker))))
    connection.hset(Job.key_for(ids["not JSON"]), "data", b"{")
    return ids


class _Bomb:
    """Runs a command when it is unpickled."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.path}",)


def test_a_job_that_is_not_ours_does_not_exist(connection: Any, tmp_path: Path) -> None:
    """Fetching refuses it, alone and among others, whatever serializer the caller names."""
    marker = tmp_path / "marker"
    ids = poisoned(connection, marker)
    for kind, job_id in ids.items():
        with pytest.raises(NoSuchJobError):
            AllowListJob.fetch(job_id, connection=connection)
        assert AllowListJob.fetch_many([job_id], connection) == [None], kind
    assert queue_of("apply", connection).jobs == []
    assert not marker.exists()


def test_a_job_is_checked_again_when_it_runs(connection: Any, tmp_path: Path) -> None:
    """Changed after it was fetched, it still does nothing."""
    RqDoorbell(connection).ring("apply")
    (job,) = queue_of("apply", connection).jobs
    job.func_name = "os.system"
    with pytest.raises(NoSuchJobError):
        job.perform()


def test_the_worker_has_the_binding_settings(redis_server: str) -> None:
    """One queue, JSON, our job class, short intervals, no commands over Redis."""
    worker = make_worker("reconcile", working_connection(redis_server))
    assert worker.queue_names() == ["gateway.reconcile"]
    assert worker.job_class is AllowListJob
    assert worker.serializer is queue_of("reconcile", worker.connection).serializer
    assert (worker.job_monitoring_interval, worker.worker_ttl, worker.maintenance_interval) == (10, 60, 60)
    worker.subscribe()
    assert worker.pubsub_thread is None
