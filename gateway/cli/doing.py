"""Doing something with named dead letters: all or none, in one transaction, for trial or in earnest, and saying so."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from dead_letters import Person, Resolved, replay_delivery, replay_update
from gateway.cli.bench import Bench, find, waits
from gateway.cli.opening import ring
from gateway.cli.tables import JSON, tame, write_json
from gateway.errors import GatewayError, NotFoundError
from gateway.store.letters import LIVE
from gateway.store.unit import SqlTx

F = TypeVar("F", bound=Callable[..., Any])

Work = Callable[[SqlTx, str, str], Resolved]

#: what is said of the state that an update or a delivery gets
SAID = {
    "ready": "sent again",
    "unknown": "looked for at the desk, then sent again if it is not there",
    "stored": "sent again, the same bytes under their key",
    "pending": "read again",
}


def by_person(command: F) -> F:
    """Add the options that say who does it, whether for trial only, and how to answer."""
    for option in (
        JSON,
        click.option("--dry-run", is_flag=True, help="Say what would happen, and change nothing."),
        click.option("--as", "who", help="Who does this, for the audit trail.  [default: your user name]"),
    ):
        command = option(command)
    return command


class DeclinedError(GatewayError):
    """A person was asked, and said no."""


def ask(question: str) -> None:
    """Ask before many are dealt with; raises DeclinedError where the answer is no."""
    try:
        agreed = click.confirm(question)
    except click.Abort:
        # Ctrl-C and Ctrl-D leave the cursor behind the question
        click.echo(err=True)
        raise
    if not agreed:
        raise DeclinedError("nothing was done")


def replay_one(
    here: Bench,
    person: Person,
    tx: SqlTx,
    taken: tuple[str, str],
    *,
    pinned: bool = False,
    accept_duplicate: bool = False,
) -> Resolved:
    """Replay one (update or delivery, id) by the terms of today."""
    what, found = taken
    if what == "delivery":
        row_in = tx.inbox.get(found)
        if row_in is not None:
            # it would be parked again at once
            here.require(row_in.connection)
        return replay_delivery(tx, found, here.now(), person, pinned=pinned)
    row = tx.outbox.get(found)
    if row is None:
        raise NotFoundError(f"{found} is not there any more")
    if row.state in LIVE and here.is_gone(row.connection):
        raise waits(found, row.connection)
    terms = here.terms(row.connection, row.operation)
    return replay_update(tx, found, terms, here.now(), person, accept_duplicate=accept_duplicate)


class _DryRunError(Exception):
    """Carries what would have been done out of a transaction that must not stay."""

    def __init__(self, done: list[Resolved]) -> None:
        super().__init__()
        self.done = done


def do(here: Bench, letters: tuple[str, ...], work: Work, *, as_json: bool, dry_run: bool = False) -> None:
    """Do it with these letters, and say what was done."""
    done = all_or_none(here, letters, work, dry_run=dry_run)
    report(done, dry_run=dry_run, as_json=as_json)


def all_or_none(here: Bench, letters: tuple[str, ...], work: Work, *, dry_run: bool) -> list[Resolved]:
    """Do it for every letter, all or none, in one transaction; then ring."""

    def together(tx: SqlTx) -> list[Resolved]:
        found = dict.fromkeys(find(here, tx, word) for word in letters)
        done = [work(tx, what, letter_id) for what, letter_id in found]
        if dry_run:
            raise _DryRunError(done)
        return done

    try:
        done = here.gateway.store.write(together)
    except _DryRunError as trial:
        return trial.done
    for step in sorted({each.ring for each in done if each.ring}):
        ring(here.gateway, step)
    return done


def report(done: list[Resolved], *, dry_run: bool, as_json: bool, left: Sequence[str] = ()) -> None:
    """Say what was done, or would be, and what was left as it is."""
    if as_json:
        write_json({"dry_run": dry_run, "done": done, **({"left": left} if left else {})})
        return
    for each in done:
        also = f", with {len(each.others)} that waited behind it" if each.others else ""
        also += f", and {each.freed} that waited behind it go{'es' * (each.freed == 1)} on" if each.freed else ""
        said = SAID.get(each.state, each.state)
        click.echo(f"{'would be' if dry_run else 'is'} {said}{also}: {each.what} {each.id}")
        for warning in each.warnings:
            click.echo(f"  warning: {tame(warning)}", err=True)
    for line in left:
        click.echo(tame(line), err=True)
    if left:
        click.echo("1 line is left as it is" if len(left) == 1 else f"{len(left)} lines are left as they are", err=True)
