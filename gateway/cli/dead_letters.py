"""`gateway dead-letters` (alias `gateway dlq`): what was given up, why, and what to do about it."""

from __future__ import annotations

import contextlib
import getpass
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

import click

from dead_letters import (
    DeadLetterError,
    Person,
    Resolved,
    Terms,
    discard_delivery,
    discard_update,
    replay_delivery,
    replay_update,
)
from gateway.bootstrap import Gateway
from gateway.cli.letter import show_delivery, show_update
from gateway.cli.opening import opened, ring
from gateway.cli.site import SiteChoice, pass_site
from gateway.cli.tables import JSON, LIMIT, age, tame, write_json, write_table
from gateway.domain.update import Reason, Strategy
from gateway.errors import GatewayError, NotFoundError
from gateway.flow.attempt import degrade
from gateway.ports import DeskState, OperationClaim
from gateway.store.unit import SqlTx

F = TypeVar("F", bound=Callable[..., Any])


@click.group("dead-letters")
def dead_letters() -> None:
    """Look at what was given up, and replay or discard it."""


@dead_letters.command("list")
@click.option("--connection", default="", help="Only of this connection.")
@click.option("--reason", type=click.Choice([each.value for each in Reason]), help="Only for this reason.")
@click.option("--ticket", default="", help="Only of this ticket: its id, the beginning of it, or its number at a desk.")
@LIMIT
@JSON
@pass_site
def list_letters(site: SiteChoice, connection: str, reason: str | None, ticket: str, limit: int, as_json: bool) -> None:
    """List what was given up, the oldest first."""
    with opened(site) as gateway:
        with gateway.store.read() as tx:
            ticket_id = ""
            if ticket:
                ticket_id = tx.view.find_ticket(ticket) or ""
                if not ticket_id:
                    raise NotFoundError(f"no ticket, or more than one, is named by {ticket!r}")
            found = tx.view.dead_letters(limit=limit, connection=connection, reason=reason or "", ticket_id=ticket_id)
        now = gateway.clock.now()
    if as_json:
        write_json(found)
        return
    rows = [
        (
            each.id[-12:],
            each.connection,
            each.reason or each.state,
            age(each.at, now),
            each.summary,
            each.detail,
        )
        for each in found
    ]
    columns = ("ID", "CONNECTION", "REASON", "AGE", "WHAT", "WHY")
    write_table(columns, rows, grows="WHY", empty="There is no dead letter.")


@dead_letters.command()
@click.argument("letter")
@JSON
@pass_site
def show(site: SiteChoice, letter: str, as_json: bool) -> None:
    """Show one: what was asked, every attempt, why it was given up, what to do next.

    LETTER is its id, or at least six characters of the beginning or the end of it.
    """
    with opened(site) as gateway, gateway.store.read() as tx:
        what, found = _find(tx, letter)
        if what == "update":
            show_update(tx, found, redact=site.redactor.text, as_json=as_json)
        else:
            show_delivery(tx, found, as_json=as_json)


def _person(command: F) -> F:
    """Add the options that say who does it, whether for trial only, and how to answer."""
    for option in (
        JSON,
        click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing."),
        click.option("--as", "who", help="Who does this, for the audit trail.  [default: your user name]"),
    ):
        command = option(command)
    return command


@dead_letters.command()
@click.argument("letters", metavar="LETTER...", nargs=-1, required=True)
@click.option("--why", default="", help="Why, for the audit trail.")
@click.option(
    "--accept-duplicate",
    is_flag=True,
    help="Send again although an earlier attempt may have landed and nothing can tell. For one letter at a time.",
)
@_person
@pass_site
def replay(
    site: SiteChoice,
    letters: tuple[str, ...],
    why: str,
    accept_duplicate: bool,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Try again, under the same effect key.

    When an earlier attempt may have landed, the desk is asked first; nothing is sent blindly.
    """
    if accept_duplicate and len(letters) > 1:
        raise click.UsageError("--accept-duplicate is for one letter at a time")
    person = Person(who or getpass.getuser(), why)

    def work(gateway: Gateway, now: datetime, tx: SqlTx, what: str, found: str) -> Resolved:
        if what == "delivery":
            return replay_delivery(tx, found, now, person)
        terms = Terms(_claim(gateway, tx, found), gateway.site().rules)
        return replay_update(tx, found, terms, now, person, accept_duplicate=accept_duplicate)

    _resolve(site, letters, work, dry_run=dry_run, as_json=as_json)


@dead_letters.command()
@click.argument("letters", metavar="LETTER...", nargs=-1, required=True)
@click.option("--reason", "why", required=True, help="Why it is not needed any more, for the audit trail.")
@_person
@pass_site
def discard(
    site: SiteChoice, letters: tuple[str, ...], why: str, who: str | None, dry_run: bool, as_json: bool
) -> None:
    """Give up for good; what waits behind it goes on."""
    person = Person(who or getpass.getuser(), why)

    def work(_gateway: Gateway, now: datetime, tx: SqlTx, what: str, found: str) -> Resolved:
        if what == "delivery":
            return discard_delivery(tx, found, now, person)
        return discard_update(tx, found, now, person)

    _resolve(site, letters, work, dry_run=dry_run, as_json=as_json)


class _DryRunError(Exception):
    """Carries what would have been done out of a transaction that must not stay."""

    def __init__(self, done: list[Resolved]) -> None:
        super().__init__()
        self.done = done


Work = Callable[[Gateway, datetime, SqlTx, str, str], Resolved]


def _resolve(site: SiteChoice, letters: tuple[str, ...], work: Work, *, dry_run: bool, as_json: bool) -> None:
    """Do it for every letter, all or none, in one transaction; then ring."""
    with opened(site) as gateway:
        with contextlib.suppress(GatewayError):
            # before the transaction, for none spans the loading of rules; whoever needs it hears why there is none
            gateway.site()
        try:
            done = gateway.store.write(partial(_all, gateway, letters, work, dry_run))
        except _DryRunError as trial:
            done = trial.done
        if not dry_run:
            for step in sorted({each.ring for each in done if each.ring}):
                ring(gateway, step)
    if as_json:
        write_json({"dry_run": dry_run, "done": done})
        return
    for each in done:
        also = f", with {len(each.others)} that waited behind it" if each.others else ""
        click.echo(f"{'would be' if dry_run else 'is'} {_said(each)}{also}: {each.what} {each.id}")
        for warning in each.warnings:
            click.echo(f"  warning: {tame(warning)}", err=True)


def _all(gateway: Gateway, letters: tuple[str, ...], work: Work, dry_run: bool, tx: SqlTx) -> list[Resolved]:
    now = gateway.clock.now()
    found = dict.fromkeys(_find(tx, word) for word in letters)
    done = [work(gateway, now, tx, what, letter_id) for what, letter_id in found]
    if dry_run:
        raise _DryRunError(done)
    return done


def _said(done: Resolved) -> str:
    return {
        "ready": "sent again",
        "unknown": "looked for at the desk, then sent again if it is not there",
        "pending": "read again",
    }.get(done.state, done.state)


def _find(tx: SqlTx, word: str) -> tuple[str, str]:
    found = tx.dead_letters.find(word)
    if not found:
        raise NotFoundError(f"there is no open dead letter {word!r}: gateway dead-letters list shows them")
    if len(found) > 1:
        raise NotFoundError(f"{word!r} names {len(found)} dead letters: give more of the id")
    return found[0]


def _claim(gateway: Gateway, tx: SqlTx, update_id: str) -> OperationClaim:
    """Return the strategy of an update's operation as it holds for its connection now."""
    row = tx.outbox.get(update_id)
    connector = gateway.site().connectors.get(row.connection) if row is not None else None
    if row is None or connector is None:
        name = row.connection if row is not None else "?"
        raise DeadLetterError(f"the connection {name} is not in the active release: bring it back, or discard this")
    facts = tx.desks.all().get(row.connection, DeskState(row.connection)).facts
    return degrade(connector.spec.operations.get(row.operation, OperationClaim(Strategy.NONE)), facts)
