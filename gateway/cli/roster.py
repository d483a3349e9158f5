"""`gateway roster`: who is there when, by the files and what was fetched, and when nobody is; and who is there now."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import click

from gateway.cli.choosing import Duration, Instant
from gateway.cli.feeding import age, stored
from gateway.cli.roster_now import away, back, show_now, write_absent
from gateway.cli.roster_page import page
from gateway.cli.rules.reading import read_files
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, tame, utc, write_json, write_table
from gateway.errors import ConfigError, NotFoundError
from gateway.flow.feeds import copies
from gateway.system import SystemClock
from rules.cover import Day, picture, uncovered
from rules.duration import words
from rules.routes import Routing

_LONGEST = 366 * 86_400


FROM = click.option(
    "--from", "start", type=Instant(), help="Begin at this instant, such as 2026-03-10.  [default: now]"
)


@click.group()
def roster() -> None:
    """Look at who works when, who is there now, and when nobody is."""


for _command in (show_now, away, back):
    roster.add_command(_command)


@roster.command()
@FROM
@click.option("--days", type=click.IntRange(1, 31), default=7, show_default=True, help="So many days.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page into this file instead.")
@JSON
@pass_site
def show(site: SiteChoice, start: datetime | None, days: int, html: Path | None, as_json: bool) -> None:
    """Show how many people each region has in each hour (UTC), and whether somebody is on call.

    A number is how few there are at any time of that hour; a dot is nobody, a plus more than nine. Where the site has
    a record, who of those on shift is away now stands below.
    """
    routing = _routing(site, as_json=as_json)
    made = routing.roster
    first = (start or SystemClock().now()).replace(hour=0, minute=0, second=0, microsecond=0)
    found = picture(made, first, days)
    called = made.on_call(start or SystemClock().now())
    if html is not None:
        try:
            html.write_text(page(found, called), encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{html} cannot be written: {error.strerror or error}") from None
        click.echo(f"{html} is written.", err=True)
        return
    if as_json:
        write_json(found)
        return
    for day in found:
        _write(day)
    click.echo(f"\nOn call {'then' if start else 'now'}: {tame(', '.join(called)) or 'nobody'}.")
    if start is None:
        write_absent(site, routing)


def _write(day: Day) -> None:
    width = max((len(row.region) for row in day.rows), default=0)
    width = max(width, len("no region"))
    scale = "".join(f"{hour:<6}" for hour in range(0, 24, 6))
    click.echo(f"\n{click.style(f'{day.start:%a %Y-%m-%d}', bold=True):<{width}}  UTC")
    click.echo(f"  {'':<{width}}  {scale}".rstrip())
    for row in day.rows:
        cells = "".join("." if not count else str(count) if count < 10 else "+" for count in row.hours)
        click.echo(f"  {tame(row.region) or 'no region':<{width}}  {cells}")


@roster.command()
@FROM
@click.option("--next", "length", type=Duration(), default="14d", show_default=True, help="Look so far ahead.")
@click.option("--region", help="Only of this region, whoever is on call.")
@click.option("--exit-code", "strict", is_flag=True, help="End with 1 when there is a gap.")
@LIMIT
@JSON
@pass_site
def gaps(
    site: SiteChoice,
    start: datetime | None,
    length: float,
    region: str | None,
    strict: bool,
    limit: int,
    as_json: bool,
) -> None:
    """List the times ahead in which no region is open and nobody is on call."""
    made = _routing(site, as_json=as_json).roster
    if region is not None and region not in made.regions():
        raise NotFoundError(f"no team works in the region {region!r}: there are {', '.join(made.regions()) or 'none'}")
    if not 0 < length <= _LONGEST:
        raise click.BadParameter("take a time of up to 366d", param_hint="--next")
    begin = (start or SystemClock().now()).replace(microsecond=0)
    found = uncovered(made, begin, begin + timedelta(seconds=length), region)
    if as_json:
        write_json([{"from": opens, "until": closes} for opens, closes in found[:limit]])
    else:
        rows = [
            (f"{opens:%a %Y-%m-%d %H:%M}", f"{closes:%a %Y-%m-%d %H:%M}", words(int((closes - opens).total_seconds())))
            for opens, closes in found[:limit]
        ]
        said = f"Somebody is there at any time of the next {words(int(length))}."
        write_table(("FROM (UTC)", "UNTIL (UTC)", "LENGTH"), rows, grows="LENGTH", empty=said)
        if len(found) > limit:
            click.echo(f"… and {len(found) - limit} more: --limit")
    if strict and found:
        sys.exit(1)


@roster.command("feeds")
@JSON
@pass_site
def list_feeds(site: SiteChoice, as_json: bool) -> None:
    """List the feeds that rotas are fetched from: when each was fetched, when it changed, and what is wrong.

    The running gateway fetches them; gateway check does so at once, and keeps nothing.
    """
    known = stored(site)
    found = read_files(site.folder, as_json=as_json).site.rules.routing.feeds
    rows = [(feed, known.get(feed.key)) for feed in found]
    if as_json:
        write_json(
            [
                {
                    "teams": feed.teams,
                    "every_s": feed.every,
                    "fetched_at": copy.fetched_at if copy else None,
                    "changed_at": copy.changed_at if copy else None,
                    "failing_since": copy.failing_since if copy else None,
                    "trouble": copy.trouble if copy else "",
                }
                for feed, copy in rows
            ]
        )
        return
    lines = [
        (
            ", ".join(feed.teams),
            words(feed.every),
            utc(copy.fetched_at) if copy is not None and copy.fetched_at else "never",
            utc(copy.changed_at) if copy is not None and copy.changed_at else "",
            tame(copy.trouble) if copy is not None else "",
        )
        for feed, copy in rows
    ]
    columns = ("TEAMS", "EVERY", "FETCHED", "CHANGED", "TROUBLE")
    write_table(columns, lines, grows="TROUBLE", empty="No rota is fetched: see docs/rules/routing.md.")


def _routing(site: SiteChoice, *, as_json: bool) -> Routing:
    known = stored(site)
    routing = read_files(site.folder, as_json=as_json, copies=copies(known)).site.rules.routing
    for feed in routing.feeds:
        click.echo(tame(age(feed, known.get(feed.key), SystemClock().now())), err=True)
    if not routing.roster.agents and not routing.roster.call:
        raise NotFoundError("this site has no agents and nobody on call: see docs/routing.md")
    return routing
