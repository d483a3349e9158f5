"""One dead letter in full, for `gateway dead-letters show` and `export`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click
import msgspec

from dead_letters import DeadLetter, Letter
from dead_letters.advice import Advice, for_delivery, for_update
from gateway.cli.bench import Bench
from gateway.cli.tables import block, tame, utc, write_json
from gateway.domain.update import Intent
from gateway.errors import NotFoundError
from gateway.ports import UpdateRow
from gateway.store.contents import AttemptLine, Content
from gateway.store.unit import SqlTx
from gateway.telemetry import Redactor
from rules.cure import Cure, cure, lacking

#: How much of a body is shown.
_EXCERPT = 2000
_GONE = " (not in gateway.yaml any more)"


def write_cure(found: Cure, connection: str) -> None:
    """Write what can be chosen where a map lacks a word, and what comes then."""
    for change in found.widen:
        click.echo(f"        {found.file}:{change.line}: {tame(change.text)}")
    choices = ", ".join(found.choices) or f"a word of {connection}"
    meaning = f"… is one of: {choices}; " if found.add is not None else ""
    click.echo(f"      {meaning}then gateway rules release -m WHY, gateway dead-letters heal")


def cure_of(detail: str, files: Mapping[str, str]) -> Cure | None:
    """Return what is to be changed in these files where a reason says that a map lacks a word."""
    want = lacking(detail)
    return cure(want, files) if want is not None else None


def show_update(here: Bench, tx: SqlTx, update_id: str, *, files: Mapping[str, str], as_json: bool) -> None:
    """Write a given-up update."""
    redactor = here.redactor
    letter = tx.dead_letters.letter(update_id, here.named)
    if letter is None:
        raise NotFoundError(f"{update_id} is no dead letter any more")
    tries = tx.view.attempts(update_id)
    held = _held(tx, letter)
    original = tx.dead_letters.original(update_id)
    removed = here.is_gone(letter.update.connection)
    copies = tx.looks.copies(update_id)
    advice = for_update(letter, removed=removed)
    if as_json:
        document = {
            "update": letter.update,
            "original": original,
            "remote_id": letter.link.remote_id,
            "holds": letter.standing,
            "removed": removed,
            "copies": copies,
            "attempts": tries,
            "held": [{"id": each.id, "operation": each.operation, "summary": each.summary} for each in held],
            "next": advice.words,
            "commands": [f"gateway dead-letters {each}" for each in advice.commands],
            "cure": cure_of(letter.update.detail, files),
        }
        write_json(redactor.value(msgspec.to_builtins(document)))
        return
    row = letter.update
    _line("update", row.id)
    _line("asked", f"{row.operation.value} at {row.connection}{_GONE * removed}: {row.summary}")
    _line("ticket", f"{row.ticket_id}, at {row.connection}: {letter.link.remote_id or 'not there yet'}")
    _line("decided by", f"rule {row.rule or '-'}, release {row.release or '-'}, {utc(row.created_at)} UTC")
    _line("trace", row.trace_id)
    _line("state", f"{row.state.value}{f' ({row.reason.value})' if row.reason else ''}")
    _line("why", redactor.text(row.detail or "-"))
    for each in copies:
        _line("copy", f"{each.remote_id}{f', {utc(each.at)} UTC' if each.at else ''}")
    _intent(row.intent, redactor)
    if original is not None:
        click.echo(f"\nEdited (version {row.payload_version}). It was asked for as:")
        _intent(original, redactor)
    _attempts(tries, redactor)
    _waiting(letter, held)
    _advise(advice, cure_of(row.detail, files), row.connection)


def _held(tx: SqlTx, letter: Letter) -> list[UpdateRow]:
    ids = tx.dead_letters.held_behind(letter.update.id) if letter.standing else ()
    return [each for found in ids if (each := tx.outbox.get(found)) is not None]


def _intent(intent: Intent, redactor: Redactor) -> None:
    if intent.fields:
        _line("fields", redactor.text(msgspec.json.encode(intent.fields).decode()))
    lacking = {name: value for name, value in intent.ours.items() if name not in intent.fields}
    if lacking:
        _line("no word for", msgspec.json.encode(lacking).decode())
    if intent.params:
        _line("parameters", redactor.text(msgspec.json.encode(intent.params).decode()))
    if intent.comment is not None:
        _line("comment", f"{intent.comment.visibility.value}:")
        click.echo(_excerpt(redactor.text(intent.comment.body)))


def _attempts(tries: Sequence[AttemptLine], redactor: Redactor) -> None:
    click.echo(f"\n{len(tries)} attempt{'s' * (len(tries) != 1)}")
    for each in tries:
        took = f", {(each.ended_at - each.started_at).total_seconds():.1f} s" if each.ended_at else ", no end recorded"
        status = f", HTTP {each.status}" if each.status else ""
        click.echo(f"  {each.number}. {utc(each.started_at)} UTC{took}{status}, {each.outcome or 'unknown'}")
        if each.detail:
            click.echo(f"     {tame(redactor.text(each.detail))}")
        if each.request:
            click.echo(f"     asked    {tame(redactor.text(each.request))[:_EXCERPT]}")
        if each.answer:
            click.echo(f"     answered {tame(redactor.text(each.answer))[:_EXCERPT]}")


def _waiting(letter: Letter, held: Sequence[UpdateRow]) -> None:
    if held:
        click.echo(f"\n{len(held)} wait{'s' * (len(held) == 1)} behind it")
        for waiting in held:
            click.echo(f"  {waiting.id[-12:]}  {waiting.operation.value}  {tame(waiting.summary)}")
    elif not letter.standing:
        click.echo("\nIt holds nothing: what came after it has gone ahead, and a replay puts it at the end of its lane")


def show_delivery(here: Bench, tx: SqlTx, delivery_id: str, *, files: Mapping[str, str], as_json: bool) -> None:
    """Write a parked delivery."""
    redactor = here.redactor
    row = tx.inbox.get(delivery_id)
    if row is None:
        raise NotFoundError(f"{delivery_id} is no dead letter any more")
    removed = here.is_gone(row.connection)
    advice = for_delivery(row.id, row.reason, removed=removed)
    body = row.body.decode("utf-8", "replace")
    if as_json:
        found = msgspec.to_builtins(msgspec.structs.replace(row, body=b""))
        commands = [f"gateway dead-letters {each}" for each in advice.commands]
        found_cure = msgspec.to_builtins(cure_of(row.detail, files))
        more = {"removed": removed, "next": advice.words, "commands": commands, "cure": found_cure}
        write_json(redactor.value(found | {"body": body} | more))
        return
    _line("delivery", row.id)
    _line("from", f"{row.connection}{_GONE * removed}, by {row.origin}, {utc(row.received_at)} UTC")
    _line("its id", row.source_event_id)
    _line("trace", row.trace_id)
    _line("state", f"{row.state} ({row.reason}), release {row.release or '-'}")
    _line("why", redactor.text(row.detail or "-"))
    _line("body", f"{len(row.body)} bytes")
    click.echo(_excerpt(redactor.text(body)))
    _advise(advice, cure_of(row.detail, files), row.connection)


def letter_documents(tx: SqlTx, page: Sequence[DeadLetter], *, attempts: bool) -> Iterator[dict[str, Any]]:
    """Return dead letters as they are exported: the line of the list, and what it wants or what came."""
    contents = tx.letters.contents(page)
    tries = tx.letters.tried(page) if attempts else {}
    for line in page:
        document: dict[str, Any] = msgspec.to_builtins(line)
        content = contents.get(line.id, Content())
        if line.what == "update":
            document["version"] = content.version
            document["intent"] = msgspec.to_builtins(content.intent)
            if content.original is not None:
                document["original"] = msgspec.to_builtins(content.original)
            if attempts:
                document["tried"] = msgspec.to_builtins(tries[line.id])
        else:
            document["body"] = content.body.decode("utf-8", "replace")
        yield document


def _line(name: str, text: str) -> None:
    click.echo(f"{name:<11} {tame(text)}")


def _excerpt(text: str) -> str:
    shown = text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}\n… ({len(text)} characters in all)"
    return "\n".join(f"    {line}" for line in block(shown).splitlines())


def _advise(advice: Advice, found: Cure | None, connection: str) -> None:
    click.echo(f"\nNext: {advice.words}.")
    if found is not None:
        click.echo(f"      {found}")
        write_cure(found, connection)
    for command in advice.commands:
        click.echo(f"  gateway dead-letters {command}")
