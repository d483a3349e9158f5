"""`gateway rules simulate`: what other rules would have made of the past; `export-history` takes the past elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
import msgspec

from gateway.bootstrap import Gateway
from gateway.cli.opening import opened
from gateway.cli.rules.forecast import Wanted, options, refuse_others, run_forecast
from gateway.cli.rules.past import LastType, Past, count, exported, recorded
from gateway.cli.rules.progress import bar
from gateway.cli.rules.reading import Read, read_candidate, read_files
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, RELEASE, tame, write_json
from gateway.flow.routing.simulated import routes
from gateway.flow.sla.simulated import promises
from gateway.system import SystemClock, SystemIds
from rules import RuleSet
from rules.simulate import Report, Row, line, simulate

IDS = SystemIds(SystemClock())
_AGAINST = click.option(
    "--against",
    type=LastType(),
    default="last-30d",
    show_default=True,
    help="How far to look back (last-30d, last-2w), or a file of export-history.",
)
_HEADINGS = {
    "field": "Fields, as they are in the end",
    "policy": "Policies, as they are in the end",
    "copy": "Tickets in other desks",
    "duplicate": "Duplicates",
    "promise": "Promises: clocks, each of its cycles by itself",
    "route": "Routes: who has a ticket in the end, where nobody has anything else in hand",
    "update": "Updates",
}


@click.command("simulate")
@_AGAINST
@click.option(
    "--rules",
    "candidate",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The rules to try: a site, or a folder of rule files.  [default: the files of this site's folder]",
)
@click.option("--release", "number", type=RELEASE, help="Try a release instead.")
@click.option("--limit", type=click.IntRange(0, 1000), default=5, show_default=True, help="Tickets named for a number.")
@click.option(
    "--details",
    type=click.File("w", encoding="utf-8", lazy=True),
    help="Write every ticket that differs into this file, a JSON line each.",
)
@click.option("--exit-code", is_flag=True, help="End with 1 when anything differs, or not all is well ahead.")
@options
@JSON
@pass_site
def simulate_command(
    site: SiteChoice,
    /,
    against: timedelta | Path,
    candidate: Path | None,
    number: int | None,
    limit: int,
    details: Any,
    *,
    exit_code: bool,
    as_json: bool,
    **ahead: Any,
) -> None:
    """Replay the past through other rules, and say what would differ from what happened.

    Nothing is sent and nothing is stored. What desks and people did is taken as it came; what rules set is what the
    other rules would have set. Comments do not count: whether they travel is not simulated.

    With --generate or --arrivals it looks ahead: tickets are taken through the rules in virtual time, and it says who
    would be how busy, how long tickets would wait and which promises would be kept.
    """
    if number is not None and candidate is not None:
        msg = "--rules and --release exclude each other"
        raise click.UsageError(msg)
    wanted = Wanted(**ahead)
    refuse_others(wanted)
    if wanted.is_wanted:
        _ahead(site, candidate, number, wanted, exit_code=exit_code, as_json=as_json)
        return
    report = Report(examples=limit)

    def take(past: Past, rules: RuleSet) -> None:
        if isinstance(past, str):
            report.leave_out(past)
            return
        found = report.add(simulate(past, rules))
        if found and details is not None:
            told = {"ticket": past.ticket_id, "title": past.title, "differences": msgspec.to_builtins(found)}
            details.write(msgspec.json.encode(told).decode() + "\n")

    if isinstance(against, Path) and number is None:
        rules = _rules(site, candidate, as_json=as_json)
        report.also(promises(rules, IDS))
        report.also(routes(rules, IDS))
        with bar(against.stat().st_size, quiet=as_json) as to:
            for position, history in exported(against):
                take(history, rules)
                to(position)
    else:
        with opened(site) as gateway:
            rules = _rules(site, candidate, as_json=as_json) if number is None else _released(gateway, number)
            report.also(promises(rules, IDS))
            report.also(routes(rules, IDS))
            for past in _all(gateway, against, as_json=as_json):
                take(past, rules)
    _write(report, as_json=as_json)
    if exit_code and report.differing:
        sys.exit(1)


def _ahead(
    site: SiteChoice, candidate: Path | None, number: int | None, wanted: Wanted, *, exit_code: bool, as_json: bool
) -> None:
    """Look ahead; ends with 1 where that was asked for and somebody had no ticket, or a promise missed the goal."""
    now = SystemClock().now()
    read = _read(site, candidate, as_json=as_json)
    if number is None:
        found = run_forecast(read.site, read.site.rules, wanted, now, as_json=as_json)
    else:
        with opened(site) as gateway:
            rules = _released(gateway, number)
        found = run_forecast(read.site, rules, wanted, now, as_json=as_json)
    if exit_code and not found.is_fine:
        sys.exit(1)


def _rules(site: SiteChoice, candidate: Path | None, *, as_json: bool) -> RuleSet:
    return _read(site, candidate, as_json=as_json).site.rules


def _read(site: SiteChoice, candidate: Path | None, *, as_json: bool) -> Read:
    folder = site.folder
    return read_files(folder, as_json=as_json) if candidate is None else read_candidate(folder, candidate)


def _released(gateway: Gateway, number: int) -> RuleSet:
    return gateway.rules_of(gateway.releasing.find(number).id)


def _all(gateway: Gateway, against: timedelta | Path, *, as_json: bool) -> Iterator[Past]:
    """Go through the past, showing how far it is."""
    if isinstance(against, Path):
        with bar(against.stat().st_size, quiet=as_json) as to:
            for position, history in exported(against):
                yield history
                to(position)
        return
    since = gateway.clock.now() - against
    with bar(count(gateway, since), quiet=as_json) as to:
        for place, past in enumerate(recorded(gateway, since), 1):
            yield past
            to(place)


def _write(report: Report, *, as_json: bool) -> None:
    if as_json:
        write_json(
            {
                "tickets": report.tickets,
                "decisions": report.decisions,
                "differing": report.differing,
                "left_out": dict(report.left_out),
                "without_body": report.bodiless,
                "duplicates_not_looked_up": report.not_looked_up,
                "differences": [msgspec.to_builtins(row) for row in report.rows],
                "more": dict(report.more),
            }
        )
        return
    tickets = f"{report.differing} of {report.tickets} tickets would differ ({report.decisions} decisions)."
    click.echo(tickets if report.tickets else "There is no ticket to simulate.")
    theme = ""
    for row in report.rows:
        if row.theme != theme:
            theme = row.theme
            click.echo(f"\n{click.style(_HEADINGS.get(theme, theme), bold=True)}")
        _row(row)
    for each, number in report.more.items():
        click.echo(f"and {number} more differences of theme '{each}': --details FILE has all")
    _notes(report)


def _row(row: Row) -> None:
    times = f", {row.number} in all" if row.number != row.tickets else ""
    click.echo(f"  {row.tickets:>6}  {tame(row.what)}{times}")
    for ticket in row.examples:
        click.echo(f"          {ticket.id[-12:]}  {tame(ticket.title)[:60]}")
    if 0 < len(row.examples) < row.tickets:
        click.echo(f"          and {row.tickets - len(row.examples)} more")


def _notes(report: Report) -> None:
    """Say what the numbers leave out."""
    for why, number in report.left_out.items():
        click.echo(f"\n{number} left out: {why}.", err=True)
    if report.bodiless:
        few = f"{report.bodiless} of {report.tickets}"
        click.echo(f"\nWithout bodies in this file, rules on `text` see the title only ({few}).", err=True)
    if report.not_looked_up:
        click.echo(
            f"\nFor {report.not_looked_up} decisions nobody had looked up what the duplicates rules here ask for: "
            "duplicates are not told whole.",
            err=True,
        )


@click.command("export-history")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--against", type=LastType(), default="last-30d", show_default=True, help="How far to look back.")
@click.option("--without-bodies", is_flag=True, help="Leave out what customers wrote; titles stay.")
@pass_site
def export_history(site: SiteChoice, file: Path, against: timedelta | Path, *, without_bodies: bool) -> None:
    """Write the decisions of the past into a file that simulate reads elsewhere.

    A JSON line for each ticket, with everything that its decisions were made from: it holds personal data. It is
    readable for its owner only, and nothing that exists is overwritten.
    """
    if isinstance(against, Path):
        msg = "--against takes a time here, such as last-30d"
        raise click.UsageError(msg)
    with opened(site) as gateway:
        since: datetime = gateway.clock.now() - against
        try:
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise click.ClickException(f"{file}: {error.strerror}") from None
        written, left = 0, 0
        with os.fdopen(handle, "wb") as out, bar(count(gateway, since), quiet=False) as to:
            for place, past in enumerate(recorded(gateway, since), 1):
                if isinstance(past, str):
                    left += 1
                else:
                    out.write(line(past, bodies=not without_bodies) + b"\n")
                    written += 1
                to(place)
    more = f", {left} left out: they cannot be simulated any more" if left else ""
    click.echo(f"{written} tickets written to {file}{more}")
