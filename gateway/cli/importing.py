"""`gateway connections import`: the tickets that a desk has already."""

from __future__ import annotations

import sys
import time
from datetime import timedelta

import click
import msgspec

from gateway.bootstrap import Gateway
from gateway.cli.choosing import Duration
from gateway.cli.doing import ask
from gateway.cli.opening import opened, ring
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, write_json
from gateway.flow.importing import Importer, Progress, Trial, as_facts, writes_of

#: what is older comes only where it is open, and what is older still does not come at all
SINCE, OPEN_SINCE = timedelta(days=90), timedelta(days=730)


@click.command("import")
@click.argument("connection")
@click.option("--since", type=Duration(), help="Bring in whatever changed in this time.  [default: 90d]")
@click.option("--open-since", type=Duration(), help="And what is open, from this long ago.  [default: 730d]")
@click.option("--yes", is_flag=True, help="Do not ask, even where copies would be made at another desk.")
@click.option("--dry-run", is_flag=True, help="Read each ticket, say what would come and what it names, store nothing.")
@JSON
@pass_site
def import_tickets(
    site: SiteChoice,
    connection: str,
    since: float | None,
    open_since: float | None,
    *,
    yes: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Bring in the tickets that a connection has already.

    What changed in the last 90 days comes whole, of what is older what is open. Of a mailbox
    the mails of that time come, and older ones that are flagged. Run `gateway up` beside it: it takes the tickets as it
    takes those of a poll. An import that was broken off goes on where it was. Of promises that were
    broken before it began nobody is told.
    """
    with opened(site, begin=True) as gateway:
        importer = Importer(
            store=gateway.store,
            site=gateway.site(),
            transport=gateway.transport,
            doorbell=gateway.doorbell,
            clock=gateway.clock,
            ids=gateway.ids,
            wait=time.sleep,
        )
        importer.known(connection)
        if dry_run:
            _try(importer.trial(connection, _span(since, SINCE), _span(open_since, OPEN_SINCE)), connection, as_json)
            return
        _agree(gateway, connection, yes=yes or as_json)
        progress = importer.begin(connection, _span(since, SINCE), _span(open_since, OPEN_SINCE))
        shows = sys.stderr.isatty() and not as_json
        for after in importer.pages(connection, progress):
            progress = after
            ring(gateway, "apply")
            if shows:
                _show(progress, gateway)
        if shows:
            click.echo(err=True)
    if as_json:
        write_json(as_facts(progress))
        return
    click.echo(_told(progress, connection))
    click.echo("Tickets that name one at another desk are linked once both are there: gateway tickets cross-links")
    click.echo("They are applied as `gateway up` runs; `gateway tickets list` shows them.")


def _try(found: Trial, connection: str, as_json: bool) -> None:
    """Say what an import would bring."""
    if as_json:
        write_json({"dry_run": True, **msgspec.structs.asdict(found)})
        return
    if found.messages or found.aside:
        click.echo(
            f"{found.messages} messages of {connection} in {found.conversations} conversations would be taken, "
            f"{found.aside} that open no ticket be set aside."
        )
    if found.taken or found.left or not (found.messages or found.aside):
        click.echo(
            f"{found.taken} tickets of {connection} would be taken, {found.left} older ones that are over be left out."
        )
    for what, count in found.named.items():
        click.echo(f"  {count} times a ticket of another desk is named, {what}")
    if found.named:
        click.echo(f"{found.known} of these are known already; what leaves no doubt would be linked.")


def _told(progress: Progress, connection: str) -> str:
    """Say what came: tickets, or the messages of a desk that has no others."""
    left = f"{progress.left} older ones that are over were left out."
    tickets = f"{progress.taken} tickets of {connection} were taken, {left}"
    if not (progress.messages or progress.aside):
        return tickets
    aside = f"{progress.aside} that open no ticket are set aside: gateway connections set-aside {connection}"
    told = f"{progress.messages} messages of {connection} were taken"
    told = f"{told}; {aside}" if progress.aside else f"{told}."
    return f"{tickets}\n{told}" if progress.taken or progress.left else told


def _span(seconds: float | None, usual: timedelta) -> timedelta:
    return usual if seconds is None else timedelta(seconds=seconds)


def _agree(gateway: Gateway, connection: str, *, yes: bool) -> None:
    """Ask before an import at a site that is live: what is open would be copied."""
    targets = writes_of(gateway.site(), connection, gateway.clock.now())
    if targets and not yes:
        ask(
            f"Sync rules create tickets of {connection} in {' and '.join(targets)}, and that is live: open tickets "
            "that match would be created there. (With `mode: observe` nothing is written.) Go on?"
        )


def _show(progress: Progress, gateway: Gateway) -> None:
    """Show how far it is: from the oldest change to now."""
    now = gateway.clock.now()
    whole = (now - progress.open_since).total_seconds()
    done = ((progress.reached or progress.open_since) - progress.open_since).total_seconds()
    share = 1.0 if progress.ended_at else min(0.99, done / whole if whole else 1.0)
    came = f"{progress.messages} messages" if progress.messages else f"{progress.taken} tickets"
    bar = "#" * int(30 * share)
    click.echo(f"\r[{bar:<30}] {share:4.0%}  {came}", nl=False, err=True)
