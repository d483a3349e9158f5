"""`gateway reconcile`: what a desk and the gateway say differently, and putting it right."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
import msgspec

from gateway.bootstrap import Gateway
from gateway.cli.moments import MomentType, Named, first_of
from gateway.cli.opening import opened
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, tame, write_json, write_table
from gateway.flow.drift import Comparer, Drift

_SAID = {
    "missed": "the desk shows what we never heard of",
    "unwritten": "the desk does not show what it ought to",
    "unknown": "a ticket that we do not have",
    "gone": "it is not there any more, or hidden from us",
}
#: of a long list people see the beginning; --json has all
MOST_SHOWN = 200


@click.command()
@click.argument("connection")
@click.option("--since", type=MomentType(), help="Only tickets that changed since this day or time, and unknown ones.")
@click.option("--repair", is_flag=True, help="Read again what was missed, and write what is not shown.")
@click.option("--dry-run", is_flag=True, help="Change nothing, even with --repair: say what would be done.")
@JSON
@pass_site
def reconcile(
    site: SiteChoice, connection: str, since: Named | None, repair: bool, dry_run: bool, as_json: bool
) -> None:
    """Compare the tickets of a connection with ours, and repair what is apart.

    Every ticket that lives there is read, in the background of what the gateway does. What is on its way, or was given
    up and waits among the dead letters, is no difference. Ends with 1 when something is apart and was not repaired.
    """
    with opened(site) as gateway:
        begin = None if since is None else first_of(since, ZoneInfo("UTC"))
        found = _compare(gateway, connection, begin, repair=repair and not dry_run, quiet=as_json)
    if as_json:
        write_json([msgspec.to_builtins(each) for each in found])
    else:
        _write(found, connection, repair=repair, dry_run=dry_run)
    if any(not each.repaired for each in found):
        sys.exit(1)


def _compare(gateway: Gateway, connection: str, since: datetime | None, *, repair: bool, quiet: bool) -> list[Drift]:
    comparer = Comparer(
        store=gateway.store,
        site=gateway.site(),
        transport=gateway.transport,
        doorbell=gateway.doorbell,
        clock=gateway.clock,
        ids=gateway.ids,
        wait=time.sleep,
        repair=repair,
    )
    total = comparer.count(connection, since)
    with _progress(total, quiet=quiet or not sys.stderr.isatty()) as looked:
        return list(comparer.compare(connection, since, looked))


@contextmanager
def _progress(total: int, *, quiet: bool) -> Iterator[Callable[[], None]]:
    if quiet:
        yield lambda: None
        return
    with click.progressbar(length=total, label="Reading tickets", file=sys.stderr, show_pos=True) as bar:
        yield lambda: bar.update(1)


def _write(found: list[Drift], connection: str, *, repair: bool, dry_run: bool) -> None:
    rows = [
        (each.remote_id, each.what, each.kind, tame(each.ours), tame(each.theirs), each.repaired)
        for each in found[:MOST_SHOWN]
    ]
    columns: tuple[str, ...] = ("TICKET", "WHAT", "HOW", "OURS", "THEIRS", "REPAIRED")
    write_table(columns, rows, grows="THEIRS", empty=f"{connection} and the gateway say the same.")
    if len(found) > MOST_SHOWN:
        click.echo(f"… and {len(found) - MOST_SHOWN} more (--json has them all)")
    told: dict[str, Any] = {each.kind: _SAID[each.kind] for each in found}
    for kind, words in told.items():
        click.echo(f"  {kind}: {words}")
    if found and not repair:
        click.echo(f"\nTo put it right: gateway reconcile {connection} --repair")
    elif found and dry_run:
        click.echo("\nNothing was changed (--dry-run).")
