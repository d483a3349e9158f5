"""Dead letters as JSON lines: written for other programs, and taken back with what is to be done with each."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import click
import msgspec

from dead_letters import (
    DeadLetterError,
    Person,
    Resolved,
    There,
    confirm_update,
    discard_delivery,
    discard_update,
)
from dead_letters.look import find_remote
from gateway.cli.bench import Bench, bench, find
from gateway.cli.choosing import Choice, choosing
from gateway.cli.doing import all_or_none, by_person, replay_one, report
from gateway.cli.letter import letter_document
from gateway.cli.site import SiteChoice, pass_site
from gateway.domain.update import Operation
from gateway.errors import NotFoundError
from gateway.store.unit import SqlTx

PAGE = 500


@click.command()
@choosing()
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Write into this file, not to stdout.")
@click.option("--attempts", is_flag=True, help="With every attempt, its request and its answer.")
@pass_site
def export(site: SiteChoice, choice: Choice, *, output: Path | None, attempts: bool) -> None:
    """Write dead letters as JSON lines, one a line, with what each wants.

    They hold what people wrote. A file is made for its owner only. `import` takes such lines back, with what is to be
    done.
    """
    with bench(site) as here:
        if output is None:
            number = _export(here, choice, sys.stdout, attempts=attempts)
        else:
            output.touch(mode=0o600)
            with output.open("w", encoding="utf-8") as file:
                number = _export(here, choice, file, attempts=attempts)
    click.echo(f"{number} dead letters" if number != 1 else "1 dead letter", err=True)


def _export(here: Bench, choice: Choice, file: TextIO, *, attempts: bool) -> int:
    number = 0
    with here.gateway.store.read() as tx:
        for page in tx.letters.pages(choice.filter(tx, here.now()), PAGE):
            for each in page:
                document = letter_document(tx, each, attempts=attempts)
                file.write(msgspec.json.encode(here.redactor.value(document)).decode() + "\n")
                number += 1
    return number


class Order(msgspec.Struct, forbid_unknown_fields=False):
    """One line of an import: which letter, and what is to be done with it; empty: nothing."""

    id: str
    do: str = ""
    why: str = ""
    remote_id: str = ""
    comment_id: str = ""


@click.command("import")
@click.argument("file", type=click.File(encoding="utf-8"))
@by_person
@pass_site
def import_lines(site: SiteChoice, file: Any, *, who: str | None, dry_run: bool, as_json: bool) -> None:
    """Do what JSON lines say, as `export` writes them, with `do` added: replay, confirm or discard, and `why`.

    `remote_id` names the ticket of a creation that is confirmed. Lines without `do` are left alone. The form of every
    line is checked first; when one is wrong, nothing is done. A letter that cannot be dealt with so, or that was dealt
    with already, is left and named: the same file can be taken again.
    """
    name = who or getpass.getuser()
    done: list[Resolved] = []
    left: list[str] = []
    with bench(site) as here:
        for number, order in _orders(file):
            try:
                work = _ordered(here, order, Person(name, order.why))
                done += all_or_none(here, (order.id,), work, dry_run=dry_run)
            except (DeadLetterError, NotFoundError) as error:
                left.append(f"line {number}: {error}")
        report(done, dry_run=dry_run, as_json=as_json, left=left)
    if left:
        raise click.exceptions.Exit(1)


def _orders(file: Any) -> list[tuple[int, Order]]:
    """Read and check every line; raises DeadLetterError with the number of the first that is wrong."""
    found = []
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            order = msgspec.json.decode(line, type=Order)
        except msgspec.DecodeError as error:
            raise DeadLetterError(f"line {number}: {error}; nothing was done") from None
        if order.do not in {"", "replay", "confirm", "discard"}:
            raise DeadLetterError(
                f"line {number}: do: {order.do!r} is none of replay, confirm, discard; nothing was done"
            )
        if order.do == "discard" and not order.why.strip():
            raise DeadLetterError(f"line {number}: why: a discard needs its reason; nothing was done")
        if order.do:
            found.append((number, order))
    return found


def _ordered(here: Bench, order: Order, person: Person) -> Callable[[SqlTx, str, str], Resolved]:
    there: There | None = None
    with here.gateway.store.read() as tx:
        what, found = find(tx, order.id)
        letter = tx.dead_letters.letter(found) if what == "update" else None
    if order.do == "confirm" and letter is not None and letter.update.operation is Operation.CREATE and not letter.made:
        connector = here.connector(letter.update.connection)
        remote = find_remote(letter, connector, here.gateway.transport, order.remote_id)
        there = There(remote, connector.as_read(letter.update.intent), here.gateway.ids.new()) if remote else None

    def work(tx: SqlTx, what: str, found: str) -> Resolved:
        now = here.now()
        if order.do == "replay":
            return replay_one(here, person, tx, (what, found))
        if what == "delivery" and order.do == "confirm":
            raise DeadLetterError(f"{found} is a delivery, and what came in cannot be confirmed")
        if order.do == "confirm":
            return confirm_update(tx, found, now, person, there=there, comment=order.comment_id)
        return (discard_delivery if what == "delivery" else discard_update)(tx, found, now, person)

    return work
