"""`gateway dead-letters import`: JSON lines as `export` writes them, taken back with what is to be done with each."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO

import click
import msgspec

from dead_letters import (
    DeadLetterError,
    Letter,
    Person,
    Resolved,
    There,
    confirm_update,
    discard_delivery,
    discard_update,
    edit_update,
)
from dead_letters.edit import document_of, edited
from dead_letters.look import find_remote
from gateway.cli.bench import Bench, bench, waits
from gateway.cli.doing import all_or_none, by_person, replay_one, report
from gateway.cli.lazy import INTERRUPTED
from gateway.cli.letter_bulk import RATE, RATES, interruptible, pause
from gateway.cli.opening import author
from gateway.cli.site import SiteChoice, pass_site
from gateway.domain.update import Intent, Operation
from gateway.errors import NotFoundError
from gateway.store.unit import SqlTx
from gateway.telemetry import MASK

ORDERS = ("replay", "edit", "confirm", "discard")


class Order(msgspec.Struct, forbid_unknown_fields=False):
    """One line of an import: which letter, and what is to be done with it; empty: nothing."""

    id: str
    do: str = ""
    why: str = ""
    remote_id: str = ""
    comment_id: str = ""
    #: of the payload, when the line was written
    version: int = 0
    #: what it is to want: as it was exported, or changed
    intent: dict[str, Any] | None = None


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--rate", type=RATES, default=RATE, show_default=True, help="So many lines a second.")
@by_person
@pass_site
def import_lines(
    site: SiteChoice, file: BinaryIO, *, rate: float, who: str | None, dry_run: bool, as_json: bool
) -> None:
    """Do what JSON lines say, as `export` writes them, with `do` added: replay, edit, confirm or discard, and `why`.

    A changed `intent` is stored first (edit stores it and does nothing else). `remote_id` names the ticket of a
    creation that is confirmed. Lines without `do` are left alone. Each line is a transaction of its own: one that is
    wrong, or whose letter cannot be dealt with so or was dealt with already, is named by its number, and the others go
    on. So the same file can be taken again. Nothing is made of a line: a letter of another site is not known here.
    """
    person = Person(who or author())
    name = str(getattr(file, "name", "-")).strip("<>")
    done: list[Resolved] = []
    left: list[str] = []
    with bench(site) as here, interruptible() as stopped:
        begun, number = time.monotonic(), 0
        with _bar(file, quiet=as_json) as tell:
            for number, line in enumerate(file, 1):
                if stopped():
                    break
                try:
                    done += _line(here, line, person, dry_run=dry_run)
                except (DeadLetterError, NotFoundError) as error:
                    left.append(f"{name}:{number}: {error}")
                tell(len(line))
                ahead = 0.0 if dry_run else begun + len(done) / rate - time.monotonic()
                pause(ahead, stopped)
        report(done, dry_run=dry_run, as_json=as_json, left=left)
        if stopped():
            click.echo(f"interrupted before line {number}: the same file can be taken again", err=True)
            raise click.exceptions.Exit(INTERRUPTED)
    if left:
        raise click.exceptions.Exit(1)


@contextmanager
def _bar(file: BinaryIO, *, quiet: bool) -> Iterator[Callable[[int], object]]:
    """Show on a terminal how far into the file it is."""
    if quiet or not sys.stderr.isatty() or not file.seekable():
        yield lambda _: None
        return
    with click.progressbar(length=os.fstat(file.fileno()).st_size, label="import", file=sys.stderr) as bar:
        yield bar.update


def _line(here: Bench, line: bytes, person: Person, *, dry_run: bool) -> list[Resolved]:
    """Do what one line says; raises DeadLetterError or NotFoundError that says why it is not done."""
    order = _order(line)
    if order is None:
        return []
    with here.gateway.store.read() as tx:
        what = _known(here, tx, order.id)
        letter = tx.dead_letters.letter(order.id, here.named) if what == "update" else None
    who = msgspec.structs.replace(person, why=order.why)
    if letter is None:
        return all_or_none(here, (order.id,), partial(_delivery, here, order, who), dry_run=dry_run)
    if letter.waits and order.do != "discard":
        raise waits(order.id, letter.update.connection)
    intent = _changed(here, order, letter)
    there = _there(here, order, letter)

    def work(tx: SqlTx, what: str, found: str) -> Resolved:
        if intent is not None:
            stored = edit_update(tx, found, intent, here.now(), who)
            if order.do == "edit":
                return stored
        if order.do == "replay":
            return replay_one(here, who, tx, (what, found))
        if order.do == "confirm":
            return confirm_update(tx, found, here.now(), who, there=there, comment=order.comment_id)
        return discard_update(tx, found, here.now(), who, here.named)

    return all_or_none(here, (order.id,), work, dry_run=dry_run)


def _order(line: bytes) -> Order | None:
    """Read and check one line; None when it asks for nothing."""
    if not line.strip():
        return None
    try:
        order = msgspec.json.decode(line, type=Order)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise DeadLetterError(f"no line of a letter: {error}") from None
    if order.do and order.do not in ORDERS:
        raise DeadLetterError(f"do: {order.do!r} is none of {', '.join(ORDERS)}")
    if order.do == "discard" and not order.why.strip():
        raise DeadLetterError("why: a discard needs its reason")
    if order.do == "edit" and order.intent is None:
        raise DeadLetterError("intent: an edit needs what the update is to want")
    return order if order.do else None


def _known(here: Bench, tx: SqlTx, letter_id: str) -> str:
    """Say whether it is an update or a delivery; raises NotFoundError that says what became of it."""
    found = [what for what, each in tx.dead_letters.find(letter_id, here.named) if each == letter_id]
    if found:
        return found[0]
    row, row_in = tx.outbox.get(letter_id), tx.inbox.get(letter_id)
    if row is None and row_in is None:
        raise NotFoundError(f"{letter_id} is no update and no delivery of this site: is the file of another one?")
    resolved = row.resolution if row is not None else "discarded" if row_in and row_in.state == "discarded" else ""
    state = row.state.value if row is not None else row_in.state if row_in is not None else ""
    became = f"it was {resolved}" if resolved else f"it was replayed, and is {state}"
    raise NotFoundError(f"{letter_id} is dealt with already: {became}")


def _delivery(here: Bench, order: Order, person: Person, tx: SqlTx, what: str, found: str) -> Resolved:
    if order.do == "replay":
        return replay_one(here, person, tx, (what, found))
    if order.do == "discard":
        return discard_delivery(tx, found, here.now(), person)
    raise DeadLetterError(f"{found} is a delivery, and what came in cannot be {order.do}ed: replay it, or discard it")


def _changed(here: Bench, order: Order, letter: Letter) -> Intent | None:
    """Return what the line makes of the update; None when it wants what it wants already."""
    update = letter.update
    if order.intent is None or order.do not in {"edit", "replay"}:
        return None
    now = _plain(here.redactor.value(msgspec.to_builtins(update.intent)))
    if order.intent == now:
        # also where this very line was taken before
        if order.do == "edit":
            raise DeadLetterError("intent: it wants that already")
        return None
    if order.version not in {0, update.payload_version}:
        raise DeadLetterError(
            f"version: it was edited since this line was written ({order.version}, now {update.payload_version}): "
            f"export it again"
        )
    if MASK in msgspec.json.encode(order.intent).decode():
        raise DeadLetterError(
            f"intent: a secret in it was written as {MASK}: gateway dead-letters edit changes this one"
        )
    try:
        wanted = msgspec.convert(order.intent, Intent)
    except msgspec.ValidationError as error:
        raise DeadLetterError(f"intent: {error}") from None
    intent = edited(letter, document_of(wanted), here.connector(update.connection))
    if wanted.operation is not intent.operation or _without_words(wanted) != _without_words(intent):
        raise DeadLetterError("intent: of a comment its text can be changed, and nothing else of it, nor the operation")
    return intent


def _without_words(intent: Intent) -> object:
    return None if intent.comment is None else msgspec.structs.replace(intent.comment, body="")


def _plain(value: Any) -> Any:
    """Return a value as it reads after it was written as JSON."""
    return msgspec.json.decode(msgspec.json.encode(value))


def _there(here: Bench, order: Order, letter: Letter) -> There | None:
    """Return the ticket that a creation made, when that is to be confirmed."""
    update = letter.update
    if order.do != "confirm" or update.operation is not Operation.CREATE or letter.made:
        return None
    connector = here.connector(update.connection)
    remote = find_remote(letter, connector, here.gateway.transport, order.remote_id)
    return There(remote, connector.as_read(update.intent), here.gateway.ids.new()) if remote else None
