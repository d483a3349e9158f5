"""`gateway process`: one role in one process. `gateway up` starts these; so may systemd, one host a role."""

from __future__ import annotations

import logging
import signal
import sys
import threading

import click

from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.wiring import Settings, jobs, load_settings, make_app
from gateway.errors import ConfigError
from gateway.telemetry import configure

log = logging.getLogger(__name__)

#: The steps have names of their own in gateway.doorbell, which brings RQ along.
_STEPS = ("apply", "deliver", "reconcile")


def _begin(site: SiteChoice) -> Settings:
    settings = load_settings(site.folder)
    site.redactor.add(*settings.secrets())
    configure(settings.log_level, settings.secrets())
    return settings


@click.group(hidden=True)
def process() -> None:
    """Run one role in this process (what gateway up starts)."""


@process.command()
@click.option("--bind", default="127.0.0.1:8080", show_default=True, help="HOST:PORT to listen on.")
@click.option("--workers", type=click.IntRange(1, 64), default=2, show_default=True, help="Processes.")
@click.option("--threads", type=click.IntRange(1, 256), default=32, show_default=True, help="Threads in each.")
@pass_site
def web(site: SiteChoice, bind: str, workers: int, threads: int) -> None:
    """Take webhooks in and show the page."""
    _begin(site)
    from gateway.cli.serving import Web  # noqa: PLC0415 - brings gunicorn along

    Web(make_app, bind, workers=workers, threads=threads).run()


@process.command()
@click.argument("step", type=click.Choice(_STEPS))
@pass_site
def worker(site: SiteChoice, step: str) -> None:
    """Wait for the doorbell of one step, and work."""
    settings = _begin(site)
    if not settings.redis_url:
        raise ConfigError("a worker of its own needs REDIS_URL; gateway up gives its workers the server that it starts")
    import redis  # noqa: PLC0415 - this and RQ are for workers only

    from gateway.doorbell import make_worker, run_worker, working_connection  # noqa: PLC0415 - the same

    try:
        prepare = jobs().prepare_apply if step == "apply" else jobs().prepare
        made = make_worker(step, working_connection(settings.redis_url), prepare)
    except redis.RedisError as error:
        log.warning("Redis is away; this worker ends and is started again", extra={"error": str(error)})
        sys.exit(1)
    if not run_worker(made):
        sys.exit(1)


@process.command()
@pass_site
def sweep(site: SiteChoice) -> None:
    """Ring for what was missed, and look after clocks, leases and retention."""
    _begin(site)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    jobs().sweep(stop.is_set)
