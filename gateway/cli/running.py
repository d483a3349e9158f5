"""A site, from its files to running processes: what `gateway up` and `gateway demo` share."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from gateway.bootstrap import build
from gateway.cli.opening import author
from gateway.cli.plan import Plan, processes, require_free
from gateway.config import Settings, read_site
from gateway.embedded import Server, check_given, find_server
from gateway.errors import ConfigError
from gateway.ports import ReleaseRow
from gateway.supervisor import Process, SiteLock, Supervisor
from gateway.system import SystemClock
from gateway.web.token import page_address, page_token
from rules.release import written

log = logging.getLogger(__name__)

WEB_WORKERS = 2
#: they mostly wait for a commit that they share: the more of them, the fewer commits (docs/performance.md)
WEB_THREADS = 32


class Watcher:
    """What wants to know how the start goes; each method may be left as it is."""

    def prepared(self, warnings: Sequence[str]) -> None:
        """Hear that the database is at its newest schema and a release is active; `warnings` are for a person."""

    def stage(self, started: Sequence[Process]) -> None:
        """Hear that these processes are up."""

    def up(self, page: str) -> None:
        """Hear that everything is up; `page` is the address that opens the page."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a command was told, beside the settings of the site."""

    host: str
    port: int
    #: make the files of the folder the active release, also where another one is active
    release: bool = False
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
    watcher.prepared(prepare(settings, environment, release=asked.release))
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


def prepare(settings: Settings, environment: Mapping[str, str], *, release: bool = False) -> list[str]:
    """Bring the database to the newest schema and see to it that a release is active; return what a person must know.

    The first start releases the files of the folder; later ones leave the active release alone, so that a rollback
    outlives a restart, and say when the folder differs from it. `release` makes the folder's files active then, too.
    """
    gateway = build(settings, environment)
    try:
        gateway.migrate()
        active = gateway.releasing.active()
        if active is None or release:
            message = "the first start" if active is None else "gateway up --release"
            return [str(problem) for problem in gateway.activate_folder(author=author(), message=message)]
        files = gateway.releasing.files(active)
        warnings = gateway.usable(files)
        return [*_differs(settings.site, active, files), *(str(problem) for problem in warnings)]
    finally:
        gateway.close()


def _differs(folder: Path, active: ReleaseRow, files: Mapping[str, str]) -> list[str]:
    """Say that the files of the folder are not what runs."""
    try:
        same = read_site(folder) == written(files)
    except ConfigError as error:
        return [f"release {active.number} runs; the folder cannot be read: {error}"]
    if same:
        return []
    how = "gateway rules diff shows how, gateway rules release makes them the active one"
    return [f"release {active.number} runs, and the files of {folder} differ from it: {how}"]


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
