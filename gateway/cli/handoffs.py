"""`gateway handoffs`: tickets that are offered before a shift ends, and the word of whoever was asked."""

from __future__ import annotations

from collections.abc import Callable

import click
import msgspec

from gateway.cli.doing import by_person
from gateway.cli.opening import author, opened, ring, ticket_named
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, utc, write_json, write_table
from gateway.flow.routing.accepting import Answer, Answered
from gateway.store.unit import SqlTx

FOR = click.option("--for", "person", default="", help="Who takes it: a name under people.  [default: asked last]")


@click.group()
def handoffs() -> None:
    """Look at tickets that are offered before a shift ends, and accept or decline them."""


@handoffs.command("list")
@LIMIT
@JSON
@pass_site
def list_offers(site: SiteChoice, limit: int, as_json: bool) -> None:
    """List the tickets that somebody is asked to take over, those whose time ends first at the top."""
    with opened(site) as gateway:
        with gateway.store.read() as tx:
            found = [(way, tx.tickets.get(way.ticket_id)) for way in tx.ways.offered(limit)]
        if as_json:
            write_json([{"ticket": way.ticket_id, "owner": way.person, "offers": way.offers} for way, _ in found])
            return
        rows = [
            (
                way.ticket_id[-12:],
                way.person,
                way.offers[-1].to,
                way.offers[-1].asked,
                utc(way.offers[-1].until),
                utc(way.due) if way.due is not None else "",
                ticket.title if ticket is not None else "",
            )
            for way, ticket in found
        ]
    columns = ("TICKET", "FROM", "OFFERED TO", "AS", "UNTIL", "DUE", "TITLE")
    write_table(columns, rows, grows="TITLE", empty="Nothing is offered to anybody.")


@handoffs.command()
@click.argument("ticket")
@FOR
@by_person
@pass_site
def accept(site: SiteChoice, ticket: str, person: str, *, who: str | None, dry_run: bool, as_json: bool) -> None:
    """Take a ticket over that was offered: its desks are told, no clock is touched.

    TICKET is its id, six characters or more of either end of it, or its number at a desk.
    """
    _answer(site, ticket, lambda answer, name: answer.accept(name, person), who, dry_run=dry_run, as_json=as_json)


@handoffs.command()
@click.argument("ticket")
@FOR
@by_person
@pass_site
def decline(site: SiteChoice, ticket: str, person: str, *, who: str | None, dry_run: bool, as_json: bool) -> None:
    """Leave a ticket that was offered with its owner: the next one who fits is asked."""
    _answer(site, ticket, lambda answer, name: answer.decline(name, person), who, dry_run=dry_run, as_json=as_json)


class _DryRunError(Exception):
    """Carries what would have been done out of a transaction that must not stay."""

    def __init__(self, answered: Answered) -> None:
        super().__init__()
        self.answered = answered


def _answer(
    site: SiteChoice,
    word: str,
    work: Callable[[Answer, str], Answered],
    who: str | None,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    with opened(site) as gateway:
        # no transaction spans the loading of rules
        live = gateway.site()

        def together(tx: SqlTx) -> Answered:
            answer = Answer(tx, live, ids=gateway.ids, now=gateway.clock.now(), actor=f"person:{who or author()}")
            answered = work(answer, ticket_named(tx, word))
            if dry_run:
                raise _DryRunError(answered)
            return answered

        try:
            answered = gateway.store.write(together)
        except _DryRunError as trial:
            answered = trial.answered
        if answered.updates and not dry_run:
            ring(gateway, "deliver")
    if as_json:
        write_json({"dry_run": dry_run, **msgspec.to_builtins(answered)})
        return
    would = "would take" if dry_run else "takes"
    if answered.accepted:
        click.echo(f"{answered.person} {would} {answered.ticket} over from {answered.owner}")
    else:
        click.echo(f"{answered.owner} keeps {answered.ticket}: {answered.person} does not take it; the next is asked")
