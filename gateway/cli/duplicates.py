"""`gateway tickets duplicates|merge|reject|split`: the customer who asked twice, and what a person says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import click
import msgspec

from gateway.bootstrap import Gateway
from gateway.cli.doing import by_person
from gateway.cli.opening import author, opened, ring, ticket_named
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, age, tame, write_json, write_table
from gateway.domain.duplicate import Pair, PairState
from gateway.domain.link import Link
from gateway.flow.judge import Judge, Judged
from gateway.store.unit import SqlTx

WHY = click.option("--why", default="", help="Why, for the audit trail.")


class Line(msgspec.Struct, frozen=True):
    """One pair in the list."""

    pair: Pair
    #: title and places of the one that repeats, and of the original
    ticket: tuple[str, str]
    of: tuple[str, str]


@click.command()
@click.option(
    "--state",
    type=click.Choice([*(each.value for each in PairState), "all"]),
    default=PairState.PROPOSED.value,
    show_default=True,
    help="What was said of the two.",
)
@LIMIT
@JSON
@pass_site
def duplicates(site: SiteChoice, state: str, limit: int, as_json: bool) -> None:
    """List tickets that repeat another of the same customer, those found last first."""
    with opened(site) as gateway:
        with gateway.store.read() as tx:
            found = [_line(tx, pair) for pair in tx.duplicates.list(state="" if state == "all" else state, limit=limit)]
        if as_json:
            write_json(found)
            return
        now = gateway.clock.now()
        rows = [
            (
                line.pair.ticket[-12:],
                line.ticket[1],
                line.pair.of[-12:],
                line.of[1],
                line.pair.state.value,
                line.pair.rule or line.pair.by,
                age(line.pair.at, now),
                line.ticket[0],
            )
            for line in found
        ]
    columns = ("TICKET", "AT", "REPEATS", "AT", "STATE", "BY", "AGE", "TITLE")
    write_table(columns, rows, grows="TITLE", empty="No such duplicates.")
    if rows and state == PairState.PROPOSED.value:
        click.echo(
            "\ngateway tickets merge TICKET REPEATS accepts one, gateway tickets reject TICKET REPEATS refuses it"
        )


@click.command()
@click.argument("ticket")
@click.argument("into")
@WHY
@by_person
@pass_site
def merge(site: SiteChoice, ticket: str, into: str, *, why: str, who: str | None, dry_run: bool, as_json: bool) -> None:
    """Make TICKET a duplicate of INTO.

    It stays where it is, with its status. Agents on both sides are told by an internal note; what is said publicly on
    TICKET is noted at INTO from then on; no copies of it are made in other desks. Each is named as show takes it.
    """

    def work(judge: Judge, named: Sequence[str]) -> Judged:
        return judge.merge(named[0], named[1])

    _judge(site, (ticket, into), work, "a duplicate of", why=why, who=who, dry_run=dry_run, as_json=as_json)


@click.command()
@click.argument("ticket")
@click.argument("into")
@WHY
@by_person
@pass_site
def reject(
    site: SiteChoice, ticket: str, into: str, *, why: str, who: str | None, dry_run: bool, as_json: bool
) -> None:
    """Refuse the proposal that TICKET repeats INTO: the two are not proposed again."""

    def work(judge: Judge, named: Sequence[str]) -> Judged:
        return judge.reject(named[0], named[1])

    _judge(site, (ticket, into), work, "no duplicate of", why=why, who=who, dry_run=dry_run, as_json=as_json)


@click.command()
@click.argument("ticket")
@WHY
@by_person
@pass_site
def split(site: SiteChoice, ticket: str, *, why: str, who: str | None, dry_run: bool, as_json: bool) -> None:
    """Take a merge back: TICKET stands by itself again.

    Agents on both sides are told. Copies that the rules want in other desks are made when it changes next.
    """

    def work(judge: Judge, named: Sequence[str]) -> Judged:
        return judge.split(named[0])

    _judge(site, (ticket,), work, "no longer a duplicate of", why=why, who=who, dry_run=dry_run, as_json=as_json)


class _DryRunError(Exception):
    """Carries what would have been done out of a transaction that must not stay."""

    def __init__(self, judged: Judged) -> None:
        super().__init__()
        self.judged = judged


def _judge(
    site: SiteChoice,
    words: tuple[str, ...],
    work: Callable[[Judge, Sequence[str]], Judged],
    said: str,
    *,
    why: str,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    with opened(site) as gateway:
        # no transaction spans the loading of rules
        live = gateway.site()
        actor = f"person:{who or author()}"

        def together(tx: SqlTx) -> Judged:
            judge = Judge(tx, live, ids=gateway.ids, now=gateway.clock.now(), actor=actor, why=why)
            judged = work(judge, [ticket_named(tx, word) for word in words])
            if dry_run:
                raise _DryRunError(judged)
            return judged

        try:
            judged = gateway.store.write(together)
        except _DryRunError as trial:
            judged = trial.judged
        _report(gateway, judged, said, dry_run=dry_run, as_json=as_json)


def _report(gateway: Gateway, judged: Judged, said: str, *, dry_run: bool, as_json: bool) -> None:
    if judged.notes and not dry_run:
        ring(gateway, "deliver")
    if as_json:
        write_json({"dry_run": dry_run, **msgspec.to_builtins(judged)})
        return
    notes = f", {judged.notes} note{'s' * (judged.notes > 1)} at the desks" if judged.notes else ""
    moved = f", with {len(judged.moved)} that repeated it" if judged.moved else ""
    word = "would be" if dry_run else "is"
    click.echo(f"{judged.pair.ticket} {word} {said} {judged.pair.of}{moved}{notes}")
    for warning in judged.warnings:
        click.echo(f"  warning: {tame(warning)}", err=True)


def _line(tx: SqlTx, pair: Pair) -> Line:
    return Line(pair, _shown(tx, pair.ticket), _shown(tx, pair.of))


def _shown(tx: SqlTx, ticket_id: str) -> tuple[str, str]:
    ticket = tx.tickets.get(ticket_id)
    places: Mapping[str, Link] = {link.connection: link for link in tx.links.of_ticket(ticket_id)}
    at = ", ".join(f"{name} #{link.remote_id or '?'}" for name, link in sorted(places.items()))
    return (ticket.title if ticket is not None else ""), at


COMMANDS = (duplicates, merge, reject, split)
