"""`gateway status`: what the supervisor of this site says of its processes."""

from __future__ import annotations

import sys

import click
import msgspec

from gateway.cli import removed, standing, timing
from gateway.cli.doubles import doubles
from gateway.cli.doubles import line as doubled_line
from gateway.cli.site import SiteChoice, pass_site
from gateway.config import Settings, environment
from gateway.supervisor import SiteStatus, read_status

_COLUMNS = ("PROCESS", "STATE", "PID", "RESTARTS", "SINCE (UTC)", "LAST END")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@pass_site
def status(site: SiteChoice, as_json: bool) -> None:
    """Show the processes of this site.

    Ends with 0 when the gateway runs, and with 1 when it does not.
    """
    settings = Settings.from_env({**environment(), "GATEWAY_SITE": str(site.folder)})
    found = read_status(settings.state)
    running = found is not None and found.phase not in {"stopped", "killed"}
    named = removed.names(site)
    orphaned = removed.removed(site, named) if named is not None else {}
    twice = doubles(site)
    alerts = standing.standing(site)
    clocks = timing.off(site)
    if as_json:
        told = msgspec.json.encode(found) if found is not None else b'{"phase":"stopped","processes":[]}'
        click.echo(removed.as_json(told, orphaned, twice, alerts, timing.as_json(clocks)))
    elif found is None or not running:
        killed = found is not None and found.phase == "killed"
        how = "its supervisor was killed" if killed else "start it with: gateway up"
        click.echo(f"The gateway of {site.folder} does not run; {how}.")
    else:
        _show(found)
    if not as_json:
        for line in removed.lines(orphaned):
            click.echo(f"warning: {line}")
        if twice:
            click.echo(f"warning: {doubled_line(twice)}")
        for line in timing.lines(clocks):
            click.echo(f"warning: {line}")
        for alert in alerts:
            click.echo(f"warning: {standing.line(alert)}")
    if not running:
        sys.exit(1)


def _show(found: SiteStatus) -> None:
    click.echo(f"The gateway is {found.phase} (process {found.pid}, since {found.since:%Y-%m-%d %H:%M:%S} UTC).")
    for name, value in found.facts.items():
        click.echo(f"{name}: {value}")
    rows = [
        _COLUMNS,
        *(
            (one.name, one.phase, str(one.pid or "-"), str(one.restarts), f"{one.since:%m-%d %H:%M:%S}", one.last_end)
            for one in found.processes
        ),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    click.echo()
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
