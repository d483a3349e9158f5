"""`gateway up`: everything that a site needs, in one command, until it is told to stop."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import click

from gateway.cli.plan import Plan, processes, require_free
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.wiring import load_settings, prepare_site
from gateway.embedded import Server, check_given, find_server
from gateway.supervisor import SiteLock, Supervisor
from gateway.system import SystemClock
from gateway.telemetry import configure

log = logging.getLogger(__name__)

_WEB_WORKERS = 2
_WEB_THREADS = 8


@click.command()
@click.option("--host", help="Address to listen on.  [default: from gateway.yaml, or 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: from gateway.yaml, or 8080]")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that deliver; each keeps many desks in flight.",
)
@pass_site
def up(site: SiteChoice, host: str | None, port: int | None, workers: int) -> None:
    """Run the whole gateway for this site, until Ctrl-C.

    Checks the site, brings the database up to date, starts a Redis-compatible server unless REDIS_URL names one, and
    then the web process, the workers and the sweep. What dies is started again.
    """
    settings = load_settings(site.folder)
    site.redactor.add(*settings.secrets())
    configure(settings.log_level, settings.secrets())
    host, port = host or settings.host, port or settings.port
    lock = SiteLock(site.state)
    lock.acquire()  # says who runs already, before anything else complains about the port
    lock.release()
    require_free(host, port)
    for problem in prepare_site(settings):
        click.echo(str(problem), err=True)
    url, server = _redis(settings.redis_url, site.state)
    plan = Plan(site.folder, host, port, workers, _WEB_WORKERS, _WEB_THREADS, url, server)

    def announce() -> None:
        click.echo(f"The gateway is up: {plan.address}\nStop it with Ctrl-C (or: kill {os.getpid()}).", err=True)

    Supervisor(
        processes(plan, os.environ),  # noqa: TID251 - handed on to the processes, never read here
        site.state,
        SystemClock(),
        facts={"address": plan.address, "redis": server.version if server is not None else "from REDIS_URL"},
        on_up=announce,
    ).run()


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
