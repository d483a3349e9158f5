"""What a visitor may break: each a button, the words beside it, and the deed.

Desks are spoken to by the control addresses of their simulators, processes are found in the status of the supervisor
that runs them: nothing here asks the gateway to be broken.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import redis

from connectors.testing.traffic.desks import DeskAwayError, DeskError, SimulatorClient
from gateway.errors import GatewayError
from gateway.supervisor import SiteStatus, read_status

DOWN_SECONDS = 20.0
DROP_SECONDS = 10.0
DOUBLE_SECONDS = 20.0
#: a kill is over when the process runs again, a flush at once
_INSTANT = 0.0

UP = "up again"


class Way(msgspec.Struct, frozen=True):
    """One way to break something: what the page says of it; `targets` is word of the form -> label of the button."""

    name: str
    title: str
    does: str
    expect: str
    targets: dict[str, str]
    #: how long the disturbance lasts
    seconds: float = _INSTANT


def ways(desks: tuple[str, str]) -> tuple[Way, ...]:
    """Return the ways, in the order of the page."""
    each = {name: name for name in desks}
    return (
        Way(
            "desk-down",
            "Take a desk down",
            f"It refuses every connection for {DOWN_SECONDS:g} s, then it is up again by itself.",
            "“waiting” grows: people at the other desk go on, and what they write waits in the outbox, in order. Some "
            "seconds after the desk is back, “waiting” falls again. “lost” stays 0.",
            {**each, UP: "up again now"},
            DOWN_SECONDS,
        ),
        Way(
            "drop-answers",
            "Drop a desk’s answers",
            f"For {DROP_SECONDS:g} s the desk does what it is asked, and the connection breaks before it answers.",
            "The gateway cannot know whether its writes landed. “duplicated” and “ambiguous” stay 0, because it looks "
            "for the mark of its write at the desk before it writes again.",
            each,
            DROP_SECONDS,
        ),
        Way(
            "double-webhooks",
            "Double a desk’s webhooks",
            f"For {DOUBLE_SECONDS:g} s the desk sends every webhook twice.",
            "“duplicated” stays 0: the second one is known already, and is answered and left alone.",
            each,
            DOUBLE_SECONDS,
        ),
        Way(
            "kill-worker",
            "Kill a worker",
            "SIGKILL, in the middle of whatever it does: nothing is said, saved or given back.",
            "It runs again within a second. What it had begun is taken up once its lease has run out (after 30 s at "
            "most, 60 s for what it was reading): looked for at the desk first, then written if it is not there. "
            "“lost” and “duplicated” stay 0.",
            {"deliver": "the one that writes", "apply": "the one that reads"},
        ),
        Way(
            "flush-redis",
            "Flush Redis",
            "FLUSHALL: every queued job is gone.",
            "Nearly nothing, and that is the point: the work is in the database, Redis only rings the bell. The sweep "
            "rings again within a second or two.",
            {"redis": "flush it"},
        ),
        Way(
            "kill-web",
            "Kill the web process",
            "SIGKILL: webhooks are refused, and the live page does not answer.",
            "It is back in some seconds. Webhooks that nobody took are sent again, or found by the next poll of the "
            "desk (every 5 s). “lost” stays 0.",
            {"web": "kill it"},
        ),
    )


class Tools(msgspec.Struct, frozen=True):
    """What is needed to break things."""

    desks: Mapping[str, SimulatorClient]
    state: Path
    redis_url: str


class Breaker:
    """Does the deeds, and puts back what does not end by itself."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        #: desk -> its webhooks' weather before they were doubled
        self._weather: dict[str, dict[str, Any]] = {}
        self._deeds: Mapping[str, Callable[[str], None]] = {
            "desk-down": self._down,
            "drop-answers": self._drop_answers,
            "double-webhooks": self._double,
            "kill-worker": self._kill,
            "flush-redis": self._flush,
            "kill-web": self._kill,
        }

    def do(self, way: str, target: str) -> None:
        """Break it; raises GatewayError that says why it could not be done."""
        try:
            self._deeds[way](target)
        except DeskAwayError as error:
            raise GatewayError(f"{target} is down at this moment: bring it up again, or wait until it is") from error
        except (DeskError, redis.RedisError, OSError) as error:
            raise GatewayError(f"{target}: {error}") from error

    def raise_up(self) -> None:
        """Let every desk accept connections again; one that does already does not mind."""
        for name in self._tools.desks:
            with contextlib.suppress(GatewayError, OSError):
                os.kill(self._pid(name), signal.SIGUSR1)

    def calm(self, desk: str) -> None:
        """Let webhooks be as they were before they were doubled; raises DeskError."""
        weather = self._weather.get(desk)
        if weather is not None:
            self._tools.desks[desk].weather(**weather)
            del self._weather[desk]

    def status(self) -> SiteStatus | None:
        """Return what the supervisor says of its processes."""
        return read_status(self._tools.state)

    def _down(self, desk: str) -> None:
        # it stops listening before it could answer
        with contextlib.suppress(DeskError):
            self._tools.desks[desk].fault(kind="refuse", seconds=DOWN_SECONDS)

    def _drop_answers(self, desk: str) -> None:
        self._tools.desks[desk].fault(kind="reset_after", count=None, lasting=DROP_SECONDS)

    def _double(self, desk: str) -> None:
        client = self._tools.desks[desk]
        before = self._weather.setdefault(desk, client.weather_now())
        client.weather(**{**before, "duplicate": 1.0})

    def _kill(self, process: str) -> None:
        os.kill(self._pid(process), signal.SIGKILL)

    def _flush(self, _: str) -> None:
        with redis.Redis.from_url(self._tools.redis_url, socket_timeout=2) as client:
            client.flushall()

    def _pid(self, process: str) -> int:
        status = self.status()
        found = [each.pid for each in status.processes if each.name == process] if status else []
        if not found or not found[0] or status is None or status.phase != "running":
            raise GatewayError(f"{process} does not run at this moment; try again in a second")
        return found[0]
