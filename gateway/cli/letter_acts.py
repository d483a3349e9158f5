"""What a person does with dead letters, from the command line: replay, confirm, discard, edit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import click

from dead_letters import (
    DeadLetterError,
    Person,
    Resolved,
    Taken,
    There,
    confirm_update,
    discard_delivery,
    discard_update,
    edit_update,
)
from dead_letters.edit import edited
from dead_letters.look import find_remote
from dead_letters.replay import require_undone
from gateway.cli.bench import Bench, bench, find, update_named
from gateway.cli.choosing import Choice, choosing
from gateway.cli.doing import SAID, by_person, do, replay_one
from gateway.cli.draft import Draft
from gateway.cli.letter_bulk import RATE, RATES, Plan, resume, run
from gateway.cli.opening import author
from gateway.cli.requests import Shown, looked_at, would, write_preview
from gateway.cli.site import SiteChoice, pass_site
from gateway.config import environment
from gateway.domain.update import Operation
from gateway.store.unit import SqlTx

F = TypeVar("F", bound=Callable[..., Any])


def _bulky(command: F) -> F:
    """Add the options of a command that may work on many."""
    for option in (
        click.option("--yes", is_flag=True, help="Do not ask before many are dealt with."),
        click.option("--rate", type=RATES, default=RATE, show_default=True, help="Of many: so many a second."),
        click.option("--resume", "resumed", metavar="BULK", help="Go on with a bulk that was interrupted: its id."),
        click.option("--ambiguous", is_flag=True, help="Of many: also those that may have landed, which nobody knows."),
        click.option("--all", "whole", is_flag=True, help="All that there are."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@click.argument("letters", metavar="[LETTER]...", nargs=-1)
@choosing()
@_bulky
@click.option("--why", default="", help="Why, for the audit trail.")
@click.option("--pinned/--current", default=False, help="A delivery: by the rules of then, or of today (the default).")
@click.option(
    "--accept-duplicate",
    is_flag=True,
    help="Send again although an earlier attempt may have landed and nothing can tell. For one letter at a time.",
)
@click.option(
    "--requests", type=click.IntRange(0, 100), default=3, help="Dry run of many: show so many of the requests."
)
@by_person
@pass_site
def replay(
    site: SiteChoice,
    letters: tuple[str, ...],
    choice: Choice,
    *,
    whole: bool,
    ambiguous: bool,
    resumed: str | None,
    rate: float,
    yes: bool,
    why: str,
    pinned: bool,
    accept_duplicate: bool,
    requests: int,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Try again, under the same effect key: LETTERs, or all that the options choose.

    What an update wants is rendered again by the rules of today. When an earlier attempt may have landed, the desk is
    asked first; nothing is sent blindly.
    """
    _one_way(letters, choice, whole=whole, resumed=resumed)
    if accept_duplicate and len(letters) != 1:
        raise click.UsageError("--accept-duplicate is for one letter at a time")
    person = Person(who or author(), why)

    def work(here: Bench, person: Person, tx: SqlTx, what: str, found: str) -> Resolved:
        return replay_one(here, person, tx, (what, found), pinned=pinned, accept_duplicate=accept_duplicate)

    with bench(site) as here:
        if letters:
            if dry_run:
                _preview(here, letters, accept_duplicate=accept_duplicate, as_json=as_json)
            else:
                do(here, letters, partial(work, here, person), as_json=as_json)
            return
        plan = Plan("replay", person, rate, {"pinned": pinned}, ambiguous=ambiguous, yes=yes, as_json=as_json)
        each = _each(here, work)
        if resumed:
            resume(here, resumed, plan, each, dry_run=dry_run)
        else:
            run(here, choice, plan, each, dry_run=dry_run, requests=requests)


@click.command()
@click.argument("letters", metavar="[LETTER]...", nargs=-1)
@choosing("--only-reason")
@_bulky
@click.option("--reason", "why", default="", help="Why it is not needed any more, for the audit trail. Always wanted.")
@by_person
@pass_site
def discard(
    site: SiteChoice,
    letters: tuple[str, ...],
    choice: Choice,
    *,
    whole: bool,
    ambiguous: bool,
    resumed: str | None,
    rate: float,
    yes: bool,
    why: str,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Give up for good; what waits behind goes on: LETTERs, or all that the options choose."""
    _one_way(letters, choice, whole=whole, resumed=resumed)
    if not why.strip() and not resumed:
        raise click.UsageError("--reason is wanted: why is it not needed any more?")
    person = Person(who or author(), why)

    def work(here: Bench, person: Person, tx: SqlTx, what: str, found: str) -> Resolved:
        if what == "delivery":
            return discard_delivery(tx, found, here.now(), person)
        try:
            return discard_update(tx, found, here.now(), person, here.named)
        except DeadLetterError:
            row = tx.outbox.get(found)
            if not person.bulk or row is None or row.resolution != "discarded":
                raise
            # with the creation that it stood behind, a moment ago
            return Resolved("update", found, "", "discarded")

    with bench(site) as here:
        if letters:
            do(here, letters, partial(work, here, person), dry_run=dry_run, as_json=as_json)
            return
        plan = Plan("discard", person, rate, {}, ambiguous=ambiguous, yes=yes, as_json=as_json)
        each = _each(here, work)
        if resumed:
            resume(here, resumed, plan, each, dry_run=dry_run)
        else:
            run(here, choice, plan, each, dry_run=dry_run, requests=0)


@click.command()
@click.argument("letter")
@click.option("--remote-id", default="", help="Of a creation: the ticket that it made, by its id at the desk.")
@click.option("--comment-id", default="", help="Of a comment: the desk's id of it.")
@click.option("--why", default="", help="How you know, for the audit trail.")
@by_person
@pass_site
def confirm(
    site: SiteChoice,
    letter: str,
    *,
    remote_id: str,
    comment_id: str,
    why: str,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Say that an update did land: it is done, and what waits behind it goes on.

    A creation is linked to the ticket that it made: the one that bears our mark, or the one that --remote-id names.
    """
    person = Person(who or author(), why)
    with bench(site) as here:
        with here.gateway.store.read() as tx:
            found = update_named(here, tx, letter, "confirmed")
        require_undone(found)
        there = None
        if remote_id or (found.update.operation is Operation.CREATE and not found.made):
            connector = here.connector(found.update.connection)
            remote = find_remote(found, connector, here.gateway.transport, remote_id)
            if remote is not None:
                there = There(remote, connector.as_read(found.update.intent), here.gateway.ids.new())

        def work(tx: SqlTx, _what: str, found_id: str) -> Resolved:
            return confirm_update(tx, found_id, here.now(), person, there=there, comment=comment_id)

        do(here, (found.update.id,), work, dry_run=dry_run, as_json=as_json)


@click.command()
@click.argument("letter")
@click.option(
    "--file",
    "given",
    type=click.File(encoding="utf-8"),
    help="Read the edited JSON from here (- is stdin), without an editor.",
)
@click.option("--why", default="", help="Why, for the audit trail.")
@by_person
@pass_site
def edit(
    site: SiteChoice,
    letter: str,
    *,
    given: Any,
    why: str,
    who: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Change what an update wants, in $EDITOR. It stays a dead letter until it is replayed; the original is kept.

    Text that cannot be taken is kept as a draft, which the next `edit` of the same letter opens again.

    An edited update is another effect: where an earlier attempt may have landed as it was, a replay of it asks the desk
    first, and --accept-duplicate sends both.
    """
    person = Person(who or author(), why)
    with bench(site) as here:
        with here.gateway.store.read() as tx:
            found = update_named(here, tx, letter, "edited")
        require_undone(found)
        connector = here.connector(found.update.connection)
        draft = Draft(here.gateway.settings.state, found)
        text = given.read() if given is not None else draft.edit(environment())

        def work(tx: SqlTx, _what: str, found_id: str) -> Resolved:
            now = tx.dead_letters.letter(found_id)
            if now is None or now.update.payload_version != found.update.payload_version:
                raise DeadLetterError(f"{found_id} was changed by somebody else in the meantime: look at it again")
            return edit_update(tx, found_id, intent, here.now(), person)

        # what was typed by hand is not lost, whatever comes of it
        with contextlib.nullcontext() if given is not None else draft.kept(text, dry_run=dry_run):
            intent = edited(found, draft.document(text), connector)
            do(here, (found.update.id,), work, dry_run=dry_run, as_json=as_json)


# ------------------------------------------------------------ inside


def _one_way(letters: tuple[str, ...], choice: Choice, *, whole: bool, resumed: str | None) -> None:
    """Refuse a command that names its letters in two ways, or in none."""
    ways = [bool(letters), choice.is_given or whole, bool(resumed)]
    if sum(ways) != 1:
        words = "name LETTERs, or choose them by options (--all: every one), or --resume a bulk: one of these"
        raise click.UsageError(words)


def _each(
    here: Bench, work: Callable[[Bench, Person, SqlTx, str, str], Resolved]
) -> Callable[[Person, SqlTx, Taken], Resolved]:
    return lambda person, tx, taken: work(here, person, tx, taken.what, taken.letter_id)


def _preview(here: Bench, letters: tuple[str, ...], *, accept_duplicate: bool, as_json: bool) -> None:
    """Show the very requests that a replay of these would send; nothing is changed, and nothing but reads is sent."""
    shown: list[Shown] = []
    for word in letters:
        with here.gateway.store.read() as tx:
            what, found = find(here, tx, word)
            looked = looked_at(here, tx, found) if what == "update" else None
            row_in = tx.inbox.get(found) if what == "delivery" else None
        if looked is None:
            if row_in is not None:
                here.require(row_in.connection)
            shown.append(({"what": what, "id": found, "would": SAID["pending"], "warnings": []}, None))
        else:
            shown.append(would(here, looked, accept_duplicate=accept_duplicate))
    write_preview(shown, here.redactor, as_json=as_json)
