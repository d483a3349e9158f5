"""`gateway reports`: how promises were kept in a period, as a table, as data, or as a page."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from gateway.cli.moments import MomentType, Named, PercentType, ZoneType, first_of, last_of
from gateway.cli.opening import opened
from gateway.cli.pages import replace, require_folder
from gateway.cli.report_text import write_csv, write_report
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, tame, write_json, write_table
from gateway.domain.report.counted import Period
from gateway.domain.report.course import Slice
from gateway.domain.report.figures import ALARM, GOAL
from gateway.flow.sla import observed
from gateway.flow.sla.reporting import Asked, sla_report
from gateway.store.unit import SqlTx
from gateway.web.report import page

#: how far a report looks back when nobody says
USUAL = timedelta(days=30)


@click.group()
def reports() -> None:
    """Say how the promises of a period were kept."""


@reports.command("sla")
@click.option(
    "--from", "begin", type=MomentType(), help="The first day, a month, or an instant.  [default: 30 days back]"
)
@click.option(
    "--to", "end", type=MomentType(), help="The last day (it counts), a month, or an instant.  [default: now]"
)
@click.option(
    "--by", type=click.Choice([each.value for each in Slice]), default=Slice.PRIORITY.value, show_default=True,
    help="Take the figures apart by this.",
)  # fmt: skip
@click.option("--policy", default="", help="Only promises of this policy, and the tickets that had one.")
@click.option("--zone", "where", type=ZoneType(), default="UTC", show_default=True, help="The time zone of the days.")
@click.option(
    "--as-known-at", "known", type=MomentType(), help="Only what was heard of by then: what was said at that time."
)
@click.option("--goal", type=PercentType(), default=str(GOAL), show_default=True, help="Percent to be kept.")
@click.option("--alarm", type=PercentType(), default=str(ALARM), show_default=True, help="Percent below which to act.")
@click.option("--html", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with charts, too.")
@click.option("--csv", "as_csv", is_flag=True, help="Write comma-separated values.")
@LIMIT
@JSON
@pass_site
def sla(
    site: SiteChoice,
    begin: Named | None,
    end: Named | None,
    by: str,
    policy: str,
    where: ZoneInfo,
    known: Named | None,
    goal: Fraction,
    alarm: Fraction,
    file: Path | None,
    limit: int,
    *,
    as_csv: bool,
    as_json: bool,
) -> None:
    """Say how the promises of a period were kept, how long things took, and what to look at first.

    A clock counts when its cycle ends, or at its breach while it goes on; what was canceled does not count. Lengths are
    open time of each promise's calendar. What was heard of after the end of the period restates it: the report says its
    revision.
    """
    if as_csv and as_json:
        raise click.UsageError("--csv and --json exclude each other")
    if alarm > goal:
        raise click.UsageError("--alarm is above --goal: below the alarm line the goal is missed, too")
    if file is not None:
        require_folder(file)
    with opened(site) as gateway:
        now = gateway.clock.now()
        period = _period(begin, end, where, now)
        known_at = now if known is None else last_of(known, where)
        if known is not None and not isinstance(known, datetime) and first_of(known, where) <= now:
            # the day that is not over yet, as far as it is
            known_at = min(known_at, now)
        if known_at > now:
            raise click.UsageError("--as-known-at lies ahead: nobody knows yet")
        if known_at <= period.begin:
            raise click.UsageError("--as-known-at is not after --from: nothing of the period was known")
        live = gateway.site()
        asked = Asked(
            period=period, by=Slice(by), zone=where, zone_name=str(where), known_at=known_at,
            goal=goal, alarm=alarm, limit=limit, policy=policy,
        )  # fmt: skip
        with _bar(quiet=as_json or as_csv) as progress:
            found = sla_report(gateway.store, asked, now=now, mode=live.mode, site=live, progress=progress)
    if file is not None:
        replace(file, page(found, now))
    if as_json:
        write_json(msgspec.to_builtins(found))
    elif as_csv:
        write_csv(found)
    else:
        write_report(found, where)
    if file is not None:
        click.echo(f"The page is {file}", err=True)


@reports.command("withheld")
@click.option(
    "--from", "begin", type=MomentType(), help="The first day, a month, or an instant.  [default: 30 days back]"
)
@click.option(
    "--to", "end", type=MomentType(), help="The last day (it counts), a month, or an instant.  [default: now]"
)
@click.option("--zone", "where", type=ZoneType(), default="UTC", show_default=True, help="The time zone of the days.")
@click.option("--at", default="", help="Only what was meant for this connection.")
@click.option("--what", default="", help="Only this, in the words of the report: create, set priority …")
@LIMIT
@JSON
@pass_site
def withheld(
    site: SiteChoice,
    begin: Named | None,
    end: Named | None,
    where: ZoneInfo,
    at: str,
    what: str,
    limit: int,
    *,
    as_json: bool,
) -> None:
    """List what was decided and not written, because a site or a connection only observes.

    The oldest first. Why it was decided says `gateway tickets why TICKET`.
    """
    with opened(site) as gateway:
        period = _period(begin, end, where, gateway.clock.now())
        with gateway.store.read() as tx:
            every = observed.withheld(tx, period.begin, period.end)
            mine = (each for each in every if at in {"", each.at} and what in {"", each.what})
            found = list(islice(mine, limit + 1))
            if at and not found:
                gateway.site().connector(at)
            names = {each.ticket_id: _named(tx, each.ticket_id) for each in found}
    if as_json:
        write_json([msgspec.to_builtins(each) for each in found[:limit]])
        return
    rows = [
        (
            f"{each.decided_at.astimezone(where):%Y-%m-%d %H:%M}", names[each.ticket_id], each.at, tame(each.what),
            tame(each.why),
        )
        for each in found[:limit]
    ]  # fmt: skip
    write_table(
        (f"DECIDED ({where})", "TICKET", "AT", "WHAT", "WHY NOT"), rows, grows="WHAT", empty="Nothing was withheld."
    )
    if len(found) > limit:
        click.echo("and more: --limit shows them", err=True)


def _named(tx: SqlTx, ticket_id: str) -> str:
    """Return where a ticket began, and its number there."""
    links = tx.links.of_ticket(ticket_id)
    return f"{links[0].connection} #{links[0].remote_id}" if links else ticket_id[-12:]


def _period(begin: Named | None, end: Named | None, where: ZoneInfo, now: datetime) -> Period:
    """Return the period; raises UsageError where it is none."""
    until = now if end is None else last_of(end, where)
    since = until - USUAL if begin is None else first_of(begin, where)
    if since >= until:
        words = f"{since.astimezone(where):%Y-%m-%d %H:%M} and {until.astimezone(where):%Y-%m-%d %H:%M} {where}"
        raise click.UsageError(f"--from is not before --to: {words}")
    return Period(since, until)


@contextmanager
def _bar(*, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how far it is, on a terminal."""
    if quiet or not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    with click.progressbar(length=0, label="reading", file=sys.stderr, show_eta=True) as bar:

        def to(done: int, whole: int) -> None:
            bar.length = whole
            bar.update(done - bar.pos)

        yield to
