"""What of a report is about a site that only observed, for a terminal: breaches nobody saw, and what was withheld."""

from __future__ import annotations

from datetime import tzinfo

import click

from gateway.cli.tables import tame, write_table
from gateway.domain.report.advice import metric_words
from gateway.domain.report.result import Report
from gateway.domain.report.unseen import Unseen

WIDTH = 30
#: rows of what was withheld; --json has all of them
MOST = 12


def write_unseen(report: Report, where: tzinfo) -> None:
    """Write which broken promises nobody saw, what the gateway would have done, and what nobody can know."""
    if report.unseen.unseen:
        _unseen(report.unseen, report.zone, where)
    if report.would.total:
        _would(report)
    if report.unknown:
        click.echo(f"\n{click.style('Not known', bold=True)}")
        for line in report.unknown:
            click.echo(f"  {tame(line)}")


def bar(part: int, whole: int) -> str:
    """Return a bar for a share, of which nothing but nothing is empty."""
    full = max(1, round(WIDTH * part / whole)) if part else 0
    return "#" * full + "." * (WIDTH - full)


def _unseen(found: Unseen, zone: str, where: tzinfo) -> None:
    click.echo(
        f"\n{click.style('Broken, and nobody was told', bold=True)}: {found.unseen} of {found.broken}; of "
        f"{found.seen} somebody was, or said that they knew."
    )
    reasons = {**found.why, "somebody was told": found.seen}
    longest = max(map(len, reasons))
    for why, count in reasons.items():
        click.echo(f"  {why:<{longest}}  {bar(count, found.broken)}  {count}")
    if found.desk_broken or found.desk_kept:
        click.echo(
            f"By the desks' own clocks, {found.desk_broken} of the {found.unseen} were broken there, too, and "
            f"{found.desk_kept} were kept; {found.desk_silent} they do not count."
        )
    write_table(
        ("TICKET", "PROMISE", "POLICY", "FROM", f"SINCE ({zone})", "WHY", "DESK SAYS"),
        [
            (
                each.ticket_id[-12:], f"{each.priority} {metric_words(each.metric)}", each.policy, each.source,
                f"{each.breached_at.astimezone(where):%Y-%m-%d %H:%M}", each.why, each.desk or "-",
            )
            for each in found.first
        ],
        grows="POLICY",
        empty="",
    )  # fmt: skip
    if found.unseen > len(found.first):
        click.echo(f"and {found.unseen - len(found.first)} that broke later")


def _would(report: Report) -> None:
    would = report.would
    title = click.style("What the gateway would have done", bold=True)
    click.echo(f"\n{title}: {would.total} writes at {would.tickets} tickets.")
    most = max(each.count for each in would.lines)
    write_table(
        ("AT", "WHAT", "TIMES", "TICKETS", ""),
        [
            (each.at, tame(each.what), str(each.count), str(each.tickets), "#" * max(1, WIDTH * each.count // most))
            for each in would.lines[:MOST]
        ],
        grows="WHAT",
        empty="",
    )
    if len(would.lines) > MOST:
        click.echo(f"and {len(would.lines) - MOST} other sorts: --json has them")
    click.echo("gateway reports withheld lists each of them with its ticket.")
