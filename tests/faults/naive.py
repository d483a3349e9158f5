"""The baseline that people build first: one RQ job a comment, with RQ's own Retry. It runs in the same weather.

Its desk, the faults at it, the kills of its workers and the wipes of its Redis are those of the storm; it has no record
but Redis, and no idea whether an answer that was lost meant an effect that was not.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import redis
import requests
from rq import Queue, Retry

from connectors.request_tracker.simulator import SimulatedRequestTracker
from gateway.embedded import Running, find_server
from tests.faults.oracle import Verdict
from tests.faults.trouble import DEADLINE, Trouble, befall, flush, struck
from tests.flows.site import ROOT
from tests.flows.storm import tokens
from tests.processes import wait_until

WORKERS = 2
#: as patient as its authors would be
RETRIES = Retry(max=5, interval=[1, 2, 5, 10, 20])
QUIET_SECONDS = 60.0


def carry(url: str, token: str, text: str) -> None:
    """Write one comment: the job."""
    answer = requests.post(
        url, json={"Content": text, "ContentType": "text/plain"}, headers={"Authorization": f"token {token}"},
        timeout=DEADLINE,
    )  # fmt: skip
    answer.raise_for_status()
    # a proxy's page is no answer of the desk's
    answer.json()


class Workers:
    """RQ's own workers, started again when they are killed."""

    def __init__(self, url: str, folder: Path) -> None:
        self._url = url
        self._log = folder / "naive.log"
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Bring them up to their number."""
        self._running = [each for each in self._running if each.poll() is None]
        while len(self._running) < WORKERS:
            with self._log.open("ab") as log:
                self._running.append(
                    subprocess.Popen(
                        [
                            sys.executable, "-m", "rq.cli", "worker", "--url", self._url, "--with-scheduler", "--quiet",
                            "--worker-class", "rq.SimpleWorker", "naive",
                        ],
                        cwd=ROOT, stdout=log, stderr=log, start_new_session=True,
                    )
                )  # fmt: skip

    def kill(self, chance: random.Random) -> bool:
        """Kill one, and start another."""
        chance.choice(self._running).kill()
        for each in self._running:
            if each.poll() is None:
                continue
            each.wait()
        self.start()
        return True

    def stop(self) -> None:
        """Stop them all."""
        for each in self._running:
            each.kill()
            each.wait()


def run(folder: Path, seed: int, *, updates: int, lanes: int, rate: float, share: float, wipe: bool) -> Verdict:
    """Carry as many comments to as many tickets; judge by what the desk really has."""
    server = Running(find_server(folder)).start()
    workers = Workers(server.url, folder)
    desk = SimulatedRequestTracker()
    troubles = [Trouble("kill", seed, (2, 4), workers.kill)]
    if wipe:
        troubles.append(Trouble("FLUSHALL", seed, (2, 3), lambda _: flush(server.url)))
    try:
        with desk:
            lane = [desk.act("create", subject=f"Case {number}", body="It") for number in range(lanes)]
            befall(desk, share)
            workers.start()
            for each in troubles:
                each.start()
            _enqueue(server.url, desk, lane, random.Random(seed), updates=updates, rate=rate)
            for each in troubles:
                each.stop()
            desk.faults.clear()
            _wait_quiet(desk)
            return _judge(desk, updates, crashes=troubles[0].times)
    finally:
        workers.stop()
        server.stop()


def _enqueue(
    url: str, desk: SimulatedRequestTracker, lane: list[str], chance: random.Random, *, updates: int, rate: float
) -> None:
    """Enqueue a job a comment, as a web process would."""
    with redis.Redis.from_url(url) as client:
        queue = Queue("naive", connection=client)
        for number in range(updates):
            target = f"{desk.url}/REST/2.0/ticket/{chance.choice(lane)}/comment"
            text = f"What I have to say is token-{number:04d}"
            queue.enqueue(carry, target, desk.tokens["gateway"], text, retry=RETRIES)
            time.sleep(chance.uniform(0.4, 1.6) / rate)


def _wait_quiet(desk: SimulatedRequestTracker) -> None:
    """Wait until nothing has come for a while: retries are at most twenty seconds apart."""
    seen = [len(desk.journal), time.monotonic()]

    def quiet() -> bool:
        if len(desk.journal) != seen[0]:
            seen[:] = [len(desk.journal), time.monotonic()]
        return time.monotonic() - seen[1] > 25

    wait_until(quiet, QUIET_SECONDS)


def _judge(desk: SimulatedRequestTracker, updates: int, *, crashes: int) -> Verdict:
    verdict = Verdict(operations=updates, faults=struck([desk]), crashes=crashes)
    effects = desk.effects.all(kind="comment")
    times = Counter(token for effect in effects for token in tokens(str(effect.detail["content"])))
    highest: dict[str, str] = {}
    for effect in effects:
        for token in tokens(str(effect.detail["content"])):
            if token < highest.get(effect.remote_id, ""):
                verdict.wrong.append(f"{token} came after {highest[effect.remote_id]}")
            highest[effect.remote_id] = max(token, highest.get(effect.remote_id, ""))
    for number in range(updates):
        token = f"token-{number:04d}"
        if not times[token]:
            verdict.lost.append(token)
        verdict.doubled += [f"{token} is there {times[token]} times"] * (times[token] > 1)
    return verdict
