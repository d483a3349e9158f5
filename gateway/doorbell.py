"""The doorbell: RQ wakes workers, and that is all it is trusted with.

A ring may be lost, doubled or come late; SQL is the record and the sweep rings again. The settings here are not taste:
each was bought with a lost or doubled job. One queue a worker, JSON only, no retry, no ttl, no `unique`, no dependents,
no callbacks, no scheduler, counts without cleanup. Whoever can write into Redis can enqueue, so a job is believed only
when it names one of our three functions and nothing else; nothing is ever unpickled.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, Worker
from rq.exceptions import DeserializationError, NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from gateway.errors import ConfigError
from gateway.lifeline import die_with

log = logging.getLogger(__name__)

STEPS = ("apply", "deliver", "reconcile")
#: RQ stores these paths: `gateway.jobs` and its functions never move.
JOBS = {step: f"gateway.jobs.{step}" for step in STEPS}
_ALLOWED = frozenset(JOBS.values())

#: A second ring within this time is the same ring, unless a drain has begun since.
COALESCE_MS = 2000
#: More waiting jobs than this would only find nothing to do.
MAX_PENDING = 4
JOB_TIMEOUT = 120
FAILURE_TTL = 86400
#: A ring is one connect and two commands at most; whoever rings has something better to do.
_RING_TIMEOUT = 0.1
_SILENCE = 1.0


class RefusedJobError(NoSuchJobError):
    """A job that is not one of ours. To RQ it does not exist: it is dropped, and the worker goes on."""


class AllowListJob(Job):
    """A job that may do three things only, whatever Redis says, and that never unpickles."""

    def __init__(self, id: str | None = None, connection: Any = None, serializer: Any = None) -> None:  # noqa: A002, ARG002 - RQ's names
        super().__init__(id, connection=connection, serializer=JSONSerializer)

    def restore(self, raw_data: Any) -> Any:
        """Read a stored job and refuse it unless it is ours."""
        restored = super().restore(raw_data)
        self._require_ours()
        return restored

    @classmethod
    def fetch_many(cls, job_ids: Iterable[str], connection: Any, serializer: Any = None) -> list[Job | None]:
        """Fetch several; one that is refused counts as one that is not there."""
        found: list[Job | None] = []
        for job_id in job_ids:
            try:
                found.append(cls.fetch(job_id, connection=connection, serializer=serializer))
            except NoSuchJobError:
                found.append(None)
        return found

    def perform(self) -> Any:
        """Run it, after one more look: it may have been changed since it was fetched."""
        self._require_ours()
        return super().perform()

    def _require_ours(self) -> None:
        try:
            name, plain = self.func_name, self.instance is None and not self.args and not self.kwargs
        except DeserializationError:
            name, plain = "(unreadable)", False
        extras = (
            self._success_callback_name,
            self._failure_callback_name,
            self._stopped_callback_name,
            getattr(self, "webhooks", None),
            self.repeats_left,
            self.retries_left,
            self._dependency_ids,
        )
        if name not in _ALLOWED or not plain or any(extras):
            log.error("a job in Redis is not one of ours and is refused", extra={"job_id": self.id, "function": name})
            raise RefusedJobError(f"job {self.id} asks for {str(name)[:100]!r}, which is not one of the gateway's jobs")


def queue_of(step: str, connection: Any) -> Queue:
    """Return the queue of one step."""
    if step not in JOBS:
        raise ConfigError(f"there is no step {step!r}; the steps are {', '.join(STEPS)}")
    return Queue(f"gateway.{step}", connection=connection, serializer="json", job_class=AllowListJob)


def ringing_connection(url: str) -> Any:
    """Connect for ringing: short timeouts and no retry, so that it costs next to nothing while Redis is away."""
    return redis.Redis.from_url(
        url, socket_timeout=_RING_TIMEOUT, socket_connect_timeout=_RING_TIMEOUT, retry=Retry(NoBackoff(), 0)
    )


def working_connection(url: str) -> Any:
    """Connect for a worker; RQ sets the timeout of its blocking read itself."""
    return redis.Redis.from_url(url, socket_connect_timeout=5, health_check_interval=30)


class RqDoorbell:
    """`ports.Doorbell` over RQ. Threads may share it. `connection` comes from `ringing_connection`."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._silent_until = 0.0

    def ring(self, step: str) -> None:
        """Wake a worker of `step`, unless one was woken that has not begun yet; never raises, never blocks long."""
        queue = queue_of(step, self._connection)
        if time.monotonic() < self._silent_until:
            return
        try:
            if not self._connection.set(_flag(step), 1, nx=True, px=COALESCE_MS):
                return
            if self._connection.llen(queue.key) < MAX_PENDING:
                queue.enqueue_call(JOBS[step], timeout=JOB_TIMEOUT, result_ttl=0, failure_ttl=FAILURE_TTL)
        except Exception as error:  # noqa: BLE001 - a ring may be lost; the sweep rings again
            self._silent_until = time.monotonic() + _SILENCE
            log.warning("the doorbell does not ring; the sweep will", extra={"step": step, "error": str(error)})

    def clear(self, step: str) -> None:
        """Let the next ring through: a drain calls this before it looks for work, so that no later ring is lost."""
        with contextlib.suppress(redis.RedisError, OSError):
            self._connection.delete(_flag(step))

    def depth(self, step: str) -> int | None:
        """Count the waiting rings, without RQ's cleanup; None while Redis is away."""
        with contextlib.suppress(redis.RedisError, OSError):
            return int(self._connection.llen(queue_of(step, self._connection).key))
        return None

    def failed(self, step: str) -> int | None:
        """Count the failed jobs of the last day, without RQ's cleanup; None while Redis is away."""
        with contextlib.suppress(redis.RedisError, OSError):
            registry = queue_of(step, self._connection).failed_job_registry
            return int(registry.get_job_count(cleanup=False))
        return None


def _flag(step: str) -> str:
    return f"gateway:rung:{step}"


# ---------------------------------------------------------------- workers

#: Set in a work-horse when its worker was told to stop. RQ calls a job by its name, so nothing can be handed to it.
_stopping = threading.Event()


def stop_requested() -> bool:
    """Say, inside a job, whether the gateway is stopping: claim nothing more, finish what is being sent, return."""
    return _stopping.is_set()


class StepWorker(Worker):
    """A forking worker of one queue whose horses neither outlive it nor work past a stop."""

    #: A Redis that is back is noticed within seconds, not within a minute.
    max_connection_wait_time = 2.0
    #: The worker calls it before each fork, in the parent: keep compiled rules fresh, hold no database connection.
    prepare: Callable[[], None] | None = None
    _kept = False

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        """Refresh what the horse will inherit, then fork it."""
        if self.prepare is not None:
            try:
                self.prepare()
            except Exception:
                log.exception("the rules could not be refreshed; the job runs with what is loaded")
        if not self._kept:
            # once, or garbage would be kept too: no horse's collector passes over what all inherit, and so copies it
            gc.collect()
            gc.freeze()
            self._kept = True
        super().fork_work_horse(job, queue)

    def main_work_horse(self, job: Job, queue: Queue) -> None:
        """Tie the horse's life to the worker's, then work."""
        die_with(self.pid or os.getppid())
        super().main_work_horse(job, queue)

    def setup_work_horse_signals(self) -> None:
        """Let a horse finish what it sends: SIGTERM asks it to stop claiming; the terminal's Ctrl-C is not for it."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, lambda *_: _stopping.set())

    def handle_warm_shutdown_request(self) -> None:
        """Tell the horse as well."""
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]
        if self.horse_pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.horse_pid, signal.SIGTERM)

    def subscribe(self) -> None:
        """Take no commands over Redis: no thread in a process that forks, and nobody else stops our workers."""


def make_worker(step: str, connection: Any, prepare: Callable[[], None] | None = None) -> StepWorker:
    """Make the worker of one step. `connection` comes from `working_connection`."""
    worker = StepWorker(
        [queue_of(step, connection)],
        connection=connection,
        serializer="json",
        job_class=AllowListJob,
        job_monitoring_interval=10,
        worker_ttl=60,
        maintenance_interval=60,
        log_job_description=False,
    )
    worker.log_result_lifespan = False
    worker.prepare = prepare
    return worker


def run_worker(worker: StepWorker) -> bool:
    """Work until told to stop; False when Redis or a defect ended it and it should be started again."""
    try:
        worker.work(logging_level="WARNING")
    except redis.RedisError as error:
        log.warning("Redis is away; this worker ends and is started again", extra={"error": str(error)})
        return False
    return worker._shutdown_requested_date is not None  # noqa: SLF001 - RQ tells in no other way why its loop ended


class SilentDoorbell:
    """Without Redis nothing rings: the sweep and the steps look by themselves (commands, tests)."""

    def ring(self, step: str) -> None:
        """Do nothing."""
