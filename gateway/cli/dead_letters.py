"""`gateway dead-letters` (alias `gateway dlq`): what was given up, why, and what to do about it."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import click
import msgspec

from dead_letters import DeadLetter, Filter, Group
from dead_letters.look import Comparison, compare
from gateway.cli.bench import bench, find, plain_json, update_named
from gateway.cli.choosing import Choice, Duration, choosing
from gateway.cli.letter import show_delivery, show_update
from gateway.cli.letter_acts import confirm, discard, edit, replay
from gateway.cli.letter_bulk import unfinished
from gateway.cli.letter_files import export
from gateway.cli.letter_heal import heal
from gateway.cli.letter_import import import_lines
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, age, tame, utc, write_json, write_table
from gateway.config import read_site
from gateway.errors import ConfigError
from gateway.store.unit import SqlTx

COLUMNS = ("ID", "CONNECTION", "REASON", "AGE", "WHAT", "WHY")
#: how often `watch` looks
EVERY = 2.0
#: commits of other processes show a little late, and clocks differ a little
OVERLAP = timedelta(seconds=10)
PAGE = 500


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at what was given up, and replay or discard it."""


for _command in (replay, confirm, discard, edit, heal, export, import_lines):
    dead_letters.add_command(_command)


@dead_letters.command("list")
@choosing()
@click.option("--group", is_flag=True, help="By cause, the most frequent first.")
@click.option("--all", "whole", is_flag=True, help="All of them, whatever --limit says.")
@LIMIT
@JSON
@pass_site
def list_letters(site: SiteChoice, choice: Choice, *, group: bool, whole: bool, limit: int, as_json: bool) -> None:
    """List what was given up, the oldest first."""
    with bench(site, whole=False) as here:
        store, now = here.gateway.store, here.now()
        with store.read() as tx:
            chosen = here.filter(tx, choice)
            total = tx.letters.count(chosen)
            groups = [here.told(each) for each in tx.letters.groups(chosen, limit=limit)] if group else []
            if group:
                _write_groups(groups, total, now, as_json=as_json)
                return
            found = tx.letters.pages(chosen, PAGE) if whole else iter([tx.letters.page(chosen, limit=limit)])
            pages = ([here.told(each) for each in page] for page in found)
            if as_json:
                _write_array(each for page in pages for each in page)
                return
            _write_pages(pages, now)
            for line in unfinished(tx, now):
                click.echo(line, err=True)
    if not whole and total > limit:
        click.echo(f"{total} in all: --all lists them, --group says what they have in common", err=True)


def _write_pages(pages: Iterator[Sequence[DeadLetter]], now: datetime) -> None:
    first = True
    for page in pages:
        rows = [
            (
                each.id[-12:], _where(each), each.reason or each.state, age(each.at, now), each.summary, each.detail,
            )
            for each in page
        ]  # fmt: skip
        if rows:
            write_table(COLUMNS, rows, grows="WHY", empty="", header=first)
            first = False
    if first:
        click.echo("There is no dead letter.", err=True)


def _where(each: DeadLetter | Group) -> str:
    """Name its connection, marked when the site names it no more."""
    return f"{each.connection} (removed)" if each.removed else each.connection


def _write_array(letters: Iterator[DeadLetter]) -> None:
    """Write a JSON array an item at a time, however many there are."""
    between = "["
    for each in letters:
        click.echo(between + msgspec.json.encode(each).decode(), nl=False)
        between = ",\n" if sys.stdout.isatty() else ","
    click.echo("[]" if between == "[" else "]")


def _write_groups(groups: Sequence[Group], total: int, now: datetime, *, as_json: bool) -> None:
    if as_json:
        write_json({"total": total, "groups": groups})
        return
    rows = [
        (
            str(each.number), _where(each), each.reason, each.error_class, age(each.oldest, now),
            each.example[-12:], each.cause,
        )
        for each in groups
    ]  # fmt: skip
    columns = ("COUNT", "CONNECTION", "REASON", "ERROR", "OLDEST", "ONE OF THEM", "CAUSE")
    write_table(columns, rows, grows="CAUSE", empty="There is no dead letter.")


@dead_letters.command()
@click.argument("letter")
@JSON
@pass_site
def show(site: SiteChoice, letter: str, *, as_json: bool) -> None:
    """Show one: what was asked, every attempt, why it was given up, what to do next.

    LETTER is its id, or at least six characters of the beginning or the end of it.
    """
    files: dict[str, str] = {}
    with contextlib.suppress(ConfigError):
        # a folder that cannot be read now names no cure, and hides no letter
        files = read_site(site.folder)
    with bench(site) as here, here.gateway.store.read() as tx:
        what, found = find(here, tx, letter)
        shown = show_update if what == "update" else show_delivery
        shown(here, tx, found, files=files, as_json=as_json)


@dead_letters.command()
@click.argument("letter")
@JSON
@pass_site
def diff(site: SiteChoice, letter: str, *, as_json: bool) -> None:
    """Compare an update with its ticket at the desk, as it is now.

    Ends with 0 when the desk shows all that the update wants, else with 1.
    """
    with bench(site) as here:
        with here.gateway.store.read() as tx:
            found = update_named(here, tx, letter, "compared with a desk")
        connector = here.connector(found.update.connection)
        comparison = compare(found, connector, here.gateway.transport)
    if as_json:
        write_json({"id": found.update.id, "is_there": comparison.is_there, **msgspec.to_builtins(comparison)})
    else:
        _write_comparison(comparison, found.update.connection, site)
    if not comparison.is_there:
        raise click.exceptions.Exit(1)


def _write_comparison(found: Comparison, connection: str, site: SiteChoice) -> None:
    if found.note:
        click.echo(tame(site.redactor.text(found.note)))
        return
    click.echo(f"ticket {tame(found.remote_id)} at {connection}, read just now {tame(found.url)}".rstrip())
    rows = [
        ("same" if each.same else "differs", each.field, *map(plain_json, (each.ours, each.theirs, each.seen)))
        for each in found.differences
    ]
    write_table(("", "FIELD", "OURS", "THEIRS NOW", "SEEN BEFORE"), rows, grows="OURS", empty="It sets nothing.")
    if found.is_there:
        click.echo("The desk shows all of it: confirm it, and its lane goes on.")


@dead_letters.command()
@choosing()
@click.option("--every", type=Duration(), default=EVERY, help="How often to look.  [default: 2s]")
@click.option("--for", "span", type=Duration(), help="End after this long.  [default: until Ctrl-C]")
@JSON
@pass_site
def watch(site: SiteChoice, choice: Choice, *, every: float, span: float | None, as_json: bool) -> None:
    """Write each new dead letter as it is given up, until Ctrl-C."""
    with bench(site, whole=False) as here:
        clock = here.gateway.clock
        end = None if span is None else clock.monotonic() + span
        told: frozenset[tuple[str, datetime | None]] = frozenset()
        looked = here.now()
        first = True
        while first or end is None or clock.monotonic() < end:
            begun = here.now()
            with here.gateway.store.read() as tx:
                chosen = here.filter(tx, choice, waiting=False)
                fresh = _since(tx, chosen, looked - OVERLAP)
                total = tx.letters.count(chosen) if first and not as_json else 0
            if first and not as_json:
                click.echo(f"{total} now; new ones are written as they are given up (Ctrl-C ends this)", err=True)
            for each in fresh:
                if not first and (each.id, each.given_up_at) not in told:
                    _tell(here.told(each), as_json=as_json)
            told, looked, first = frozenset((each.id, each.given_up_at) for each in fresh), begun, False
            time.sleep(every if end is None else max(0.0, min(every, end - clock.monotonic())))


def _since(tx: SqlTx, chosen: Filter, since: datetime) -> list[DeadLetter]:
    wanted = msgspec.structs.replace(chosen, given_up_since=since)
    return [each for page in tx.letters.pages(wanted, PAGE) for each in page]


def _tell(letter: DeadLetter, *, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(letter))
        return
    words: tuple[Any, ...] = (
        utc(letter.given_up_at), letter.id[-12:], letter.connection, letter.reason or letter.state,
        tame(letter.summary), tame(letter.detail),
    )  # fmt: skip
    click.echo("  ".join(words))
