"""What a storm does to a gateway beside killing it: faults at its desks, trouble with Redis and the database.

Each is a thread of its own with its own seeded chance, so that one seed gives the same plan each time; when exactly it
meets which process is up to the machine.
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import timedelta

import redis
from sqlalchemy.exc import DBAPIError

from connectors.testing.desk import SimulatedDesk
from connectors.testing.faults import FaultKind
from gateway.doorbell import JOBS, queue_of
from gateway.store import SqlStore
from tests.databases import PostgresProcess
from tests.flows.site import Site

#: fault -> its share of all faults
MIX = {
    FaultKind.RESET_BEFORE: 3, FaultKind.RESET_AFTER: 5, FaultKind.HALF_BODY: 4, FaultKind.GARBAGE: 4,
    FaultKind.ERROR_WITH_EFFECT: 4, FaultKind.ERROR_WITHOUT_EFFECT: 4, FaultKind.LATE_EFFECT: 4, FaultKind.HANG: 2,
    FaultKind.THROTTLE: 1, FaultKind.DROP_CONNECTION: 2,
}  # fmt: skip
#: seconds of a deadline after which a request is over; a late effect comes well after it and within the settle time
DEADLINE, LATE = 2, 5.0
STOP_SECONDS = 32.0
#: stops processes, and wakes them up after so many seconds
_STAND_STILL = """
import os, signal, sys, time

def tell(number):
    for pid in map(int, sys.argv[2:]):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass

tell(signal.SIGSTOP)
time.sleep(float(sys.argv[1]))
tell(signal.SIGCONT)
"""
#: for how long a machine, or a role of it, stands still
STILL_SECONDS = (20.0, 60.0)


def befall(desk: SimulatedDesk, share: float, method: str = "POST|PUT") -> None:
    """Let a share of the writes at a desk go wrong, and a few of the reads."""
    whole = sum(MIX.values())
    left = 1.0
    for kind, weight in MIX.items():
        chance = share * weight / whole
        seconds = {FaultKind.LATE_EFFECT: LATE, FaultKind.HANG: DEADLINE + 1.0, FaultKind.THROTTLE: 1.0}.get(kind, 0.0)
        hold = {"hold": DEADLINE + 1.0} if kind is FaultKind.LATE_EFFECT else {}
        # the first fault that strikes wins: each is asked only when those before it have let the request pass
        desk.fault(kind, method=method, probability=chance / left, count=None, seconds=seconds, **hold)
        left -= chance
    desk.fault(FaultKind.ERROR_WITHOUT_EFFECT, method="GET", probability=share / 10, count=None)
    desk.fault(FaultKind.RESET_BEFORE, method="GET", probability=share / 10, count=None)


def struck(desks: Sequence[SimulatedDesk]) -> int:
    """Return how many requests were befallen."""
    return sum(bool(line.fault) for desk in desks for line in list(desk.journal))


def skew(desks: Sequence[SimulatedDesk], seconds: float) -> None:
    """Let the clocks of desks stand wrong, one before and the next behind."""
    for number, desk in enumerate(desks):
        desk.clock.skew = timedelta(seconds=seconds if number % 2 else -seconds)


class Trouble(threading.Thread):
    """Does something again and again until it is told to stop; counts what it did."""

    def __init__(
        self, name: str, seed: int, pause: tuple[float, float], act: Callable[[random.Random], object]
    ) -> None:
        super().__init__(name=name, daemon=True)
        self.times = 0
        self.failure: BaseException | None = None
        self._chance = random.Random(f"{seed}: {name}")
        self._pause = pause
        self._act = act
        self._ended = threading.Event()

    def run(self) -> None:
        """Act at random times."""
        while not self._ended.wait(self._chance.uniform(*self._pause)):
            try:
                self.times += bool(self._act(self._chance))
            except BaseException as failure:  # noqa: BLE001 - the storm tells of it
                self.failure = failure
                return

    def stop(self) -> None:
        """Let it finish what it is at."""
        self._ended.set()
        self.join(60)


def flush(url: str) -> bool:
    """Wipe Redis; False while it is away."""
    with contextlib.suppress(redis.RedisError, OSError), redis.Redis.from_url(url, socket_timeout=1) as client:
        client.flushall()
        return True
    return False


def ring_twice(url: str, chance: random.Random) -> bool:
    """Ring for a step that nobody asked for, twice."""
    step = chance.choice(list(JOBS))
    with contextlib.suppress(redis.RedisError, OSError), redis.Redis.from_url(url, socket_timeout=1) as client:
        for _ in range(2):
            queue_of(step, client).enqueue(JOBS[step], job_timeout=120, result_ttl=0)
        return True
    return False


def drop_ring(url: str, chance: random.Random) -> bool:
    """Take what waits for a step away."""
    with contextlib.suppress(redis.RedisError, OSError), redis.Redis.from_url(url, socket_timeout=1) as client:
        return bool(client.delete(f"rq:queue:gateway.{chance.choice(list(JOBS))}"))
    return False


def stop_horse(site: Site, ended: threading.Event) -> bool:
    """Stop what drains the outbox until its leases are over, then let it go on."""
    horses = site.children("deliver")
    if not horses or not site.signal(horses[0], signal.SIGSTOP):
        return False
    ended.wait(STOP_SECONDS)
    site.signal(horses[0], signal.SIGCONT)
    return True


def freeze(pids: Sequence[int], seconds: float) -> None:
    """Let processes stand still, this one as well where it is among them: another one stops them and wakes them up."""
    subprocess.run([sys.executable, "-c", _STAND_STILL, f"{seconds:.3f}", *map(str, pids)], check=True)


def freeze_machine(site: Site, chance: random.Random) -> bool:
    """Let everything stand still for longer than any lease or deadline: the gateway, the desks and the people."""
    freeze([*site.processes(), os.getpid()], chance.uniform(*STILL_SECONDS))
    return True


def freeze_role(site: Site, chance: random.Random) -> bool:
    """Let one process and its children stand still, as on a machine that swaps."""
    running = {name: one.pid for name, one in site.status().items() if one.pid and site.pid(name)}
    if not running:
        return False
    name = chance.choice(sorted(running))
    pids = [running[name], *site.children(name)]
    freeze([pid for pid in pids if pid], chance.uniform(*STILL_SECONDS))
    return True


def lock(store: SqlStore, seconds: float) -> bool:
    """Hold the database against every writer, past the gate that writers share; False when it would not be held."""
    # a deadlock has its victim, and the database may be killed meanwhile
    with contextlib.suppress(DBAPIError), store.engine.connect() as connection, connection.begin():
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE updates, lanes, deliveries IN ACCESS EXCLUSIVE MODE")
        time.sleep(seconds)
        return True
    return False


def kill_database(server: PostgresProcess) -> bool:
    """Kill PostgreSQL and start it again."""
    server.kill()
    server.start()
    return True


def counted(troubles: Sequence[Trouble]) -> Counter[str]:
    """Return how often each happened."""
    return Counter({each.name: each.times for each in troubles})
