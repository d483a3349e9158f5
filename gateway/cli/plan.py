"""Which processes `gateway up` runs, in which order, and how it knows that each is up."""

from __future__ import annotations

import http.client
import socket
import sys
from collections.abc import Callable, Mapping
from enum import IntEnum
from pathlib import Path

import msgspec

from gateway.embedded import Server
from gateway.errors import ConfigError
from gateway.supervisor import Process

#: The web process finishes its requests, a worker its sends, within this; then they are killed.
GRACE_SECONDS = 25.0


class Order(IntEnum):
    """What starts first and stops last."""

    REDIS = 0
    #: desks of our own (the demo's): the workers must find them, and finish their sends to them
    DESKS = 1
    WORKERS = 2
    SWEEP = 3
    WEB = 4
    #: whoever uses the gateway once it is there
    GUESTS = 5


class Plan(msgspec.Struct, frozen=True):
    """What was decided before anything is started."""

    site: Path
    host: str
    port: int
    #: workers of the deliver step; apply and reconcile have one each
    workers: int
    web_workers: int
    web_threads: int
    redis_url: str
    #: the Redis to run; None when REDIS_URL names one
    redis: Server | None
    #: processes beside the gateway's own, each with its whole environment
    extra: tuple[Process, ...] = ()
    #: file that gets what the processes write; None: the terminal of `gateway up`
    output: Path | None = None

    @property
    def address(self) -> str:
        """Where a person finds the page."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104 - compared, not bound
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"


def processes(plan: Plan, environment: Mapping[str, str]) -> list[Process]:
    """Return the processes of a plan; each gets `environment` with what was decided here put on top."""
    env = {**environment, "GATEWAY_SITE": str(plan.site), "REDIS_URL": plan.redis_url}
    bind = f"[{plan.host}]:{plan.port}" if ":" in plan.host else f"{plan.host}:{plan.port}"
    steps = ["apply", *["deliver"] * plan.workers, "reconcile"]
    found = []
    if plan.redis is not None:
        found.append(
            Process(
                "redis", plan.redis.argv, env=dict(environment), role="redis", order=Order.REDIS, ready=plan.redis.ready
            )
        )
    for index, step in enumerate(steps):
        name = f"deliver-{index}" if step == "deliver" and plan.workers > 1 else step
        found.append(_ours(name, "worker", Order.WORKERS, env, "worker", step))
    found.append(_ours("sweep", "sweep", Order.SWEEP, env, "sweep"))
    web = _ours(
        "web", "web", Order.WEB, env, "web", "--bind", bind, "--workers", str(plan.web_workers), "--threads",
        str(plan.web_threads),
    )  # fmt: skip
    found.append(msgspec.structs.replace(web, ready=answers(plan.host, plan.port)))
    return [msgspec.structs.replace(one, output=plan.output) for one in (*found, *plan.extra)]


def _ours(name: str, role: str, order: int, env: Mapping[str, str], *words: str) -> Process:
    # -P: a site has a folder named rules, which must not come before the package of that name.
    argv = (sys.executable, "-P", "-m", "gateway.cli", "process", *words)
    return Process(name, argv, env=env, role=role, order=order, grace_seconds=GRACE_SECONDS)


def answers(host: str, port: int, path: str = "/healthz") -> Callable[[], bool]:
    """Return a question whether a server serves: any answer will do, also one that is not 200."""
    reach = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound

    def ask() -> bool:
        connection = http.client.HTTPConnection(reach, port, timeout=2)
        try:
            connection.request("GET", path)
            return connection.getresponse().status > 0
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    return ask


def free_port(preferred: int = 0) -> int:
    """Return a port of 127.0.0.1 that nobody listens on now: the preferred one, else one of the twenty after it."""
    for port in range(preferred, preferred + 20) if preferred else ():
        if _trouble("127.0.0.1", port) is None:
            return port
    with socket.create_server(("127.0.0.1", 0)) as sock:
        found: int = sock.getsockname()[1]
        return found


def require_free(host: str, port: int) -> None:
    """Raise ConfigError when the address is taken or is not ours, before anything is started."""
    error = _trouble(host, port)
    if error is not None:
        raise ConfigError(
            f"cannot listen on {host} port {port}: {error.strerror or error}; choose another with --port"
        ) from error


def _trouble(host: str, port: int) -> OSError | None:
    """Return what keeps us from listening there."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(address)
    except OSError as error:
        return error
    return None
