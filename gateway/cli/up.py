"""`gateway up`: everything that a site needs, in one command, until it is told to stop."""

from __future__ import annotations

import os
from collections.abc import Sequence

import click

from gateway.cli.opening import active_files
from gateway.cli.running import Asked, Watcher, run_site
from gateway.cli.site import SiteChoice, pass_site
from gateway.config import Settings, environment, load
from gateway.telemetry import configure


class _Announcer(Watcher):
    """Says on the terminal what a person must know."""

    def prepared(self, warnings: Sequence[str]) -> None:
        for warning in warnings:
            click.echo(warning, err=True)

    def up(self, page: str) -> None:
        click.echo(f"The gateway is up: {page}\nStop it with Ctrl-C (or: kill {os.getpid()}).", err=True)


@click.command()
@click.option("--host", help="Address to listen on.  [default: GATEWAY_HOST, or 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on.  [default: GATEWAY_PORT, or 8080]")
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes that deliver; each keeps many desks in flight.",
)
@click.option("--release", is_flag=True, help="Make the files of the folder the active release first.")
@pass_site
def up(site: SiteChoice, host: str | None, port: int | None, workers: int, *, release: bool) -> None:
    """Run the whole gateway for this site, until Ctrl-C.

    The first start releases the files of the site; later ones run the active release, and say when the files differ
    from it (gateway rules release makes them the active one). Brings the database up to date, starts a
    Redis-compatible server unless REDIS_URL names one, and then the web process, the workers and the sweep. What dies
    is started again.
    """
    settings = _settings(site, release=release)
    site.redactor.add(*settings.secrets())
    configure(settings.log_level, settings.secrets())
    site.state  # noqa: B018 - makes the folder, which git is to ignore
    asked = Asked(host=host or settings.host, port=port or settings.port, workers=workers, release=release)
    run_site(settings, environment(), asked, _Announcer())


def _settings(site: SiteChoice, *, release: bool) -> Settings:
    """Read the settings with the secrets of what is to run: the active release, or else the files of the folder."""
    environ = {**environment(), "GATEWAY_SITE": str(site.folder)}
    files = None if release else active_files(Settings.from_env(environ), environ)
    return load(site.folder, files)
