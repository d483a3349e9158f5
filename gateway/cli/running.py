"""A site, from its files to running processes: what `gateway up` and `gateway demo` share."""

from __future__ import annotations

import getpass
import logging
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from gateway.bootstrap import build
from gateway.cli.plan import Plan, processes, require_free
from gateway.config import Settings
from gateway.embedded import Server, check_given, find_server
from gateway.supervisor import Process, SiteLock, Supervisor
from gateway.system import SystemClock
from gateway.web.token import page_address, page_token

log = logging.getLogger(__name__)

WEB_WORKERS = 2
#: they mostly wait for a commit that they share: the more of them, the fewer commits (docs/performance.md)
WEB_THREADS = 32


class Watcher:
    """What wants to know how the start goes; each method may be left as it is."""

    def prepared(self, warnings: Sequence[str]) -> None:
        """Hear that the database is at its newest schema, and the files of the site are the active release."""

    def stage(self, started: Sequence[Process]) -> None:
        """Hear that these processes are up."""

    def up(self, page: str) -> None:
        """Hear that everything is up; `page` is the address that opens the page."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a command was told, beside the settings of the site."""

    host: str
    port: int
    #: workers of the deliver step
    workers: int = 1
    #: processes beside the gateway's own, as in Plan
    extra: tuple[Process, ...] = ()
    output: Path | None = None
    #: more for those who read the status
    facts: Mapping[str, str] = {}


def run_site(settings: Settings, environment: Mapping[str, str], asked: Asked, watcher: Watcher) -> None:
    """Run everything that a site needs until a signal comes; nothing is left when it returns.

    Raises ConfigError when the site is taken, the address is, or the files are not usable.
    """
    lock = SiteLock(settings.state)
    lock.acquire()  # says who runs already, before anything else complains about the port
    lock.release()
    require_free(asked.host, asked.port)
    watcher.prepared(prepare(settings, environment))
    url, server = _redis(settings.redis_url, settings.state)
    plan = Plan(
        settings.site, asked.host, asked.port, asked.workers, WEB_WORKERS, WEB_THREADS, url, server,
        extra=asked.extra, output=asked.output,
    )  # fmt: skip
    token = page_token(settings.token, settings.state)
    facts = {"address": plan.address, "redis": server.version if server is not None else "from REDIS_URL"}
    Supervisor(
        processes(plan, environment),
        settings.state,
        SystemClock(),
        facts={**facts, **asked.facts},
        on_stage=watcher.stage,
        on_up=lambda: watcher.up(page_address(plan.address, token)),
    ).run()


def prepare(settings: Settings, environment: Mapping[str, str]) -> list[str]:
    """Bring the database to the newest schema, make the site's files the active release; return the warnings."""
    gateway = build(settings, environment)
    try:
        return [str(problem) for problem in gateway.activate_folder(author=_author())]
    finally:
        gateway.close()


def _author() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def _redis(given: str | None, state: Path) -> tuple[str, Server | None]:
    """Return the URL of the Redis to use, and the server to start when none is given."""
    if not given:
        server = find_server(state)
        return server.url, server
    from gateway.doorbell import working_connection  # noqa: PLC0415 - brings RQ along

    connection = working_connection(given)
    for warning in check_given(connection):
        log.warning("%s", warning)
    connection.close()
    return given, None
